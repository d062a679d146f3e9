import { join } from 'node:path';
import { classSummaries } from '../../analysis/classes.ts';
import { ClusterHistory } from '../../analysis/cluster-history.ts';
import type { Stretch } from '../../analysis/frame.ts';
import { offloadOf } from '../../analysis/offload.ts';
import { type Interval, replications } from '../../analysis/statistics.ts';
import { summarise } from '../../analysis/summary.ts';
import { judgeThresholds } from '../../analysis/thresholds.ts';
import { DrillError } from '../../kernel/errors.ts';
import { packageDir } from '../../lab/package-dir.ts';
import type { Recording } from '../../recording/recording.ts';
import type { ThresholdSummary } from '../../recording/summary.ts';
import { planRun, type RunPlan } from '../../run/plan.ts';
import { simulatePlan } from '../../run/simulate.ts';
import type { Assignment } from '../../scenario/set.ts';
import { keeps, type Threshold } from '../../scenario/threshold.ts';
import type { Cluster } from '../../topology/cluster.ts';
import { efmDefault } from '../../topology/efm-properties.ts';
import { pgpoolNumber } from '../../topology/pgpool-conf.ts';
import type { PlanQuestion } from './inputs.ts';
import type { Loss, StateName } from './states.ts';

/** The scenario that a plan varies. */
export const planScenario = join(packageDir, 'workloads', 'plan-capacity.yaml');

/** Operations that a stretch should hold, so that a p99 rests on hundreds, and bounds of its length. */
const wantedOperations = 20_000;
const shortestStretchMs = 10_000;
const longestStretchMs = 60_000;

const warmupMs = 10_000;

/** Beside EFM's and Pgpool's timers: scripts, restarts, sessions that come back. */
const settleMarginMs = 20_000;

/** One threshold in one state over all simulated runs. */
export interface ConfirmedThreshold {
  text: string;
  unit: ThresholdSummary['unit'];
  /** Null where it was not measured. */
  interval: Interval | null;
  /** `unsure`: the mean keeps to it, the end of its 95 % interval does not. */
  result: 'pass' | 'unsure' | 'fail' | 'unknown';
}

/** One state as simulated. */
export interface ConfirmedState {
  state: StateName;
  thresholds: ConfirmedThreshold[];
}

/** What simulation says of a chosen point. */
export interface Confirmation {
  runs: number;
  states: ConfirmedState[];
  /** No threshold fails. */
  holds: boolean;
  /** Longest outage of each class while a loss happens: mean and worst of the runs, 0 without one. */
  transitions: { loss: Loss; outages: Record<string, { meanMs: number; worstMs: number }> }[];
  /** What repeats the first run of each loss: assignments for `pgdrill simulate`. */
  scenarios: { loss: StateName; set: string[] }[];
}

/** A point of the plan: what to simulate. */
export interface PlanPoint {
  question: PlanQuestion;
  standbys: number;
  weights: Readonly<Record<string, number>>;
  sessions: number;
}

/** The plan of a run of one state; without drills it is that of the normal state. */
export function runPlanOf(point: PlanPoint, loss: StateName, seed: number): RunPlan {
  const set = assignmentsOf(point, loss);
  return planRun(planScenario, { model: point.question.model, seed, set });
}

/** Simulates a point: each loss in runs of its own, the normal state from the time before it. */
export async function confirm(point: PlanPoint, note: (line: string) => void): Promise<Confirmation> {
  const { question } = point;
  const found = new Map<StateName, ThresholdSummary[][]>();
  const outages = new Map<Loss, Record<string, number>[]>();
  const kinds: StateName[] = question.survive.length > 0 ? [...question.survive] : ['normal'];
  for (let run = 0; run < question.runs; run += 1) {
    for (const [index, kind] of kinds.entries()) {
      note(`simulating ${kind}, run ${run + 1} of ${question.runs}`);
      const plan = runPlanOf(point, kind, question.seed + run);
      const recording = await simulatePlan(plan);
      const texts = question.thresholds.map(({ text }) => text);
      const judged = judgeRun(recording, { texts, kind, stretches: stretchesOf(plan, point) });
      if (index === 0) push(found, 'normal', judged.before);
      if (kind === 'normal') continue;
      push(found, kind, judged.after);
      push(outages, kind, judged.outageMs);
    }
  }
  const states = [...found].map(([state, results]) => ({
    state,
    thresholds: question.thresholds.map((threshold, index) =>
      summed(
        threshold,
        results.map((one) => one[index]?.value ?? null),
      ),
    ),
  }));
  return {
    runs: question.runs,
    states,
    holds: states.every(({ thresholds }) =>
      thresholds.every(({ result }) => result === 'pass' || result === 'unsure'),
    ),
    transitions: [...outages].map(([loss, runs]) => ({ loss, outages: outagesOver(runs) })),
    scenarios: kinds.map((loss) => ({
      loss,
      set: assignmentsOf(point, loss).map(({ path, value }) => `${path}=${value}`),
    })),
  };
}

/** What fails are outages alone: standbys do not shorten them. */
export function isBoundByTimers({ states }: Confirmation): boolean {
  const failed = states.flatMap(({ thresholds }) => thresholds.filter(({ result }) => result === 'fail'));
  return failed.length > 0 && failed.every(({ text }) => text.startsWith('outage.'));
}

interface Stretches {
  before: Stretch;
  after: Stretch;
}

/** The measured time before the first drill, and as long at the end. */
function stretchesOf({ drills, durationMs }: RunPlan, { question }: PlanPoint): Stretches {
  const endMs = drills[0]?.atMs ?? durationMs;
  const lengthMs = stretchMs(question);
  return {
    before: { startMs: warmupMs, endMs },
    after: { startMs: durationMs - lengthMs, endMs: durationMs },
  };
}

function judgeRun(
  recording: Recording,
  { texts, kind, stretches }: { texts: readonly string[]; kind: StateName; stretches: Stretches },
): { before: ThresholdSummary[]; after: ThresholdSummary[]; outageMs: Record<string, number> } {
  const summary = summarise(recording);
  const failed = summary.verdict.reasons.find((reason) => /^drill .* did not succeed/.test(reason));
  if (failed) throw new DrillError(`the simulated ${kind} could not be carried out: ${failed}`);
  const history = new ClusterHistory(recording.events);
  const judge = (stretch: Stretch, drills: typeof summary.drills): ThresholdSummary[] =>
    judgeThresholds(texts, {
      classes: classSummaries(recording, stretch),
      offload: offloadOf(recording, history, stretch),
      drills,
    });
  const longest = (name: string): number =>
    Math.max(0, ...summary.drills.flatMap(({ outages }) => outages[name] ?? []).map((one) => one.lengthMs));
  return {
    before: judge(stretches.before, []),
    after: judge(stretches.after, summary.drills),
    outageMs: Object.fromEntries(Object.keys(summary.classes).map((name) => [name, longest(name)])),
  };
}

function summed(threshold: Threshold, values: readonly (number | null)[]): ConfirmedThreshold {
  const { text, unit } = threshold;
  const measured = values.filter((value) => value !== null);
  if (measured.length < values.length || measured.length === 0) {
    return { text, unit, interval: null, result: 'unknown' };
  }
  const interval = replications(measured);
  const { mean, halfWidth } = interval;
  if (!keeps(threshold, mean)) return { text, unit, interval, result: 'fail' };
  const worst = threshold.operator.startsWith('<') ? mean + halfWidth : mean - halfWidth;
  return { text, unit, interval, result: keeps(threshold, worst) ? 'pass' : 'unsure' };
}

function outagesOver(
  runs: readonly Record<string, number>[],
): Record<string, { meanMs: number; worstMs: number }> {
  const [first = {}] = runs;
  return Object.fromEntries(
    Object.keys(first).map((name) => {
      const lengths = runs.map((run) => run[name] ?? 0);
      return [name, { meanMs: replications(lengths).mean, worstMs: Math.max(...lengths) }];
    }),
  );
}

function assignmentsOf(point: PlanPoint, loss: StateName): Assignment[] {
  const { question, standbys, weights, sessions } = point;
  const classes = [
    { name: 'read', script: question.scripts.read, perSecond: question.readsPerSecond },
    { name: 'write', script: question.scripts.write, perSecond: question.writesPerSecond },
  ].filter(({ perSecond }) => perSecond > 0);
  const settings: [string, unknown][] = [
    ['standbys', standbys],
    ...Object.entries(weights).map(([server, weight]): [string, unknown] => [
      `model.servers.${server}.postgres.weight`,
      weight,
    ]),
    ['load.arrivals', 'poisson'],
    ['load.classes', classes],
    ['load.sessions', sessions],
    ['load.sessionLifetime', `${question.sessionLifetimeMs}ms`],
  ];
  const short = settings.map(([path, value]) => ({
    path,
    value: typeof value === 'string' ? value : JSON.stringify(value),
  }));
  const { drills, measureMs } = courseOf(point, loss, short);
  const rest = [
    { path: 'phases', value: JSON.stringify({ warmup: `${warmupMs}ms`, measure: `${measureMs}ms` }) },
    { path: 'drills', value: JSON.stringify(drills) },
    { path: 'thresholds', value: '[]' },
  ];
  return [...short, ...rest];
}

/** What happens in a run, and how long it is measured: a stretch, the loss, time to settle, and a stretch again. */
function courseOf({ question }: PlanPoint, loss: StateName, set: readonly Assignment[]) {
  const lengthMs = stretchMs(question);
  if (loss === 'normal') return { drills: [], measureMs: lengthMs };
  const { cluster } = planRun(planScenario, {
    model: question.model,
    set: [...set, { path: 'drills', value: '[]' }, { path: 'thresholds', value: '[]' }],
  });
  const atMs = warmupMs + lengthMs;
  const settleMs = settleTimeMs(cluster) + question.sessionLifetimeMs;
  const at = (ms: number): string => `${ms}ms`;
  const second = { kind: 'standby-down', at: at(atMs + settleMs) };
  const drills = {
    failover: [{ kind: 'failover', at: at(atMs) }],
    switchover: [{ kind: 'switchover', at: at(atMs) }],
    'standby-loss': [{ kind: 'standby-down', at: at(atMs) }],
    'double-loss': [{ kind: 'failover', at: at(atMs) }, second],
  }[loss];
  return { drills, measureMs: 2 * lengthMs + drills.length * settleMs };
}

/** Long enough for every timer that a change of primary can wait for. */
function settleTimeMs({ agents, pgpoolSettings }: Cluster): number {
  const names = ['local.timeout', 'local.timeout.final', 'remote.timeout', 'node.timeout'];
  const timers = agents.map(({ properties, version }) =>
    names.reduce((sum, name) => sum + Number(properties[name] ?? efmDefault(name, version) ?? 0), 0),
  );
  const searches = pgpoolNumber(pgpoolSettings, 'search_primary_node_timeout') ?? 10;
  return 1000 * (Math.max(0, ...timers) + 2 * searches) + settleMarginMs;
}

function stretchMs({ readsPerSecond, writesPerSecond }: PlanQuestion): number {
  const wantedMs = (1000 * wantedOperations) / (readsPerSecond + writesPerSecond);
  const seconds = Math.ceil(Math.min(longestStretchMs, Math.max(shortestStretchMs, wantedMs)) / 1000);
  return 1000 * seconds;
}

function push<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = map.get(key) ?? [];
  list.push(value);
  map.set(key, list);
}
