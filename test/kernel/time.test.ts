// Goal: durations are read once, exactly, and printed with a unit that suits their size.
import { describe, expect, test } from 'vitest';
import { formatDuration, parseDuration } from '../../src/kernel/time.ts';

describe('parseDuration', () => {
  test.each([
    ['250us', 0.25],
    ['100ms', 100],
    ['2.5s', 2500],
    ['1min', 60_000],
    ['1m', 60_000],
    ['1min30s', 90_000],
    ['1h', 3_600_000],
    [' 5 s ', 5000],
  ])('%s is %d ms', (text, expectedMs) => {
    expect(parseDuration(text)).toBe(expectedMs);
  });

  test.each(['', '5', 's', '-1s', '5 seconds', '1s x', 'NaNs'])('"%s" is none', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});

describe('formatDuration', () => {
  test.each([
    [0.25, '250 µs'],
    [3.21, '3.2 ms'],
    [412.4, '412 ms'],
    [3251, '3.25 s'],
    [42_340, '42.3 s'],
    [125_000, '2 min 05 s'],
    [119_999, '2 min 00 s'],
  ])('%d ms is "%s"', (spanMs, expected) => {
    expect(formatDuration(spanMs)).toBe(expected);
  });
});
