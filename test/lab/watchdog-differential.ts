import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../../src/kernel/random.ts';
import { WatchdogCluster } from './watchdog-differential-cluster.ts';
import { WatchdogModel } from './watchdog-differential-model.ts';
import type { Escalations, Observed } from './watchdog-differential-observe.ts';
import { idsOf, profileOfSeed, times, type WatchdogProfile } from './watchdog-differential-profiles.ts';
import {
  applyTo,
  drawSteps,
  memberOf,
  parseSequence,
  type Scene,
  type Step,
  sceneAtStart,
  textOf,
} from './watchdog-differential-steps.ts';

/** One sequence: drawn from a seed, or written out. */
export type WatchdogPlan = { seed: number; steps: number } | { name: string; sequence: string };

export interface WatchdogResult {
  /** The seed, or the name of the sequence. */
  name: string;
  profile: string;
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

/** They must say the same for so long; where a backend is asked about longer than two health checks, so that votes are in. */
const quietMs = 1500;
const votingMs = 3500;

/** After this the life checks have noticed a gone Pgpool too: one that is back before that is found dead once more while it joins. */
const forgottenMs = 1000 * (times.deadtime + times.interval + 2);
const pauseMs = 250;

/**
 * Sequences of steps on real Pgpools with watchdogs and on the statecharts alike; after each step what every Pgpool that runs
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
  const { profile, steps, replay } = stepsOf(plan);
  const scene = sceneAtStart(profile);
  const result: WatchdogResult = {
    name: 'seed' in plan ? String(plan.seed) : plan.name,
    profile: profile.name,
    steps: [],
    comparisons: 0,
    views: {},
    mismatch: null,
    replay,
    versions: cluster.versions,
  };
  const needsLifeCheck =
    !profile.checksHealth || steps.some(({ action }) => /^(freeze|cut|unlink)$/.test(action));
  await cluster.reset(profile);
  const sides = { cluster, model: new WatchdogModel(profile), scene };
  const done: string[] = [];
  for (const step of [null, ...steps]) {
    if (signal?.aborted) break;
    if (step) await act(sides, step);
    if (step) done.push(textOf(step));
    const seen = await compare(sides, { step, needsLifeCheck, signal });
    Object.assign(result, { steps: [...done], comparisons: result.comparisons + seen.comparisons });
    for (const view of seen.views) result.views[view] = (result.views[view] ?? 0) + 1;
    if (seen.mismatch) return { ...result, mismatch: seen.mismatch };
  }
  return result;
}

function stepsOf(plan: WatchdogPlan): { profile: WatchdogProfile; steps: Step[]; replay: string } {
  const again = (what: string): string =>
    `${what} npx vitest run --project servers test/lab/watchdog-differential.test.ts`;
  if ('sequence' in plan)
    return { ...parseSequence(plan.sequence), replay: again(`PGDRILL_SEQUENCE='${plan.sequence}'`) };
  const profile = profileOfSeed(plan.seed);
  return {
    profile,
    steps: drawSteps(profile, new Random(plan.seed).fork('watchdog differential'), plan.steps),
    replay: again(`PGDRILL_SEED=${plan.seed} PGDRILL_STEPS=${plan.steps}`),
  };
}

/** The real ones, the statecharts, and what the steps have made of both. */
interface Sides {
  cluster: WatchdogCluster;
  model: WatchdogModel;
  scene: Scene;
}

async function act({ cluster, model, scene }: Sides, step: Step): Promise<void> {
  applyTo(scene, step);
  await cluster.apply(step);
  model.apply(step);
}

interface Compared {
  comparisons: number;
  views: readonly string[];
  mismatch: WatchdogResult['mismatch'];
}

/** Facts in what a Pgpool says, and in what its machine shows. */
const factsSaid = 6;
const factsShown = 2;

async function compare(
  sides: Sides,
  {
    step,
    needsLifeCheck,
    signal,
  }: { step: Step | null; needsLifeCheck: boolean; signal: AbortSignal | undefined },
): Promise<Compared> {
  const { cluster, scene } = sides;
  const expected = modelLines(sides);
  const together = scene.members.every(({ runs, frozen, cut, linked }) => runs && !frozen && !cut && linked);
  const restMs = restAfter(step);
  const endMs = performance.now() + restLimitMs;
  let sinceMs: number | null = null;
  for (;;) {
    const real = await realLines(sides);
    const same = real.every((line, place) => line === expected[place]);
    const nowMs = performance.now();
    sinceMs = same ? (sinceMs ?? nowMs) : null;
    if (same) cluster.placed();
    const ready = !(together && needsLifeCheck) || cluster.lifeChecksRun;
    if (sinceMs !== null && ready && nowMs - sinceMs >= restMs) {
      const said = real.filter((line) => line.includes(', leader ')).length;
      return { comparisons: factsSaid * said + factsShown * real.length, views: real, mismatch: null };
    }
    if (signal?.aborted) return { comparisons: 0, views: [], mismatch: null };
    if (nowMs > endMs) {
      const logs = await Promise.all(
        idsOf(scene.profile).map(async (id) => `Pgpool ${id}:\n${(await cluster.log(id)).slice(-9000)}`),
      );
      const mismatch = { real: real.join('; '), model: expected.join('; '), log: logs.join('\n') };
      return { comparisons: 0, views: [], mismatch };
    }
    await sleep(pauseMs);
  }
}

function restAfter(step: Step | null): number {
  if (step === null) return quietMs;
  if (/^(kill|stop)$/.test(step.action)) return forgottenMs;
  return step.backend !== null || /^(cut|unlink|join|link)$/.test(step.action) ? votingMs : quietMs;
}

function modelLines({ model, scene }: Sides): string[] {
  return idsOf(scene.profile).map((id) => {
    const { frozen, ...member } = memberOf(scene, id);
    const runs = member.runs && !model.hasEnded(id);
    const said = runs && !frozen ? saidOf(model.observe(id)) : runs ? 'frozen' : 'gone';
    return lineOf(id, said, model.escalations(id));
  });
}

function realLines({ cluster, scene }: Sides): Promise<string[]> {
  return Promise.all(
    idsOf(scene.profile).map(async (id) => {
      const { frozen } = memberOf(scene, id);
      const runs = cluster.runs(id);
      const said =
        runs && !frozen ? saidOf(await cluster.observe(scene.profile, id)) : runs ? 'frozen' : 'gone';
      return lineOf(id, said, await cluster.escalations(id));
    }),
  );
}

function saidOf(observed: Observed | null): string {
  if (!observed) return 'no answer';
  const { state, leader, quorum, escalated, sees, nodes } = observed;
  const rank = `${state}, leader ${leader ?? 'none'}, ${quorum ?? '-'}${escalated ? ', escalated' : ''}`;
  return `${rank}, sees ${sees.join(' ') || 'nobody'}, nodes ${nodes}`;
}

const lineOf = (node: number, said: string, { vip, runs }: Escalations): string =>
  `${node}: ${said}${vip ? ', has the address' : ''}${runs === '' ? '' : `, ran ${runs}`}`;

/** A mismatch as a person reads it. */
export function textOfMismatch({ profile, steps, mismatch, replay }: WatchdogResult): string {
  if (!mismatch) return 'no mismatch';
  const { real, model, log } = mismatch;
  return [
    `${profile}: after ${steps.join(', ') || 'the start'}`,
    `  real:  ${real}`,
    `  model: ${model}`,
    `again: ${replay}`,
    log,
  ].join('\n');
}
