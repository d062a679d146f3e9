/** Sessions of one thread that are being opened at the same time; more would knock a server or a Pgpool over. */
export const mostOpening = 16;

/** Lets a limited number through at a time, the others after them in the order they came: paces a storm of connections. */
export class Doorway {
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];
  #inside = 0;

  constructor(most = mostOpening) {
    this.#most = most;
  }

  /** Those inside and those who wait. */
  get size(): number {
    return this.#inside + this.#waiting.length;
  }

  /** Does the work when its turn comes. */
  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#inside < this.#most) this.#inside += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#inside -= 1;
    }
  }
}
