import { formatDuration } from '../kernel/time.ts';
import type { Recording } from '../recording/recording.ts';
import type { Outage, Summary } from '../recording/summary.ts';
import type { ClusterHistory } from './cluster-history.ts';
import type { Frame } from './frame.ts';

/**
 * How long two servers may be seen as primary at once before it is a split brain, ms: each server is asked several times a
 * second, and an old primary's end and a new one's begin can be noticed in the wrong order by as much (A7 in docs/method.md).
 */
const samplingAllowanceMs = 1000;

type Result = Summary['verdict']['result'];

/** What the verdict weighs. */
export interface Evidence {
  recording: Recording;
  history: ClusterHistory;
  frame: Frame;
  generator: Summary['generator'];
  conservation: Summary['conservation'];
  strayOutages: readonly { className: string; outage: Outage }[];
  unexplainedLosses: number;
}

/**
 * Judges a run. The worst finding wins: `invalid` (the numbers cannot be trusted), `fail` (split brain, or a drill that was
 * refused or failed), `unknown` (the run is not whole), `pass`. Reasons name every finding and what a reader should know
 * besides.
 */
export function verdictOf(evidence: Evidence): Summary['verdict'] {
  const { recording, frame, generator, conservation } = evidence;
  const findings: { result: Result; reason: string }[] = [...splitBrains(evidence), ...drillFailures(frame)];
  findings.push(...observedFaults(evidence));
  if (generator.saturated) {
    const lag = formatDuration(generator.scheduleLagMs?.p95 ?? 0);
    findings.push({
      result: 'invalid',
      reason: `the load generator could not keep its schedule (lag p95 ${lag})`,
    });
  }
  for (const { name, expected, actual } of conservation.checks) {
    if (expected === actual) continue;
    const reason = `counts do not agree: ${name}: expected ${expected}, found ${actual}`;
    findings.push({ result: 'invalid', reason });
  }
  if (recording.intervals.length === 0) findings.push({ result: 'invalid', reason: 'no load was recorded' });
  if (frame.interrupted) findings.push({ result: 'unknown', reason: 'the run was interrupted' });
  const begun = new Set(frame.drills.map(({ id }) => id));
  for (const { id } of recording.manifest.scenario.drills) {
    if (!begun.has(id)) findings.push({ result: 'unknown', reason: `drill ${id} did not begin` });
  }
  if (recording.manifest.scenario.thresholds.length > 0) {
    findings.push({ result: 'unknown', reason: 'thresholds are not evaluated in this release' });
  }
  const severity: Result[] = ['invalid', 'fail', 'unknown', 'pass'];
  const result =
    severity.find((candidate) => findings.some((finding) => finding.result === candidate)) ?? 'pass';
  return { result, reasons: [...findings.map(({ reason }) => reason), ...remarks(evidence)] };
}

/** What the run itself noted against the load, a lost worker for one; drills that failed are told by themselves. */
function observedFaults({ recording, frame }: Evidence): { result: Result; reason: string }[] {
  const failed = frame.drills.filter(({ ok }) => ok === false);
  return recording.events.flatMap((event) => {
    if (event.type !== 'probe' || event.observer !== 'run' || event.ok || event.detail === null) return [];
    const { detail } = event;
    return failed.some(({ id }) => detail.includes(id))
      ? []
      : [{ result: 'invalid' as const, reason: detail }];
  });
}

function splitBrains({ history, frame }: Evidence): { result: Result; reason: string }[] {
  return history
    .doublePrimaries(frame.loadEndMs)
    .filter(({ startMs, endMs }) => endMs - startMs > samplingAllowanceMs)
    .map(({ servers, startMs, endMs }) => ({
      result: 'fail' as const,
      reason: `split brain: ${servers.join(' and ')} were primary at once for ${formatDuration(endMs - startMs)} from ${formatDuration(startMs)}`,
    }));
}

function drillFailures({ drills }: Frame): { result: Result; reason: string }[] {
  return drills.flatMap(({ id, ok, detail }): { result: Result; reason: string }[] => {
    if (ok === true) return [];
    if (ok === null) return [{ result: 'unknown', reason: `the end of drill ${id} was not seen` }];
    return [
      {
        result: 'fail',
        reason: `drill ${id} did not succeed${detail === null ? '' : `: ${detail}`}`,
      },
    ];
  });
}

function remarks({ strayOutages, unexplainedLosses }: Evidence): string[] {
  const remarks = strayOutages.map(
    ({ className, outage }) =>
      `a ${className} outage of ${formatDuration(outage.lengthMs)} at ${formatDuration(outage.startMs)} precedes every drill`,
  );
  if (unexplainedLosses > 0)
    remarks.push(`${unexplainedLosses} acknowledged writes were lost outside every drill`);
  return remarks;
}
