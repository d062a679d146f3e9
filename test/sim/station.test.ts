// Goal: the station is a true processor-sharing server.
// Method: hand-checked jobs; and the mean response time of M/M/1 and M/M/2, which processor sharing has in common with
// first-come-first-served, and (M/G/1-PS) does not depend on the spread of the work.
import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../../src/kernel/clock.ts';
import { Random } from '../../src/kernel/random.ts';
import type { ServiceTime } from '../../src/scenario/model-shape.ts';
import { FcfsStation } from '../../src/sim/fcfs-station.ts';
import { stationsOf } from '../../src/sim/hosts.ts';
import { Processor } from '../../src/sim/processor.ts';
import { planOf } from './simulated-run.ts';
import { threeServers } from './small-servers.ts';

function run(cores: number, jobs: readonly { atMs: number; workMs: number }[]): number[] {
  const clock = new VirtualClock();
  const station = new Processor(clock, cores).station();
  const endsMs: number[] = [];
  for (const [index, { atMs, workMs }] of jobs.entries()) {
    clock.setTimeout(
      () =>
        station.run(workMs, () => {
          endsMs[index] = clock.nowMs();
        }),
      atMs,
    );
  }
  clock.runUntil(1e6);
  return endsMs;
}

describe('hand-checked', () => {
  test('one core is shared by two jobs', () => {
    const endsMs = run(1, [
      { atMs: 0, workMs: 10 },
      { atMs: 4, workMs: 2 },
    ]);
    expect(endsMs[1]).toBeCloseTo(8, 9);
    expect(endsMs[0]).toBeCloseTo(12, 9);
  });

  test('as many jobs as cores do not touch each other', () => {
    expect(
      run(2, [
        { atMs: 0, workMs: 10 },
        { atMs: 0, workMs: 7 },
      ]),
    ).toEqual([10, 7]);
  });

  test('jobs that end together end in the order in which they came; a job without work ends at once', () => {
    const clock = new VirtualClock();
    const station = new Processor(clock, 1).station();
    const ended: string[] = [];
    for (const name of ['a', 'b']) station.run(3, () => ended.push(`${name} at ${clock.nowMs()}`));
    station.run(0, () => ended.push(`none at ${clock.nowMs()}`));
    clock.runUntil(100);
    expect(ended).toEqual(['none at 0', 'a at 6', 'b at 6']);
    expect(station.served).toBe(3);
  });
});

/** Mean response time of an open station, ms. */
function meanResponse(cores: number, perMs: number, work: (random: Random) => number): number {
  const clock = new VirtualClock();
  const station = new Processor(clock, cores).station();
  const random = new Random(3).fork('arrivals');
  const works = new Random(3).fork('work');
  let sumMs = 0;
  let left = 200_000;
  const arrive = (): void => {
    const fromMs = clock.nowMs();
    station.run(work(works), () => {
      sumMs += clock.nowMs() - fromMs;
    });
    left -= 1;
    if (left > 0) clock.setTimeout(arrive, random.exponential(1 / perMs));
  };
  arrive();
  clock.runUntil(Number.MAX_SAFE_INTEGER);
  return sumMs / 200_000;
}

describe('against theory, within 4 % at 200 000 jobs', () => {
  test('M/M/1 at 0.7: 1 / (1 - 0.7)', () => {
    const meanMs = meanResponse(1, 0.7, (random) => random.exponential(1));
    expect(Math.abs(meanMs / (1 / 0.3) - 1)).toBeLessThan(0.04);
  });

  test('M/M/2 at 0.7: 1 / (1 - 0.49)', () => {
    const meanMs = meanResponse(2, 1.4, (random) => random.exponential(1));
    expect(Math.abs(meanMs * (1 - 0.49) - 1)).toBeLessThan(0.04);
  });

  test('M/G/1 at 0.7 with lognormal work of variation 1.5 has the mean of M/M/1', () => {
    const meanMs = meanResponse(1, 0.7, (random) => random.lognormal(1, 1.5));
    expect(Math.abs(meanMs / (1 / 0.3) - 1)).toBeLessThan(0.04);
  });
});

describe('a quota of processor time', () => {
  const quota = { budgetMs: 25, periodMs: 100, phaseMs: 0 };

  function capped(cores: number, jobs: readonly { atMs: number; workMs: number }[]) {
    const clock = new VirtualClock();
    const station = new Processor(clock, cores).station(quota);
    const endsMs: number[] = [];
    for (const [index, { atMs, workMs }] of jobs.entries())
      clock.setTimeout(() => station.run(workMs, () => (endsMs[index] = clock.nowMs())), atMs);
    clock.runUntil(1e6);
    return { endsMs, usedMs: station.usedMs(), throttledMs: station.throttledMs() };
  }

  test('one job runs 25 ms in each 100 ms', () => {
    const { endsMs, usedMs, throttledMs } = capped(1, [{ atMs: 0, workMs: 60 }]);
    expect(endsMs[0]).toBeCloseTo(210, 5);
    expect(usedMs).toBeCloseTo(60, 5);
    expect(throttledMs).toBeCloseTo(150, 5);
  });

  test('periods begin where the phase says, before and after it', () => {
    const clock = new VirtualClock(-100);
    const station = new Processor(clock, 1).station({ ...quota, phaseMs: 30 });
    const endsMs: number[] = [];
    for (const atMs of [-100, 100])
      clock.setTimeout(() => station.run(30, () => endsMs.push(clock.nowMs())), atMs + 100);
    clock.runUntil(1000);
    expect(endsMs.map((endMs) => Math.round(endMs * 1e5) / 1e5)).toEqual([-65, 135]);
  });

  test('what two cores use counts together', () => {
    const jobs = [
      { atMs: 10, workMs: 20 },
      { atMs: 10, workMs: 20 },
    ];
    const { endsMs } = capped(2, jobs);
    for (const endMs of endsMs) expect(endMs).toBeCloseTo(107.5, 5);
  });

  test('a job that comes to a suspended station waits for the next period; nothing is saved up while it is idle', () => {
    const jobs = [
      { atMs: 0, workMs: 25.5 },
      { atMs: 50, workMs: 1 },
      { atMs: 990, workMs: 40 },
    ];
    const { endsMs } = capped(1, jobs);
    expect(endsMs[0]).toBeCloseTo(101, 5);
    expect(endsMs[1]).toBeCloseTo(101.5, 5);
    expect(endsMs[2]).toBeCloseTo(1105, 5);
  });

  test('jobs that the end of a quota stopped need `restartMs` more each; one that comes meanwhile does not', () => {
    const clock = new VirtualClock();
    const station = new Processor(clock, 1).station({ ...quota, restartMs: 2 });
    const endsMs: Record<string, number> = {};
    const run = (name: string, atMs: number, workMs: number): void => {
      clock.setTimeout(() => station.run(workMs, () => (endsMs[name] = clock.nowMs())), atMs);
    };
    run('first', 0, 13.5);
    run('second', 0, 14.5);
    run('late', 60, 3);
    clock.runUntil(1000);
    // 12.5 ms of each are done at 25; from 100 on 1 + 2, 2 + 2 and 3 ms of work are left.
    expect(endsMs.first).toBeCloseTo(109, 5);
    expect(endsMs.late).toBeCloseTo(109, 5);
    expect(endsMs.second).toBeCloseTo(110, 5);
    expect(station.usedMs()).toBeCloseTo(13.5 + 14.5 + 3 + 4, 5);
  });

  test('no more than half of a quota goes into jobs that begin anew, so that they come to an end', () => {
    const clock = new VirtualClock();
    const station = new Processor(clock, 1).station({ ...quota, restartMs: 1000 });
    let endedMs = 0;
    station.run(quota.budgetMs + 5, () => {
      endedMs = clock.nowMs();
    });
    clock.runUntil(1000);
    expect(endedMs).toBeCloseTo(quota.periodMs + quota.budgetMs / 2 + 5, 5);
  });

  test('jobs begin anew at twice the cost of `wake` where PostgreSQL runs, elsewhere at that of `wakePgpool`', () => {
    const { clock, draws } = threeServers();
    const { cluster } = planOf({});
    const time = (mean: number): ServiceTime => ({
      ...{ mean, variation: 0, distribution: 'deterministic', source: 'test' },
    });
    const place = { address: '10.0.0.1', cpu: 1, cap: { cpu: 0.5, periodMs: 100 } };
    const capped = {
      ...cluster,
      servers: ['database', 'proxy'].map((name) => ({ ...place, name })),
      backends: cluster.backends.slice(0, 1).map((backend) => ({ ...backend, server: 'database' })),
      serviceTimes: { ...cluster.serviceTimes, wake: time(2.3), wakePgpool: time(3.1) },
    };
    const stationOf = stationsOf(clock, capped, draws);
    for (const [name, restartMs] of [
      ['database', 2 * 2.3],
      ['proxy', 2 * 3.1],
    ] as const) {
      const station = stationOf(name);
      station.run(500, () => {});
      clock.runUntil(clock.nowMs() + 5000);
      const restarts = (station.usedMs() - 500) / restartMs;
      expect(Math.round(restarts)).toBeGreaterThan(5);
      expect(Math.round(restarts)).toBeLessThan(15);
      expect(restarts).toBeCloseTo(Math.round(restarts), 4);
    }
  });

  test('stations of one processor share it: while one is suspended the other has it alone', () => {
    const clock = new VirtualClock();
    const processor = new Processor(clock, 1);
    const [small, large] = [processor.station(quota), processor.station()];
    const endsMs: Record<string, number> = {};
    small.run(50, () => (endsMs.small = clock.nowMs()));
    large.run(60, () => (endsMs.large = clock.nowMs()));
    clock.runUntil(1e4);
    // Until 50 ms both have half of it; then the small one is suspended until 100 ms.
    expect(endsMs.large).toBeCloseTo(85, 5);
    expect(endsMs.small).toBeCloseTo(125, 5);
    expect(large.usedMs()).toBeCloseTo(60, 5);
  });

  test('of several quotas the one that is used up first stops its jobs in time', () => {
    const clock = new VirtualClock();
    const processor = new Processor(clock, 2);
    const [small, large] = [10, 80].map((budgetMs) => processor.station({ ...quota, budgetMs }));
    const endsMs: Record<string, number> = {};
    small?.run(20, () => (endsMs.small = clock.nowMs()));
    large?.run(90, () => (endsMs.large = clock.nowMs()));
    clock.runUntil(1e4);
    expect(endsMs.small).toBeCloseTo(110, 5);
    expect(endsMs.large).toBeCloseTo(110, 5);
  });

  test('a saturated station gets its quota, and no more, whatever the number of jobs', () => {
    const clock = new VirtualClock();
    const station = new Processor(clock, 4).station(quota);
    const again = (): void => station.run(3, again);
    for (let job = 0; job < 7; job += 1) again();
    clock.runUntil(10_000);
    expect(station.usedMs()).toBeCloseTo(2500, 3);
    expect(station.cap).toBe(0.25);
  });
});

test('first come, first served: by two servers, in order, with a queue longer than its first room', () => {
  const clock = new VirtualClock();
  const station = new FcfsStation(clock, 2);
  const endsMs: number[] = [];
  const ends = clock.kernel.kind((job) => endsMs.push(job, clock.nowMs()));
  for (let job = 0; job < 40; job += 1) station.serve(job === 0 ? 10 : 1, ends, job, 0);
  clock.runUntil(20);
  expect(station.jobs).toBe(9);
  for (let job = 40; job < 200; job += 1) station.serve(1, ends, job, 0);
  expect(station.jobs).toBe(169);
  clock.runUntil(1e4);
  expect(endsMs.slice(0, 4)).toEqual([1, 1, 2, 2]);
  expect(endsMs.slice(-2)).toEqual([199, 105]);
  const inOrder = Array.from({ length: 199 }, (_, index) => index + 1);
  expect(endsMs.filter((_, index) => index % 2 === 0 && endsMs[index] !== 0)).toEqual(inOrder);
  expect(station.busyMs).toBe(209);
});
