// Goal: the books of several workers, merged, are the books that one worker would have kept.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Interval } from '../../src/recording/intervals.ts';
import { MemoryRecorder } from '../../src/recording/memory.ts';
import { Accounting, type EndedOperation } from '../../src/workload/accounting.ts';
import {
  compareLedger,
  mergeLedgers,
  type Outcome,
  outcomes,
  WriteLedger,
} from '../../src/workload/ledger.ts';
import { SliceMerger } from '../../src/workload/merger.ts';
import { manifestSample } from '../recording/samples.ts';

const classes = [
  { name: 'read', kind: 'read' },
  { name: 'write', kind: 'write' },
] as const;

const operationShape = fc.record({
  classIndex: fc.integer({ min: 0, max: 1 }),
  dueMs: fc.integer({ min: 0, max: 3999 }),
  waitMs: fc.integer({ min: 0, max: 400 }),
  serviceMs: fc.integer({ min: 0, max: 900 }),
  outcome: fc.constantFrom(...outcomes),
  server: fc.constantFrom('a', 'b', null),
});

function keep(
  operations: readonly EndedOperation[],
  sink: ConstructorParameters<typeof Accounting>[1],
): void {
  const accounting = new Accounting(classes, sink);
  const moments = operations.flatMap((operation) => [
    { atMs: operation.dueMs, act: () => accounting.due(operation.classIndex, operation.dueMs) },
    { atMs: operation.endedMs, act: () => accounting.ended(operation) },
  ]);
  for (let atMs = 100; atMs < 5000; atMs += 100)
    moments.push({ atMs, act: () => accounting.advance(atMs, { a: 2 }) });
  moments.sort((a, b) => a.atMs - b.atMs);
  for (const { act } of moments) act();
  accounting.finish(6000, { a: 2 });
}

test('merged slices of several workers equal the slices of one', () => {
  fc.assert(
    fc.property(
      fc.array(operationShape, { maxLength: 80 }),
      fc.integer({ min: 1, max: 4 }),
      (drawn, workers) => {
        const operations = drawn.map(
          ({ classIndex, dueMs, waitMs, serviceMs, outcome, server }, number): EndedOperation => ({
            classIndex,
            number,
            dueMs: dueMs + 0.25,
            sentMs: outcome === 'skipped' ? null : dueMs + 0.25 + waitMs,
            endedMs: dueMs + 0.25 + waitMs + serviceMs + 0.5,
            outcome,
            code: outcome === 'failed' || outcome === 'unknown' ? 'closed' : null,
            server: classIndex === 0 ? server : null,
            foundFree: waitMs < 2,
          }),
        );
        const one = new MemoryRecorder();
        keep(operations, new SliceMerger(1, one).sink(0));
        const many = new MemoryRecorder();
        const merger = new SliceMerger(workers, many);
        for (let worker = 0; worker < workers; worker += 1) {
          keep(
            operations.filter(({ number }) => number % workers === worker),
            merger.sink(worker),
          );
        }
        const single = one.recording(manifestSample);
        const merged = many.recording(manifestSample);
        const sessionsOfOne = (interval: Interval): Interval => ({ ...interval, sessionsByServer: { a: 2 } });
        expect(merged.intervals.map(sessionsOfOne)).toEqual(single.intervals);
        expect(merged.intervals.every(({ sessionsByServer }) => sessionsByServer.a === 2 * workers)).toBe(
          true,
        );
        const shape = (slices: typeof single.latency) =>
          slices.map(({ startMs, className, server, latency, service }) => [
            startMs,
            className,
            server,
            latency.summary,
            service.summary,
          ]);
        expect(shape(merged.latency)).toEqual(shape(single.latency));
        for (const [index, { name }] of classes.entries()) {
          const own = operations.filter(({ classIndex }) => classIndex === index);
          expect(single.intervals.reduce((sum, { classes: all }) => sum + (all[name]?.due ?? 0), 0)).toBe(
            own.length,
          );
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('a slice is handed on only when nothing due in it is open, and in order', () => {
  const handed: number[] = [];
  const accounting = new Accounting(classes, {
    interval: ({ startMs }) => handed.push(startMs),
    latency: () => undefined,
  });
  accounting.due(1, 150);
  accounting.due(0, 250);
  const end = { number: 0, sentMs: 260, outcome: 'ok', code: null, server: 'a', foundFree: true } as const;
  accounting.ended({ ...end, classIndex: 0, dueMs: 250, endedMs: 270 });
  accounting.advance(1000, {});
  expect(handed).toEqual([0]);
  accounting.ended({ ...end, classIndex: 1, dueMs: 150, endedMs: 1020 });
  accounting.advance(1100, {});
  expect(handed).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]);
});

test('a slice has a lag only when something was sent to a free session in it, however many workers there are', () => {
  const recorder = new MemoryRecorder();
  const merger = new SliceMerger(2, recorder);
  const [busy, idle] = [new Accounting(classes, merger.sink(0)), new Accounting(classes, merger.sink(1))];
  const end = { classIndex: 0, number: 0, outcome: 'ok', code: null, server: 'a' } as const;
  for (const [dueMs, sentMs, foundFree] of [
    [10, 10.25, true],
    [20, 20, true],
    [150, 160, false],
    [250, 250, true],
  ] as const) {
    busy.due(0, dueMs);
    busy.ended({ ...end, dueMs, sentMs, endedMs: sentMs + 1, foundFree });
  }
  busy.due(0, 350);
  busy.ended({ ...end, dueMs: 350, sentMs: null, endedMs: 390, outcome: 'skipped', foundFree: false });
  busy.finish(390, {});
  idle.finish(390, {});
  const { intervals } = recorder.recording(manifestSample);
  expect(intervals.map(({ scheduleLagMs }) => scheduleLagMs)).toEqual([0.25, null, 0, null]);
});

test('an operation that never ended is a bug that stops the run', () => {
  const accounting = new Accounting(classes, { interval: () => undefined, latency: () => undefined });
  accounting.due(0, 10);
  expect(() => accounting.finish(1000, {})).toThrow(/never ended/);
});

test('the slices of a worker that died before the others are still merged', () => {
  const recorder = new MemoryRecorder();
  const merger = new SliceMerger(2, recorder);
  const [alive, dead] = [new Accounting(classes, merger.sink(0)), new Accounting(classes, merger.sink(1))];
  dead.due(0, 50);
  dead.ended({
    classIndex: 0,
    number: 1,
    dueMs: 50,
    sentMs: 50,
    endedMs: 60,
    outcome: 'ok',
    code: null,
    server: null,
    foundFree: true,
  });
  dead.advance(100, {});
  alive.advance(300, {});
  expect(recorder.recording(manifestSample).intervals).toHaveLength(1);
  merger.ended(1);
  expect(
    recorder.recording(manifestSample).intervals.map(({ startMs, classes: all }) => [startMs, all.read?.due]),
  ).toEqual([
    [0, 1],
    [100, 0],
    [200, 0],
  ]);
});

test('the ledger finds every kind of row, and every row that is missing', () => {
  const kept = (numbers: readonly (readonly [number, Outcome])[]) => {
    const ledger = new WriteLedger([1]);
    for (const [number, outcome] of numbers) ledger.ended({ classIndex: 1, number }, outcome, 10 * number);
    ledger.ended({ classIndex: 0, number: 5 }, 'ok', 1);
    return ledger.take();
  };
  const ledger = mergeLedgers([
    kept([
      [0, 'ok'],
      [2, 'ok'],
      [4, 'unknown'],
      [3000, 'ok'],
    ]),
    kept([
      [1, 'failed'],
      [3, 'unknown'],
      [5, 'skipped'],
      [7, 'ok'],
    ]),
  ]);
  const pad = (id: string): string => id.padEnd(22);
  expect(compareLedger(ledger, ['1.0', '1.2', '1.4', '1.3000'].map(pad))).toEqual({
    ok: 4,
    unknown: 2,
    failed: 1,
    found: 4,
    unknownFound: 1,
    failedFound: 0,
    lostAtMs: [70],
  });
  const lies = compareLedger(ledger, ['1.0', '1.0', '1.1', '1.5', '1.999999', '0.1', 'x']);
  expect([lies.found, lies.failedFound, lies.lostAtMs]).toEqual([7, 2, [20, 70, 30_000]]);
  expect(() =>
    kept([
      [1, 'ok'],
      [1, 'ok'],
    ]),
  ).toThrow(/ended twice/);
});
