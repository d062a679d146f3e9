import { monotonicMs } from '../../kernel/clock.ts';
import type { Ring } from './ring.ts';

/** Waits that the machine's oversleeping is measured with, and their length. */
const sleepTrials = { count: 15, ms: 0.2 } as const;

/**
 * Bounds of that lead: an idle machine oversleeps 30 to 40 µs; a crowded one more, but there the turning loop that bridges
 * a longer lead takes what is missing.
 */
const leadLimitsMs = { least: 0.005, most: 0.06 } as const;

/** How long before an instant to wake up for it, ms: this machine's usual oversleeping in a ring that has nothing to do. */
export function usualOversleepMs(ring: Ring): number {
  const spentMs = Array.from({ length: sleepTrials.count }, () => {
    const startMs = monotonicMs();
    ring.enter(sleepTrials.ms);
    return monotonicMs() - startMs - sleepTrials.ms;
  }).sort((a, b) => a - b);
  return Math.min(leadLimitsMs.most, Math.max(leadLimitsMs.least, spentMs[sleepTrials.count >> 1] ?? 0));
}
