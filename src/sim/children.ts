/** One child process of Pgpool: serves one client at a time and keeps its backend connections for the next. */
export interface Child {
  /** Backend connections it keeps, by node id: the server's incarnation. Null when it keeps none. */
  cached: ReadonlyMap<number, number> | null;
  generation: number;
}

/**
 * Pgpool's child processes: `num_init_children` clients are served, the next ones wait, connected but unanswered.
 *
 * The child that has rested longest takes the next client (docs/method.md S6).
 */
export class Children {
  readonly #free: Child[];
  readonly #waiting: ((child: Child) => void)[] = [];
  #generation = 0;

  constructor(count: number) {
    this.#free = Array.from({ length: count }, () => ({ cached: null, generation: 0 }));
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
  release(child: Child, cached: ReadonlyMap<number, number> | null): void {
    child.cached = cached;
    const next = this.#waiting.shift();
    if (next) next(this.#renewed(child));
    else this.#free.push(child);
  }

  /** Every child starts anew before its next client. */
  renew(): void {
    this.#generation += 1;
  }

  #renewed(child: Child): Child {
    if (child.generation !== this.#generation) {
      child.generation = this.#generation;
      child.cached = null;
    }
    return child;
  }
}
