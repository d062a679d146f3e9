import type { Clock, TimerId } from '../kernel/clock.ts';

/**
 * A nanosecond: clocks that count from different zeros round differently, and an instant that is missed by a rounding
 * would be waited for again without end, for on a virtual clock no time passes meanwhile.
 */
const roundingMs = 1e-6;

/** True when an instant of the clock has come. */
export function hasCome(clock: Clock, atMs: number): boolean {
  return atMs <= clock.nowMs() + roundingMs;
}

/** True when an instant has come by a reading of the same clock. */
export function isOver(atMs: number, nowMs: number): boolean {
  return atMs <= nowMs + roundingMs;
}

/** One timer that is moved about: it is set to the earliest of the instants asked for since it last fired. */
export class Deadline {
  readonly #clock: Clock;
  readonly #fired: () => void;
  #timer: TimerId = null;
  #atMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, fire: () => void) {
    this.#clock = clock;
    this.#fired = () => {
      this.#timer = null;
      this.#atMs = Number.POSITIVE_INFINITY;
      fire();
    };
  }

  /** Fires at `atMs` of the clock, or earlier when it is set to fire earlier; the callee looks what is due. */
  at(atMs: number): void {
    if (atMs >= this.#atMs) return;
    this.clear();
    this.#atMs = atMs;
    this.#timer = this.#clock.setTimeout(this.#fired, atMs - this.#clock.nowMs());
  }

  clear(): void {
    if (this.#timer !== null) this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    this.#atMs = Number.POSITIVE_INFINITY;
  }
}
