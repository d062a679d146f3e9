// Goal: what a run counts in parts adds up to what it counts whole, with pgbench's mean and deviation.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Sums, TransactionCounts } from '../../../src/workload/pgbench/statistics.ts';

const values = fc.array(fc.integer({ min: 0, max: 1_000_000 }), { maxLength: 40 });

function sumsOf(list: readonly number[]): Sums {
  const sums = new Sums();
  for (const value of list) sums.add(value);
  return sums;
}

test('sums of parts are the sums of the whole, and a part is what came after the other', () => {
  fc.assert(
    fc.property(values, values, (first, second) => {
      const merged = sumsOf(first);
      merged.merge(sumsOf(second));
      const whole = sumsOf([...first, ...second]);
      expect(merged).toEqual(whole);
      const { count, sum, sumOfSquares } = sumsOf(second);
      expect(whole.since(sumsOf(first))).toMatchObject({ count, sum, sumOfSquares });
    }),
  );
});

test('mean and deviation are those of all values, none drawn from more', () => {
  expect(sumsOf([2, 4, 4, 4, 5, 5, 7, 9])).toMatchObject({ mean: 5, deviation: 2, min: 2, max: 9 });
  expect(sumsOf([0.1, 0.1, 0.1]).deviation).toBeCloseTo(0, 9);
});

/** Counts in which every field differs, and no two by the same. */
function countsOf(step: number): TransactionCounts {
  const counts = new TransactionCounts();
  for (const tries of [1, step, step + 1]) counts.noteTries(tries);
  counts.processed = 2 * step;
  counts.skipped = 3 * step;
  counts.serializationFailures = 5 * step;
  counts.deadlockFailures = 7 * step;
  counts.lossFailures = 11 * step;
  counts.latencyUs.add(13 * step);
  counts.lagUs.add(17 * step);
  return counts;
}

test('counts of a run: every kind of failure, tries beyond the first, parts and differences', () => {
  const [small, large] = [countsOf(3), countsOf(1000)];
  expect([small.failures, small.all]).toEqual([69, 84]);
  expect([small.retried, small.retries]).toEqual([2, 5]);
  const both = countsOf(3);
  both.merge(large);
  expect([both.failures, both.all, both.retried, both.retries]).toEqual([
    69 + large.failures,
    84 + large.all,
    4,
    5 + large.retries,
  ]);
  expect([both.latencyUs.sum, both.lagUs.sum]).toEqual([13 * 1003, 17 * 1003]);
  const later = both.since(small);
  const plain = ({ latencyUs: _latency, lagUs: _lag, ...counts }: TransactionCounts) => counts;
  expect(plain(later)).toEqual(plain(large));
  expect([later.latencyUs.sum, later.lagUs.sum]).toEqual([13_000, 17_000]);
});
