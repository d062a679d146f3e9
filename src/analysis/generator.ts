import type { Interval } from '../recording/intervals.ts';
import type { Percentiles, Summary } from '../recording/summary.ts';

/** Schedule lag above which the generator itself distorts what it measures, ms (assumption A6 in docs/method.md). */
const saturatedAboveMs = 50;

/** A second of late slices in all: fewer are a moment of the machine's, however short the run (A6). */
const leastLateSlices = 10;

/**
 * Tells how well the generator kept to its schedule.
 *
 * The lag of a slice is the largest delay between due time and send among operations that found a free session, so a wait
 * for the cluster never counts. A slice without such an operation says nothing, so that an outage does not thin the others
 * out. Saturated: one measured slice in twenty, of those that say something, lags by more than 50 ms, and ten at least.
 *
 * @param slices the slices of the measured stretch
 */
export function generatorOf(slices: readonly Interval[]): Summary['generator'] {
  const lagsMs = slices.map(({ scheduleLagMs }) => scheduleLagMs).filter((lagMs) => lagMs !== null);
  const scheduleLagMs = rankPercentiles(lagsMs);
  const late = lagsMs.filter((lagMs) => lagMs > saturatedAboveMs).length;
  const saturated = late >= leastLateSlices && (scheduleLagMs?.p95 ?? 0) > saturatedAboveMs;
  return { scheduleLagMs, saturated };
}

/** Percentiles of plain numbers by nearest rank, in their unit; null without any. */
function rankPercentiles(values: readonly number[]): Percentiles | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((first, second) => first - second);
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), p999: at(0.999), max: at(1), mean };
}
