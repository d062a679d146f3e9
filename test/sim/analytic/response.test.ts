import { expect, test } from 'vitest';
import type { ServiceTime } from '../../../src/scenario/model-shape.ts';
import { mmc } from '../../../src/sim/analytic/erlang.ts';
import { meanSlowdown, sharedTime } from '../../../src/sim/analytic/shared-station.ts';
import { SpanGrid } from '../../../src/sim/analytic/span-grid.ts';
import { workProbability } from '../../../src/sim/analytic/work.ts';

// Goal: distributions of response times, held to closed forms.

function time(distribution: ServiceTime['distribution'], mean: number, variation: number): ServiceTime {
  return { mean, variation, distribution, source: 'test' };
}

const exponential = time('exponential', 2, 1);

test('probabilities of work: medians and tails of tables', () => {
  expect(workProbability(exponential)(2 * Math.LN2)).toBeCloseTo(0.5, 12);
  expect(workProbability(time('lognormal', 1, 1))(1 / Math.SQRT2)).toBeCloseTo(0.5, 6);
  expect(workProbability(time('gamma', 2, 1))(2 * Math.LN2)).toBeCloseTo(0.5, 12);
  // Gamma of shape 4 is Erlang's: 1 - e^-x (1 + x + x²/2 + x³/6) at x = 10 and at x = 1.
  const erlang = workProbability(time('gamma', 4, 0.5));
  expect(erlang(10)).toBeCloseTo(1 - Math.exp(-10) * (1 + 10 + 50 + 1000 / 6), 10);
  expect(erlang(1)).toBeCloseTo(1 - Math.exp(-1) * (1 + 1 + 0.5 + 1 / 6), 10);
  expect(workProbability(time('deterministic', 3, 0))(2.99)).toBe(0);
  expect(workProbability(time('deterministic', 3, 0))(3)).toBe(1);
});

test('an empirical distribution is straight between its quantiles', () => {
  const work = workProbability({ ...time('empirical', 2, 0.5), quantiles: [1, 2, 4] });
  expect([0.5, 1, 1.5, 2, 3, 4, 9].map(work)).toEqual([0, 0, 0.25, 0.5, 0.75, 1, 1]);
});

test('a grid gives back the quantiles that it was made of', () => {
  const grid = SpanGrid.of(SpanGrid.stepFor(2), workProbability(exponential));
  for (const share of [0.5, 0.95, 0.99, 0.999]) {
    expect(grid.quantile(share) / (-2 * Math.log(1 - share))).toBeCloseTo(1, 2);
  }
  expect(grid.quantile(1 - 1e-15)).toBe(Number.POSITIVE_INFINITY);
});

test('two exponential spans in a row are an Erlang distribution', () => {
  const one = SpanGrid.of(SpanGrid.stepFor(4), workProbability(exponential));
  const both = SpanGrid.of(one.stepMs, workProbability(time('gamma', 4, Math.SQRT1_2)));
  for (const share of [0.1, 0.5, 0.99]) {
    expect(one.followedBy(one).quantile(share) / both.quantile(share)).toBeCloseTo(1, 2);
  }
});

test('constants shift, mixtures mix', () => {
  const step = SpanGrid.stepFor(10);
  const short = SpanGrid.constant(step, 3);
  const long = SpanGrid.constant(step, 8);
  expect(short.followedBy(long).quantile(0.5)).toBeCloseTo(11, 0);
  const mixed = SpanGrid.mixed([
    { weight: 3, grid: short },
    { weight: 1, grid: long },
  ]);
  expect(mixed.quantile(0.7)).toBeCloseTo(3, 0);
  expect(mixed.quantile(0.8)).toBeCloseTo(8, 0);
});

test.each([
  [1, 0.3],
  [1, 0.8],
  [4, 3.2],
  [16, 12],
])('the mean slowdown of %d cores at %d is that of M/M/c', (cores, offered) => {
  const mean = mmc({ rate: offered, meanService: 1, servers: cores })?.meanResponse ?? 0;
  expect(meanSlowdown({ cores, offered })).toBeCloseTo(mean, 6);
});

test('an idle station adds nothing, half a core doubles', () => {
  expect(meanSlowdown({ cores: 2, offered: 0 })).toBeCloseTo(1, 12);
  expect(meanSlowdown({ cores: 0.5, offered: 0 })).toBeCloseTo(2, 12);
});

// Sojourn times of M/M/1 under processor sharing have the variance (2 + ρ) / ((2 − ρ) μ² (1 − ρ)²) (Coffman, Muntz, Trotter 1970):
// the taken one is wider, so percentiles lie on the safe side but near.
test('the spread of a shared station is near the true one, and not below', () => {
  const load = 0.6;
  const grid = sharedTime(time('exponential', 1, 1), { cores: 1, offered: load }, SpanGrid.stepFor(2.5));
  let mean = 0;
  let squares = 0;
  for (let share = 0.0005; share < 1; share += 0.001) {
    mean += grid.quantile(share) / 1000;
    squares += grid.quantile(share) ** 2 / 1000;
  }
  const truth = (2 + load) / ((2 - load) * (1 - load) ** 2);
  expect(mean).toBeCloseTo(2.5, 1);
  expect(squares - mean * mean).toBeGreaterThan(truth * 0.97);
  expect(squares - mean * mean).toBeLessThan(truth * 1.3);
});
