// Goal: the station is a true processor-sharing server.
// Method: hand-checked jobs; and the mean response time of M/M/1 and M/M/2, which processor sharing has in common with
// first-come-first-served, and (M/G/1-PS) does not depend on the spread of the work.
import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../../src/kernel/clock.ts';
import { Random } from '../../src/kernel/random.ts';
import { Station } from '../../src/sim/station.ts';

function run(cores: number, jobs: readonly { atMs: number; workMs: number }[]): number[] {
  const clock = new VirtualClock();
  const station = new Station(clock, cores);
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
    const station = new Station(clock, 1);
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
  const station = new Station(clock, cores);
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
