import { type Clock, type TimerId, VirtualClock } from '../kernel/clock.ts';

/**
 * Instants are whole multiples of 2⁻²⁰ ms (about a nanosecond): sums and differences of them are exact, so a timer set for
 * an instant never fires an unmeasurable moment before it, which would set it again for ever.
 */
const ticksPerMs = 2 ** 20;

/** A virtual clock whose zero lies `leadMs` after its beginning: the cluster starts at negative times, the load at 0. */
export class ShiftedClock implements Clock {
  readonly #inner = new VirtualClock();
  readonly #leadMs: number;

  constructor(leadMs: number) {
    this.#leadMs = leadMs;
  }

  nowMs(): number {
    return this.#inner.nowMs() - this.#leadMs;
  }

  setTimeout(fire: () => void, delayMs: number): TimerId {
    const nowMs = this.nowMs();
    const dueMs = Math.ceil((nowMs + Math.max(0, delayMs)) * ticksPerMs) / ticksPerMs;
    return this.#inner.setTimeout(fire, dueMs - nowMs);
  }

  clearTimeout(id: TimerId): void {
    this.#inner.clearTimeout(id);
  }

  /** Fires every timer due up to `untilMs`, on this clock's own axis. */
  runUntil(untilMs: number): void {
    this.#inner.runUntil(untilMs + this.#leadMs);
  }
}
