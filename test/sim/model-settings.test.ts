// Goal: what a cluster model may say of replication, processors and delays moves the simulation as it should.
// Method: the shipped model with one thing changed, under load, with and without a drill.
import { describe, expect, test } from 'vitest';
import { summarise } from '../../src/analysis/summary.ts';
import type { ServiceTime } from '../../src/scenario/model-shape.ts';
import { checkSimulated } from '../../src/sim/check.ts';
import type { Cluster } from '../../src/topology/cluster.ts';
import { finalStates, planOf, type SimulatedRun, simulateRun } from './simulated-run.ts';

const steady = (mean: number): ServiceTime => ({
  mean,
  variation: 0,
  distribution: 'deterministic',
  source: 'test',
});

function withTimes(times: Partial<Cluster['serviceTimes']>, more: Partial<Cluster> = {}) {
  return (cluster: Cluster): Cluster => ({
    ...cluster,
    ...more,
    serviceTimes: { ...cluster.serviceTimes, ...times },
  });
}

/** Processor time of a server between two instants, ms. */
function usedBy({ recording }: SimulatedRun, name: string, fromMs: number, untilMs: number): number {
  return recording.events.reduce((sum, event) => {
    const counts =
      event.type === 'cpu' && event.server === name && event.atMs > fromMs && event.atMs <= untilMs;
    return counts ? sum + (event.postgresMs ?? 0) + (event.pgpoolMs ?? 0) : sum;
  }, 0);
}

describe('synchronous replication', () => {
  const failover = {
    ...{ seed: 4, durationMs: 25_000, readsPerSecond: 20, writesPerSecond: 100 },
    drills: [{ kind: 'failover', atMs: 5000 }],
  } as const;
  const late = { replication: steady(100) };

  test('without it a failover loses what was under way; with it nothing that was acknowledged', async () => {
    const without = await simulateRun({ ...failover, change: withTimes(late) });
    expect(without.settled.ledger?.lostAtMs.length).toBeGreaterThan(3);
    const postgresSettings = { synchronous_standby_names: 'ANY 1 (*)' };
    const withIt = await simulateRun({ ...failover, change: withTimes(late, { postgresSettings }) });
    expect(withIt.settled.ledger?.lostAtMs).toEqual([]);
    expect(withIt.settled.ledger?.ok).toBeGreaterThan(500);
  });

  test('costs every write the way to a standby and back', async () => {
    const quiet = { durationMs: 8000, readsPerSecond: 1, writesPerSecond: 20, drills: [] };
    const meanMs = async (change: (cluster: Cluster) => Cluster): Promise<number> => {
      const { recording } = await simulateRun({ ...quiet, change });
      return summarise(recording).classes.write?.latencyMs?.mean ?? 0;
    };
    const names = { synchronous_standby_names: 'server2, server3' };
    const local = await meanMs(
      withTimes(late, { postgresSettings: { ...names, synchronous_commit: 'local' } }),
    );
    const remote = await meanMs(withTimes(late, { postgresSettings: names }));
    expect(remote - local).toBeGreaterThan(99);
    expect(remote - local).toBeLessThan(103);
  });

  test('EFM lowers num_sync when a standby is lost, and writes go on; without that each waits until its client cancels it, which PostgreSQL answers as done', async () => {
    const atEnd = async (properties: Record<string, string>) => {
      const { recording } = await simulateRun({
        ...{ durationMs: 24_000, readsPerSecond: 5, writesPerSecond: 10, properties },
        drills: [{ kind: 'standby-down', atMs: 4000 }],
        change: (cluster) => ({
          ...cluster,
          postgresSettings: { synchronous_standby_names: '2 (server2, server3)' },
        }),
      });
      const writes = recording.intervals
        .filter(({ startMs }) => startMs >= 18_000)
        .flatMap(({ classes }) => classes.write ?? [])
        .filter(({ completedOk }) => completedOk > 0);
      const longestMs = writes.map(({ maxLatencyMs }) => maxLatencyMs ?? 0);
      const count = writes.reduce((sum, { completedOk }) => sum + completedOk, 0);
      return { count, leastMs: Math.min(...longestMs), mostMs: Math.max(...longestMs) };
    };
    const period = { 'check.num.sync.period': '2' };
    const lowered = await atEnd({ ...period, 'reconfigure.num.sync': 'true' });
    expect(lowered.count).toBeGreaterThan(50);
    expect(lowered.mostMs).toBeLessThan(1000);
    expect((await atEnd(period)).leastMs).toBeGreaterThan(5000);
  });

  test('what cannot be followed is refused', () => {
    const { cluster } = planOf({});
    const postgresSettings = {
      synchronous_commit: 'sometimes',
      synchronous_standby_names: 'FIRST 1 (server2, walreceiver)',
    };
    expect(checkSimulated({ ...cluster, postgresSettings }).map(({ message }) => message)).toEqual([
      "synchronous_commit = 'sometimes' is no value of it",
      'synchronous_standby_names names walreceiver, which is no server with PostgreSQL',
    ]);
    const prefer = { ...cluster.pgpoolSettings, prefer_lower_delay_standby: 'on' };
    expect(checkSimulated({ ...cluster, pgpoolSettings: prefer })).toHaveLength(1);
  });
});

test('reads leave standbys that are further behind than delay_threshold', async () => {
  const load = { durationMs: 14_000, readsPerSecond: 200, writesPerSecond: 40, drills: [] };
  const change = (threshold: string) => (cluster: Cluster) => ({
    ...withTimes({ replay: steady(40), read: steady(1) })(cluster),
    pgpoolSettings: { ...cluster.pgpoolSettings, delay_threshold: threshold, sr_check_period: '1' },
  });
  const off = await simulateRun({ ...load, change: change('0') });
  const on = await simulateRun({ ...load, change: change('20000') });
  const extraMs = usedBy(on, 'server1', 10_000, 14_000) - usedBy(off, 'server1', 10_000, 14_000);
  expect(extraMs / 4000).toBeGreaterThan(0.15);
  const before = usedBy(on, 'server1', 0, 1000) - usedBy(off, 'server1', 0, 1000);
  expect(Math.abs(before)).toBeLessThan(60);
});

test('a Pgpool that is started again has the nodes that its status file says', async () => {
  const { recording } = await simulateRun({
    ...{ durationMs: 30_000, readsPerSecond: 20, writesPerSecond: 5 },
    drills: [
      { kind: 'standby-down', atMs: 3000 },
      { kind: 'pgpool-loss', atMs: 18_000, lastsMs: 2000 },
    ],
  });
  expect([...finalStates(recording.events).backends.values()].sort()).toEqual([
    ...['down standby', 'up primary', 'up standby'],
  ]);
});

describe('a load beyond the capacity', () => {
  const overload = { durationMs: 9000, readsPerSecond: 9000, writesPerSecond: 5, drills: [] };

  test('is skipped in part, and the verdict names the bottleneck', async () => {
    const { recording } = await simulateRun(overload);
    const summary = summarise(recording);
    expect(summary.classes.read?.skipped).toBeGreaterThan(1000);
    const machine = summary.stations?.find(({ kind }) => kind === 'machine');
    expect(machine?.utilisation).toBeGreaterThan(0.98);
    expect(machine?.utilisation).toBeLessThan(1.001);
    expect(summary.verdict.reasons.join('\n')).toMatch(
      /overload: \d+ of \d+ due reads .* bottleneck is the machine of server1/,
    );
  });

  test('of one server with a quota names that', async () => {
    const change = (cluster: Cluster): Cluster => ({
      ...cluster,
      servers: cluster.servers.map((server) =>
        server.name === 'server2' ? { ...server, cap: { cpu: 0.1, periodMs: 100 } } : server,
      ),
    });
    const { recording } = await simulateRun({
      ...overload,
      readsPerSecond: 1500,
      weights: [0, 1, 0],
      change,
    });
    const { stations, verdict, servers } = summarise(recording);
    const capped = stations?.find(({ kind }) => kind === 'cap');
    expect(capped?.server).toBe('server2');
    expect(capped?.utilisation).toBeGreaterThan(0.95);
    expect(servers?.find(({ name }) => name === 'server2')?.throttledMs).toBeGreaterThan(1000);
    expect(verdict.reasons.join('\n')).toContain('the quota of server2');
  });

  test('a load within it has nothing to say', async () => {
    const { recording } = await simulateRun({ ...overload, readsPerSecond: 200 });
    const { stations, verdict } = summarise(recording);
    expect(verdict.reasons.join('\n')).not.toContain('overload');
    for (const { utilisation } of stations ?? []) expect(utilisation).toBeLessThan(0.6);
  });
});
