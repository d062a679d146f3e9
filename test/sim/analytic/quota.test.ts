import { expect, test } from 'vitest';
import { Random } from '../../../src/kernel/random.ts';
import { meanThrottle, type Quota, throttle } from '../../../src/sim/analytic/quota.ts';
import { SpanGrid } from '../../../src/sim/analytic/span-grid.ts';

// Goal: how long a quota stops jobs. Method: limits, and a replay of many periods of Poisson work counted out one by one.

const quota: Quota = { cores: 0.5, periodMs: 100, offered: 0.4, square: 0.4 * 5 };

test('a light load is hardly ever stopped, one that does not fit for ever', () => {
  expect(meanThrottle({ ...quota, offered: 0.1, square: 0.1 })).toBeLessThan(1e-6);
  expect(meanThrottle({ ...quota, offered: 0.5 })).toBe(Number.POSITIVE_INFINITY);
  expect(meanThrottle({ ...quota, square: 0 })).toBe(0);
});

test('the grid has the mean of the formula', () => {
  const grid = throttle(quota, SpanGrid.stepFor(meanThrottle(quota) * 2));
  let mean = 0;
  for (let share = 0.0005; share < 1; share += 0.001) mean += grid.quantile(share) / 1000;
  expect(mean / meanThrottle(quota)).toBeCloseTo(1, 1);
});

test('stops are of the size that work by work comes to', () => {
  const random = new Random(5);
  const { cores, periodMs, offered } = quota;
  const workMs = 5;
  let usedMs = 0;
  let periodEndMs = periodMs;
  let stoppedMs = 0;
  const count = 200_000;
  let atMs = 0;
  for (let job = 0; job < count; job += 1) {
    atMs += random.exponential(workMs / offered);
    while (atMs >= periodEndMs) {
      periodEndMs += periodMs;
      usedMs = Math.max(0, usedMs - cores * periodMs);
    }
    const periodsToWait = Math.floor(usedMs / (cores * periodMs));
    if (periodsToWait > 0) stoppedMs += periodEndMs - atMs + (periodsToWait - 1) * periodMs;
    usedMs += workMs;
  }
  const ratio = meanThrottle(quota) / (stoppedMs / count);
  expect(ratio).toBeGreaterThan(0.6);
  expect(ratio).toBeLessThan(1.7);
});
