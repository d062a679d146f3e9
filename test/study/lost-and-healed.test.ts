// Goal: the model knows what the lab's single machine changes (a lost server refuses), and drills that are ended again.
// Method: one trial each way; a simulated run at loopback addresses and at others.
import { expect, test } from 'vitest';
import { MemoryRecorder } from '../../src/recording/memory.ts';
import { driveLoad } from '../../src/run/drive.ts';
import { SimWorld } from '../../src/sim/world.ts';
import { figuresOf } from '../../src/study/timeline/figures.ts';
import { runTrial, type TrialPlan } from '../../src/study/timeline/trial.ts';
import type { Cluster } from '../../src/topology/cluster.ts';
import { planOf } from '../sim/simulated-run.ts';

const { cluster } = planOf({});
const remoteTimeoutMs = 2000;

function phasesOf(plan: Omit<TrialPlan, 'cluster' | 'seed'>) {
  const whole = { cluster, seed: 1, ...plan };
  return figuresOf(runTrial(whole, { index: 0, trials: 1 }), cluster).phases;
}

test('who asks a lost server waits for it, but not where its machine refuses', () => {
  expect(phasesOf({ kind: 'node-loss' }).verify).toBeGreaterThanOrEqual(remoteTimeoutMs);
  expect(phasesOf({ kind: 'node-loss', lossStyle: 'refused' }).verify).toBeLessThan(100);
});

test('a hung server stops when it wakes, and not before pg_ctl gives up without that', () => {
  expect(phasesOf({ kind: 'hang' }).stop).toBeGreaterThan(59_000);
  const { stop, promote } = phasesOf({ kind: 'hang', lastsMs: 12_000 });
  expect(stop).toBeGreaterThan(1000);
  expect(stop).toBeLessThan(12_000);
  expect(promote).toBeGreaterThan(0);
});

async function verifyMs(addresses: string): Promise<number> {
  const plan = planOf({ durationMs: 26_000, drills: [{ kind: 'node-loss', atMs: 6000 }] });
  const moved: Cluster = {
    ...plan.cluster,
    servers: plan.cluster.servers.map((server, index) => ({
      ...server,
      address: `${addresses}.${index + 1}`,
    })),
  };
  const moving = { ...plan, cluster: moved };
  const world = new SimWorld(moving);
  const recorder = new MemoryRecorder();
  await world.prepare(recorder);
  await driveLoad(world, moving, { recorder });
  await world.close();
  const { events } = recorder.recording({} as never, { ledger: null, counters: [] });
  const began = events.find((event) => event.type === 'command' && event.name === 'verifyDatabase');
  const ended = events.findLast((event) => event.type === 'commandEnded' && event.name === 'verifyDatabase');
  return (ended?.atMs ?? 0) - (began?.atMs ?? Number.POSITIVE_INFINITY);
}

test('a simulated run of servers at loopback addresses has lost servers that refuse, of others silent ones', async () => {
  expect(await verifyMs('127.0.77')).toBeLessThan(100);
  expect(await verifyMs('10.0.0')).toBeGreaterThanOrEqual(remoteTimeoutMs);
});
