// Goal: seeded draws repeat, forks are independent of what else was drawn, and the distributions are those named.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../src/kernel/random.ts';

const draws = 200_000;

function meanAndSpread(draw: () => number): { mean: number; spread: number } {
  let sum = 0;
  let squares = 0;
  for (let index = 0; index < draws; index += 1) {
    const value = draw();
    sum += value;
    squares += value * value;
  }
  const mean = sum / draws;
  return { mean, spread: Math.sqrt(squares / draws - mean * mean) };
}

describe('Random', () => {
  test('the same seed gives the same draws, another seed others', () => {
    const some = (seed: number): number[] =>
      Array.from({ length: 20 }, () => 0).map(function draw(this: Random) {
        return this.uint32();
      }, new Random(seed));
    expect(some(7)).toEqual(some(7));
    expect(some(7)).not.toEqual(some(8));
  });

  test('a fork does not move when its parent draws', () => {
    const parent = new Random(1);
    const before = parent.fork('arrivals').uint32();
    parent.uint32();
    expect(parent.fork('arrivals').uint32()).toBe(before);
    expect(parent.fork('routing').uint32()).not.toBe(before);
  });

  test('integers stay in their range and reach both ends', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: -1e6, max: 1e6 }), fc.nat(5), (seed, low, span) => {
        const random = new Random(seed);
        const seen = new Set(Array.from({ length: 400 }, () => random.integer(low, low + span)));
        expect(Math.min(...seen)).toBe(low);
        expect(Math.max(...seen)).toBe(low + span);
      }),
      { numRuns: 50 },
    );
  });

  test('exponential: mean and spread are the mean asked for', () => {
    const random = new Random(3);
    const { mean, spread } = meanAndSpread(() => random.exponential(5));
    expect(mean).toBeCloseTo(5, 1);
    expect(spread).toBeCloseTo(5, 1);
  });

  test('lognormal: mean, and spread over mean, are those asked for', () => {
    const random = new Random(4);
    const { mean, spread } = meanAndSpread(() => random.lognormal(10, 0.5));
    expect(mean).toBeCloseTo(10, 0);
    expect(spread / mean).toBeCloseTo(0.5, 1);
  });
});
