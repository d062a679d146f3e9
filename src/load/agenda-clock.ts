import { type Clock, monotonicMs, type TimerId } from '../kernel/clock.ts';
import { EventQueue } from '../kernel/event-queue.ts';
import { LatencyCounts } from '../recording/histogram.ts';

/**
 * Time of a thread that waits in its transport: timers are met by `WireIo.drive`, so that the client's logic, written for
 * any clock, runs on a ring too. Instants are `monotonicMs` of the thread.
 */
export class AgendaClock implements Clock {
  /** How late timers fired: how long the thread was busy, or was kept from running, when they were due. */
  readonly lateness = new LatencyCounts();
  readonly #timers = new EventQueue<() => void>();
  readonly #onEarlier: () => void;

  /** @param onEarlier called when a timer is set that is due before all others */
  constructor(onEarlier: () => void) {
    this.#onEarlier = onEarlier;
  }

  nowMs(): number {
    return monotonicMs();
  }

  setTimeout(fire: () => void, delayMs: number): TimerId {
    const dueMs = monotonicMs() + Math.max(0, delayMs);
    const isFirst = dueMs < this.#timers.nextDueMs();
    const id = this.#timers.push(dueMs, fire);
    if (isFirst) this.#onEarlier();
    return id;
  }

  clearTimeout(id: TimerId): void {
    if (typeof id === 'number') this.#timers.remove(id);
  }

  /** When the first timer is due; Infinity without one. */
  nextDueMs(): number {
    return this.#timers.nextDueMs();
  }

  /** Fires the timers that are due by `nowMs`; those that are set meanwhile wait for the next call. */
  run(nowMs: number): void {
    for (let left = this.#timers.size; left > 0; left -= 1) {
      const dueMs = this.#timers.nextDueMs();
      if (dueMs > nowMs) return;
      this.lateness.recordMs(nowMs - dueMs);
      this.#timers.pop()();
    }
  }
}
