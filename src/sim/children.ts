/** Backend connections by node id: the server's incarnation. */
export type Backends = ReadonlyMap<number, number>;

/** One child process of Pgpool: serves one client at a time and keeps its backend connections for the next. */
export interface Child {
  /** Backend connections it keeps. Null when it keeps none. */
  cached: Backends | null;
  generation: number;
  /** Clients that it has served. */
  served: number;
}

/** What pgpool.conf says of children and what they keep. */
export interface ChildLimits {
  /** child_max_connections: a child ends after so many clients; 0: never. */
  mostClients: number;
  /** connection_cache: connections to the servers outlive the client. */
  keepsConnections: boolean;
  /** reserved_connections: with fewer children left a client is told to go; 0: it waits for a free one. */
  reserved: number;
}

const usualLimits: ChildLimits = { mostClients: 0, keepsConnections: true, reserved: 0 };

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
  readonly #limits: ChildLimits;
  readonly #count: number;
  readonly #free: Child[];
  readonly #waiting: ((child: Child) => void)[] = [];
  #dead = 0;
  /** Of the dead, those that the main process is forking. */
  #due = 0;
  /** Hear when those are forked. */
  readonly #awaited: (() => void)[] = [];
  #forking = false;
  #generation = 0;

  constructor(count: number, host: ChildrenHost, limits: ChildLimits = usualLimits) {
    this.#host = host;
    this.#limits = limits;
    this.#count = count;
    this.#free = Array.from({ length: count }, () => newChild(0));
  }

  /** Connections to the servers outlive their client. */
  get keepsConnections(): boolean {
    return this.#limits.keepsConnections;
  }

  /** The next client is told to go (`53300 Sorry, too many clients already`). */
  get turnsAway(): boolean {
    const { reserved } = this.#limits;
    return reserved > 0 && this.#count - this.#free.length - this.#dead >= this.#count - reserved;
  }

  /** Children that have ended and have not been forked again. */
  get dead(): number {
    return this.#dead;
  }

  /** A client that comes now has a child at once. */
  get hasFree(): boolean {
    return this.#free.length > 0;
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
    const { mostClients, keepsConnections } = this.#limits;
    const served = child.served + 1;
    if (child.generation !== this.#generation || served === mostClients) this.died(cached);
    else if (keepsConnections) this.#rest({ ...child, served, cached });
    else {
      if (cached) this.#host.closed(cached, false);
      this.#rest({ ...child, served, cached: null });
    }
  }

  /** The main process killed a child and has put a new one in its place. */
  replaced(backends: Backends | null): void {
    this.#host.closed(backends, true);
    this.#rest(newChild(this.#generation));
  }

  /** A child ended by itself. */
  died(backends: Backends | null): void {
    this.#host.closed(backends, true);
    this.#dead += 1;
    if (this.#host.mayFork()) this.forkDead();
  }

  /**
   * The main process forks children that are missing, one after the other: all, or at most `count`.
   *
   * @param forked called once when it has, at once if none is missing
   */
  forkDead(count = this.#dead, forked?: () => void): void {
    this.#due = Math.min(this.#dead, Math.max(this.#due, count));
    if (forked) this.#awaited.push(forked);
    if (!this.#forking) this.#forkNext();
  }

  /** Flags every child. */
  renew(): void {
    this.#generation += 1;
  }

  /** All children without a client are killed. */
  killFree(): void {
    for (const child of this.#free.splice(0)) {
      this.#host.closed(child.cached, true);
      this.#dead += 1;
    }
  }

  #forkNext(): void {
    if (this.#due === 0) {
      for (const forked of this.#awaited.splice(0)) forked();
      return;
    }
    this.#forking = true;
    this.#host.fork(() => {
      this.#forking = false;
      this.#due -= 1;
      this.#dead -= 1;
      this.#rest(newChild(this.#generation));
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

function newChild(generation: number): Child {
  return { cached: null, generation, served: 0 };
}
