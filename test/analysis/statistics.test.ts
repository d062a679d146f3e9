import { expect, test } from 'vitest';
import {
  batchMeans,
  batchQuantiles,
  lagOneCorrelation,
  quantileOf,
  replications,
  warmUpLength,
} from '../../src/analysis/statistics.ts';
import { studentQuantile } from '../../src/analysis/student.ts';
import { Random } from '../../src/kernel/random.ts';

// Goal: intervals that cover what they promise, on values whose truth is known.
// Method: tables, then many seeded series with a known mean, counting how often the interval covers it.

/** A first-order autoregressive series about `mean`; its start is `offset` away from it. */
function series(seed: number, length: number, { mean = 10, memory = 0.8, offset = 0 } = {}): Float64Array {
  const random = new Random(seed);
  let deviation = offset;
  return Float64Array.from({ length }, () => {
    deviation = memory * deviation + random.unit() - 0.5;
    return mean + deviation;
  });
}

test.each([
  [1, 12.7062],
  [2, 4.3027],
  [5, 2.5706],
  [10, 2.2281],
  [30, 2.0423],
  [120, 1.9799],
  [100_000, 1.95998],
])('t at 95 %% with %i degrees is the one of the tables', (degrees, expected) => {
  expect(studentQuantile(degrees, 0.95)).toBeCloseTo(expected, 4);
});

test('other levels come from the tables too', () => {
  expect(studentQuantile(9, 0.99)).toBeCloseTo(3.2498, 4);
  expect(studentQuantile(4, 0.9)).toBeCloseTo(2.1318, 4);
});

test('replications: mean ± t s / √n', () => {
  const { mean, halfWidth, level } = replications([9, 10, 11, 10, 10]);
  expect(mean).toBe(10);
  expect(halfWidth).toBeCloseTo((2.7764 * Math.sqrt(0.5)) / Math.sqrt(5), 4);
  expect(level).toBe(0.95);
});

test('one replication says nothing of its spread, and prints as null', () => {
  const one = replications([7]);
  expect(one.halfWidth).toBe(Number.POSITIVE_INFINITY);
  expect(JSON.parse(JSON.stringify(one))).toEqual({ mean: 7, halfWidth: null, level: 0.95 });
});

test('batch means cover the mean of a dependent series about as often as they say', () => {
  const covered = Array.from({ length: 400 }, (_, seed) => {
    const { mean, halfWidth } = batchMeans(series(seed, 4000), { warmUp: 100, batches: 20 });
    return Math.abs(mean - 10) <= halfWidth;
  }).filter(Boolean).length;
  expect(covered).toBeGreaterThanOrEqual(365);
  expect(covered).toBeLessThanOrEqual(395);
});

test('without batches the same series would be trusted far too much', () => {
  const covered = Array.from({ length: 100 }, (_, seed) => {
    const { mean, halfWidth } = replications([...series(seed, 1000)]);
    return Math.abs(mean - 10) <= halfWidth;
  }).filter(Boolean).length;
  expect(covered).toBeLessThan(70);
});

test('what does not fill a batch is left out', () => {
  const values = Float64Array.from([100, 1, 2, 3, 4, 5, 6, 99]);
  expect(batchMeans(values, { warmUp: 1, batches: 3 }).mean).toBe(3.5);
});

test('quantiles over batches cover the true one', () => {
  const covered = Array.from({ length: 200 }, (_, seed) => {
    const random = new Random(seed);
    const values = Float64Array.from({ length: 20_000 }, () => random.exponential(1));
    const { mean, halfWidth } = batchQuantiles(values, { warmUp: 0, batches: 10, quantile: 0.95 });
    return Math.abs(mean - -Math.log(0.05)) <= halfWidth;
  }).filter(Boolean).length;
  expect(covered).toBeGreaterThanOrEqual(180);
});

test('a quantile is the smallest value that so large a share does not exceed', () => {
  const values = Float64Array.from({ length: 100 }, (_, index) => index + 1);
  expect(quantileOf(values, 0.99)).toBe(99);
  expect(quantileOf(values, 1)).toBe(100);
  expect(quantileOf(values, 0)).toBe(1);
});

test('MSER-5 drops a warm-up, and little of a series without one', () => {
  const started = warmUpLength(series(1, 5000, { memory: 0.99, offset: 60 }));
  expect(started).toBeGreaterThan(200);
  expect(started).toBeLessThan(1500);
  expect(started % 5).toBe(0);
  const steady = Array.from({ length: 50 }, (_, seed) => warmUpLength(series(seed, 5000, { memory: 0 })));
  expect(steady.toSorted((a, b) => a - b)[25]).toBeLessThan(1000);
});

test('the warm-up found is the one that batch means drop', () => {
  const values = series(3, 5000, { memory: 0.99, offset: 60 });
  const found = batchMeans(values, { warmUp: 'mser5', batches: 10 });
  expect(found).toEqual(batchMeans(values, { warmUp: warmUpLength(values), batches: 10 }));
  expect(found.mean).toBeLessThan(batchMeans(values, { warmUp: 0, batches: 10 }).mean);
});

test('lag-one correlation tells dependent from independent', () => {
  expect(lagOneCorrelation(series(1, 20_000, { memory: 0.8 }))).toBeCloseTo(0.8, 1);
  expect(Math.abs(lagOneCorrelation(series(1, 20_000, { memory: 0 })))).toBeLessThan(0.03);
  expect(lagOneCorrelation(Float64Array.of(2, 2, 2))).toBe(0);
});

test('too few values for the batches, and no value at all, are bugs of the caller', () => {
  expect(() => batchMeans(new Float64Array(5), { warmUp: 3, batches: 3 })).toThrow('do not fill 3 batches');
  expect(() => replications([])).toThrow('needs a value');
  expect(() => quantileOf(new Float64Array(0), 0.5)).toThrow('needs a value');
});
