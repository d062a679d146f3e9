import { EventKernel } from './event-kernel.ts';

/** A pending timer, as handed out by `setTimeout` of either clock. */
export type TimerId = unknown;

/**
 * Time as every other layer sees it. `setTimeout` and `clearTimeout` have the shape xstate asks of a clock, so one
 * statechart runs on either.
 */
export interface Clock {
  /** Milliseconds since this clock's origin, with fractions; never runs backwards. */
  nowMs(): number;
  /** Calls `fire` once, `delayMs` from now (a negative delay counts as 0). */
  setTimeout(fire: () => void, delayMs: number): TimerId;
  /** Forgets a timer; one that has fired or is unknown is no error. */
  clearTimeout(id: TimerId): void;
}

/** Wall-clock milliseconds since 1970 with microsecond fractions, from a monotonic source: comparable between processes of one machine. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now();
}

/** The machine's own time. `originEpochMs` moves the zero, so that several processes can share one time axis. */
export class RealClock implements Clock {
  readonly originEpochMs: number;

  constructor(originEpochMs = epochMs()) {
    this.originEpochMs = originEpochMs;
  }

  nowMs(): number {
    return epochMs() - this.originEpochMs;
  }

  setTimeout(fire: () => void, delayMs: number): NodeJS.Timeout {
    return setTimeout(fire, Math.max(0, delayMs));
  }

  clearTimeout(id: TimerId): void {
    clearTimeout(id as NodeJS.Timeout);
  }
}

/**
 * Discrete-event clock: time moves only by jumping to the next due timer. Ties fire in creation order.
 *
 * Its timers are events of `kernel`, on which what happens too often for closures can be scheduled beside them.
 */
export class VirtualClock implements Clock {
  readonly kernel: EventKernel;

  /** @param startMs the instant at which time begins */
  constructor(startMs = 0) {
    this.kernel = new EventKernel(startMs);
  }

  nowMs(): number {
    return this.kernel.nowMs;
  }

  setTimeout(fire: () => void, delayMs: number): number {
    return this.kernel.callAfter(delayMs, fire);
  }

  clearTimeout(id: TimerId): void {
    if (typeof id === 'number') this.kernel.cancel(id);
  }

  /** Timers that are set and have not fired. */
  get pendingTimers(): number {
    return this.kernel.pendingCalls;
  }

  /** Fires every timer due up to and including `untilMs`, each at its own instant, those set meanwhile included. */
  runUntil(untilMs: number): void {
    this.kernel.runUntil(untilMs);
  }
}

/** Resolves after `delayMs` on a real clock; for code that drives processes, never for a statechart. */
export function sleep(delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, delayMs);
  });
}

/** Lets signals and input be handled before the caller goes on; takes no time that anyone could notice. */
export function yieldToEvents(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** The current instant as an ISO 8601 string in UTC. */
export function isoNow(): string {
  return new Date().toISOString();
}

/** Milliseconds of this thread's monotonic clock, with fractions: the cheapest reading there is, for the path of every operation. */
export const monotonicMs: () => number = performance.now.bind(performance);
