/** One child process of Pgpool, as far as a client can tell it from the others: by what it takes for the main node. */
export interface Child<Session> {
  /** What it may have read; null while it is being forked. */
  mains: readonly number[] | null;
  /** It is to read the main node again before its next client. */
  flagged: boolean;
  session: Session | null;
}

/** A child that may take the next client, with what it then takes for the main node. */
export interface Candidate<Session> {
  child: Child<Session>;
  main: number;
}

/**
 * The children of a Pgpool.
 *
 * A child reads the main node when it is forked, and after it was flagged by a failover or an attach. A client wakes every idle
 * child; those that find it taken and are flagged end and are forked again (child.c: check_restart_request), before or after the
 * one that took it may have changed the main node, or sleep on when they were slow: which of it is not determined.
 */
export class Children<Session> {
  readonly #all: Child<Session>[];
  readonly #main: () => number;

  /** @param main the main node now, as all share it */
  constructor(count: number, main: () => number) {
    this.#main = main;
    this.#all = Array.from({ length: count }, () => ({ mains: null, flagged: false, session: null }));
  }

  flagAll(): void {
    for (const child of this.#all) {
      child.flagged = true;
      child.mains = [];
    }
  }

  replaceAll(): void {
    for (const child of this.#all) this.replace(child);
  }

  /** The child has ended; another takes its place as soon as the main process comes to it. */
  replace(child: Child<Session>): void {
    child.mains = null;
    child.flagged = false;
    child.session = null;
  }

  /** Whoever is being forked is there now; children whose session was lost are too. */
  settle(isLost: (session: Session) => boolean): void {
    for (const child of this.#all) {
      if (child.session !== null && isLost(child.session)) this.replace(child);
      child.mains ??= [this.#main()];
    }
  }

  /** One of each kind that differs for a client. */
  candidates(): Candidate<Session>[] {
    const kinds = new Map<string, Candidate<Session>>();
    for (const child of this.#all) {
      if (child.session !== null) continue;
      for (const main of this.#possible(child)) kinds.set(`${child.flagged} ${main}`, { child, main });
    }
    return [...kinds.values()];
  }

  /**
   * A client was taken by `candidate` while the main node was `mainBefore`.
   *
   * @param state the session, null for one that has left; whether a node was passed by, which flags the child again
   */
  served(
    { child, main }: Candidate<Session>,
    state: { session: Session | null; flagged: boolean; mainBefore: number },
  ): void {
    this.woken(child, state.mainBefore);
    child.mains = state.flagged ? [] : [main];
    child.flagged = state.flagged;
    child.session = state.session;
  }

  /** All idle children but `taker` have woken in vain. */
  woken(taker: Child<Session>, mainBefore: number): void {
    for (const child of this.#all) {
      if (child === taker || !child.flagged || child.session !== null) continue;
      child.mains = [...new Set([...(child.mains ?? []), mainBefore, this.#main()])];
    }
  }

  /** The client of this session has gone. */
  left(session: Session): void {
    for (const child of this.#all) if (child.session === session) child.session = null;
  }

  /** Children with the same keys have the same future. */
  keys(nameOf: (session: Session) => string): string[] {
    return this.#all
      .map((child) => {
        const mains = this.#possible(child).sort().join(' ');
        return `${child.flagged} ${mains} ${child.session === null ? '' : nameOf(child.session)}`;
      })
      .sort();
  }

  #possible({ mains, flagged }: Child<Session>): number[] {
    const now = this.#main();
    return flagged || mains === null ? [...new Set([...(mains ?? []), now])] : [...mains];
  }
}
