import { formatDuration } from '../kernel/time.ts';
import type { LoadWorkerEvent } from '../recording/events.ts';
import type { Interval } from '../recording/intervals.ts';
import type { Recording } from '../recording/recording.ts';
import type { GeneratorSummary, GeneratorWorker, Percentiles, Summary } from '../recording/summary.ts';
import type { Stretch } from './frame.ts';
import { slicesIn } from './offload.ts';

/** Schedule lag above which the generator itself distorts what it measures, ms (assumption A6 in docs/method.md). */
const saturatedAboveMs = 50;

/** A second of late slices in all: fewer are a moment of the machine's, however short the run (A6). */
const leastLateSlices = 10;

/** A thread that used so much of a processor in a second had no time left in it (assumption G1 in docs/method.md). */
const busyShare = 0.95;

/** Lag that is told from the machine's usual oversleeping, ms (G1). */
const noticeableLagMs = 5;

/** Fewer busy seconds are a start or a collection of garbage, however short the run (G1). */
const leastBusySeconds = 2;

/** Of what is measured, so much may be late or busy. */
const toleratedShare = 0.05;

/**
 * Tells how well the generator kept to its schedule, and whether it was the bottleneck.
 *
 * The lag of a slice is the largest delay between due time and send among operations that found a free session, so a wait
 * for the cluster never counts. A slice without such an operation says nothing, so that an outage does not thin the others
 * out. Saturated by lag: one measured slice in twenty, of those that say something, lags by more than 50 ms, and ten at
 * least. Saturated by processor time: in one measured second in twenty, and two at least, a thread used 95 % of a processor
 * and more, and operations were sent more than 5 ms late, or nothing has a due time because every class is closed.
 *
 * @param measured the stretch that counts
 */
export function generatorOf(
  { intervals, events, manifest }: Pick<Recording, 'intervals' | 'events' | 'manifest'>,
  measured: Stretch,
): GeneratorSummary {
  const slices = slicesIn(intervals, measured);
  const lagsMs = slices.map(({ scheduleLagMs }) => scheduleLagMs).filter((lagMs) => lagMs !== null);
  const scheduleLagMs = rankPercentiles(lagsMs);
  const found = events.filter((event): event is LoadWorkerEvent => event.type === 'loadWorker');
  const isClosed = manifest.scenario.classes.every(({ perSecond }) => perSecond === null);
  const late = lagsMs.filter((lagMs) => lagMs > saturatedAboveMs).length;
  const p95Ms = scheduleLagMs?.p95 ?? 0;
  const reason =
    late >= leastLateSlices && p95Ms > saturatedAboveMs
      ? `the load generator could not keep its schedule (lag p95 ${formatDuration(p95Ms)})`
      : busyReason(found, { slices, measured, isClosed });
  const workers = found.map((event) => workerOf(event, measured));
  return { scheduleLagMs, saturated: reason !== null, reason, workers };
}

/** What of the generator has no measurement behind it. */
export function generatorGaps({ workers }: GeneratorSummary): Summary['notMeasured'] {
  if (workers.every(({ cpuShare }) => cpuShare !== null)) return [];
  const why = 'the kernel did not tell the processor time of a thread, or no whole second was measured';
  return [{ field: 'generator.workers[].cpuShare', why }];
}

/** Why a thread's processor time was the limit; null when none's was. */
function busyReason(
  events: readonly LoadWorkerEvent[],
  { slices, measured, isClosed }: { slices: readonly Interval[]; measured: Stretch; isClosed: boolean },
): string | null {
  const lateSeconds = new Set(
    slices.flatMap(({ startMs, scheduleLagMs }) =>
      (scheduleLagMs ?? 0) > noticeableLagMs ? [Math.floor(startMs / 1000)] : [],
    ),
  );
  for (const { worker, cpuShares } of events) {
    const seconds = measuredSeconds(cpuShares ?? [], measured);
    const busy = seconds.filter(
      ({ second, share }) => share >= busyShare && (isClosed || lateSeconds.has(second)),
    );
    if (busy.length < leastBusySeconds || busy.length < toleratedShare * seconds.length) continue;
    const what = `load worker ${worker + 1} was busy all the time in ${busy.length} of ${seconds.length} seconds`;
    return `the load generator was the bottleneck: ${what}; give the load more workers, or less to do`;
  }
  return null;
}

/** Whole seconds of the measured stretch with the share of a processor used in each. */
function measuredSeconds(
  cpuShares: readonly (number | null)[],
  measured: Stretch,
): { second: number; share: number }[] {
  return cpuShares.flatMap((share, second) => {
    const isMeasured = second * 1000 >= measured.startMs && (second + 1) * 1000 <= measured.endMs;
    return share !== null && isMeasured ? [{ second, share }] : [];
  });
}

function workerOf(event: LoadWorkerEvent, measured: Stretch): GeneratorWorker {
  const { worker, transport = null, scheduleLagMs, eventLoopDelayMs, gcMs = null } = event;
  const shares = measuredSeconds(event.cpuShares ?? [], measured).map(({ share }) => share);
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  return {
    ...{ worker, transport, scheduleLagMs, eventLoopDelayMs, gcMs },
    cpuShare: shares.length === 0 ? null : Math.round(mean * 1000) / 1000,
    busiestCpuShare: shares.length === 0 ? null : Math.max(...shares),
  };
}

/** Percentiles of plain numbers by nearest rank, in their unit; null without any. */
function rankPercentiles(values: readonly number[]): Percentiles | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((first, second) => first - second);
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), p999: at(0.999), max: at(1), mean };
}
