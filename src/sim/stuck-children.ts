import type { Clock } from '../kernel/clock.ts';
import { kernelConnectMs } from '../roles/pgpool-sessions.ts';
import type { Child } from './children.ts';

/** Children that wait for a node that does not answer, until they are released or the kernel gives the connection up. */
export class StuckChildren {
  readonly #clock: Clock;
  readonly #release: (child: Child) => void;
  readonly #children = new Set<Child>();

  constructor(clock: Clock, release: (child: Child) => void) {
    this.#clock = clock;
    this.#release = release;
  }

  add(child: Child): void {
    this.#children.add(child);
    this.#clock.setTimeout(() => this.#free(child), kernelConnectMs);
  }

  releaseAll(): void {
    for (const child of [...this.#children]) this.#free(child);
  }

  #free(child: Child): void {
    if (this.#children.delete(child)) this.#release(child);
  }
}
