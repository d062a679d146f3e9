// Goal: a sweep's reports say what its cells say, within 80 columns, whatever the names and however many there are.
// Method: results made up by hand, rendered as text, CSV and HTML.
import { describe, expect, test } from 'vitest';
import { compareCells, type RawCell } from '../../src/analysis/cells.ts';
import type { FigureKind } from '../../src/analysis/run-figures.ts';
import type { Axis, CellRun, SweepResult } from '../../src/analysis/sweep-result.ts';
import { formatEstimate, headOf, shortNames } from '../../src/report/sweep-cells.ts';
import { sweepCharts } from '../../src/report/sweep-charts.ts';
import { renderSweepCsv } from '../../src/report/sweep-csv.ts';
import { renderSweepHtml } from '../../src/report/sweep-html.ts';
import { renderSweep } from '../../src/report/sweep-text.ts';

const kinds: FigureKind[] = [
  { name: 'read.perSecond', label: 'read ok', unit: 'perSecond' },
  { name: 'read.p50', label: 'read p50', unit: 'ms' },
  { name: 'read.p99', label: 'read p99', unit: 'ms' },
  { name: 'read.notOkShare', label: 'read not ok', unit: 'share' },
  { name: 'offload', label: 'offload', unit: 'share' },
  ...['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) => ({
    name: `share.server-${name}`,
    label: `share server-${name}`,
    unit: 'share' as const,
  })),
  { name: 'outage.read', label: 'outage read', unit: 'ms' },
];

/** A result with a run a seed in each cell; every figure is `base` + seed. */
function resultOf(axes: Axis[], sets: Record<string, string>[], bases: number[]): SweepResult {
  const cells = sets.map((set, index): RawCell => {
    const runs = [1, 2, 3].map((seed): CellRun => {
      const value = (bases[index] ?? 0) + seed;
      const figures = Object.fromEntries(
        kinds.map(({ name, unit }) => [name, unit === 'share' ? value / 1000 : value]),
      );
      return { seed, verdict: { result: 'pass', reasons: [] }, figures, predicted: null };
    });
    return {
      set,
      planHash: 'f00',
      folder: `cells/${index}`,
      isOpen: true,
      state: 'done',
      failures: [],
      runs,
      kinds,
    };
  });
  return {
    schema: 'pgdrill/sweep@1',
    name: 'a sweep',
    world: 'simulated',
    version: '9.9.9',
    calibrated: true,
    level: 0.95,
    ...compareCells(cells, { axes, wanted: null }),
    interrupted: false,
  };
}

const path = 'model.servers.server1.postgres.weight';
const axes = [{ path, values: ['0', '0.5', '1'] }];
const sets = ['0', '0.5', '1'].map((value) => ({ [path]: value }));
const plain = resultOf(axes, sets, [100, 200, 300]);

describe('numbers', () => {
  const ms: FigureKind = { name: 'read.p99', label: '', unit: 'ms' };
  test.each([
    [{ mean: 0.404_32, halfWidth: 0.003_14, runs: 3 }, ms, '0.404±0.003'],
    [{ mean: 13.04, halfWidth: 0.1234, runs: 3 }, ms, '13.04±0.12'],
    [{ mean: 1234.4, halfWidth: 45, runs: 3 }, ms, '1234±45'],
    [{ mean: 1003.519, halfWidth: 1e-9, runs: 3 }, ms, '1003.5±0.0'],
    [{ mean: 4.63, halfWidth: 12.3, runs: 2 }, ms, '4.6±12.3'],
    [{ mean: 7, halfWidth: null, runs: 1 }, ms, '7'],
    [{ mean: 7.123_45, halfWidth: 0, runs: 3 }, ms, '7.123±0'],
    [{ mean: 0.801_2, halfWidth: 0.012, runs: 3 }, { ...ms, name: 'offload', unit: 'share' }, '80.1±1.2'],
    [{ mean: 4630, halfWidth: 210, runs: 3 }, { ...ms, name: 'outage.read' }, '4.63±0.21'],
    [{ mean: 0, halfWidth: 0, runs: 3 }, { ...ms, name: 'outage.read' }, 'none'],
    [null, ms, '-'],
  ] as const)('%j as %j is %s', (estimate, kind, text) => {
    expect(formatEstimate(estimate, kind)).toBe(text);
  });

  test('a difference has its sign, and a star where 0 is left out', () => {
    expect(formatEstimate({ mean: 2, halfWidth: 1, runs: 3 }, ms, { signed: true })).toBe('+2.0±1.0*');
    expect(formatEstimate({ mean: -2, halfWidth: 3, runs: 3 }, ms, { signed: true })).toBe('-2±3');
    expect(formatEstimate({ mean: 0, halfWidth: 0, runs: 3 }, ms, { signed: true })).toBe('0');
  });

  test('heads say the unit', () => {
    expect(
      kinds
        .map(headOf)
        .map((head) => head.join(' '))
        .slice(0, 6),
    ).toEqual(['read /s', 'read p50 ms', 'read p99 ms', 'read %', 'offload %', 'server-a %']);
  });

  test('paths are called by the last words that tell them apart', () => {
    const named = shortNames([
      { path, values: [] },
      { path: 'model.servers.server2.postgres.weight', values: [] },
      { path: 'load.sessions', values: [] },
      { path: 'standbys', values: [] },
    ]);
    expect([...named.values()]).toEqual([
      'server1.postgres.weight',
      'server2.postgres.weight',
      'sessions',
      'standbys',
    ]);
  });
});

describe('text', () => {
  test('has a line a cell in every table and never more than 80 columns; wide tables are broken', () => {
    const text = renderSweep(plain);
    const lines = text.split('\n');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
    for (const name of ['server-a', 'server-h', 'LONGEST OUTAGE', 'AGAINST THE FIRST CELL'])
      expect(text).toContain(name);
    expect(text).not.toContain('…');
    expect(lines.filter((line) => /^ {2}2 +0\.5 /.test(line)).length).toBeGreaterThanOrEqual(5);
  });

  test('tells failures, verdicts and precision that was not reached', () => {
    const cells = plain.cells.map((cell, index) => ({
      ...cell,
      ...(index === 0 ? { state: 'failed' as const, failures: [{ seed: 4, message: 'no room left' }] } : {}),
      ...(index === 1
        ? { precision: { wanted: 0.02, reached: false, loosest: { figure: 'read.p99', share: 0.051 } } }
        : {}),
      runs: cell.runs.map((run) =>
        index === 2 ? { ...run, verdict: { result: 'fail' as const, reasons: ['two primaries'] } } : run,
      ),
    }));
    const text = renderSweep({ ...plain, cells, calibrated: false, interrupted: true });
    for (const told of [
      'INTERRUPTED: a sweep',
      'cell 1, seed 4 failed: no room left',
      'read.p99 ±5.1 % after 3 runs',
      'cell 3, seed 1: fail: two primaries',
      'Not calibrated',
      '1 failed',
    ])
      expect(text.replace(/\s+/g, ' ')).toContain(told);
  });
});

test('what was simulated beside real runs stands beside them, in text, page and charts', () => {
  const cells = plain.cells.map((cell) => ({ ...cell, predicted: cell.estimates }));
  const both: SweepResult = { ...plain, world: 'live', cells };
  expect(renderSweep(both)).toContain('SIMULATED WITH THE SAME SEEDS');
  expect(renderSweep(plain)).not.toContain('SIMULATED WITH');
  expect(renderSweepHtml(both)).toContain('<h3>Simulated with the same seeds</h3>');
  const [measured, simulated] = sweepCharts(both).find(({ id }) => id.startsWith('offload'))?.series ?? [];
  expect([measured?.look, simulated?.look]).toEqual(['line', 'simulated']);
  expect(simulated?.values).toEqual(measured?.values);
});

describe('CSV', () => {
  test('quotes what has to be quoted', () => {
    const values = ['x,"y"', 'z"', 'z'];
    const odd = resultOf(
      [{ path: 'a', values }],
      values.map((a) => ({ a })),
      [1, 2, 3],
    );
    const lines = renderSweepCsv(odd).split('\r\n');
    expect(lines[1]).toMatch(/^1,done,"x,""y""",3,3,/);
    expect(lines[2]).toMatch(/^2,done,"z""",3,4,/);
    expect(lines[3]).toMatch(/^3,done,z,3,5,/);
    expect(lines).toHaveLength(5);
  });
});

describe('charts', () => {
  test('stand on the values in order of size, with the ends of the intervals', () => {
    const shuffled = resultOf([{ path, values: ['1', '0', '0.5'] }], sets, [100, 200, 300]);
    const offload = sweepCharts(shuffled).find(({ id }) => id.startsWith('offload'));
    expect(offload?.xs).toEqual([0, 0.5, 1]);
    expect(offload?.series[0]?.values).toEqual([10.2, 20.2, 30.2]);
    // Of 10.1, 10.2, 10.3: t(0.975, 2 degrees) 4.302653 × 0.1/√3.
    expect(offload?.series[0]?.high[0]).toBeCloseTo(10.2 + 0.2484, 3);
    expect(offload?.series[0]?.low[0]).toBeCloseTo(10.2 - 0.2484, 3);
  });

  test('of words stand at places of their own; of two axes there is a line for each other value', () => {
    const both = [
      { path: 'pgpoolServer', values: ['server4', 'server2'] },
      { path: 'load.sessions', values: ['8', '16'] },
    ];
    const four = both[0]?.values.flatMap((pgpoolServer) =>
      ['8', '16'].map((sessions) => ({ pgpoolServer, 'load.sessions': sessions })),
    );
    const charts = sweepCharts(resultOf(both, four ?? [], [1, 2, 3, 4]));
    const words = charts.find(({ id }) => id === 'rate-pgpoolServer');
    expect([words?.xs, words?.words]).toEqual([
      [0, 1],
      ['server4', 'server2'],
    ]);
    expect(words?.series.map(({ label }) => label)).toEqual(['read/s sessions=8', 'read/s sessions=16']);
    expect(charts.find(({ id }) => id === 'rate-load.sessions')?.series.map(({ values }) => values)).toEqual([
      [3, 4],
      [5, 6],
    ]);
  });

  test('a fitted law is drawn as a curve through measured points', () => {
    const counts = ['1', '2', '3', '4', '5', '6'];
    const scaled = resultOf(
      [{ path: 'standbys', values: counts }],
      counts.map((standbys) => ({ standbys })),
      [100, 190, 270, 340, 400, 450],
    );
    const chart = sweepCharts(scaled).find(({ id }) => id === 'scaling-0');
    const [curve, points] = chart?.series ?? [];
    expect(points?.values.filter((value) => value !== null)).toEqual([102, 192, 272, 342, 402, 452]);
    expect(curve?.values.every((value) => value !== null)).toBe(true);
    const peak = scaled.scaling[0]?.fit?.peak?.n ?? 0;
    expect(peak).toBeGreaterThan(6);
    expect(chart?.xs.at(-1)).toBeCloseTo(Math.min(18, 1.1 * peak), 9);
  });
});

test('a page is safe, whatever the names', () => {
  const evil = '</script><script>alert(1)</script>';
  const odd = resultOf([{ path: 'a', values: [evil, 'b'] }], [{ a: evil }, { a: 'b' }], [1, 2]);
  const page = renderSweepHtml({ ...odd, name: evil });
  expect(page).not.toContain('<script>alert');
  expect(page).toContain('&lt;/script&gt;');
});
