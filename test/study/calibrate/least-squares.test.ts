// Goal: costs are told apart where the data allow it, and refused with the reason where they do not.
// Method: effects made from known costs, exactly or with known noise.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Random } from '../../../src/kernel/random.ts';
import { fitCosts, type Row } from '../../../src/study/calibrate/least-squares.ts';

function rowsOf(costs: readonly number[], causes: readonly (readonly number[])[]): Row[] {
  return causes.map((row) => ({
    causes: row,
    effect: row.reduce((sum, count, at) => sum + count * (costs[at] ?? 0), 0),
  }));
}

test('any costs that made the effects are found again', () => {
  const cost = fc.double({ min: 0.01, max: 10, noNaN: true });
  const count = fc.integer({ min: 0, max: 1000 });
  fc.assert(
    fc.property(
      fc.tuple(cost, cost, cost),
      fc.array(fc.tuple(count, count), { minLength: 1, maxLength: 20 }),
      (costs, more) => {
        const rows = rowsOf(costs, [
          [100, 0, 1],
          [0, 100, 1],
          [500, 0, 1],
          ...more.map(([a, b]) => [a, b, 1]),
        ]);
        const fit = fitCosts(['a', 'b', 'idle'], rows);
        for (const [at, { value }] of fit.costs.entries())
          expect(Math.abs(value - (costs[at] ?? 0))).toBeLessThan(1e-3 * (costs[at] ?? 0) + 1e-3);
        expect(fit.costs).toHaveLength(3);
      },
    ),
  );
});

test('noise of a tenth leaves costs within their standard errors', () => {
  const random = new Random(3);
  const rows = Array.from({ length: 40 }, () => {
    const causes = [random.integer(50, 500), random.integer(5, 50), 3];
    const exact = 0.2 * (causes[0] ?? 0) + 1.5 * (causes[1] ?? 0) + 4 * (causes[2] ?? 0);
    return { causes, effect: exact * (1 + 0.1 * (2 * random.unit() - 1)) };
  });
  const { costs, residual } = fitCosts(['read', 'write', 'idle'], rows);
  for (const [at, truth] of [0.2, 1.5, 4].entries()) {
    const { value = 0, error = 0 } = costs[at] ?? {};
    expect(Math.abs(value - truth)).toBeLessThan(3 * error);
    expect(error).toBeLessThan(truth);
  }
  expect(residual).toBeGreaterThan(0.02);
  expect(residual).toBeLessThan(0.1);
});

test('a cause that never occurred has no cost, and says so', () => {
  const rows = rowsOf(
    [0.5, 9],
    [
      [10, 0],
      [20, 0],
      [30, 0],
    ],
  );
  const fit = fitCosts(['read', 'write'], rows);
  expect(fit.costs.map(({ name }) => name)).toEqual(['read']);
  expect(fit.left).toEqual([{ name: 'write', why: 'none was seen' }]);
});

test('of causes that move together the later one is left out, at the cost that is assumed for it', () => {
  const causes = [
    [100, 10],
    [200, 20],
    [400, 40],
  ];
  const rows = rowsOf([0.3, 2], causes);
  const fit = fitCosts(['read', 'replay'], rows, { known: { replay: 2 } });
  expect(fit.left).toEqual([{ name: 'replay', why: 'moves together with read in every run' }]);
  expect(fit.costs[0]?.value).toBeCloseTo(0.3, 6);
  expect(fitCosts(['read', 'replay'], rows).costs[0]?.value).toBeCloseTo(0.5, 6);
});

test('no cost is negative', () => {
  const rows: Row[] = [
    { causes: [10, 0], effect: 10 },
    { causes: [10, 10], effect: 8 },
    { causes: [0, 10], effect: 0 },
  ];
  const { costs, left } = fitCosts(['read', 'write'], rows);
  expect(costs.map(({ name }) => name)).toEqual(['read']);
  expect(left).toEqual([{ name: 'write', why: 'too small to be told from the rest' }]);
});

test('a cost that could be anything is left out, the last one first', () => {
  const { costs, left } = fitCosts(
    ['read', 'write'],
    rowsOf(
      [1, 2],
      [
        [1, 0],
        [0, 1],
      ],
    ),
  );
  expect(left[0]).toEqual({
    name: 'write',
    why: 'its standard error is without bound: more or longer runs would tell',
  });
  expect(costs.length).toBeLessThan(2);
});

test('of causes that are hard to tell apart the one that could be nothing is left out, wherever it stands', () => {
  for (let seed = 1; seed <= 9; seed += 1) {
    const random = new Random(seed);
    const near = (share: number): number => 1 + share * (2 * random.unit() - 1);
    const rows = Array.from({ length: 12 }, (_, row): Row => {
      const strong = 2 + (row % 4);
      return { causes: [1, strong * near(0.06), strong], effect: (5 + 3 * strong) * near(0.03) };
    });
    const { costs, left } = fitCosts(['base', 'weak', 'strong'], rows);
    expect(left.map(({ name }) => name)).toEqual(['weak']);
    expect(Math.abs((costs[1]?.value ?? 0) - 3)).toBeLessThan(0.3);
  }
});
