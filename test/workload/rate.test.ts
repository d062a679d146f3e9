// Goal: what is due by a rate that changes is the integral of that rate, to the operation and to the instant.
// Method: random segments; the integral once more by the trapezium rule of each, and the inverse held against it.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  meanPerSecond,
  RateIntegral,
  type RateSegment,
  rateOf,
  scaledRate,
} from '../../src/workload/rate.ts';

const perSecond = fc.oneof(fc.constant(0), fc.double({ min: 0.5, max: 5000, noNaN: true }));
const segments = fc
  .array(
    fc.record({
      gapMs: fc.constantFrom(0, 0, 700),
      lengthMs: fc.integer({ min: 1, max: 20_000 }),
      from: perSecond,
      to: perSecond,
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((drawn) => {
    let startMs = 0;
    return drawn.map(({ gapMs, lengthMs, from, to }): RateSegment => {
      startMs += gapMs;
      const segment = { startMs, endMs: startMs + lengthMs, fromPerSecond: from, toPerSecond: to };
      startMs = segment.endMs;
      return segment;
    });
  });

/** Operations due before an instant. */
function dueBefore(rate: readonly RateSegment[], atMs: number): number {
  return rate.reduce((sum, { startMs, endMs, fromPerSecond, toPerSecond }) => {
    const share = Math.min(1, Math.max(0, (atMs - startMs) / (endMs - startMs)));
    const until = fromPerSecond + (toPerSecond - fromPerSecond) * share;
    return sum + ((fromPerSecond + until) / 2) * ((share * (endMs - startMs)) / 1000);
  }, 0);
}

test('the instant of the n-th operation is where the integral of the rate reaches n', () => {
  fc.assert(
    fc.property(
      segments,
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1 }),
      (rate, shares) => {
        const endMs = rate.at(-1)?.endMs ?? 0;
        const all = dueBefore(rate, endMs);
        const integral = new RateIntegral(rate);
        for (const share of shares.sort((a, b) => a - b)) {
          const count = all * share;
          const atMs = integral.instantOf(count);
          if (atMs === Number.POSITIVE_INFINITY) expect(count).toBeCloseTo(all, 6);
          else expect(dueBefore(rate, atMs)).toBeCloseTo(count, 5);
        }
        expect(integral.instantOf(all + 1)).toBe(Number.POSITIVE_INFINITY);
      },
    ),
    { examples: [[[{ startMs: 0, endMs: 2000, fromPerSecond: 0, toPerSecond: 0.5 }], [1e-323]]] },
  );
});

test('the mean over a stretch is what is due in it, and a scaled rate has so much more', () => {
  fc.assert(
    fc.property(
      segments,
      fc.integer({ min: 0, max: 30_000 }),
      fc.integer({ min: 1, max: 90_000 }),
      (rate, startMs, lengthMs) => {
        const stretch = { startMs, endMs: startMs + lengthMs };
        const due = dueBefore(rate, stretch.endMs) - dueBefore(rate, startMs);
        expect((meanPerSecond(rate, stretch) * lengthMs) / 1000).toBeCloseTo(due, 5);
        expect(meanPerSecond(scaledRate(rate, 3), stretch)).toBeCloseTo(3 * meanPerSecond(rate, stretch), 5);
      },
    ),
  );
});

describe('what a scenario writes', () => {
  const flat = (startMs: number, endMs: number, rate: number): RateSegment => ({
    ...{ startMs, endMs, fromPerSecond: rate, toPerSecond: rate },
  });

  test('a number is that rate', () => {
    expect(rateOf(120, 9000)).toBe(120);
    expect(meanPerSecond(120, { startMs: 0, endMs: 5 })).toBe(120);
  });

  test('a ramp takes the whole load, or as long as it says and stays where it ends', () => {
    const ramp = { startMs: 0, endMs: 9000, fromPerSecond: 10, toPerSecond: 100 };
    expect(rateOf({ from: 10, to: 100 }, 9000)).toEqual([ramp]);
    expect(rateOf({ from: 10, to: 100, over: 4000 }, 9000)).toEqual([
      { ...ramp, endMs: 4000 },
      flat(4000, 9000, 100),
    ]);
  });

  test('steps hold until the next; before the first nothing is due', () => {
    const steps = [
      { at: 1000, perSecond: 10 },
      { at: 3000, perSecond: 0 },
      { at: 4000, perSecond: 50 },
    ];
    const rate = rateOf(steps, 9000);
    expect(rate).toEqual([flat(1000, 3000, 10), flat(3000, 4000, 0), flat(4000, 9000, 50)]);
    expect(meanPerSecond(rate, { startMs: 0, endMs: 1000 })).toBe(0);
  });
});
