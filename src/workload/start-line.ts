import type { Clock } from '../kernel/clock.ts';
import type { PoolPlace } from './pool-place.ts';

/**
 * The opening of a pool's sessions before the load: one after the other, until every one has been connected once. With a
 * connection per transaction only the first connects, to see that it can.
 */
export class StartLine {
  readonly #onReady: () => void;
  /** Places whose session has not been connected yet. */
  readonly #missing: Set<PoolPlace>;
  #isReported = false;

  /** @param options.staggerMs distance between the first connects of two sessions */
  constructor(
    places: readonly PoolPlace[],
    options: { clock: Clock; perTransaction: boolean; staggerMs: number; onReady: () => void },
  ) {
    const { clock, perTransaction, staggerMs, onReady } = options;
    this.#onReady = onReady;
    const opened = perTransaction ? places.slice(0, 1) : places;
    this.#missing = new Set(opened);
    for (const [index, { session }] of opened.entries()) session.open(index * staggerMs);
    for (const { session } of places.slice(opened.length)) session.standBy();
    if (opened.length === 0) clock.setTimeout(() => this.#report(), 0);
  }

  /** A session is free, hence was connected, unless it stands by without. */
  becameIdle(place: PoolPlace): void {
    if (this.#missing.size === 0 || !place.session.wasConnected) return;
    this.#missing.delete(place);
    if (this.#missing.size === 0) this.#report();
  }

  #report(): void {
    if (this.#isReported) return;
    this.#isReported = true;
    this.#onReady();
  }
}
