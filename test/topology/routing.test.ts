// Goal: Pgpool's pick of a load-balance node and its statement routing.
// Method: the vectors measured on 4.3.5, and the property that shares follow weights among valid nodes.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../src/kernel/random.ts';
import {
  effectivePrimary,
  findPrimary,
  pickLoadBalanceNode,
  routeStatement,
} from '../../src/topology/routing.ts';

function pick(weights: readonly number[], unit: number, options: { down?: number[]; primary?: number } = {}) {
  const nodes = weights.map((weight, id) => ({ id, weight, valid: !options.down?.includes(id) }));
  return pickLoadBalanceNode(nodes, options.primary ?? 0, unit);
}

describe('pickLoadBalanceNode', () => {
  test.each([
    [0, 1],
    [0.4999, 1],
    [0.5, 2],
    [1, 2],
  ])('weights 0/1/1, draw %f → node %i', (unit, node) => {
    expect(pick([0, 1, 1], unit)).toBe(node);
  });

  test.each([
    [0, 0],
    [0.1666, 0],
    [0.1667, 1],
    [0.4999, 1],
    [0.5, 2],
  ])('weights 1/2/3, draw %f → node %i', (unit, node) => {
    expect(pick([1, 2, 3], unit)).toBe(node);
  });

  test('down nodes leave their share to the others; the primary serves when no weighted node is left', () => {
    for (const unit of [0, 0.5, 1]) {
      expect(pick([0, 1, 1], unit, { down: [2] })).toBe(1);
      expect(pick([0, 1, 1], unit, { down: [1, 2] })).toBe(0);
      expect(pick([0, 0, 0], unit, { primary: 2 })).toBe(2);
      expect(pick([0, 0, 0], unit, { primary: -1, down: [0] })).toBe(1);
    }
    expect(pick([1, 1], 0.3, { down: [0, 1] })).toBeNull();
  });

  test('shares converge to the weights of the valid nodes', () => {
    const weights = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(weights, fc.nat(63), fc.integer(), (given, downMask, seed) => {
        const down = given.map((_, id) => id).filter((id) => (downMask >> id) & 1);
        const total = given.reduce((sum, weight, id) => (down.includes(id) ? sum : sum + weight), 0);
        fc.pre(total > 0);
        const random = new Random(seed);
        const draws = 4000;
        const counts = given.map(() => 0);
        for (let drawn = 0; drawn < draws; drawn += 1) {
          const node = pick(given, random.unit(), { down }) as number;
          counts[node] = (counts[node] as number) + 1;
        }
        for (const [id, weight] of given.entries()) {
          const share = down.includes(id) ? 0 : weight / total;
          const fiveSigma = 5 * Math.sqrt((share * (1 - share)) / draws) + 1e-9;
          expect(Math.abs((counts[id] as number) / draws - share)).toBeLessThan(fiveSigma);
        }
      }),
      { numRuns: 60, seed: 7 },
    );
  });
});

describe('routeStatement', () => {
  const session = { primary: 0, loadBalanceNode: 2, inTransaction: false, wroteInTransaction: false };

  test('reads go to the load-balance node until the transaction has written', () => {
    expect(routeStatement('read', session)).toEqual([2]);
    expect(routeStatement('read', { ...session, inTransaction: true })).toEqual([2]);
    expect(routeStatement('read', { ...session, inTransaction: true, wroteInTransaction: true })).toEqual([
      0,
    ]);
    expect(routeStatement('volatileRead', session)).toEqual([0]);
    expect(routeStatement('write', session)).toEqual([0]);
  });

  test('BEGIN goes to the primary first, COMMIT to it last', () => {
    expect(routeStatement('begin', session)).toEqual([0, 2]);
    expect(routeStatement('commit', session)).toEqual([2, 0]);
    expect(routeStatement('commit', { ...session, loadBalanceNode: 0 })).toEqual([0]);
  });
});

test('without a valid primary the main node is meant, else the lowest', () => {
  expect(effectivePrimary(2, [0, 1, 2], 0)).toBe(2);
  expect(effectivePrimary(-1, [1, 2], 2)).toBe(2);
  expect(effectivePrimary(0, [1, 2], 0)).toBe(1);
  expect(effectivePrimary(0, [], 0)).toBeNull();
});

test('of several primaries the highest id wins if a standby answers, else the lowest', () => {
  expect(findPrimary(['standby', 'primary', 'primary'])).toBe(2);
  expect(findPrimary([null, 'primary', 'primary'])).toBe(1);
  expect(findPrimary(['standby', null, 'standby'])).toBe(-1);
});
