import { expect, test } from 'vitest';
import {
  erlangB,
  erlangC,
  mg1,
  mmc,
  mmcResponseQuantile,
  mmcResponseTail,
  occupancy,
} from '../../../src/sim/analytic/erlang.ts';

// Goal: the formulas of queueing theory, held to printed tables and to each other.

// Printed in Erlang B tables of telephone engineering (for instance ITU-D Teletraffic Engineering Handbook, annex).
test.each([
  [1, 0.0101, 0.01],
  [5, 1.3608, 0.01],
  [10, 4.4612, 0.01],
  [20, 12.031, 0.01],
  [100, 84.064, 0.01],
  [10, 5.0843, 0.02],
])('%i lines, offered %d erlangs: blocks %d', (servers, offered, blocked) => {
  expect(erlangB(servers, offered)).toBeCloseTo(blocked, 4);
});

test('Erlang C of one server is its load, and of none that fits 1', () => {
  expect(erlangC(1, 0.7)).toBeCloseTo(0.7, 12);
  expect(erlangC(4, 4)).toBe(1);
});

// hotpath: M/M/4 at 0.8 waits 0.74554 service times; the closed form with 4 servers gives the same.
test('M/M/4 at a load of 0.8', () => {
  const queue = mmc({ rate: 3.2, meanService: 1, servers: 4 });
  expect(queue?.waitProbability).toBeCloseTo(0.59643, 5);
  expect(queue?.meanWait).toBeCloseTo(0.74554, 5);
  expect(queue?.meanInSystem).toBeCloseTo(3.2 * 1.74554, 4);
});

test('M/M/1 in closed form', () => {
  const queue = mmc({ rate: 0.5, meanService: 1, servers: 1 });
  expect(queue).toMatchObject({ utilisation: 0.5, meanResponse: 2, meanWait: 1, meanInSystem: 1 });
  const span = mmcResponseQuantile({ rate: 0.5, meanService: 1, servers: 1 }, 0.99);
  expect(span).toBeCloseTo(2 * Math.log(100), 9);
});

test('load that does not fit has no steady state', () => {
  expect(mmc({ rate: 4, meanService: 1, servers: 4 })).toBeNull();
  expect(mg1({ rate: 1, meanService: 1, variation: 0 })).toBeNull();
  expect(mmcResponseQuantile({ rate: 4, meanService: 1, servers: 4 }, 0.5)).toBe(Number.POSITIVE_INFINITY);
});

test('M/D/1 waits half of what M/M/1 waits, and M/G/1 with variation 1 is M/M/1', () => {
  const load = { rate: 0.8, meanService: 1 };
  const exponential = mmc({ ...load, servers: 1 })?.meanWait ?? 0;
  expect(mg1({ ...load, variation: 0 })?.meanWait).toBeCloseTo(exponential / 2, 12);
  expect(mg1({ ...load, variation: 1 })?.meanWait).toBeCloseTo(exponential, 12);
});

test('the tail of M/M/c falls to the quantile, and its integral is the mean response', () => {
  const queue = { rate: 2.7, meanService: 1, servers: 3 };
  const p99 = mmcResponseQuantile(queue, 0.99);
  expect(mmcResponseTail(queue, p99)).toBeCloseTo(0.01, 9);
  let area = 0;
  for (let at = 0.0005; at < 200; at += 0.001) area += mmcResponseTail(queue, at) * 0.001;
  expect(area).toBeCloseTo(mmc(queue)?.meanResponse ?? 0, 4);
});

test('where draining is as fast as serving the tail has its own form, next to the general one', () => {
  const equal = mmcResponseTail({ rate: 1, meanService: 1, servers: 2 }, 3);
  const nearly = mmcResponseTail({ rate: 1 + 1e-6, meanService: 1, servers: 2 }, 3);
  expect(equal).toBeCloseTo(nearly, 5);
});

test('occupancy: sums to 1, has the mean of M/M/c, and takes a fraction of a core', () => {
  const jobs = occupancy(4, 3.2, 1e-13);
  expect(jobs.reduce((sum, part) => sum + part, 0)).toBeCloseTo(1, 12);
  const mean = jobs.reduce((sum, part, count) => sum + part * count, 0);
  expect(mean).toBeCloseTo(mmc({ rate: 3.2, meanService: 1, servers: 4 })?.meanInSystem ?? 0, 8);
  const half = occupancy(0.5, 0.4, 1e-13);
  expect(half[0]).toBeCloseTo(0.2, 9);
});
