// Goal: what is written is what is read, also after a crash, and other tools can read the latency log.
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { HistogramLogReader, listTags } from 'hdr-histogram-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RecordedEvent } from '../../src/recording/events.ts';
import {
  decodeLogLine,
  encodeLogLine,
  type Histogram,
  LatencyCounts,
  mergeHistograms,
  newHistogram,
  percentilesOf,
  recordMs,
  unpackInto,
} from '../../src/recording/histogram.ts';
import type { Interval } from '../../src/recording/intervals.ts';
import type { LatencySlice } from '../../src/recording/latency.ts';
import { ResultWriter, readRecording, writeResultFile } from '../../src/recording/store.ts';
import { manifestSample } from './samples.ts';

let folder = '';
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'pgdrill-store-')), 'result');
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }));

const event = (atMs: number): RecordedEvent => ({ type: 'phase', atMs, name: 'start' });
const interval = (startMs: number): Interval => ({
  startMs,
  lengthMs: 100,
  classes: {
    read: {
      due: 3,
      ok: 2,
      failed: 1,
      unknown: 0,
      skipped: 0,
      completedOk: 2,
      errors: { XX000: 1 },
      firstOkMs: startMs + 1.5,
      lastOkMs: startMs + 9,
      maxLatencyMs: 2.25,
    },
  },
  readsByServer: { server2: 2 },
  sessionsByServer: { server2: 4, '?': 1 },
  refusedSessions: {},
  scheduleLagMs: 0.75,
});

function slice(startMs: number, spansMs: readonly number[]): LatencySlice<Histogram> {
  const [latency, service] = [newHistogram(), newHistogram()];
  for (const spanMs of spansMs) {
    recordMs(latency, spanMs);
    recordMs(service, spanMs / 2);
  }
  return { startMs, lengthMs: 1000, className: 'read', server: 'server2', latency, service };
}

/** Intervals as they are written. */
function plain(intervals: readonly Interval[]): unknown {
  return JSON.parse(JSON.stringify(intervals));
}

function writeSample(): ResultWriter {
  const writer = new ResultWriter(folder, manifestSample);
  writer.event(event(0));
  writer.event(event(-20));
  for (const startMs of [0, 100, 200]) writer.interval(interval(startMs));
  writer.latency(slice(0, [1, 2, 3.5]));
  writer.latency(slice(1000, [2000.123]));
  return writer;
}

describe('a result folder', () => {
  test('is read back as it was written, before it is closed', () => {
    const writer = writeSample();
    const recording = readRecording(folder);
    expect(recording.manifest).toEqual(manifestSample);
    expect(recording.events).toEqual([event(-20), event(0)]);
    expect(plain(recording.intervals)).toEqual([interval(0), interval(100), interval(200)]);
    expect(recording.latency.map(({ startMs, className, server }) => [startMs, className, server])).toEqual([
      [0, 'read', 'server2'],
      [1000, 'read', 'server2'],
    ]);
    expect(
      recording.latency.map(({ latency, service }) =>
        [latency, service].map((kept) => percentilesOf(mergeHistograms([kept]))),
      ),
    ).toEqual(
      [slice(0, [1, 2, 3.5]), slice(1000, [2000.123])].map(({ latency, service }) => [
        percentilesOf(latency),
        percentilesOf(service),
      ]),
    );
    expect([recording.ledger, recording.counters]).toEqual([null, []]);
    const counts = {
      ledger: { ok: 2, unknown: 1, failed: 0, found: 1, unknownFound: 0, failedFound: 0, lostAtMs: [17.5] },
      counters: [{ name: 'a', expected: 1, actual: 2 }],
    };
    writer.close();
    writer.settled(counts);
    writeResultFile(writer.folder, 'summary.json', '{}\n');
    writeResultFile(writer.folder, 'report.html', '<html>');
    writer.close();
    const settled = readRecording(folder);
    expect({ ledger: settled.ledger, counters: settled.counters }).toEqual(counts);
    expect(readdirSync(folder).sort()).toEqual([
      'events.jsonl',
      'intervals.jsonl',
      'latency.hlog',
      'ledger.json',
      'manifest.json',
      'report.html',
      'summary.json',
    ]);
  });

  test('keeps operations that ended otherwise apart from the ok ones, also of a server named as an outcome', () => {
    const writer = new ResultWriter(folder, manifestSample);
    const missed = (outcome: 'failed' | 'unknown') => ({ ...slice(0, [5000]), server: '?', outcome });
    writer.latency({ ...slice(0, [1, 2]), server: 'failed' });
    writer.latency(missed('unknown'));
    writer.latency({ ...missed('failed'), service: newHistogram() });
    writer.close();
    const recording = readRecording(folder);
    const places = (slices: readonly LatencySlice[]) =>
      slices.map(({ server, outcome, latency, service }) => [
        server,
        outcome,
        ...[latency, service].map((kept) => mergeHistograms([kept]).totalCount),
      ]);
    expect(places(recording.latency)).toEqual([['failed', undefined, 2, 2]]);
    expect(places(recording.missed)).toEqual([
      ['?', 'unknown', 1, 1],
      ['?', 'failed', 1, 0],
    ]);
  });

  test('has slices in order of time, of classes named as files too; what is no slice of ours is passed over', () => {
    const writer = new ResultWriter(folder, manifestSample);
    const className = 'scripts/failed-latency/read.sql';
    for (const startMs of [2000, 0, 1000]) {
      const found = { ...slice(startMs, [1]), className };
      writer.latency(found);
      writer.latency({ ...found, server: '?', outcome: 'unknown' });
    }
    writer.close();
    const place = { startMs: 0, lengthMs: 1000 };
    for (const tag of ['read/server2/spread', `${className}/server2/later-latency`])
      appendFileSync(join(folder, 'latency.hlog'), encodeLogLine({ ...place, tag }, slice(0, [9]).latency));
    const { latency, missed } = readRecording(folder);
    const places = (slices: readonly LatencySlice[]) =>
      slices.map((found) => [found.startMs, found.className, found.server]);
    expect(places(latency)).toEqual([0, 1000, 2000].map((startMs) => [startMs, className, 'server2']));
    expect(places(missed)).toEqual([0, 1000, 2000].map((startMs) => [startMs, className, '?']));
  });

  test('that a crash cut anywhere in the last line of any file is read without that line', () => {
    writeSample().close();
    const whole = new Map(
      ['events.jsonl', 'intervals.jsonl', 'latency.hlog'].map((name) => [
        name,
        readFileSync(join(folder, name)),
      ]),
    );
    for (const [name, bytes] of whole) {
      const lastLine = bytes.lastIndexOf('\n', bytes.length - 2) + 1;
      for (let length = lastLine; length < bytes.length - 1; length += 7) {
        truncateSync(join(folder, name), length);
        const { events, intervals, latency } = readRecording(folder);
        const counts = [events.length, intervals.length, latency.length];
        expect(counts).toEqual([
          name === 'events.jsonl' ? 1 : 2,
          name === 'intervals.jsonl' ? 2 : 3,
          name === 'latency.hlog' ? 1 : 2,
        ]);
        writeFileSync(join(folder, name), bytes);
      }
    }
  });

  test('with a broken line in the middle is refused at that line', () => {
    writeSample().close();
    appendFileSync(join(folder, 'intervals.jsonl'), '{"startMs":\n{}\n');
    expect(() => readRecording(folder)).toThrow(/intervals\.jsonl:4 is no JSON/);
  });

  test('that is none, of a later version, or in use already is told', () => {
    expect(() => readRecording(join(folder, 'nowhere'))).toThrow(/is no result folder/);
    writeSample().close();
    expect(() => new ResultWriter(folder, manifestSample)).toThrow(/holds a result already/);
    writeFileSync(
      join(folder, 'manifest.json'),
      JSON.stringify({ ...manifestSample, schema: 'pgdrill/manifest@2' }),
    );
    expect(() => readRecording(folder)).toThrow(/schema pgdrill\/manifest@2/);
    writeFileSync(join(folder, 'manifest.json'), '{"schema":"pgdrill/manifest@1"}');
    expect(() => readRecording(folder)).toThrow(/manifest\.json is not as pgdrill writes it: world/);
  });

  test('that holds slices of a load without a scenario is not added to', () => {
    const slices = join(folder, 'slices');
    mkdirSync(slices, { recursive: true });
    writeFileSync(join(slices, 'intervals.jsonl'), '');
    expect(() => new ResultWriter(slices, manifestSample)).toThrow(/holds a result already/);
    expect(readdirSync(slices)).toEqual(['intervals.jsonl']);
    const notes = join(folder, 'notes');
    mkdirSync(notes);
    writeFileSync(join(notes, 'notes.txt'), '');
    new ResultWriter(notes, manifestSample).close();
    expect(readdirSync(notes)).toContain('notes.txt');
  });

  test('has a latency log that the reader of HdrHistogram reads', () => {
    writeSample().close();
    const text = readFileSync(join(folder, 'latency.hlog'), 'utf8');
    expect(listTags(text)).toEqual(['read/server2/latency', 'read/server2/service']);
    const reader = new HistogramLogReader(text);
    const found = [];
    for (let next = reader.nextIntervalHistogram(); next; next = reader.nextIntervalHistogram()) {
      found.push([next.tag, next.startTimeStampMsec, next.endTimeStampMsec, next.totalCount]);
    }
    expect(found).toEqual([
      ['read/server2/latency', 0, 1000, 3],
      ['read/server2/service', 0, 1000, 3],
      ['read/server2/latency', 1000, 2000, 1],
      ['read/server2/service', 1000, 2000, 1],
    ]);
  });
});

describe('histograms', () => {
  const spans = fc.array(
    fc.oneof(fc.double({ min: 0, max: 8000, noNaN: true }), fc.double({ min: 0, max: 3, noNaN: true })),
    { minLength: 1, maxLength: 300 },
  );

  test('flat counts become the histogram that recording into it would have made', () => {
    fc.assert(
      fc.property(spans, (values) => {
        const direct = newHistogram();
        const counts = new LatencyCounts();
        for (const spanMs of values) {
          recordMs(direct, spanMs);
          counts.recordMs(spanMs);
        }
        const unpacked = newHistogram();
        unpackInto(unpacked, counts.take());
        expect(unpacked.totalCount).toBe(values.length);
        expect(percentilesOf(unpacked)).toEqual(percentilesOf(direct));
        expect(counts.take().counts).toHaveLength(0);
      }),
    );
  });

  test('a line of the log gives its histogram back', () => {
    fc.assert(
      fc.property(spans, fc.integer({ min: 0, max: 100_000 }), (values, second) => {
        const histogram = newHistogram();
        for (const spanMs of values) recordMs(histogram, spanMs);
        const line = encodeLogLine(
          { tag: 'write/?/service', startMs: second * 1000, lengthMs: 1000 },
          histogram,
        );
        const found = decodeLogLine(line.trimEnd());
        expect([found?.tag, found?.startMs, found?.lengthMs]).toEqual([
          'write/?/service',
          second * 1000,
          1000,
        ]);
        expect(found && percentilesOf(found.histogram)).toEqual(percentilesOf(histogram));
      }),
    );
  });

  test('percentiles are milliseconds, null of nothing, and merging adds up', () => {
    expect(percentilesOf(newHistogram())).toBeNull();
    const parts = [slice(0, [1, 1, 1]), slice(0, [4])].map(({ latency }) => latency);
    expect(percentilesOf(mergeHistograms(parts))).toEqual({
      p50: 1,
      p95: expect.closeTo(4, 2),
      p99: expect.closeTo(4, 2),
      p999: expect.closeTo(4, 2),
      max: expect.closeTo(4, 2),
      mean: expect.closeTo(1.75, 2),
    });
  });
});
