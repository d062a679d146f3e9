import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseThresholds } from '../../../src/scenario/threshold.ts';
import { mmc } from '../../../src/sim/analytic/erlang.ts';
import { capacityOf } from '../../../src/study/plan/capacity.ts';
import { Stations } from '../../../src/study/plan/demand.ts';
import { evaluate } from '../../../src/study/plan/evaluate.ts';
import { meets } from '../../../src/study/plan/objectives.ts';
import { normalState, statesAfter } from '../../../src/study/plan/states.ts';
import { capacityCluster, demandOf } from './clusters.ts';

// Goal: what formulas expect of a cluster. Method: loads worked out by hand, closed forms, and orders that must hold.

const guide = capacityCluster();
const normal = normalState(guide);

/** BEGIN and END on the session's standby: two quarters of a read. */
const brackets = 2 * 0.25 * 0.3;

function loadsOf(cluster = guide, state = normal, demand = demandOf(4000, 200)) {
  return Object.fromEntries(
    new Stations(cluster, state, demand).all().map(({ name, offered }) => [name, offered]),
  );
}

test('work in cores: reads by share, writes on the primary, replay and BEGIN on standbys, statements at Pgpool', () => {
  expect(loadsOf()).toEqual({
    server1: expect.closeTo(0.2 * 3.7, 9),
    server2: expect.closeTo(2 * 0.3 + 0.2 * 0.1 + 0.1 * brackets, 9),
    server3: expect.closeTo(2 * 0.3 + 0.2 * 0.1 + 0.1 * brackets, 9),
    server4: expect.closeTo((4 + 7 * 0.2) * 0.05, 9),
  });
});

test('new sessions are work at Pgpool', () => {
  const demand = { ...demandOf(4000, 200), sessionLifetimeMs: 1000 };
  expect(loadsOf(guide, normal, demand).server4).toBeCloseTo(5.4 * 0.05 + (64 / 1000) * (12 / 4), 9);
});

test('sessions that have rested cost servers and Pgpool a wake-up more, and one renewed a reset on every server', () => {
  const time = (mean: number) => ({
    mean,
    variation: 0.5,
    distribution: 'lognormal' as const,
    source: 'test',
  });
  const resting = capacityCluster(({ serviceTimes }) => {
    serviceTimes.wake = time(0.2);
    serviceTimes.wakePgpool = time(0.1);
    serviceTimes.wakeAfter = time(40);
    serviceTimes.reset = time(1);
  });
  const { network, pgpoolStatement, write } = resting.serviceTimes;
  const share = (restMs: number): number => 1 - Math.exp(-restMs / 40);
  const nextMs = 2 * network.mean + (pgpoolStatement?.mean ?? 0);
  const first = share(64 / 4.2);
  const loads = loadsOf(resting);
  const plain = loadsOf();
  expect((loads.server4 ?? 0) - (plain.server4 ?? 0)).toBeCloseTo(
    0.1 * (4 * first + 0.2 * (first + 6 * share(nextMs))),
    9,
  );
  expect((loads.server1 ?? 0) - (plain.server1 ?? 0)).toBeCloseTo(
    0.2 * 0.2 * (share(64 / 0.2) + 6 * share(nextMs)),
    9,
  );
  const bracketWakes = first + share(7 * nextMs + write.mean);
  expect((loads.server2 ?? 0) - (plain.server2 ?? 0)).toBeCloseTo(0.2 * (2 * first + 0.1 * bracketWakes), 9);
  const lightly = demandOf(100, 0);
  const meanOf = (cluster: typeof guide): number =>
    evaluate(cluster, normalState(cluster), lightly).service.read.meanMs;
  expect(meanOf(resting) - meanOf(guide)).toBeCloseTo(0.3, 2);
  const renewed = { ...demandOf(4000, 200), sessionLifetimeMs: 1000 };
  const resets = (loadsOf(resting, normalState(resting), renewed).server3 ?? 0) - (loads.server3 ?? 0);
  expect(resets).toBeCloseTo(64 / 1000, 9);
});

test('servers without a cpu share one machine, and a cap limits its own server', () => {
  const shared = capacityCluster(({ servers }) => {
    for (const server of servers) delete server.cpu;
    const second = servers[1];
    if (second) second.cap = { cpu: 0.8, period: 100 };
  });
  const stations = new Stations(shared, normalState(shared), demandOf(2000, 100)).all();
  expect(stations.map(({ name, kind, cores }) => [name, kind, cores])).toEqual([
    ['the shared machine', 'shared CPU', 2],
    ['server2', 'standby CPU', 0.8],
  ]);
  const whole = 2 * 0.3 + 0.1 * 3.7 + 2 * 0.1 * 0.1 + (2 + 0.7) * 0.05 + 0.1 * brackets;
  expect(stations[0]?.offered).toBeCloseTo(whole, 9);
  expect(stations[1]?.offered).toBeCloseTo(0.3 + 0.01 + 0.05 * brackets, 9);
});

test('the mean of a read is that of the queues on its way', () => {
  const plain = capacityCluster(({ serviceTimes }) => {
    delete serviceTimes.replay;
  });
  const many = demandOf(4000, 0, 1_000_000);
  const { latency, offload, stable } = evaluate(plain, normalState(plain), many);
  const pgpool = mmc({ rate: 4, meanService: 0.05, servers: 2 })?.meanResponse ?? 0;
  const standby = mmc({ rate: 2, meanService: 0.3, servers: 2 })?.meanResponse ?? 0;
  expect(latency.read.meanMs).toBeCloseTo(0.1 + pgpool + standby, 4);
  expect([offload, stable]).toEqual([1, true]);
});

test('percentiles rise with the share, and the latency holds the service time', () => {
  const { latency, service } = evaluate(guide, normal, demandOf(6000, 300, 12));
  const at = [0.5, 0.95, 0.99, 0.999].map((share) => latency.read.quantileMs(share));
  expect(at).toEqual(at.toSorted((a, b) => a - b));
  expect(latency.write.meanMs).toBeGreaterThan(service.write.meanMs);
  expect(latency.read.quantileMs(0.99)).toBeGreaterThan(service.read.quantileMs(0.99));
});

test('a load beyond a processor, or beyond the sessions, has no end', () => {
  const overloaded = evaluate(guide, normal, demandOf(1000, 600));
  expect(overloaded.stable).toBe(false);
  expect(overloaded.latency.write.quantileMs(0.5)).toBe(Number.POSITIVE_INFINITY);
  expect(evaluate(guide, normal, demandOf(4000, 200, 2)).stable).toBe(false);
});

test('fewer sessions spread reads less evenly, which costs the tail', () => {
  const tail = (sessions: number): number =>
    evaluate(guide, normal, demandOf(9000, 10, sessions)).service.read.quantileMs(0.99);
  expect(tail(32)).toBeGreaterThan(1.1 * tail(1000));
});

const thresholds = parseThresholds(['read.p99 < 20ms', 'write.p99 < 60ms']);
const question = { thresholds, children: 64 };

test('the highest load is where the objectives are just kept, and names what stops it', () => {
  const demand = demandOf(2000, 100);
  const { factor, limit } = capacityOf(guide, normal, { ...question, demand });
  const times = (more: number) => demandOf(2000 * factor * more, 100 * factor * more);
  expect(meets(thresholds, evaluate(guide, normal, times(0.99)))).toBe(true);
  expect(meets(thresholds, evaluate(guide, normal, times(1.02)))).toBe(false);
  expect(limit.kind).toBe('primary CPU');
  expect(capacityOf(guide, normal, { ...question, demand: demandOf(2000, 1) }).limit.kind).toBe(
    'standby CPU',
  );
});

test('Pgpool, children, sessions and the work itself can be the limit', () => {
  const slowFront = capacityCluster(({ serviceTimes }) => {
    if (serviceTimes.pgpoolStatement) serviceTimes.pgpoolStatement.mean = 1;
  });
  const limitOf = (cluster = guide, options: Partial<Parameters<typeof capacityOf>[2]> = {}) =>
    capacityOf(cluster, normalState(cluster), { ...question, demand: demandOf(500, 1), ...options });
  expect(limitOf(slowFront).limit).toEqual({ kind: 'Pgpool CPU', name: 'server4' });
  expect(limitOf(guide, { demand: demandOf(500, 1, 2), children: 2 }).limit.kind).toBe('children');
  expect(limitOf(guide, { demand: demandOf(500, 1, 2) }).limit.kind).toBe('sessions');
  const strict = parseThresholds(['read.p99 < 200us']);
  expect(limitOf(guide, { thresholds: strict })).toMatchObject({
    factor: 0,
    limit: { kind: 'service time' },
  });
});

test('more load is never faster, and a loss never carries more', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 100, max: 6000 }),
      fc.integer({ min: 1, max: 400 }),
      fc.double({ min: 0.2, max: 0.95, noNaN: true }),
      (reads, writes, less) => {
        const p99 = (demand: ReturnType<typeof demandOf>, state = normal): number =>
          evaluate(guide, state, demand).latency.read.quantileMs(0.99);
        const whole = demandOf(reads, writes);
        expect(p99(demandOf(reads * less, writes * less))).toBeLessThanOrEqual(p99(whole) * 1.02);
        const [lost = normal] = statesAfter('standby-loss', guide);
        expect(p99(whole, lost)).toBeGreaterThanOrEqual(p99(whole) * 0.98);
      },
    ),
    { numRuns: 15 },
  );
});
