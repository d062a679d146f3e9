import type { FigureKind } from '../analysis/run-figures.ts';
import type { Scaling, SweepCell, SweepResult } from '../analysis/sweep-result.ts';
import { uslThroughput } from '../analysis/usl.ts';

/** One line of a chart; each list has an entry for each x, null where nothing was measured. */
export interface SweepSeries {
  label: string;
  /** What it stands for; the page's style decides how that looks. */
  ink: string;
  values: (number | null)[];
  /** Ends of the 95 % interval. */
  low: (number | null)[];
  high: (number | null)[];
  /** Points with a line between them, the same of a simulation beside them, a fitted curve, or points beside one. */
  look: 'line' | 'simulated' | 'curve' | 'points';
}

/** One chart of figures against a varied value. */
export interface SweepChart {
  id: string;
  title: string;
  note: string;
  xLabel: string;
  /** Ascending; positions from 0 on where the values are words. */
  xs: number[];
  /** The values where they are words. */
  words: string[] | null;
  unit: string;
  isLog: boolean;
  series: SweepSeries[];
}

/** Combinations of the other values that a chart shows at most; the table has all. */
const mostLines = 6;

/** Points of a fitted curve. */
const curvePoints = 80;

type Figure = Pick<FigureKind, 'name' | 'unit'>;

/** The charts of a sweep: throughput, latency and offload against each varied path, and how read throughput scales. */
export function sweepCharts(result: SweepResult): SweepChart[] {
  const varied = result.axes.filter(({ values }) => values.length > 1);
  return [
    ...varied.flatMap(({ path }) => chartsAgainst(result, path)),
    ...result.scaling.flatMap((scaling, index) => (scaling.fit ? [fitChart(scaling, index)] : [])),
  ];
}

function chartsAgainst(result: SweepResult, path: string): SweepChart[] {
  const places = placesOf(result, path);
  const base = { xLabel: path, xs: places.xs, words: places.words };
  const groups = groupsOf(result, path);
  const left = groups.length > mostLines ? `; the first ${mostLines} of ${groups.length} combinations` : '';
  const lines = groups.slice(0, mostLines);
  const chart = (
    id: string,
    texts: Pick<SweepChart, 'title' | 'note' | 'unit'> & { isLog?: boolean },
    figures: readonly Figure[],
  ): SweepChart[] => {
    const present = figures.filter(({ name }) => result.figures.some((kind) => kind.name === name));
    const series = lines.flatMap((line, index) =>
      present.flatMap((figure) => seriesOf(line, figure, { places, path, ink: inkOf(figure, lines, index) })),
    );
    if (series.every(({ values }) => values.every((value) => value === null))) return [];
    const { isLog = false, note, ...rest } = texts;
    return [{ ...base, ...rest, id: `${id}-${path}`, note: `${note}${left}`, isLog, series }];
  };
  const classes = result.figures.flatMap(({ name }) => /^(\w+)\.perSecond$/.exec(name)?.[1] ?? []);
  const single = lines.length === 1;
  const percentiles = single ? (['p50', 'p99'] as const) : (['p99'] as const);
  return [
    ...chart(
      'offload',
      {
        title: `Offload against ${path}`,
        note: 'share of the reads answered by a standby',
        unit: '% of reads',
      },
      [{ name: 'offload', unit: 'share' }],
    ),
    ...chart(
      'rate',
      { title: `Throughput against ${path}`, note: 'answered ok', unit: 'per second' },
      classes.map((name) => ({ name: `${name}.perSecond`, unit: 'perSecond' })),
    ),
    ...chart(
      'latency',
      {
        title: `Latency against ${path}`,
        note: 'from due time, of what was answered ok',
        unit: 'ms, log scale',
        isLog: true,
      },
      classes.flatMap((name) => percentiles.map((one) => ({ name: `${name}.${one}`, unit: 'ms' as const }))),
    ),
  ];
}

interface Places {
  xs: number[];
  words: string[] | null;
  /** Index in `xs` by the value as written. */
  indexOf: Map<string, number>;
}

/** Where the values of a path stand on the axis: numbers by their size, words in the order in which they were given. */
function placesOf({ axes }: SweepResult, path: string): Places {
  const values = axes.find((axis) => axis.path === path)?.values ?? [];
  const isNumeric = values.every((value) => value !== '' && Number.isFinite(Number(value)));
  const ordered = isNumeric ? values.toSorted((first, second) => Number(first) - Number(second)) : values;
  return {
    xs: ordered.map((value, index) => (isNumeric ? Number(value) : index)),
    words: isNumeric ? null : [...ordered],
    indexOf: new Map(ordered.map((value, index) => [value, index])),
  };
}

interface Group {
  label: string;
  cells: SweepCell[];
}

/** Cells that differ in one path only, called by the others' values. */
function groupsOf({ axes, cells }: SweepResult, path: string): Group[] {
  const others = axes.filter((axis) => axis.path !== path && axis.values.length > 1);
  const groups = new Map<string, SweepCell[]>();
  for (const cell of cells) {
    const label = others.map((axis) => `${axis.path.split('.').at(-1)}=${cell.set[axis.path]}`).join(' ');
    groups.set(label, [...(groups.get(label) ?? []), cell]);
  }
  return [...groups].map(([label, group]) => ({ label, cells: group }));
}

/** A figure's line, and beside one measured on real servers the simulated one. */
function seriesOf(
  group: Group,
  figure: Figure,
  options: { places: Places; path: string; ink: string },
): SweepSeries[] {
  const measured = lineOf(group, figure, { ...options, of: (cell) => cell.estimates });
  if (group.cells.every(({ predicted }) => predicted === null)) return [measured];
  const simulated = lineOf(group, figure, { ...options, of: (cell) => cell.predicted ?? {} });
  return [measured, { ...simulated, label: `${measured.label} simulated`, look: 'simulated' }];
}

function lineOf(
  group: Group,
  { name, unit }: Figure,
  options: {
    places: Places;
    path: string;
    ink: string;
    of: (cell: SweepCell) => SweepCell['estimates'];
  },
): SweepSeries {
  const { places, path, ink, of } = options;
  const empty = (): (number | null)[] => places.xs.map(() => null);
  const label = `${name.replace('.perSecond', '/s').replace('.', ' ')}${group.label === '' ? '' : ` ${group.label}`}`;
  const series: SweepSeries = { label, ink, values: empty(), low: empty(), high: empty(), look: 'line' };
  const scale = unit === 'share' ? 100 : 1;
  for (const cell of group.cells) {
    const index = places.indexOf.get(cell.set[path] ?? '');
    const estimate = of(cell)[name];
    if (index === undefined || !estimate) continue;
    const { mean, halfWidth } = estimate;
    series.values[index] = rounded(scale * mean);
    if (halfWidth === null) continue;
    series.low[index] = rounded(scale * (mean - halfWidth));
    series.high[index] = rounded(scale * (mean + halfWidth));
  }
  return series;
}

/** One combination: the colours of the classes; several: one for each. */
function inkOf({ name }: Figure, lines: readonly Group[], index: number): string {
  if (lines.length > 1) return `server${index}`;
  if (name.endsWith('.p50')) return name.startsWith('write') ? 'write-p50' : 'read-p50';
  return name.startsWith('write') ? 'write' : 'read';
}

/** Measured points and the fitted law, up to its peak where that is not far. */
function fitChart(scaling: Scaling, number: number): SweepChart {
  const { path, at, points, fit } = scaling;
  const law = {
    lambda: fit?.lambda.value ?? 0,
    sigma: fit?.sigma.value ?? 0,
    kappa: fit?.kappa.value ?? 0,
  };
  const largest = Math.max(...points.map(({ n }) => n));
  const peak = fit?.peak?.n ?? 0;
  const end = Math.min(3 * largest, Math.max(largest, 1.1 * peak));
  const first = Math.min(1, ...points.map(({ n }) => n));
  const grid = Array.from(
    { length: curvePoints },
    (_, step) => first + ((end - first) * step) / (curvePoints - 1),
  );
  const xs = [...new Set([...grid, ...points.map(({ n }) => n)])].toSorted((one, other) => one - other);
  const others = Object.entries(at).map(([name, value]) => `${name}=${value}`);
  const none = xs.map(() => null);
  return {
    id: `scaling-${number}`,
    title: `Read throughput against ${path}, with the universal scalability law`,
    note: others.length === 0 ? 'points: means over the runs; curve: the fit' : others.join(', '),
    xLabel: path,
    xs,
    words: null,
    unit: 'per second',
    isLog: false,
    series: [
      {
        label: 'fit',
        ink: 'soft',
        values: xs.map((n) => rounded(uslThroughput(n, law))),
        low: none,
        high: none,
        look: 'curve',
      },
      {
        label: 'read/s',
        ink: 'read',
        values: xs.map((n) => points.find((point) => point.n === n)?.throughput ?? null),
        low: none,
        high: none,
        look: 'points',
      },
    ],
  };
}

function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
