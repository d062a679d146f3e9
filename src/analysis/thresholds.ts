import { formatDuration } from '../kernel/time.ts';
import type { Outage, Summary, ThresholdSummary } from '../recording/summary.ts';
import { keeps, parseThreshold, type Threshold } from '../scenario/threshold.ts';

/** The parts of a summary that thresholds judge. */
export type Judged = Pick<Summary, 'classes' | 'offload' | 'drills'>;

/**
 * Judges a run by thresholds. What was not measured, and a threshold that this version cannot read, is unknown.
 *
 * `failedShare` is failed and unknown over due, `errors` counts the same; `outage` is the longest of the class in any
 * drill or outside, 0 when there was none.
 *
 * @param strayOutages those that belong to no drill, which a summary does not list
 * @returns values in the threshold's unit: ms, per second, shares 0..1, counts
 */
export function judgeThresholds(
  texts: readonly string[],
  judged: Judged,
  strayOutages: readonly { className: string; outage: Outage }[] = [],
): Summary['thresholds'] {
  return texts.map((text) => {
    const read = parseThreshold(text);
    if ('fault' in read) return { text, value: null, unit: null, result: 'unknown' as const };
    const { threshold } = read;
    const { unit } = threshold;
    const value = metricOf(threshold, judged, strayOutages);
    if (value === null) return { text, value, unit, result: 'unknown' as const };
    return { text, value, unit, result: keeps(threshold, value) ? 'pass' : 'fail' };
  });
}

/** A value of a threshold for people, with its unit. */
export function printMetric(value: number | null, unit: ThresholdSummary['unit']): string {
  if (value === null) return 'not measured';
  if (unit === 'ms') return value === 0 ? '0 s' : formatDuration(value);
  if (unit === 'share') return `${(value * 100).toFixed(value < 0.01 ? 3 : 1)} %`;
  if (unit === 'perSecond') return `${value.toFixed(value < 100 ? 1 : 0)}/s`;
  return String(value);
}

function metricOf(
  { subject }: Threshold,
  { classes, offload, drills }: Judged,
  strayOutages: readonly { className: string; outage: Outage }[],
): number | null {
  if (subject.kind === 'offload') return offload;
  const { className } = subject;
  const found = classes[className];
  if (!found) return null;
  if (subject.kind === 'outage') {
    const inDrills = drills.flatMap(({ outages }) => outages[className] ?? []);
    const outside = strayOutages.filter((stray) => stray.className === className);
    const all = [...inDrills, ...outside.map(({ outage }) => outage)];
    return Math.max(0, ...all.map(({ lengthMs }) => lengthMs));
  }
  if (subject.kind === 'latency') return found.latencyMs?.[subject.metric] ?? null;
  if (subject.kind === 'service') return found.serviceMs?.[subject.metric] ?? null;
  const errors = found.failed + found.unknown;
  if (subject.metric === 'perSecond') return found.perSecond;
  if (subject.metric === 'errors') return errors;
  if (found.due === 0) return null;
  return (subject.metric === 'failedShare' ? errors : found.skipped) / found.due;
}
