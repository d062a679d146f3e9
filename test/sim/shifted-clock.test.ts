// Goal: timers of the shifted clock fire at their instant and never before it, however odd the numbers.
// Method: fast-check instants; a timer set for an instant must find the clock there or later, in bounded turns.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ShiftedClock } from '../../src/sim/shifted-clock.ts';

test('a timer that is set again until its instant is reached needs no more than two turns', () => {
  const instants = fc.double({ min: 0, max: 1e5, noNaN: true });
  fc.assert(
    fc.property(instants, instants, (firstMs, targetMs) => {
      const clock = new ShiftedClock(20_000);
      let turns = 0;
      const until = (): void => {
        if (clock.nowMs() >= targetMs) return;
        turns += 1;
        if (turns < 10) clock.setTimeout(until, targetMs - clock.nowMs());
      };
      clock.setTimeout(until, firstMs);
      clock.runUntil(3e5);
      expect(turns).toBeLessThanOrEqual(2);
    }),
    { numRuns: 2000 },
  );
});

test('its zero lies after the lead, whole milliseconds stay whole', () => {
  const clock = new ShiftedClock(20_000);
  const firedMs: number[] = [];
  expect(clock.nowMs()).toBe(-20_000);
  for (const delayMs of [1, 20_000, 20_250]) clock.setTimeout(() => firedMs.push(clock.nowMs()), delayMs);
  const forgotten = clock.setTimeout(() => firedMs.push(Number.NaN), 5);
  clock.clearTimeout(forgotten);
  clock.runUntil(0);
  expect(firedMs).toEqual([-19_999, 0]);
  clock.runUntil(1000);
  expect(firedMs).toEqual([-19_999, 0, 250]);
});
