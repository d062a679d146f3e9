import type { ManifestClass } from '../recording/manifest.ts';
import type { Recording } from '../recording/recording.ts';
import type { Outage } from '../recording/summary.ts';
import { type DrillWindow, overlapMs, type Stretch } from './frame.ts';

/** Shortest silence that can be an outage, ms: two slices of the recording. */
const shortestOutageMs = 200;

/** Mean gaps between due operations that a silence must exceed, so that a low rate is not taken for an outage. */
const gapsOfSilence = 15;

/** A silence of a class is an outage when it is longer than this, ms. @param perSecond rate at which operations are due */
export function outageThresholdMs(perSecond: number): number {
  return Math.max(shortestOutageMs, (gapsOfSilence * 1000) / perSecond);
}

/** Rate at which operations of a class are due in a stretch, per second. */
export type DueRate = (stretch: Stretch) => number;

/**
 * The rate that silences of a class are held against.
 *
 * An open class's is the scenario's, where it changes its mean in the silence. A closed class has nothing due while its sessions
 * wait, so it is held against the answers that it had per second of the measured time; without any, every silence
 * counts.
 */
export function dueRateOf(
  { intervals }: Pick<Recording, 'intervals'>,
  { name, perSecond, rates }: ManifestClass,
  measured: Stretch,
): DueRate {
  if (rates !== undefined) return (stretch) => meanOf(rates, stretch);
  if (perSecond !== null) return () => perSecond;
  const completed = intervals.reduce((sum, { startMs, lengthMs, classes }) => {
    const shared = overlapMs({ startMs, endMs: startMs + lengthMs }, measured);
    return sum + ((classes[name]?.completedOk ?? 0) * shared) / lengthMs;
  }, 0);
  const lengthMs = measured.endMs - measured.startMs;
  const measuredPerSecond = completed > 0 ? (completed * 1000) / lengthMs : Number.POSITIVE_INFINITY;
  return () => measuredPerSecond;
}

function meanOf(rates: NonNullable<ManifestClass['rates']>, { startMs, endMs }: Stretch): number {
  let due = 0;
  for (const { startMs: segmentMs, endMs: segmentEndMs, fromPerSecond, toPerSecond } of rates) {
    const fromMs = Math.max(startMs, segmentMs);
    const untilMs = Math.min(endMs, segmentEndMs);
    if (untilMs <= fromMs) continue;
    const middle = ((fromMs + untilMs) / 2 - segmentMs) / (segmentEndMs - segmentMs);
    due += (fromPerSecond + (toPerSecond - fromPerSecond) * middle) * (untilMs - fromMs);
  }
  return due / Math.max(1, endMs - startMs);
}

/**
 * Finds the outages of one class: stretches without an ok completion, from the last ok to the next.
 *
 * Edges are the exact instants of the completions, not those of slices. The first edge may be the start of the load and the
 * last one its end. `lost` is due minus ok of the slices whose middle lies in the outage.
 *
 * @param options.dueRate as `dueRateOf` gives it
 * @param options.loadEndMs end of the load; what completes later does not move an edge
 * @see docs/method.md, "Outage"
 */
export function outagesOf(
  recording: Pick<Recording, 'intervals'>,
  className: string,
  options: { dueRate: DueRate; loadEndMs: number },
): Outage[] {
  const outages: Outage[] = [];
  let lastOkMs = 0;
  const close = (atMs: number): void => {
    const endMs = Math.min(atMs, options.loadEndMs);
    if (endMs <= lastOkMs) return;
    const thresholdMs = outageThresholdMs(options.dueRate({ startMs: lastOkMs, endMs }));
    if (endMs - lastOkMs <= thresholdMs) return;
    const lost = lostBetween(recording, className, { startMs: lastOkMs, endMs });
    outages.push({ startMs: lastOkMs, endMs, lengthMs: endMs - lastOkMs, lost });
  };
  for (const { classes } of recording.intervals) {
    const slice = classes[className];
    if (slice?.firstOkMs == null || slice.lastOkMs === null) continue;
    close(slice.firstOkMs);
    lastOkMs = Math.max(lastOkMs, slice.lastOkMs);
  }
  close(options.loadEndMs);
  return outages;
}

function lostBetween(
  recording: Pick<Recording, 'intervals'>,
  className: string,
  span: { startMs: number; endMs: number },
): number {
  let lost = 0;
  for (const { startMs, lengthMs, classes } of recording.intervals) {
    const middleMs = startMs + lengthMs / 2;
    const slice = classes[className];
    if (slice && middleMs >= span.startMs && middleMs < span.endMs) lost += slice.due - slice.ok;
  }
  return lost;
}

/**
 * The drill that an outage belongs to: the latest that had begun before the silence was long enough to be one.
 *
 * The last ok before an outage can precede the drill that caused it by a gap between operations; an outage that lasts into the
 * next drill stays with the first.
 */
export function drillOfOutage(
  outage: Outage,
  drills: readonly DrillWindow[],
  thresholdMs: number,
): DrillWindow | undefined {
  return drills.findLast(({ begunMs }) => begunMs < outage.startMs + thresholdMs);
}
