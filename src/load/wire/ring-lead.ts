import { monotonicMs } from '../../kernel/clock.ts';
import type { Ring } from './ring.ts';

/** Waits that the machine's oversleeping is measured with at first, and their length. */
const sleepTrials = { count: 15, ms: 0.2 } as const;

/**
 * Bounds of the lead: an idle machine oversleeps 30 to 40 µs; a virtual or a crowded one more, but there the turning loop that bridges
 * a longer lead takes what is missing.
 */
const leadLimitsMs = { least: 0.005, most: 0.1 } as const;
/** Share of waits that are to end before their instant. */
const wantedShare = 0.95;
/** How far one wait moves the lead, ms: a hundred waits follow a machine that sleeps longer than before, twenty times as many one that sleeps shorter. */
const stepMs = 0.001;

/**
 * How long before an instant to wake up for it: as long as most waits oversleep, which a machine that is idle, virtual or loaded
 * does by very different spans. Followed wait by wait (stochastic approximation of a quantile; Robbins and Monro, 1951).
 */
export class WakeLead {
  #ms: number;

  constructor(firstMs: number) {
    this.#ms = within(firstMs);
  }

  /** ms */
  get ms(): number {
    return this.#ms;
  }

  /**
   * A wait that nothing but time ended: when it began, the instant it was set for, when it ended; ms. One whose instant had passed
   * when it began says nothing of oversleeping.
   */
  waited(fromMs: number, setMs: number, endMs: number): void {
    if (setMs <= fromMs) return;
    const isLate = endMs - setMs > this.#ms;
    this.#ms = within(this.#ms + (isLate ? wantedShare : wantedShare - 1) * stepMs);
  }
}

function within(ms: number): number {
  return Math.min(leadLimitsMs.most, Math.max(leadLimitsMs.least, ms));
}

/** This machine's usual oversleeping in a ring that has nothing to do, ms: the median of a few waits. */
export function usualOversleepMs(ring: Ring): number {
  const spentMs = Array.from({ length: sleepTrials.count }, () => {
    const startMs = monotonicMs();
    ring.enter(sleepTrials.ms);
    return monotonicMs() - startMs - sleepTrials.ms;
  }).sort((a, b) => a - b);
  return spentMs[sleepTrials.count >> 1] ?? 0;
}
