import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { frameOf } from '../analysis/frame.ts';
import { mergedPercentiles, slicesByStart } from '../analysis/latencies.ts';
import type { Second } from '../analysis/seconds.ts';
import { secondsOf } from '../analysis/seconds.ts';
import type { Recording } from '../recording/recording.ts';
import type { Summary } from '../recording/summary.ts';

/** Points that a chart draws at most; longer runs are put together. */
const mostPoints = 3600;

/** One line or area of a chart; null where there is nothing to show. */
export interface ChartSeries {
  label: string;
  /** What it stands for; the page's script and style decide how that looks. */
  ink: string;
  values: (number | null)[];
}

/** One chart on the common time axis. */
export interface Chart {
  id: string;
  title: string;
  note: string;
  unit: string;
  kind: 'lines' | 'log' | 'stacked';
  series: ChartSeries[];
  /** Outages of the class that the chart shows, s. */
  outages: [from: number, to: number][];
}

/** What the page's script draws from. Times are seconds since load start. */
export interface ChartData {
  /** Seconds of load behind one point. */
  secondsPerPoint: number;
  times: number[];
  charts: Chart[];
  drills: { label: string; from: number; to: number }[];
  /** Changes of a server's role, numbered from 1. */
  changes: { at: number; label: string }[];
}

/** Draws the charts' data out of a recording. */
export function chartData(summary: Summary, recording: Recording): ChartData {
  const seconds = secondsOf(recording, frameOf(recording).loadEndMs);
  const secondsPerPoint = Math.max(1, Math.ceil(seconds.length / mostPoints));
  const points: Second[][] = [];
  for (let index = 0; index < seconds.length; index += secondsPerPoint) {
    points.push(seconds.slice(index, index + secondsPerPoint));
  }
  const classes = Object.keys(summary.classes);
  return {
    secondsPerPoint,
    times: points.map(([first]) => (first?.startMs ?? 0) / 1000),
    charts: [
      ...classes.map((name) => throughputChart(summary, points, name)),
      latencyChart(recording, points, classes),
      shareChart(summary, points),
    ],
    drills: summary.drills.map(({ id, atMs, endMs }) => ({ label: id, from: atMs / 1000, to: endMs / 1000 })),
    changes: roleChanges(recording),
  };
}

function throughputChart(summary: Summary, points: readonly Second[][], name: string): Chart {
  const rate = (field: 'completedOk' | 'failed' | 'unknown' | 'skipped'): number[] =>
    points.map((point) =>
      round(point.reduce((sum, { classes }) => sum + (classes[name]?.[field] ?? 0), 0) / point.length),
    );
  return {
    id: `rate-${name}`,
    title: `Throughput: ${name}`,
    note: 'answered in each second, and what was due in it but failed, stayed unknown or was skipped',
    unit: 'per second',
    kind: 'lines',
    series: [
      { label: 'ok', ink: name, values: rate('completedOk') },
      { label: 'failed', ink: 'failed', values: rate('failed') },
      { label: 'unknown', ink: 'unknown', values: rate('unknown') },
      { label: 'skipped', ink: 'skipped', values: rate('skipped') },
    ],
    outages: outagesOfClass(summary, name),
  };
}

function latencyChart(recording: Recording, points: readonly Second[][], classes: readonly string[]): Chart {
  const series = classes.flatMap((name) => {
    const slices = slicesByStart(recording.latency, name);
    const found = points.map((point) =>
      mergedPercentiles(
        point.flatMap(({ startMs }) => slices.get(startMs) ?? []),
        'latency',
      ),
    );
    return [
      { label: `${name} p50`, ink: `${name}-p50`, values: found.map((one) => (one ? round(one.p50) : null)) },
      { label: `${name} p99`, ink: name, values: found.map((one) => (one ? round(one.p99) : null)) },
    ];
  });
  return {
    id: 'latency',
    title: 'Latency from due time',
    note: 'of answered operations, waiting for a session included; a gap is a second without an answer',
    unit: 'ms, log scale',
    kind: 'log',
    series,
    outages: [],
  };
}

function shareChart({ backends }: Summary, points: readonly Second[][]): Chart {
  const names = backends.map(({ name }) => name);
  const series = names.map((name, index) => ({
    label: name,
    ink: `server${index % 6}`,
    values: points.map((point) => {
      const reads = (server: string): number =>
        point.reduce((sum, { readsByServer }) => sum + (readsByServer[server] ?? 0), 0);
      const all = names.reduce((sum, server) => sum + reads(server), 0);
      return all === 0 ? null : round((100 * reads(name)) / all);
    }),
  }));
  return {
    id: 'share',
    title: 'Who answers the reads',
    note: 'share of the attributed reads of each second, by server',
    unit: '% of reads',
    kind: 'stacked',
    series,
    outages: [],
  };
}

function outagesOfClass({ drills }: Summary, name: string): [number, number][] {
  return drills.flatMap(({ outages }) =>
    (outages[name] ?? []).map(({ startMs, endMs }): [number, number] => [startMs / 1000, endMs / 1000]),
  );
}

function roleChanges(recording: Recording): ChartData['changes'] {
  const words = { primary: 'is primary', standby: 'is standby', down: 'is down' };
  return recording.events.flatMap((event) =>
    event.type === 'serverRole' && event.atMs > 0
      ? [{ at: round(event.atMs / 1000), label: `${event.server} ${words[event.role]}` }]
      : [],
  );
}

function round(value: number): number {
  return Number(value.toPrecision(5));
}

/** The text of a file of the uPlot package, to be written into the page. */
export function chartLibrary(file: 'uPlot.iife.min.js' | 'uPlot.min.css'): string {
  const require = createRequire(import.meta.url);
  return readFileSync(require.resolve(`uplot/dist/${file}`), 'utf8');
}
