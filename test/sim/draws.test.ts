// Goal: every distribution of a model has the mean and the variation that it names, and its own shape.
import { describe, expect, test } from 'vitest';
import { Random } from '../../src/kernel/random.ts';
import type { ServiceTime } from '../../src/scenario/model-shape.ts';
import { Draws, drawOf } from '../../src/sim/draws.ts';
import { planOf } from './simulated-run.ts';

const count = 200_000;

function sample(time: Omit<ServiceTime, 'source'>): Float64Array {
  const draw = drawOf({ ...time, source: 'test' }, new Random(5));
  return Float64Array.from({ length: count }, () => draw()).sort();
}

function shape(values: Float64Array): { mean: number; variation: number; median: number; p99: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count;
  const at = (share: number): number => values[Math.floor(share * count)] as number;
  return { mean, variation: Math.sqrt(variance) / mean, median: at(0.5), p99: at(0.99) };
}

describe('mean 4, and', () => {
  test.each([
    ['lognormal', 0.6, 4 / Math.sqrt(1.36), 0.6],
    ['gamma', 0.5, 3.672, 0.5],
    ['gamma', 2, 0.6995, 2],
    ['exponential', 1, 4 * Math.log(2), 1],
  ] as const)('%s of variation %d: median %d', (distribution, variation, median, expected) => {
    const found = shape(sample({ mean: 4, variation, distribution }));
    expect(Math.abs(found.mean / 4 - 1)).toBeLessThan(0.015);
    expect(Math.abs(found.variation / expected - 1)).toBeLessThan(0.03);
    expect(Math.abs(found.median / median - 1)).toBeLessThan(0.03);
  });

  test('deterministic, or of variation 0, it is always the mean', () => {
    for (const distribution of ['deterministic', 'lognormal'] as const)
      expect(new Set(sample({ mean: 4, variation: 0, distribution }))).toEqual(new Set([4]));
  });

  test('empirical draws keep to the quantiles', () => {
    const values = sample({
      mean: 0,
      variation: 1,
      distribution: 'empirical',
      quantiles: [1, 2, 3, 10, 110],
    });
    const { median, p99 } = shape(values);
    expect(median).toBeCloseTo(3, 1);
    expect(Math.abs(p99 / 106 - 1)).toBeLessThan(0.02);
    expect([values[0], values.at(-1)].map((value) => Math.round(value as number))).toEqual([1, 110]);
  });
});

test('every source has a stream of its own, the same whatever others draw', () => {
  const time: ServiceTime = { mean: 4, variation: 0.5, distribution: 'lognormal', source: 'test' };
  const { serviceTimes } = planOf({}).cluster;
  const some = (source: string, before = 0): number[] => {
    const draws = new Draws({ ...serviceTimes, read: time }, new Random(3));
    const other = draws.of('read', 'another');
    for (let drawn = 0; drawn < before; drawn += 1) other();
    return Array.from({ length: 5 }, draws.of('read', source));
  };
  expect(some('a', 7)).toEqual(some('a'));
  expect(some('a')).not.toEqual(some('b'));
  expect(new Draws(serviceTimes, new Random(3)).optional('commit', 'a')).toBeNull();
});

test('normal draws: mean 0, deviation 1, and tails as long as they should be', () => {
  const random = new Random(2);
  let beyond = 0;
  let squares = 0;
  let sum = 0;
  for (let drawn = 0; drawn < 1_000_000; drawn += 1) {
    const value = random.normal();
    sum += value;
    squares += value * value;
    if (Math.abs(value) > 3.442619855899) beyond += 1;
  }
  expect(Math.abs(sum / 1e6)).toBeLessThan(0.004);
  expect(squares / 1e6).toBeCloseTo(1, 2);
  expect(beyond).toBeGreaterThan(500);
  expect(beyond).toBeLessThan(650);
});
