// Goal: the figures on the screen of a live run are those of its classes and of the last second.
// Method: readings of the driver as it gives them, small enough to add up by hand.
import { expect, test } from 'vitest';
import { ErrorRate, snapshotOf } from '../../src/live/figures.ts';
import type { LiveSnapshot } from '../../src/load/live.ts';

const figures = (perSecond: number, p99Ms: number | null, failed = 0, unknown = 0) => ({
  due: 0,
  ok: 0,
  skipped: 0,
  failed,
  unknown,
  perSecond,
  p99Ms,
});

const kinds = new Map<string, 'read' | 'write'>([
  ['list', 'read'],
  ['look', 'read'],
  ['pay', 'write'],
]);

const reading: LiveSnapshot = {
  atMs: 5000,
  classes: { list: figures(30, 4, 1), look: figures(12, 9, 0, 2), pay: figures(5, null, 3, 4) },
  readsByServer: { server2: 30, server3: 10 },
  sessionsByServer: {},
};

test('classes are added by kind, the slowest of a kind speaks for it, shares are of all reads', () => {
  expect(snapshotOf(reading, kinds, new ErrorRate())).toEqual({
    readsPerSecond: 42,
    writesPerSecond: 5,
    readP99Ms: 9,
    writeP99Ms: null,
    errors: 10,
    errorsPerSecond: 0,
    readShare: { server2: 0.75, server3: 0.25 },
  });
});

test('nothing before the first second, and no share of no reads', () => {
  expect(snapshotOf({ ...reading, atMs: null }, kinds, new ErrorRate())).toBeNull();
  const silent = snapshotOf({ ...reading, readsByServer: { server2: 0 } }, kinds, new ErrorRate());
  expect(silent?.readShare).toEqual({ server2: 0 });
});

test('errors of the last second: since the newest reading that is a second old', () => {
  const rate = new ErrorRate();
  const seen = [
    [0, 0],
    [500, 4],
    [1000, 5],
    [1499, 5],
    [1500, 9],
    [4000, 20],
  ].map(([atMs = 0, errors = 0]) => rate.take(atMs, errors));
  expect(seen).toEqual([0, 4, 5, 5, 5, 11]);
});
