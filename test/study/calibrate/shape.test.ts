// Goal: spread and shape of work and ways are read back from times that are their sum.
// Method: times drawn from known distributions, with other dice than the fit's own.
import { expect, test } from 'vitest';
import { Random } from '../../../src/kernel/random.ts';
import {
  drawer,
  empiricalWay,
  fitTimes,
  type Quantiles,
  variations,
} from '../../../src/study/calibrate/shape.ts';

function quantilesOf(draw: () => number, count = 40_000): Quantiles {
  const times = Float64Array.from({ length: count }, draw).sort();
  return (share) => times[Math.min(count - 1, Math.floor(share * count))] ?? 0;
}

test('the spread of the work is found, whatever was believed', () => {
  const random = new Random(77);
  const seen = quantilesOf(() => random.lognormal(0.35, 0.6) + 0.1);
  for (const believed of [0.2, 0.6, 1.5]) {
    const { values, residual } = fitTimes(seen, { work: variations(believed) }, ({ work }, dice) => () => {
      return dice.lognormal(0.35, work) + 0.1;
    });
    expect(values.work).toBeGreaterThan(0.57);
    expect(values.work).toBeLessThan(0.63);
    expect(residual).toBeLessThan(0.03);
  }
});

test('a spread that the times do not tell stays as it was believed', () => {
  const random = new Random(5);
  const seen = quantilesOf(() => random.lognormal(10, 0.5) + random.lognormal(0.001, 0.3));
  const { values } = fitTimes(
    seen,
    { work: variations(0.5), way: variations(0.3) },
    ({ work, way }, dice) =>
      () =>
        dice.lognormal(10, work) + dice.lognormal(0.001, way),
  );
  expect(values.way).toBeCloseTo(0.3, 1);
});

test('ways that no lognormal describes are given by quantiles whose sum is what was seen', () => {
  const random = new Random(9);
  const way = (): number => (random.unit() < 0.9 ? 0.2 : 0.2 + random.exponential(5));
  const seen = quantilesOf(() => 0.1 + way() + way());
  const found = empiricalWay(seen, 2, () => () => 0.1);
  expect(found.residual).toBeLessThan(0.15);
  const again = new Random(4);
  const draw = drawer(found, again);
  const fitted = quantilesOf(() => 0.1 + draw() + draw());
  for (const share of [0.25, 0.5, 0.9, 0.99])
    expect(Math.abs(Math.log(fitted(share) / seen(share)))).toBeLessThan(0.3);
});
