import type { LatencySlice, MissedOutcome } from '../recording/latency.ts';
import type { Recording } from '../recording/recording.ts';
import type { ClassSummary, Percentiles } from '../recording/summary.ts';
import { totalsOf } from './conservation.ts';
import type { Stretch } from './frame.ts';
import { within } from './frame.ts';
import { mergedPercentiles } from './latencies.ts';
import { slicesIn } from './offload.ts';

/**
 * Counts, rate and latencies of every class in a stretch.
 *
 * Counts follow the operations due in it; `perSecond` is ok over its length; `errors` counts what ended in it; latencies
 * are those of the latency slices whose middle lies in it.
 */
export function classSummaries(recording: Recording, stretch: Stretch): Record<string, ClassSummary> {
  const intervals = slicesIn(recording.intervals, stretch);
  const seconds = (stretch.endMs - stretch.startMs) / 1000;
  const summaries: Record<string, ClassSummary> = {};
  for (const { name } of recording.manifest.scenario.classes) {
    const { due, ok, failed, unknown, skipped } = totalsOf({ intervals }, name);
    const errors: Record<string, number> = {};
    for (const { classes } of intervals) {
      for (const [code, count] of Object.entries(classes[name]?.errors ?? {})) {
        errors[code] = (errors[code] ?? 0) + count;
      }
    }
    const isOfClass = ({ className, startMs, lengthMs }: LatencySlice): boolean =>
      className === name && within(startMs + lengthMs / 2, stretch);
    const slices = recording.latency.filter(isOfClass);
    const missed = recording.missed.filter(isOfClass);
    const missedMs = (which: MissedOutcome): Percentiles | null =>
      mergedPercentiles(
        missed.filter(({ outcome }) => outcome === which),
        'latency',
      );
    summaries[name] = {
      due,
      ok,
      failed,
      unknown,
      skipped,
      perSecond: seconds > 0 ? ok / seconds : 0,
      errors: Object.fromEntries(
        Object.entries(errors).toSorted(([first], [second]) => (first < second ? -1 : 1)),
      ),
      latencyMs: mergedPercentiles(slices, 'latency'),
      serviceMs: mergedPercentiles(slices, 'service'),
      failedMs: missedMs('failed'),
      unknownMs: missedMs('unknown'),
    };
  }
  return summaries;
}
