// Goal: a load without a scenario leaves the same two files as a run, line by line, and says so when it cannot.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DrillError } from '../../src/kernel/errors.ts';
import { newHistogram, recordMs } from '../../src/recording/histogram.ts';
import { SliceWriter } from '../../src/recording/slice-writer.ts';
import { ResultWriter, readRecording, resultFiles } from '../../src/recording/store.ts';
import { manifestSample } from './samples.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pgdrill-slices-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const interval = {
  ...{ startMs: 0, lengthMs: 100, classes: {}, readsByServer: { server2: 2 }, sessionsByServer: {} },
  ...{ refusedSessions: { '53300': 1 }, scheduleLagMs: 0.25 },
};

function slice() {
  const [latency, service] = [newHistogram(), newHistogram()];
  for (const spanMs of [1, 2, 30]) recordMs(latency, spanMs);
  recordMs(service, 0.5);
  return { startMs: 0, lengthMs: 1000, className: 'read', server: 'server2', latency, service };
}

test('both files are those of a result folder, to the byte, while the load goes on', () => {
  const [loose, whole] = [join(root, 'loose'), join(root, 'whole')];
  const run = new ResultWriter(whole, manifestSample);
  for (const writer of [new SliceWriter(loose), run]) {
    writer.interval(interval);
    writer.latency(slice());
    writer.interval({ ...interval, startMs: 100 });
  }
  run.close();
  for (const name of [resultFiles.intervals, resultFiles.latency])
    expect(readFileSync(join(loose, name), 'utf8')).toBe(readFileSync(join(whole, name), 'utf8'));
  const { intervals, latency } = readRecording(whole);
  expect([intervals.length, latency[0]?.latency.totalCount, latency[0]?.service.totalCount]).toEqual([
    2, 3, 1,
  ]);
});

test('a folder that is in use, or that is none, and one that takes no more, are told', () => {
  const folder = join(root, 'slices');
  const writer = new SliceWriter(folder);
  expect(() => new SliceWriter(folder)).toThrow(/holds a result already/);
  writeFileSync(join(root, 'file'), '');
  expect(() => new SliceWriter(join(root, 'file'))).toThrow(DrillError);
  rmSync(folder, { recursive: true });
  expect(() => writer.interval(interval)).toThrow(DrillError);
  expect(() => writer.latency(slice())).toThrow(/latency\.hlog cannot be written/);
});
