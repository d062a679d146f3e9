// Goal: the generator is judged by the slices in which it sent something, so that an outage hides no lag, and by the
// processor time of its threads where that kept it from sending.
import { expect, test } from 'vitest';
import { generatorOf } from '../../src/analysis/generator.ts';
import type { LoadWorkerEvent } from '../../src/recording/events.ts';
import type { Interval } from '../../src/recording/intervals.ts';
import type { GeneratorSummary } from '../../src/recording/summary.ts';
import { manifestSample } from '../recording/samples.ts';

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

/** @param options.closed every class is a closed one */
function judge(
  lagsMs: readonly (number | null)[],
  { cpuShares, closed = false }: { cpuShares?: (number | null)[]; closed?: boolean } = {},
): GeneratorSummary {
  const worker: LoadWorkerEvent = {
    ...{ type: 'loadWorker', worker: 0, atMs: 0, scheduleLagMs: null, eventLoopDelayMs: null, gcMs: 3 },
    ...(cpuShares && { cpuShares }),
  };
  const { scenario } = manifestSample;
  const classes = scenario.classes.map((entry) => (closed ? { ...entry, perSecond: null } : entry));
  return generatorOf(
    {
      intervals: slices(lagsMs),
      events: cpuShares ? [worker] : [],
      manifest: { ...manifestSample, scenario: { ...scenario, classes } },
    },
    { startMs: 0, endMs: lagsMs.length * 100 },
  );
}

const repeat = (count: number, lagMs: number | null): (number | null)[] =>
  Array.from({ length: count }, () => lagMs);

test('slices in which nothing was sent to a free session thin nothing out', () => {
  const outage = repeat(400, null);
  const prompt = repeat(90, 1);
  expect(judge([...outage, ...repeat(10, 200), ...prompt])).toEqual({
    scheduleLagMs: { p50: 1, p95: 200, p99: 200, p999: 200, max: 200, mean: expect.closeTo(20.9, 6) },
    saturated: true,
    reason: 'the load generator could not keep its schedule (lag p95 200 ms)',
    workers: [],
  });
  expect(judge([...prompt, ...prompt, ...outage, 200])).toMatchObject({ saturated: false, reason: null });
});

test('less than a second of late slices is a moment of the machine’s, not the generator', () => {
  const [late, prompt] = [repeat(9, 200), repeat(50, 1)];
  expect(judge([...prompt, ...late])).toMatchObject({ saturated: false });
  expect(judge([...prompt, ...late, 200])).toMatchObject({ saturated: true });
});

test('where nothing was sent at all there is no lag', () => {
  expect(judge([null, null])).toEqual({ scheduleLagMs: null, saturated: false, reason: null, workers: [] });
});

test('a thread that used up its processor while sends were late was the bottleneck', () => {
  const cpuShares = [0.5, 0.97, 0.99, 0.4];
  const lagsMs = [...repeat(10, 1), ...repeat(20, 12), ...repeat(10, 1)];
  const found = judge(lagsMs, { cpuShares });
  expect(found.reason).toMatch(/load worker 1 was busy all the time in 2 of 4 seconds/);
  expect(found.workers).toEqual([
    expect.objectContaining({ cpuShare: 0.715, busiestCpuShare: 0.99, gcMs: 3, transport: null }),
  ]);
  expect(judge(repeat(40, 1), { cpuShares })).toMatchObject({ saturated: false });
  expect(judge(lagsMs, { cpuShares: [0.5, 0.97, 0.94, 0.4] })).toMatchObject({ saturated: false });
});

test('of a load without due times the processor alone tells', () => {
  const cpuShares = [0.5, 0.97, 0.99, 0.4];
  expect(judge(repeat(40, 0), { cpuShares, closed: true })).toMatchObject({ saturated: true });
  expect(judge(repeat(40, 0), { cpuShares: [null, null], closed: true }).workers).toMatchObject([
    { cpuShare: null, busiestCpuShare: null },
  ]);
});

test('busy seconds of the warm-up do not count', () => {
  const worker: LoadWorkerEvent = {
    ...{ type: 'loadWorker', worker: 0, atMs: 0, scheduleLagMs: null, eventLoopDelayMs: null },
    cpuShares: [1, 1, 1, 0.2, 0.2],
  };
  const recording = { intervals: slices(repeat(50, 20)), events: [worker], manifest: manifestSample };
  expect(generatorOf(recording, { startMs: 2500, endMs: 5000 })).toMatchObject({ saturated: false });
  expect(generatorOf(recording, { startMs: 500, endMs: 5000 })).toMatchObject({ saturated: true });
});
