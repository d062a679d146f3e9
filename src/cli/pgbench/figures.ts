import { outagesOf, outageThresholdMs } from '../../analysis/outages.ts';
import { className } from '../../load/pgbench/books.ts';
import type { PgbenchOutcome } from '../../load/pgbench/engine.ts';
import type { CommandCounts, PgbenchPlan, ThreadResult } from '../../load/pgbench/plan.ts';
import { mergeHistograms, newHistogram, percentilesOf, unpackInto } from '../../recording/histogram.ts';
import type { PgbenchCommandResult, PgbenchResult } from '../../report/pgbench.ts';
import type { OutcomeCounts, PgbenchFigures, PgbenchScriptFigures } from '../../report/pgbench-own.ts';
import { Sums, TransactionCounts } from '../../workload/pgbench/statistics.ts';

/** A generator that uses so much of its threads is the bottleneck; docs/pgbench.md. */
const saturatedShare = 0.95;

/** Of a shorter run most is warming up, µs. */
const shortestJudgedUs = 2e6;

/** What pgbench reports of a run: sums over all threads. */
export function pgbenchResult(plan: PgbenchPlan, outcome: PgbenchOutcome): PgbenchResult {
  const { threads, runUs, initialConnectUs } = outcome;
  const counts = new TransactionCounts();
  for (const thread of threads) counts.merge(thread.counts);
  const sum = (of: (thread: ThreadResult) => number): number =>
    threads.reduce((total, thread) => total + of(thread), 0);
  return {
    ...{ counts, runUs, initialConnectUs },
    connectUs: sum(({ connectUs }) => connectUs),
    late: sum(({ late }) => late),
    scripts: plan.scripts.map(({ description, weight }, index) => {
      const parts = threads.flatMap(({ scripts }) => scripts[index] ?? []);
      const ofScript = new TransactionCounts();
      for (const part of parts) ofScript.merge(part.counts);
      return {
        ...{ description, weight, counts: ofScript },
        commands: mergeCommands(parts.map(({ commands }) => commands)),
      };
    }),
  };
}

function mergeCommands(parts: readonly (readonly CommandCounts[])[]): PgbenchCommandResult[] {
  const [first = []] = parts;
  return first.map(({ firstLine }, index) => {
    const merged = { firstLine, timesUs: new Sums(), failures: 0, retries: 0 };
    for (const part of parts) {
      const command = part[index];
      if (!command) continue;
      merged.timesUs.merge(command.timesUs);
      merged.failures += command.failures;
      merged.retries += command.retries;
    }
    return merged;
  });
}

/** What pgbench does not report. */
export function pgbenchFigures(
  plan: PgbenchPlan,
  outcome: PgbenchOutcome,
  kinds: readonly ('read' | 'write')[],
): PgbenchFigures {
  const { threads, latency, intervals, transport, runUs, cpuUs, cpuSpanUs } = outcome;
  const errors: Record<string, number> = {};
  const readsByServer: Record<string, number> = {};
  for (const { classes, readsByServer: reads } of intervals) {
    for (const { errors: codes } of Object.values(classes)) addCounts(errors, codes);
    addCounts(readsByServer, reads);
  }
  const scripts = plan.scripts.map((_, index) => scriptFigures({ plan, outcome, kinds, index }));
  const outcomes = sumOutcomes(scripts.map((script) => script.outcomes));
  const sessions = { lost: 0, reopened: 0, refused: 0, abortedClients: 0 };
  for (const thread of threads) addCounts(sessions, thread.sessions);
  const lag = newHistogram();
  for (const { scheduleLag } of threads) unpackInto(lag, scheduleLag);
  const cores = cpuSpanUs > 0 ? cpuUs / cpuSpanUs : 0;
  return {
    ...{ transport, outcomes, scripts, errors, sessions, readsByServer, abortOnLoss: plan.abortOnLoss },
    seed: String(plan.seed),
    latencyMs: percentilesOf(mergeHistograms([...latency.values()].map((sums) => sums.latency))),
    serviceMs: percentilesOf(mergeHistograms([...latency.values()].map((sums) => sums.service))),
    generator: {
      scheduleLagMs: percentilesOf(lag),
      cpuUs: outcomes.ok > 0 ? cpuUs / outcomes.ok : null,
      ...{
        cores,
        threads: plan.threads,
        saturated: runUs > shortestJudgedUs && cores > saturatedShare * plan.threads,
      },
    },
  };
}

function scriptFigures({
  plan,
  outcome: { threads, latency, intervals, runUs },
  kinds,
  index,
}: {
  plan: PgbenchPlan;
  outcome: PgbenchOutcome;
  kinds: readonly ('read' | 'write')[];
  index: number;
}): PgbenchScriptFigures {
  const name = className(index);
  const outcomes = sumOutcomes(threads.flatMap(({ totals }) => totals[index] ?? []));
  const sums = latency.get(name);
  const perSecond = runUs > 0 ? (outcomes.due * 1e6) / runUs : 0;
  return {
    description: plan.scripts[index]?.description ?? '',
    kind: kinds[index] ?? 'write',
    outcomes,
    latencyMs: sums ? percentilesOf(sums.latency) : null,
    serviceMs: sums ? percentilesOf(sums.service) : null,
    outages:
      perSecond > 0
        ? outagesOf({ intervals }, name, { dueRate: () => perSecond, loadEndMs: runUs / 1000 })
        : [],
    outageThresholdMs: perSecond > 0 ? outageThresholdMs(perSecond) : null,
  };
}

function sumOutcomes(parts: readonly OutcomeCounts[]): OutcomeCounts {
  const sums = { due: 0, ok: 0, failed: 0, unknown: 0, skipped: 0 };
  for (const part of parts) addCounts(sums, part);
  return sums;
}

function addCounts<Counts extends object>(into: Counts, from: Readonly<Record<keyof Counts, number>>): void {
  const sums = into as Record<string, number>;
  for (const [key, count] of Object.entries<number>(from)) sums[key] = (sums[key] ?? 0) + count;
}
