import type { Ring } from './ring.ts';
import { usualOversleepMs, WakeLead } from './ring-lead.ts';

/**
 * A wait that may be so long is ended by an alarm in the ring, which serves all waits until then: the kernel sets and
 * cancels no timer for each of them.
 */
const leastAlarmMs = 2;
/**
 * A long wait is slept in two: to so long before its instant, and then to the instant. A processor that slept long wakes up late
 * (deep idle states; a virtual one has been put aside by its host), one that was awake a moment ago much less so.
 */
const napMs = 0.25;
/** A first part shorter than this is not worth its wake-up. */
const leastSleepMs = 0.15;

/** How a thread sleeps in a ring until an instant: `sleep`, and `woke` when that is over, which it learns from. Times in ms. */
export class RingWait {
  readonly #ring: Ring;
  /** How long before an instant to wake up for it. */
  readonly #lead: WakeLead;
  #fromMs = 0;
  #wakeMs = 0;
  /** The last part of a wait: its oversleeping counts. */
  #isNap = false;
  /** When the ring's alarm ends a wait; Infinity while none is set. */
  #alarmMs = Number.POSITIVE_INFINITY;

  constructor(ring: Ring) {
    this.#ring = ring;
    this.#lead = new WakeLead(usualOversleepMs(ring));
  }

  /** An alarm stands that ends a wait for this instant: nothing is reckoned from the present one. */
  endsBefore(untilMs: number): boolean {
    return this.#alarmMs !== Number.POSITIVE_INFINITY && this.#alarmMs <= untilMs - napMs;
  }

  /** Sends what is queued and sleeps until something comes, `untilMs` draws near or `limitMs` is past. @throws RingFailure */
  sleep(nowMs: number, untilMs: number, limitMs: number): void {
    this.#fromMs = nowMs;
    this.#wakeMs = this.#wakeFor(nowMs, untilMs, limitMs);
    const spanMs = this.#wakeMs - nowMs;
    if (this.#alarmMs === Number.POSITIVE_INFINITY && spanMs > leastAlarmMs) {
      this.#ring.alarm(spanMs);
      this.#alarmMs = this.#wakeMs;
    }
    const byAlarm = this.#alarmMs <= this.#wakeMs;
    this.#ring.enter(byAlarm ? Number.POSITIVE_INFINITY : spanMs);
  }

  /** For the ring: the alarm has rung. */
  alarmed(): void {
    this.#alarmMs = Number.POSITIVE_INFINITY;
  }

  /** The sleep is over, at `nowMs`, and so many completions have come in it. */
  woke(nowMs: number, came: number): void {
    if (this.#isNap && came === 0) this.#lead.waited(this.#fromMs, this.#wakeMs, nowMs);
  }

  #wakeFor(nowMs: number, untilMs: number, limitMs: number): number {
    this.#isNap = false;
    if (untilMs > limitMs) return limitMs;
    if (untilMs - nowMs > leastSleepMs + napMs) return untilMs - napMs;
    this.#isNap = true;
    return untilMs - this.#lead.ms;
  }
}
