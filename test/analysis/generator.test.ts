// Goal: the generator is judged by the slices in which it sent something, so that an outage hides no lag.
import { expect, test } from 'vitest';
import { generatorOf } from '../../src/analysis/generator.ts';
import type { Interval } from '../../src/recording/intervals.ts';

function slices(lagsMs: readonly (number | null)[]): Interval[] {
  return lagsMs.map((scheduleLagMs, index) => ({
    startMs: index * 100,
    lengthMs: 100,
    classes: {},
    readsByServer: {},
    sessionsByServer: {},
    refusedSessions: {},
    scheduleLagMs,
  }));
}

test('slices in which nothing was sent to a free session thin nothing out', () => {
  const outage = Array.from({ length: 400 }, () => null);
  const [late, prompt] = [Array.from({ length: 10 }, () => 200), Array.from({ length: 90 }, () => 1)];
  expect(generatorOf(slices([...outage, ...late, ...prompt]))).toEqual({
    scheduleLagMs: { p50: 1, p95: 200, p99: 200, p999: 200, max: 200, mean: expect.closeTo(20.9, 6) },
    saturated: true,
  });
  expect(generatorOf(slices([...prompt, ...prompt, ...outage, 200]))).toMatchObject({ saturated: false });
});

test('less than a second of late slices is a moment of the machine’s, not the generator', () => {
  const [late, prompt] = [Array.from({ length: 9 }, () => 200), Array.from({ length: 50 }, () => 1)];
  expect(generatorOf(slices([...prompt, ...late]))).toMatchObject({ saturated: false });
  expect(generatorOf(slices([...prompt, ...late, 200]))).toMatchObject({ saturated: true });
});

test('where nothing was sent at all there is no lag', () => {
  expect(generatorOf(slices([null, null]))).toEqual({ scheduleLagMs: null, saturated: false });
});
