import { mergeHistograms, percentilesOf } from '../recording/histogram.ts';
import type { LatencySlice } from '../recording/latency.ts';
import type { Percentiles } from '../recording/summary.ts';

/** Adds the histograms of several slices up and reads the percentiles, ms; null when they hold no operation. */
export function mergedPercentiles(
  slices: readonly LatencySlice[],
  which: 'latency' | 'service',
): Percentiles | null {
  return percentilesOf(mergeHistograms(slices.map((slice) => slice[which])));
}

/** The slices of one class, grouped by their start, in order. */
export function slicesByStart(
  latency: readonly LatencySlice[],
  className: string,
): Map<number, LatencySlice[]> {
  const groups = new Map<number, LatencySlice[]>();
  for (const slice of latency) {
    if (slice.className !== className) continue;
    const group = groups.get(slice.startMs);
    if (group) group.push(slice);
    else groups.set(slice.startMs, [slice]);
  }
  return groups;
}
