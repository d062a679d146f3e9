// Goal: what is packed for keeping is what comes out again.
// Method: random histograms and intervals; more intervals than one array holds.
import fc from 'fast-check';
import { build } from 'hdr-histogram-js';
import { expect, test } from 'vitest';
import { mergeHistograms, newHistogram, recordMs } from '../../src/recording/histogram.ts';
import type { Interval } from '../../src/recording/intervals.ts';
import { PackedHistogram } from '../../src/recording/packed-histogram.ts';
import { IntervalPacker } from '../../src/recording/packed-intervals.ts';

test('a packed histogram has every count of the one it was made of, and adds up with others', () => {
  const spans = fc.array(fc.double({ min: 0, max: 3_000_000, noNaN: true }), { maxLength: 60 });
  // Where one more byte begins.
  const edge = fc.constantFrom(1, 127, 128, 129, 16_383, 16_384, 2 ** 21);
  const many = fc.array(
    fc.tuple(fc.oneof(fc.nat(5_000_000), edge), fc.oneof(fc.integer({ min: 1, max: 1e6 }), edge)),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(spans, many, (spansMs, counted) => {
      const [first, second] = [newHistogram(), newHistogram()];
      for (const spanMs of spansMs) recordMs(first, spanMs);
      for (const [micros, count] of counted) second.recordValueWithCount(micros, count);
      const whole = mergeHistograms([first, second]);
      const parts = [first, second].map((histogram) => PackedHistogram.of(histogram));
      const packed = mergeHistograms(parts);
      expect(parts.reduce((sum, { totalCount }) => sum + totalCount, 0)).toBe(whole.totalCount);
      for (const percentile of [0, 1, 50, 90, 99, 99.9, 100])
        expect(packed.getValueAtPercentile(percentile)).toBe(whole.getValueAtPercentile(percentile));
      expect([packed.totalCount, packed.mean]).toEqual([whole.totalCount, whole.mean]);
    }),
  );
});

test('a histogram of other digits is kept as it is', () => {
  const coarse = build({ numberOfSignificantValueDigits: 2 });
  coarse.recordValue(1234);
  expect(PackedHistogram.of(coarse)).toBe(coarse);
});

const names = fc.constantFrom('a', 'b', 'server7', '?', '57014');
const counts = fc.dictionary(names, fc.nat(1e6), { maxKeys: 4 });
const span = fc.double({ min: -1e6, max: 1e7, noNaN: true }).map((value) => value + 0);
const instant = fc.option(span, { nil: null });
const intervals: fc.Arbitrary<Interval> = fc.record({
  startMs: fc.integer({ min: -1e6, max: 1e8 }),
  lengthMs: fc.constantFrom(100, 250),
  classes: fc.dictionary(
    names,
    fc.record({
      ...{ due: fc.nat(), ok: fc.nat(), failed: fc.nat(), unknown: fc.nat(), skipped: fc.nat() },
      ...{ completedOk: fc.nat(), errors: counts },
      ...{ firstOkMs: instant, lastOkMs: instant, maxLatencyMs: instant },
    }),
    { maxKeys: 3 },
  ),
  ...{ readsByServer: counts, sessionsByServer: counts, refusedSessions: counts, scheduleLagMs: instant },
});

test('a packed interval is the interval that it was made of, part by part and written out', () => {
  fc.assert(
    fc.property(fc.array(intervals, { maxLength: 40 }), (given) => {
      const packer = new IntervalPacker();
      const packed = given.map((interval) => packer.pack(interval));
      const parts = packed.map(
        ({
          startMs,
          lengthMs,
          classes,
          readsByServer,
          sessionsByServer,
          refusedSessions,
          scheduleLagMs,
        }) => ({
          ...{ startMs, lengthMs, classes, readsByServer, sessionsByServer, refusedSessions, scheduleLagMs },
        }),
      );
      expect(parts).toEqual(JSON.parse(JSON.stringify(given)));
      expect(JSON.parse(JSON.stringify(packed))).toEqual(JSON.parse(JSON.stringify(given)));
    }),
  );
});

test('more intervals than one array holds come back, each its own', () => {
  const [sample] = fc.sample(intervals, { numRuns: 1, seed: 4 });
  if (!sample) throw new Error('no sample');
  const packer = new IntervalPacker();
  const packed = Array.from({ length: 20_000 }, (_, index) => {
    const classes = { a: { ...emptyClass, due: index, ok: index } };
    return packer.pack({ ...sample, startMs: 100 * index, classes });
  });
  expect(
    packed.every(({ startMs, classes }, index) => startMs === 100 * index && classes.a?.due === index),
  ).toBe(true);
});

const emptyClass = {
  ...{ due: 0, ok: 0, failed: 0, unknown: 0, skipped: 0, completedOk: 0, errors: {} },
  ...{ firstOkMs: null, lastOkMs: null, maxLatencyMs: null },
};
