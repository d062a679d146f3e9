/** Backend connections by node id: the server's incarnation. */
export type Backends = ReadonlyMap<number, number>;

/** One child process of Pgpool: serves one client at a time and keeps its backend connections for the next. */
export interface Child {
  /** Backend connections it keeps. Null when it keeps none. */
  cached: Backends | null;
  generation: number;
}

/** What the children need of Pgpool's main process and its host. */
export interface ChildrenHost {
  /** The main process takes note of dead children: not while it carries a request out, nor in its rest after one. */
  mayFork(): boolean;
  /** Forks one child; calls `done` when it accepts clients. */
  fork(done: () => void): void;
  /** A child has closed these backend connections; `ended`: and is gone itself. */
  closed(backends: Backends | null, ended: boolean): void;
}

/**
 * Pgpool's child processes: `num_init_children` clients are served, the next ones wait, connected but unanswered.
 *
 * The child that has rested longest takes the next client. A child that was flagged (`need_to_restart`) while it had a
 * client ends after it; one without a client drops its connections when the next comes, and lives on. A child that has
 * ended is missing until the main process forks (docs/method.md S6, S10).
 */
export class Children {
  readonly #host: ChildrenHost;
  readonly #free: Child[];
  readonly #waiting: ((child: Child) => void)[] = [];
  #dead = 0;
  /** Of the dead, those that the main process is forking. */
  #due = 0;
  #forking = false;
  #generation = 0;

  constructor(count: number, host: ChildrenHost) {
    this.#host = host;
    this.#free = Array.from({ length: count }, () => ({ cached: null, generation: 0 }));
  }

  /** Children that have ended and have not been forked again. */
  get dead(): number {
    return this.#dead;
  }

  /** Calls `take` with a child, now or when one is free. @returns what takes the client out of the queue again */
  admit(take: (child: Child) => void): () => void {
    const child = this.#free.shift();
    if (child) {
      take(this.#renewed(child));
      return () => {};
    }
    this.#waiting.push(take);
    return () => {
      const at = this.#waiting.indexOf(take);
      if (at >= 0) this.#waiting.splice(at, 1);
    };
  }

  /** The client is gone. `cached` is what the child keeps, null for nothing. */
  release(child: Child, cached: Backends | null): void {
    if (child.generation === this.#generation) this.#rest({ ...child, cached });
    else this.died(cached);
  }

  /** The main process killed a child and has put a new one in its place. */
  replaced(backends: Backends | null): void {
    this.#host.closed(backends, true);
    this.#rest({ cached: null, generation: this.#generation });
  }

  /** A child ended by itself. */
  died(backends: Backends | null): void {
    this.#host.closed(backends, true);
    this.#dead += 1;
    if (this.#host.mayFork()) this.forkDead();
  }

  /** The main process forks children that are missing, one after the other: all, or at most `count`. */
  forkDead(count = this.#dead): void {
    this.#due = Math.min(this.#dead, Math.max(this.#due, count));
    if (!this.#forking) this.#forkNext();
  }

  /** Flags every child. */
  renew(): void {
    this.#generation += 1;
  }

  /** All children without a client are killed and replaced. */
  replaceFree(): void {
    for (const child of this.#free) {
      this.#host.closed(child.cached, true);
      child.cached = null;
    }
  }

  #forkNext(): void {
    if (this.#due === 0) return;
    this.#forking = true;
    this.#host.fork(() => {
      this.#forking = false;
      this.#due -= 1;
      this.#dead -= 1;
      this.#rest({ cached: null, generation: this.#generation });
      this.#forkNext();
    });
  }

  #rest(child: Child): void {
    const next = this.#waiting.shift();
    if (next) next(this.#renewed(child));
    else this.#free.push(child);
  }

  #renewed(child: Child): Child {
    if (child.generation !== this.#generation) {
      child.generation = this.#generation;
      if (child.cached) this.#host.closed(child.cached, false);
      child.cached = null;
    }
    return child;
  }
}
