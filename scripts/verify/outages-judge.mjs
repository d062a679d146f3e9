// Whether measured lengths of outages are what was predicted.
import { spreadOf } from './runner.mjs';

/** Accepted: the measured median from the predicted one, the larger of both; and so many of the runs within p5 and p95. */
export const outageLimits = { share: 0.15, ms: 300, within: 0.9 };

export const fewestRuns = 5;

/**
 * Sets measured lengths beside percentiles of simulated ones, ms; null is a run without an outage, which counts as 0.
 *
 * @returns both medians, p5 and p95 of the trials, the error of the predicted median, how many runs lie within, and whether both hold
 */
export function judgeOutages(measured, { p5, p50, p95 }) {
  const lengths = measured.map((ms) => ms ?? 0);
  const { median, least, most } = spreadOf(lengths);
  const errorMs = p50 - median;
  const within = lengths.filter((ms) => ms >= p5 && ms <= p95).length;
  return {
    ...{ median, least, most, p5, p50, p95, errorMs, within },
    runs: lengths.length,
    medianHolds: Math.abs(errorMs) <= Math.max(outageLimits.share * p50, outageLimits.ms),
    shareHolds: within >= outageLimits.within * lengths.length,
  };
}
