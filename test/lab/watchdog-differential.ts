import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../../src/kernel/random.ts';
import { type Observed, pgpoolIds, WatchdogCluster } from './watchdog-differential-cluster.ts';
import { WatchdogModel } from './watchdog-differential-model.ts';
import {
  applyTo,
  drawSteps,
  type Member,
  membersAtStart,
  parseSteps,
  type Step,
  textOf,
} from './watchdog-differential-steps.ts';

/** One sequence: drawn from a seed, or written out. */
export type WatchdogPlan = { seed: number; steps: number } | { name: string; sequence: string };

export interface WatchdogResult {
  /** The seed, or the name of the sequence. */
  name: string;
  /** Steps done. */
  steps: readonly string[];
  /** Single facts that were compared. */
  comparisons: number;
  /** What the nodes said at rest, by how often. */
  views: Record<string, number>;
  /** What the real one said and the statecharts do not, in the end. */
  mismatch: { real: string; model: string; log: string } | null;
  /** What does the sequence again. */
  replay: string;
  versions: { postgres: string; pgpool: string };
}

/** Longest that the real ones may take to come to the state of rest: three missed beacons, a life check, an election. */
const restLimitMs = 75_000;

/** They must say the same for so long. */
const quietMs = 1500;
const pauseMs = 250;

/**
 * Sequences of steps on three real Pgpools with watchdogs and on the statecharts alike; after each step what every Pgpool that runs
 * says of the cluster must come to what its statechart says, and stay so.
 *
 * @returns what was still running after the end
 */
export async function runWatchdog(options: {
  plans: readonly WatchdogPlan[];
  signal?: AbortSignal;
  onSequence: (result: WatchdogResult) => void;
}): Promise<{ left: string[] }> {
  const cluster = await WatchdogCluster.build();
  let left: string[] = [];
  try {
    for (const plan of options.plans) {
      const result = await sequenceOf(cluster, plan, options.signal);
      if (options.signal?.aborted) break;
      options.onSequence(result);
    }
  } finally {
    left = await cluster.remove();
  }
  return { left };
}

async function sequenceOf(
  cluster: WatchdogCluster,
  plan: WatchdogPlan,
  signal: AbortSignal | undefined,
): Promise<WatchdogResult> {
  const drawn = 'seed' in plan;
  const steps = drawn
    ? drawSteps(new Random(plan.seed).fork('watchdog differential'), plan.steps)
    : parseSteps(plan.sequence);
  const what = drawn
    ? `PGDRILL_SEED=${plan.seed} PGDRILL_STEPS=${plan.steps}`
    : `PGDRILL_SEQUENCE='${plan.sequence}'`;
  const result: WatchdogResult = {
    name: drawn ? String(plan.seed) : plan.name,
    steps: [],
    comparisons: 0,
    views: {},
    mismatch: null,
    replay: `${what} npx vitest run test/lab/watchdog-differential.test.ts`,
    versions: cluster.versions,
  };
  const needsLifeCheck = steps.some(({ action }) => action === 'freeze' || action === 'cut');
  await cluster.reset();
  const model = new WatchdogModel();
  const members = membersAtStart();
  const done: string[] = [];
  for (const step of [null, ...steps]) {
    if (signal?.aborted) break;
    if (step) await act({ cluster, model, members }, step);
    if (step) done.push(textOf(step));
    const seen = await compare(cluster, { model, members, needsLifeCheck, signal });
    Object.assign(result, { steps: [...done], comparisons: result.comparisons + seen.comparisons });
    for (const view of seen.views) result.views[view] = (result.views[view] ?? 0) + 1;
    if (seen.mismatch) return { ...result, mismatch: seen.mismatch };
  }
  return result;
}

async function act(
  { cluster, model, members }: { cluster: WatchdogCluster; model: WatchdogModel; members: Member[] },
  step: Step,
): Promise<void> {
  applyTo(members, step);
  await cluster[step.action](step.node);
  model.apply(step);
}

interface Compared {
  comparisons: number;
  views: readonly string[];
  mismatch: WatchdogResult['mismatch'];
}

async function compare(
  cluster: WatchdogCluster,
  {
    model,
    members,
    needsLifeCheck,
    signal,
  }: {
    model: WatchdogModel;
    members: readonly Member[];
    needsLifeCheck: boolean;
    signal: AbortSignal | undefined;
  },
): Promise<Compared> {
  const observers = pgpoolIds.filter((id) => members[id]?.runs && !members[id]?.frozen);
  const expected = observers.map((id) => lineOf(id, model.observe(id)));
  const together = members.every(({ runs, frozen, cut }) => runs && !frozen && !cut);
  const endMs = performance.now() + restLimitMs;
  let sinceMs: number | null = null;
  for (;;) {
    const real = await Promise.all(observers.map(async (id) => lineOf(id, await cluster.observe(id))));
    const same = real.every((line, place) => line === expected[place]);
    const nowMs = performance.now();
    sinceMs = same ? (sinceMs ?? nowMs) : null;
    const ready = !(together && needsLifeCheck) || cluster.lifeChecksRun;
    if (sinceMs !== null && ready && nowMs - sinceMs >= quietMs)
      return { comparisons: 5 * observers.length, views: real, mismatch: null };
    if (signal?.aborted) return { comparisons: 0, views: [], mismatch: null };
    if (nowMs > endMs) {
      const logs = await Promise.all(
        pgpoolIds.map(async (id) => `Pgpool ${id}:\n${(await cluster.log(id)).slice(-4000)}`),
      );
      const mismatch = { real: real.join('; '), model: expected.join('; '), log: logs.join('\n') };
      return { comparisons: 0, views: [], mismatch };
    }
    await sleep(pauseMs);
  }
}

function lineOf(node: number, observed: Observed | null): string {
  if (!observed) return `${node}: no answer`;
  const { state, leader, quorum, escalated, sees } = observed;
  return `${node}: ${state}, leader ${leader ?? 'none'}, ${quorum ?? '-'}${escalated ? ', escalated' : ''}, sees ${sees.join(' ') || 'nobody'}`;
}

/** A mismatch as a person reads it. */
export function textOfMismatch({ steps, mismatch, replay }: WatchdogResult): string {
  if (!mismatch) return 'no mismatch';
  const { real, model, log } = mismatch;
  return [
    `after ${steps.join(', ') || 'the start'}`,
    `  real:  ${real}`,
    `  model: ${model}`,
    `again: ${replay}`,
    log,
  ].join('\n');
}
