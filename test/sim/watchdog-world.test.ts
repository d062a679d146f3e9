// Goal: clients of a virtual IP are out for no more than the takeover of the watchdog, killed or lost, and cut off where the leader is;
// every operation is accounted for, and equal runs are equal.
// Method: the shipped scenario (workloads/drills/pgpool-leader.yaml) in the simulated world, and the address on a small network.
import { expect, test } from 'vitest';
import { planRun } from '../../src/run/plan.ts';
import { simulatePlan } from '../../src/run/simulate.ts';
import { Network } from '../../src/sim/network.ts';
import { DelegateAddress } from '../../src/sim/service-address.ts';

const scenario = 'workloads/drills/pgpool-leader.yaml';

test('the leader killed, then the host of the next lost: refused or silent until another has the address', async () => {
  const recording = await simulatePlan(planRun(scenario));
  const okReads = (fromMs: number, untilMs: number): number =>
    recording.intervals
      .filter(({ startMs }) => startMs >= fromMs && startMs < untilMs)
      .reduce((sum, { classes }) => sum + (classes.read?.completedOk ?? 0), 0);
  expect(okReads(10_000, 14_000)).toBeGreaterThan(300);
  expect(okReads(14_000, 16_000)).toBe(0);
  expect(okReads(17_000, 60_000)).toBeGreaterThan(3000);
  expect(okReads(61_000, 80_000)).toBe(0);
  expect(okReads(115_000, 135_000)).toBeGreaterThan(1500);
  const ups = recording.events.flatMap((event) =>
    event.type === 'watchdog' && event.moment === 'addressUp' && event.atMs > 0 ? [event.pgpool] : [],
  );
  expect(ups).toHaveLength(2);
  expect(ups[0]).not.toBe('pgpool1');
  for (const { classes } of recording.intervals)
    for (const entry of Object.values(classes)) expect(entry.due).toBeGreaterThanOrEqual(0);
  const again = await simulatePlan(planRun(scenario));
  expect(JSON.stringify(again.events)).toBe(JSON.stringify(recording.events));
}, 60_000);

test('a leader that is lost after a switchover: the next one’s children, killed when it heard of the new primary, serve again', async () => {
  const drills = '[{ kind: switchover, at: 8s }, { kind: pgpool-loss, at: 20s, target: pgpool1 }]';
  const set = [
    { path: 'phases.measure', value: '30s' },
    { path: 'drills', value: drills },
  ];
  const { intervals, events } = await simulatePlan(planRun(scenario, { set }));
  const ups = events.filter((event) => event.type === 'watchdog' && event.moment === 'addressUp');
  expect(ups.filter(({ atMs }) => atMs > 20_000)).toHaveLength(1);
  const okReads = intervals
    .filter(({ startMs }) => startMs >= 25_000 && startMs < 30_000)
    .reduce((sum, { classes }) => sum + (classes.read?.completedOk ?? 0), 0);
  expect(okReads).toBeGreaterThan(400);
}, 60_000);

test('the address goes to who announced it last; a lost host swallows packets, a partition has one on each side', () => {
  const network = new Network(['a', 'b', 'c']);
  const address = new DelegateAddress(network, () => {});
  expect(address.holderFrom('c')).toBeNull();
  address.take('a');
  address.take('b');
  expect(address.holderFrom('c')).toBe('b');
  network.partition([['b'], ['a', 'c']]);
  expect(address.holderFrom('c')).toBe('a');
  expect(address.holderFrom('b')).toBe('b');
  network.heal();
  network.lose('b');
  expect(address.holderFrom('c')).toBeNull();
  address.drop('b');
  expect(address.holderFrom('c')).toBe('a');
});
