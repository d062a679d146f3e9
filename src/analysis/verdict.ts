import { formatDuration } from '../kernel/time.ts';
import type { Recording } from '../recording/recording.ts';
import { agrees, type DrillSummary, type Outage, type Summary } from '../recording/summary.ts';
import type { ClusterHistory } from './cluster-history.ts';
import type { Frame } from './frame.ts';
import { printMetric } from './thresholds.ts';

/**
 * How long two servers may be seen as primary at once before it is a split brain, ms: each server is asked several times a
 * second, and an old primary's end and a new one's begin can be noticed in the wrong order by as much (A7 in docs/method.md).
 */
const samplingAllowanceMs = 1000;

/** What a cluster is given to come back before its silence is a failure, ms. */
const fairTimeMs = 10_000;

type Result = Summary['verdict']['result'];

interface Finding {
  result: Result;
  reason: string;
}

/** What the verdict weighs. */
export interface Evidence {
  recording: Recording;
  history: ClusterHistory;
  frame: Frame;
  generator: Summary['generator'];
  conservation: Summary['conservation'];
  drills: readonly DrillSummary[];
  strayOutages: readonly { className: string; outage: Outage }[];
  unexplainedLosses: number;
  thresholds: Summary['thresholds'];
  /** What is to be said of a load that the simulated cluster did not carry. */
  overload: readonly string[];
}

/**
 * Judges a run. The worst finding wins: `invalid` (the numbers cannot be trusted), `fail` (split brain, a drill that was
 * refused or failed, a cluster that did not come back, writes lost without a drill, a threshold that was crossed), `unknown` (the run is not whole), `pass`. Reasons name every finding and what a reader should know
 * besides.
 */
export function verdictOf(evidence: Evidence): Summary['verdict'] {
  const { recording, frame, generator, conservation } = evidence;
  const findings: Finding[] = [...splitBrains(evidence), ...drillFailures(frame)];
  findings.push(...observedFaults(evidence), ...unendedOutages(evidence));
  if (generator.reason !== null) findings.push({ result: 'invalid', reason: generator.reason });
  for (const check of conservation.checks) {
    if (agrees(check)) continue;
    const { name, expected, actual } = check;
    const reason = `counts do not agree: ${name}: expected ${expected}, found ${actual}`;
    findings.push({ result: 'invalid', reason });
  }
  if (recording.intervals.length === 0) findings.push({ result: 'invalid', reason: 'no load was recorded' });
  if (frame.interrupted) findings.push({ result: 'unknown', reason: 'the run was interrupted' });
  else if (frame.cutShort) {
    findings.push({ result: 'unknown', reason: 'the recording stops before the end of the load' });
  }
  if (evidence.unexplainedLosses > 0) {
    const reason = `${evidence.unexplainedLosses} acknowledged writes were lost outside every drill`;
    findings.push({ result: 'fail', reason });
  }
  const begun = new Set(frame.drills.map(({ id }) => id));
  for (const { id } of recording.manifest.scenario.drills) {
    if (!begun.has(id)) findings.push({ result: 'unknown', reason: `drill ${id} did not begin` });
  }
  findings.push(...crossedThresholds(evidence));
  const severity: Result[] = ['invalid', 'fail', 'unknown', 'pass'];
  const result =
    severity.find((candidate) => findings.some((finding) => finding.result === candidate)) ?? 'pass';
  return {
    result,
    reasons: [...findings.map(({ reason }) => reason), ...evidence.overload, ...remarks(evidence)],
  };
}

function crossedThresholds({ thresholds }: Evidence): Finding[] {
  return thresholds.flatMap(({ text, value, unit, result }): Finding[] => {
    if (result === 'pass') return [];
    if (result === 'unknown') return [{ result, reason: `threshold ${text}: not measured` }];
    return [{ result, reason: `threshold crossed: ${text}, found ${printMetric(value, unit)}` }];
  });
}

/** What the run itself noted against the load: a lost worker, a ledger that could not be read. */
function observedFaults({ recording }: Evidence): Finding[] {
  return recording.events.flatMap((event) =>
    event.type === 'probe' && event.observer === 'run' && !event.ok && event.detail !== null
      ? [{ result: 'invalid' as const, reason: event.detail }]
      : [],
  );
}

/**
 * A class that got no answer up to the end of the load. For ten seconds and more: it did not come back while anybody
 * looked. For less: unknown where the drill is no older either, and else a moment that a longer load would have shown whole.
 */
function unendedOutages({ drills, strayOutages, frame }: Evidence): Finding[] {
  if (frame.interrupted || frame.cutShort) return [];
  const judge = (className: string, outage: Outage, sinceMs: number): Finding[] => {
    if (outage.endMs < frame.loadEndMs) return [];
    const reason = `no ${className} was answered from ${formatDuration(outage.startMs)} to the end of the load`;
    if (outage.lengthMs >= fairTimeMs) return [{ result: 'fail', reason }];
    return frame.loadEndMs - sinceMs < fairTimeMs ? [{ result: 'unknown', reason }] : [];
  };
  return [
    ...drills.flatMap(({ atMs, outages }) =>
      Object.entries(outages).flatMap(([className, windows]) =>
        windows.flatMap((outage) => judge(className, outage, atMs)),
      ),
    ),
    ...strayOutages.flatMap(({ className, outage }) => judge(className, outage, outage.startMs)),
  ];
}

function splitBrains({ history, frame }: Evidence): Finding[] {
  return history
    .doublePrimaries(frame.loadEndMs)
    .filter(({ startMs, endMs }) => endMs - startMs > samplingAllowanceMs)
    .map(({ servers, startMs, endMs }) => ({
      result: 'fail' as const,
      reason: `split brain: ${servers.join(' and ')} were primary at once for ${formatDuration(endMs - startMs)} from ${formatDuration(startMs)}`,
    }));
}

function drillFailures({ drills }: Frame): Finding[] {
  return drills.flatMap(({ id, ok, detail }): Finding[] => {
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

function remarks({ strayOutages, frame }: Evidence): string[] {
  const where = frame.drills.length > 0 ? 'before every drill' : 'in a run without drills';
  return strayOutages.map(
    ({ className, outage }) =>
      `a ${className} outage of ${formatDuration(outage.lengthMs)} at ${formatDuration(outage.startMs)} ${where}`,
  );
}
