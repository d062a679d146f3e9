// Goal: what the children of Pgpool cost when a request ends and forks all of them differs from request to request, and only then.
// Method: the moments of many requests, and what a single child costs after them.
import { expect, test } from 'vitest';
import { Random } from '../../src/kernel/random.ts';
import { planRun } from '../../src/run/plan.ts';
import { ChildWork } from '../../src/sim/child-work.ts';
import { Draws } from '../../src/sim/draws.ts';

const { serviceTimes } = planRun('workloads/rehearse-failover.yaml').model.value;

test('each request draws: ends with a variation of 0.35, forks between half and one and a half ms; a single child costs the mean', () => {
  const work = new ChildWork(new Draws(serviceTimes, new Random(3)));
  const single = [work.endMs, work.backendEndMs, work.forkMs];
  expect(single).toEqual([0.9, 1.8, 1]);
  const ends: number[] = [];
  const forks: number[] = [];
  for (let request = 0; request < 4000; request += 1) {
    work.endsMany();
    expect(work.backendEndMs).toBeCloseTo(2 * work.endMs, 9);
    ends.push(work.endMs);
    work.forksAnew();
    forks.push(work.forkMs);
    work.isOver();
    expect([work.endMs, work.backendEndMs, work.forkMs]).toEqual(single);
  }
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(mean(ends.map((end) => (end - mean(ends)) ** 2)));
  expect(Math.abs(mean(ends) / 0.9 - 1)).toBeLessThan(0.02);
  expect(Math.abs(deviation / mean(ends) / 0.35 - 1)).toBeLessThan(0.06);
  expect(Math.min(...forks)).toBeGreaterThan(0.5);
  expect(Math.max(...forks)).toBeLessThan(1.5);
  expect(mean(forks)).toBeCloseTo(1, 1);
});
