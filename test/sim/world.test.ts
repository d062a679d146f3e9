// Goal: the simulated world tells a true story: every operation accounted for, the same seed the same bytes, one
// primary at the end, and settings that move exactly what they bound.
// Method: the shipped scenario and model on the virtual clock, whole or shortened.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeSlice } from '../../src/recording/latency.ts';
import type { Recording } from '../../src/recording/recording.ts';
import { SimWorld } from '../../src/sim/world.ts';
import { finalStates, planOf, simulateRun, totalOf } from './simulated-run.ts';

function bytesOf({ events, intervals, latency }: Recording): string {
  return JSON.stringify({ events, intervals, slices: latency.map(encodeSlice) });
}

describe('the shipped scenario', () => {
  test('tells switchover, failover, rebuild and resume; every operation and every row is accounted for', async () => {
    const { recording, settled } = await simulateRun();
    const { events } = recording;
    const promoted = events.flatMap((event) =>
      event.type === 'command' && event.name === 'promoteServer' ? [event.node] : [],
    );
    expect(promoted).toHaveLength(2);
    const { roles, backends } = finalStates(events);
    expect([...roles.values()].sort()).toEqual(['primary', 'standby', 'standby']);
    expect([...backends.values()].sort()).toEqual(['up primary', 'up standby', 'up standby']);

    for (const name of ['read', 'write']) {
      const ends = (['ok', 'failed', 'unknown', 'skipped'] as const).map((end) =>
        totalOf(recording, name, end),
      );
      expect(ends.reduce((sum, count) => sum + count, 0)).toBe(totalOf(recording, name, 'due'));
    }
    expect(totalOf(recording, 'read', 'due')).toBe(270 * 90);
    const { ledger, counters } = settled;
    if (!ledger) throw new Error('no ledger');
    expect(ledger.ok).toBe(totalOf(recording, 'write', 'ok'));
    expect(ledger.found).toBe(ledger.ok - ledger.lostAtMs.length + ledger.unknownFound);
    expect(ledger.failedFound).toBe(0);
    for (const { expected, actual } of counters) expect(actual).toBe(expected);
  });

  test('is the same to the byte with the same seed and another one with another seed', async () => {
    const asked = {
      durationMs: 30_000,
      readsPerSecond: 100,
      drills: [{ kind: 'failover', atMs: 8000 }],
    } as const;
    const [first, again, other] = await Promise.all(
      [7, 7, 8].map(async (seed) => bytesOf((await simulateRun({ ...asked, seed })).recording)),
    );
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });
});

test('between the death of the primary and its detach no read is answered, and sessions are refused', async () => {
  const drills = [{ kind: 'failover', atMs: 5000 }] as const;
  const { recording } = await simulateRun({ durationMs: 20_000, drills });
  const { events, intervals } = recording;
  const detached = events.find(
    (event) => event.type === 'commandEnded' && event.name === 'loadBalancerDetach',
  );
  const untilMs = detached?.atMs ?? 0;
  expect(untilMs).toBeGreaterThan(8000);
  const dark = intervals.filter(({ startMs }) => startMs >= 5100 && startMs < untilMs);
  expect(dark.every(({ classes }) => classes.read?.completedOk === 0)).toBe(true);
  const [detach, promote] = ['loadBalancerDetach', 'promoteServer'].map((name) =>
    events.findIndex((event) => event.type === 'command' && event.name === name),
  );
  expect(detach).toBeGreaterThan(-1);
  expect(promote).toBeGreaterThan(detach as number);
});

test('local.timeout 3 s longer: detection takes exactly 3 s longer', async () => {
  const detectMs = async (seconds: string): Promise<number> => {
    const { recording } = await simulateRun({
      durationMs: 20_000,
      readsPerSecond: 20,
      writesPerSecond: 5,
      drills: [{ kind: 'failover', atMs: 5000 }],
      properties: { 'local.timeout': seconds },
    });
    const check = recording.events.find((event) => event.type === 'command' && event.name === 'finalCheck');
    if (!check) throw new Error('the death was not found out');
    return check.atMs - 5000;
  };
  const shortMs = await detectMs('4');
  expect(shortMs).toBeGreaterThan(3000 - 1);
  expect(shortMs).toBeLessThanOrEqual(4000);
  expect((await detectMs('7')) - shortMs).toBeCloseTo(3000, 6);
});

test('whichever server dies whenever, there is one primary in the end and Pgpool knows it', async () => {
  const moments = fc.record({
    seed: fc.nat(1_000_000),
    server: fc.constantFrom('server1', 'server2', 'server3'),
    atMs: fc.integer({ min: 1000, max: 6000 }),
  });
  await fc.assert(
    fc.asyncProperty(moments, async ({ seed, server, atMs }) => {
      const { recording, settled } = await simulateRun({
        seed,
        durationMs: 24_000,
        readsPerSecond: 20,
        writesPerSecond: 20,
        drills: [],
        onStart: (world) => {
          world.clock.setTimeout(() => world.perform({ type: 'killServer', server }, () => {}), atMs);
        },
      });
      const { roles, backends } = finalStates(recording.events);
      const primaries = [...roles].filter(([, role]) => role === 'primary').map(([name]) => name);
      expect(primaries).toHaveLength(1);
      expect(backends.get(primaries[0] as string)).toBe('up primary');
      expect(roles.get(server)).toBe('down');
      expect(settled.ledger?.failedFound).toBe(0);
      const last = recording.intervals.filter(({ startMs }) => startMs >= 22_000 && startMs < 24_000);
      expect(last.every(({ classes }) => classes.read?.ok === classes.read?.due)).toBe(true);
      expect(last.every(({ classes }) => classes.write?.ok === classes.write?.due)).toBe(true);
    }),
    { numRuns: 12, seed: 11 },
  );
}, 60_000);

test('in a quiet run every operation is ok and sessions spread over the servers by weight', async () => {
  const { recording, settled } = await simulateRun({ durationMs: 60_000, drills: [], weights: [1, 2, 3] });
  expect(totalOf(recording, 'read', 'ok')).toBe(totalOf(recording, 'read', 'due'));
  expect(totalOf(recording, 'write', 'ok')).toBe(totalOf(recording, 'write', 'due'));
  expect(settled.ledger).toMatchObject({ unknown: 0, failed: 0, lostAtMs: [], found: 60 * 30 });
  const reads = new Map<string, number>();
  for (const { readsByServer } of recording.intervals) {
    for (const [server, count] of Object.entries(readsByServer))
      reads.set(server, (reads.get(server) ?? 0) + count);
  }
  const all = [...reads.values()].reduce((sum, count) => sum + count, 0);
  const shares = ['server1', 'server2', 'server3'].map((server) => (reads.get(server) ?? 0) / all);
  for (const [index, weight] of [1, 2, 3].entries()) {
    expect(Math.abs((shares[index] as number) - weight / 6)).toBeLessThan(0.12);
  }
});

test('a setting that the model would ignore is refused before anything starts', async () => {
  const plan = planOf({});
  const settings = {
    ...plan.cluster.pgpoolSettings,
    statement_level_load_balance: 'on',
    client_idle_limit: '7',
  };
  const world = new SimWorld({ ...plan, cluster: { ...plan.cluster, pgpoolSettings: settings } });
  expect((await world.check()).map(({ message }) => message)).toEqual([
    "statement_level_load_balance = 'on' is not simulated",
    "client_idle_limit = '7' is not simulated",
  ]);
  expect(await new SimWorld(plan).check()).toEqual([]);
});

test('components are simulated in the versions that the model names', () => {
  const { cluster, load } = planOf({});
  const agents = cluster.agents.map((agent) => ({ ...agent, version: '3.9' }));
  const world = new SimWorld({ load, cluster: { ...cluster, agents, pgpoolVersion: '4.6' } });
  expect(world.components().map(({ kind, version }) => [kind, version])).toEqual([
    ['simulated', null],
    ['simulated', '4.6'],
    ['simulated', '3.9'],
    ['simulated', null],
  ]);
});
