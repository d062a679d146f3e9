// Goal: the plain-text report fits 80 columns whatever happened, and says what a DBA asks first.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { summarise } from '../../src/analysis/summary.ts';
import type { RecordedEvent } from '../../src/recording/events.ts';
import { newHistogram, recordMs } from '../../src/recording/histogram.ts';
import { formatSpan, refusalText, shareSentence } from '../../src/report/format.ts';
import { renderJson } from '../../src/report/json.ts';
import { processorTable } from '../../src/report/processors.ts';
import { renderTerminal } from '../../src/report/terminal.ts';
import { textTable, wrapText } from '../../src/report/text-table.ts';
import { buildRecording } from '../analysis/build-recording.ts';
import { rehearsal } from '../analysis/rehearsal.ts';
import { extremeSummary, predictedRehearsal } from './extremes.ts';

const widest = (text: string): number => Math.max(...text.split('\n').map((line) => line.length));

test('a rehearsal in 80 columns: outages, phases with their settings, shares, trust', () => {
  const text = renderTerminal(predictedRehearsal());
  expect(widest(text)).toBeLessThanOrEqual(80);
  expect(text).toMatch(/^PASS: a rehearsal/);
  expect(text).toContain('PostgreSQL 15.18 real; Pgpool-II 4.3.5 real; EFM agents emulated');
  expect(text).toMatch(/ write +-13 ms +5\.87 s +174 +6\.17 s +\+307 ms/);
  expect(text).toMatch(/ read +1026 +0 +0 +840 µs +6\.7 ms +4\.19 s +4\.00 s +5\.00 s/);
  expect(text).toMatch(/ detect +\+0 s +3\.60 s +3\.60 s +local\.timeout 4/);
  expect(text).toMatch(/ server3 +50\.0 % +0\.0 % +66\.7 %/);
  expect(text).toContain('server3 carried its weight again: 1.30 s after its attach');
  expect(text).toContain('calibrated: false');
  expect(text).toContain('NOT MEASURED');
});

test('extreme numbers and names stay in 80 columns', () => {
  expect(widest(renderTerminal(extremeSummary()))).toBeLessThanOrEqual(80);
});

test('a run without drills, and one of nothing, have a report', () => {
  expect(renderTerminal(summarise(buildRecording({})))).not.toContain('DRILL');
  const nothing = { ...buildRecording({}), intervals: [], latency: [], events: [] };
  expect(renderTerminal(summarise(nothing))).toMatch(/^INVALID/);
});

test('each load thread says how it fared, and how sessions connect is told', () => {
  const lateness = { p50: 0.02, p95: 0.3, p99: 1.25, p999: 4, max: 5, mean: 0.1 };
  const events: RecordedEvent[] = [
    {
      type: 'loadWorker',
      ...{ worker: 0, atMs: 10_000, scheduleLagMs: null, eventLoopDelayMs: lateness },
      ...{ transport: 'stream (no ring: because)', gcMs: 31, cpuShares: [0.9, 0.1, 0.5, 0.25] },
    },
  ];
  const recording = buildRecording({ warmupMs: 1000, measureMs: 3000, events });
  recording.manifest.scenario.connect = 'perTransaction';
  const text = renderTerminal(summarise(recording));
  expect(widest(text)).toBeLessThanOrEqual(80);
  const flat = text.replace(/\s+/g, ' ');
  expect(flat).toContain(
    'load worker 1: stream (no ring: because); 28.3 % of a processor (busiest second 50.0 %); garbage collection 31 ms; event loop late p99 1.3 ms, largest 5.0 ms',
  );
  expect(flat).toContain('a connection for each transaction');
});

test('processor time is a share of one core over the time that was sampled', () => {
  const server = { name: 'server2', cpuMs: 160, postgresMs: 150, pgpoolMs: null, sampledMs: 2000 };
  const free = { ...server, cap: null, throttledMs: null };
  const capped = { ...server, name: 'server3', cap: { cpu: 0.2, periodMs: 100 }, throttledMs: 500 };
  const { backends } = predictedRehearsal();
  const p99 = backends.map(({ latencyMs }) => formatSpan(latencyMs?.p99));
  expect(processorTable({ servers: [free, capped], backends })?.rows).toEqual([
    ['server2', '8.0 %', '7.5 %', '-', 'none', '-', p99[1]],
    ['server3', '8.0 %', '7.5 %', '-', '20.0 % of 100 ms', '25.0 %', p99[2]],
  ]);
  expect(processorTable({ servers: [free], backends })?.head).not.toContain('cap');
});

test('refusals are added up over their codes, the interval of shares is told in points', () => {
  expect(refusalText({ XX000: 260, closed: 41 }, { refusedSessions: { XX000: 200, closed: 93 } })).toBe(
    'new sessions refused: 301 (XX000 260, closed 41); simulated 293',
  );
  expect(refusalText({}, null)).toBe('new sessions refused: 0');
  const servers = [{ name: 'server2', share: 0.5, halfWidth: 0.071 }];
  expect(shareSentence({ shareInterval: { sessionStarts: 190, servers } })).toBe(
    'shares by weight: server2 50.0 % ± 7.1 (95 % interval for about 190 session starts)',
  );
});

test('how long operations kept their clients waiting that were not answered ok stands below their errors', () => {
  const recording = buildRecording({});
  const taken = newHistogram();
  for (const spanMs of [1, 1, 1, 5000]) recordMs(taken, spanMs);
  const slice = {
    startMs: recording.latency.at(-3)?.startMs ?? 0,
    lengthMs: 1000,
    className: 'read',
    server: '?',
    latency: taken,
    service: taken,
  };
  const summary = summarise({ ...recording, missed: [{ ...slice, outcome: 'failed' }] });
  expect(summary.classes.read?.failedMs?.max).toBeCloseTo(5000, -1);
  expect(summary.classes.read?.unknownMs).toBeNull();
  expect(renderTerminal(summary)).toMatch(
    /read failed after 1\.0 ms \(p50\), 5\.00 s \(p99\), 5\.00 s \(max\)/,
  );
  expect(renderTerminal(summarise(recording))).not.toMatch(/failed after/);
});

test('a generator that was the limit and a crossed threshold stand in the report', () => {
  const summary = predictedRehearsal();
  summary.generator.saturated = true;
  summary.thresholds = [
    { text: 'read.p99 < 20ms', value: 31, unit: 'ms', result: 'fail' },
    { text: 'offload > 95%', value: 0.97, unit: 'share', result: 'pass' },
  ];
  const text = renderTerminal(summary);
  expect(text.replace(/\s+/g, ' ')).toContain('; SATURATED');
  expect(text).toMatch(/ read\.p99 < 20ms +31 ms +fail\n/);
  expect(text).toMatch(/ offload > 95% +97\.0 % +pass\n/);
});

test('a calibrated simulation is not warned about', () => {
  const recording = rehearsal('simulated');
  const calibrated = { ...recording, manifest: { ...recording.manifest, calibrated: true } };
  expect(renderTerminal(summarise(recording))).toContain('Not calibrated');
  expect(renderTerminal(summarise(calibrated))).not.toContain('alibrated');
});

test('any table fits, and no column loses all of its characters', () => {
  const cell = fc.string({ unit: 'grapheme-ascii', maxLength: 90 });
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell, cell, cell), { minLength: 1, maxLength: 5 }), (rows) => {
      for (const line of textTable(rows)) expect(line.length).toBeLessThanOrEqual(80);
    }),
  );
});

test('wrapped text keeps its words', () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[a-z]{1,30}$/), { minLength: 1 }), (words) => {
      const lines = wrapText(words.join(' '), { indent: 4, hanging: 6 });
      expect(lines.join(' ').trim().split(/\s+/)).toEqual(words);
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    }),
  );
});

test('the same summary gives the same JSON, and the same recording the same summary', () => {
  const text = renderJson(summarise(rehearsal('simulated')));
  expect(text).toBe(renderJson(summarise(rehearsal('simulated'))));
  expect(JSON.parse(text)).toMatchObject({ schema: 'pgdrill/summary@1' });
});
