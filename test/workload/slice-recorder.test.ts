// Goal: the books are what the rules say, and those of several workers, merged, are the books that one would have kept.
// Method: random operations; the rules once more, plainly, over the whole list (`reference-books.ts`).
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mergeHistograms } from '../../src/recording/histogram.ts';
import type { Interval } from '../../src/recording/intervals.ts';
import { MemoryRecorder } from '../../src/recording/memory.ts';
import type { Recording } from '../../src/recording/recording.ts';
import type { AccountSink, LatencyBatch, LatencyPart } from '../../src/workload/books.ts';
import { SliceMerger } from '../../src/workload/merger.ts';
import { type EndedCall, OutcomeCode, SliceRecorder } from '../../src/workload/slice-recorder.ts';
import { manifestSample } from '../recording/samples.ts';
import { referenceBooks } from './reference-books.ts';

const classes = [
  { name: 'read', kind: 'read' },
  { name: 'write', kind: 'write' },
] as const;
const servers = ['a', 'b'];

const operationShape = fc
  .record({
    classIndex: fc.integer({ min: 0, max: 1 }),
    server: fc.integer({ min: -1, max: 1 }),
    outcome: fc.integer({ min: 0, max: 3 }),
    dueMs: fc.double({ min: 0, max: 3900, noNaN: true }),
    waitMs: fc.double({ min: 0, max: 400, noNaN: true }),
    serviceMs: fc.double({ min: 0.001, max: 900, noNaN: true }),
    code: fc.constantFrom('40001', 'closed'),
    foundFree: fc.boolean(),
    isSent: fc.boolean(),
  })
  .map(({ waitMs, serviceMs, isSent, ...drawn }): EndedCall => {
    const isUnsent =
      drawn.outcome === OutcomeCode.skipped || (drawn.outcome === OutcomeCode.failed && !isSent);
    return {
      ...drawn,
      foundFree: drawn.foundFree && !isUnsent,
      sentMs: isUnsent ? Number.NaN : drawn.dueMs + waitMs,
      endedMs: drawn.dueMs + waitMs + serviceMs,
    };
  });

function newRecorder(sink: AccountSink): SliceRecorder {
  return new SliceRecorder({ classes, servers, sink });
}

/** Tells a recorder of operations in order of time, and closes slices at some instants of its run. */
function keep(
  operations: readonly EndedCall[],
  { sink, stepsMs, endMs }: { sink: AccountSink; stepsMs: readonly number[]; endMs: number },
): SliceRecorder {
  const recorder = newRecorder(sink);
  const moments = operations.flatMap((operation) => [
    { atMs: operation.dueMs, act: () => recorder.due(operation.classIndex, operation.dueMs) },
    { atMs: operation.endedMs, act: () => recorder.ended(operation) },
  ]);
  for (const atMs of stepsMs) moments.push({ atMs, act: () => recorder.advance(atMs, { a: 2 }) });
  moments.sort((a, b) => a.atMs - b.atMs);
  for (const { act } of moments) act();
  recorder.finish(endMs, { a: 2 });
  return recorder;
}

/** The highest bucket is that of the largest span, to three digits. */
function expectLargest({ micros }: { micros: Float64Array }, spansMs: readonly number[]): void {
  const [bucketMs, largestMs] = [(micros.at(-1) ?? 0) / 1000, Math.max(0, ...spansMs)];
  expect(bucketMs).toBeLessThanOrEqual(largestMs + 0.001);
  expect(bucketMs).toBeGreaterThanOrEqual(largestMs * 0.999 - 0.001);
}

const sums = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);

const borderCase: EndedCall = {
  ...{ classIndex: 0, server: 0, outcome: 0, code: '40001', foundFree: false },
  ...{ dueMs: 0, sentMs: 0, endedMs: 900 },
};

test('random operations make the books that the rules say', () => {
  fc.assert(
    fc.property(
      fc.array(operationShape, { maxLength: 60 }),
      fc.array(fc.integer({ min: 1, max: 5200 }), { maxLength: 12 }),
      (operations, stepsMs) => {
        const intervals: Interval[] = [];
        const batches: LatencyBatch[] = [];
        const sink: AccountSink = {
          interval: (interval) => intervals.push(interval),
          latency: (batch) => batches.push(batch),
        };
        const endMs = Math.max(0, ...stepsMs, ...operations.map(({ endedMs }) => endedMs));
        const recorder = keep(operations, { sink, stepsMs, endMs });
        const expected = referenceBooks(operations, { classes, servers, endMs });
        expect(intervals.map(({ sessionsByServer: _, ...interval }) => interval)).toEqual(expected.intervals);
        expect(batches.map(({ startMs }) => startMs)).toEqual(expected.spans.map((_, index) => index * 1000));
        for (const [index, { parts }] of batches.entries()) {
          const spans = expected.spans[index] ?? {};
          const keyOf = ({ className, server, outcome }: LatencyPart): string =>
            `${className} ${outcome ? `${outcome} ` : ''}${server}`;
          expect(parts.map(keyOf).sort()).toEqual(Object.keys(spans).sort());
          for (const { latency, service, ...place } of parts) {
            const { latencyMs = [], serviceMs = [] } = spans[keyOf({ ...place, latency, service })] ?? {};
            expect([sums(latency.counts), sums(service.counts)]).toEqual([
              latencyMs.length,
              serviceMs.length,
            ]);
            expectLargest(latency, latencyMs);
            expectLargest(service, serviceMs);
          }
        }
        for (const [classIndex, totals] of recorder.totals().entries()) {
          const own = operations.filter((operation) => operation.classIndex === classIndex);
          const ends = Object.entries(OutcomeCode).map(([name, code]) => [
            name,
            own.filter(({ outcome }) => outcome === code).length,
          ]);
          expect(totals).toEqual({ due: own.length, ...Object.fromEntries(ends) });
        }
      },
    ),
    // The last operation ends where a slice begins.
    { numRuns: 200, examples: [[[{ ...borderCase }], []]] },
  );
});

test('what ends after its slice was closed counts in the next one that is open', () => {
  const intervals: Interval[] = [];
  const recorder = newRecorder({
    interval: (interval) => intervals.push(interval),
    latency: () => undefined,
  });
  recorder.due(0, 10);
  recorder.due(0, 20);
  const end = { classIndex: 0, server: 0, sentMs: 30, code: 'closed', foundFree: false };
  recorder.advance(300, {});
  recorder.ended({ ...end, outcome: OutcomeCode.ok, dueMs: 10, endedMs: 40 });
  recorder.ended({ ...end, outcome: OutcomeCode.failed, dueMs: 20, endedMs: 40 });
  recorder.refused('53300', 40);
  recorder.finish(390, {});
  const ended = intervals.map(({ classes: all, refusedSessions }) => [
    all.read?.completedOk,
    all.read?.errors,
    refusedSessions,
  ]);
  expect(ended).toEqual([
    [0, {}, {}],
    [0, {}, {}],
    [0, {}, {}],
    [1, { closed: 1 }, { '53300': 1 }],
  ]);
});

test('merged slices of several workers equal the slices of one', () => {
  const stepsMs = Array.from({ length: 50 }, (_, index) => 100 * index);
  fc.assert(
    fc.property(
      fc.array(operationShape, { maxLength: 80 }),
      fc.integer({ min: 1, max: 4 }),
      (operations, workers) => {
        const one = new MemoryRecorder();
        keep(operations, { sink: new SliceMerger(1, one).sink(0), stepsMs, endMs: 6000 });
        const many = new MemoryRecorder();
        const merger = new SliceMerger(workers, many);
        for (let worker = 0; worker < workers; worker += 1) {
          const own = operations.filter((_, number) => number % workers === worker);
          keep(own, { sink: merger.sink(worker), stepsMs, endMs: 6000 });
        }
        const single = one.recording(manifestSample);
        const merged = many.recording(manifestSample);
        const sessionsOfOne = (interval: Interval): Interval => ({ ...interval, sessionsByServer: { a: 2 } });
        const plain = ({ intervals }: Recording): Interval[] => JSON.parse(JSON.stringify(intervals));
        expect(plain(merged).slice(1).map(sessionsOfOne)).toEqual(plain(single).slice(1));
        expect(
          merged.intervals.slice(1).every(({ sessionsByServer }) => sessionsByServer.a === 2 * workers),
        ).toBe(true);
        const shape = (slices: typeof single.latency) =>
          slices.map(({ startMs, className, server, outcome, latency, service }) => [
            ...[startMs, className, server, outcome],
            mergeHistograms([latency]).summary,
            mergeHistograms([service]).summary,
          ]);
        expect(shape(merged.latency)).toEqual(shape(single.latency));
        expect(shape(merged.missed)).toEqual(shape(single.missed));
      },
    ),
    { numRuns: 60 },
  );
});

test('a slice is handed on only when nothing due in it is open, and in order', () => {
  const handed: number[] = [];
  const recorder = newRecorder({
    interval: ({ startMs }) => handed.push(startMs),
    latency: () => undefined,
  });
  recorder.due(1, 150);
  recorder.due(0, 250);
  const end = { sentMs: 260, outcome: OutcomeCode.ok, code: '', server: 0, foundFree: true };
  recorder.ended({ ...end, classIndex: 0, dueMs: 250, endedMs: 270 });
  recorder.advance(1000, {});
  expect(handed).toEqual([0]);
  recorder.ended({ ...end, classIndex: 1, dueMs: 150, endedMs: 1020 });
  recorder.advance(1100, {});
  expect(handed).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]);
});

test('a slice has a lag only when something was sent to a free session in it, however many workers there are', () => {
  const recorder = new MemoryRecorder();
  const merger = new SliceMerger(2, recorder);
  const [busy, idle] = [newRecorder(merger.sink(0)), newRecorder(merger.sink(1))];
  const end = { classIndex: 0, outcome: OutcomeCode.ok, code: '', server: 0 };
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
  const skipped = { sentMs: Number.NaN, endedMs: 390, outcome: OutcomeCode.skipped, foundFree: false };
  busy.ended({ ...end, dueMs: 350, ...skipped });
  busy.finish(390, {});
  idle.finish(390, {});
  const { intervals } = recorder.recording(manifestSample);
  expect(intervals.map(({ scheduleLagMs }) => scheduleLagMs)).toEqual([0.25, null, 0, null]);
});

test('an operation that never ended is a bug that stops the run', () => {
  const recorder = newRecorder({ interval: () => undefined, latency: () => undefined });
  recorder.due(0, 10);
  expect(() => recorder.finish(1000, {})).toThrow(/never ended/);
});

test('the slices of a worker that died before the others are still merged', () => {
  const recorder = new MemoryRecorder();
  const merger = new SliceMerger(2, recorder);
  const [alive, dead] = [newRecorder(merger.sink(0)), newRecorder(merger.sink(1))];
  dead.due(0, 50);
  dead.ended({
    ...{ classIndex: 0, server: -1, outcome: OutcomeCode.ok, code: '', foundFree: true },
    ...{ dueMs: 50, sentMs: 50, endedMs: 60 },
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

test('books that wait for a late operation keep what servers answered, and nothing for servers that did not', () => {
  const names = Array.from({ length: 8 }, (_, index) => `server${index}`);
  const sink = { interval: () => undefined, latency: () => undefined };
  const recorder = new SliceRecorder({ classes, servers: names, sink });
  const end = { classIndex: 0, outcome: OutcomeCode.ok, code: '', server: 2, foundFree: true };
  const before = process.memoryUsage().arrayBuffers;
  recorder.due(0, 0);
  const seconds = 200;
  for (let second = 1; second <= seconds; second += 1) {
    const dueMs = second * 1000 - 10;
    recorder.due(0, dueMs);
    recorder.ended({ ...end, dueMs, sentMs: dueMs, endedMs: dueMs + 5 });
  }
  const bytes = process.memoryUsage().arrayBuffers - before;
  // Two histograms of 16 kB a second, and the counts of ten slices.
  expect(bytes / seconds).toBeLessThan(45_000);
  recorder.ended({ ...end, dueMs: 0, sentMs: 0, endedMs: seconds * 1000 });
  recorder.finish(seconds * 1000 + 100, {});
});
