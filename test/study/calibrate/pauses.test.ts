// Goal: how often sessions rest before a statement is reckoned from the load, as the simulation then makes them rest.
// Method: the formula at known numbers.
import { expect, test } from 'vitest';
import { newHistogram, recordMs } from '../../../src/recording/histogram.ts';
import type { LatencySlice } from '../../../src/recording/latency.ts';
import type { ManifestClass } from '../../../src/recording/manifest.ts';
import type { Recording } from '../../../src/recording/recording.ts';
import { wakeShare } from '../../../src/sim/wake.ts';
import { stoppedAtOnce, wakesOf } from '../../../src/study/calibrate/pauses.ts';

const options = { steady: { startMs: 0, endMs: 10_000 }, afterMs: 8 };
const share = (restMs: number): number => wakeShare(restMs, 8);

const read: ManifestClass = { name: 'read', kind: 'read', script: '', perSecond: 400, statements: 1 };
const write: ManifestClass = {
  name: 'write',
  kind: 'write',
  script: '',
  perSecond: 100,
  statements: 7,
  onBothNodes: 2,
};
const closedRead = (thinkTimeMs: number): ManifestClass => ({
  ...read,
  perSecond: null,
  closed: { sessions: 12, thinkTimeMs, think: 'fixed' },
});

/** A run of 10 s with so many operations of each class. */
function runOf(
  classes: ManifestClass[],
  completed: Record<string, number>,
  connect?: 'perTransaction',
): Recording {
  const counts = Object.entries(completed).map(([name, completedOk]) => [name, { completedOk }]);
  return {
    manifest: { scenario: { classes, sessions: 5, connect } },
    intervals: [{ startMs: 0, lengthMs: 10_000, classes: Object.fromEntries(counts) }],
  } as unknown as Recording;
}

/** Service times of a class: all the same. */
function took(className: string, spanMs: number): LatencySlice {
  const service = newHistogram();
  for (let count = 0; count < 100; count += 1) recordMs(service, spanMs);
  return { startMs: 0, lengthMs: 10_000, className, server: 'a', latency: service, service };
}

test('sessions of open classes take turns; the primary sees a session only when it writes', () => {
  const slices = [took('read', 0.5), took('write', 3.5)];
  const wakes = wakesOf(runOf([read, write], { read: 4000, write: 1000 }), slices, options);
  const turnMs = (5 * 10_000) / 5000;
  expect(wakes.read).toEqual({ worker: share(turnMs), own: 0, pgpool: share(turnMs) });
  const later = 6 * share(0.5);
  expect(wakes.write?.pgpool).toBeCloseTo(share(turnMs) + later, 2);
  expect(wakes.write?.worker).toBeCloseTo(share((5 * 10_000) / 1000) + later, 2);
  expect(wakes.write?.own).toBeCloseTo(share(turnMs) + share(3.5), 2);
});

test('a closed session rests while it thinks and its answer is on the way', () => {
  const { read: quick } = wakesOf(runOf([closedRead(0)], { read: 50_000 }), [took('read', 0.5)], options);
  expect(quick?.worker).toBeCloseTo(share(0.5), 2);
  const { read: slow } = wakesOf(runOf([closedRead(20)], { read: 5000 }), [took('read', 0.5)], options);
  expect(slow?.worker).toBeCloseTo(share(20.5), 3);
});

test('a session of one transaction has always rested', () => {
  const { read: first } = wakesOf(
    runOf([read], { read: 4000 }, 'perTransaction'),
    [took('read', 0.5)],
    options,
  );
  expect(first?.worker).toBe(1);
});

test('a stop meets the closed sessions that are at work on the server, half of them here', () => {
  const slices = [took('read', 0.5)];
  const mixed = newHistogram();
  for (let count = 0; count < 100; count += 1) recordMs(mixed, count < 50 ? 1 : 19);
  const held = [{ ...took('read', 1), service: mixed }];
  expect(stoppedAtOnce({ classes: [closedRead(0)] }, held, 0.5)).toBeCloseTo(12 * 0.5 * (1 - 1 / 10), 1);
  expect(stoppedAtOnce({ classes: [closedRead(0)] }, slices, 0.5)).toBeCloseTo(0, 2);
  expect(stoppedAtOnce({ classes: [read, write] }, held, 0.5)).toBe(0);
});
