import type { LatencySlice } from '../recording/latency.ts';
import type { DrillOutcome, Outage } from '../recording/summary.ts';
import type { DrillWindow, Stretch } from './frame.ts';
import { overlapMs } from './frame.ts';
import { mergedPercentiles, slicesByStart } from './latencies.ts';

/** A slice spikes when its p99 exceeds the baseline's by this factor. */
const spikeFactor = 2;

/** p99 from due time over the slices that lie wholly in a stretch, ms; null when they hold nothing. */
export function baselineP99Ms(
  latency: readonly LatencySlice[],
  className: string,
  stretch: Stretch,
): number | null {
  const inside = latency.filter(
    (slice) =>
      slice.className === className &&
      slice.startMs >= stretch.startMs &&
      slice.startMs + slice.lengthMs <= stretch.endMs,
  );
  return mergedPercentiles(inside, 'latency')?.p99 ?? null;
}

/**
 * Measures the latency spike of a class in one drill: how long answers came, but came slowly.
 *
 * `p99Ms` is the highest p99 of any slice of the drill. `lengthMs` adds up the slices whose p99 exceeds twice the baseline,
 * less their share in an outage of the class, where there were no answers to be slow.
 *
 * @returns null when the baseline or the drill holds no answer of the class
 */
export function spikeOf(
  latency: readonly LatencySlice[],
  className: string,
  options: { window: DrillWindow; baselineMs: number | null; outages: readonly Outage[] },
): DrillOutcome['spike'][string] {
  const { window, baselineMs, outages } = options;
  if (baselineMs === null) return null;
  let highestMs: number | null = null;
  let lengthMs = 0;
  for (const [startMs, group] of slicesByStart(latency, className)) {
    const slice = { startMs, endMs: startMs + (group[0]?.lengthMs ?? 0) };
    if (slice.endMs <= window.injectedMs || slice.endMs > window.untilMs) continue;
    const p99Ms = mergedPercentiles(group, 'latency')?.p99;
    if (p99Ms === undefined) continue;
    highestMs = Math.max(highestMs ?? 0, p99Ms);
    if (p99Ms <= spikeFactor * baselineMs) continue;
    const silentMs = outages.reduce((sum, outage) => sum + overlapMs(slice, outage), 0);
    lengthMs += slice.endMs - slice.startMs - silentMs;
  }
  return highestMs === null ? null : { baselineP99Ms: baselineMs, p99Ms: highestMs, lengthMs };
}
