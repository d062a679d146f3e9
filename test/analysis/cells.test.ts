// Goal: cells are compared by what their runs say and no more: means, intervals, differences of equal seeds, precision.
// Method: runs with figures made up so that every answer can be worked out by hand.
import { describe, expect, test } from 'vitest';
import { compareCells, precisionOf, type RawCell } from '../../src/analysis/cells.ts';
import type { CellRun } from '../../src/analysis/sweep-result.ts';
import { fitUsl, uslThroughput } from '../../src/analysis/usl.ts';

function runs(values: Record<string, (number | null)[]>, firstSeed = 1): CellRun[] {
  const count = Math.max(...Object.values(values).map(({ length }) => length));
  return Array.from({ length: count }, (_, index) => ({
    seed: firstSeed + index,
    verdict: { result: 'pass', reasons: [] },
    figures: Object.fromEntries(Object.entries(values).map(([name, list]) => [name, list[index] ?? null])),
    predicted: null,
  }));
}

function cell(set: Record<string, string>, own: CellRun[], isOpen = true): RawCell {
  const kinds = Object.keys(own[0]?.figures ?? {}).map((name) => ({
    name,
    label: name,
    unit: 'ms' as const,
  }));
  return { set, planHash: '', folder: '', isOpen, state: 'done', failures: [], runs: own, kinds };
}

const axes = [{ path: 'weight', values: ['0', '1'] }];

describe('estimates', () => {
  test('are means over the runs with Student intervals, none of a single run', () => {
    const { cells } = compareCells(
      [
        cell({ weight: '0' }, runs({ 'read.p99': [1, 2, 3] })),
        cell({ weight: '1' }, runs({ 'read.p99': [7] })),
      ],
      { axes, wanted: null },
    );
    // t(0.975, 2 degrees) = 4.302653, standard error 1/√3.
    expect(cells[0]?.estimates['read.p99']?.mean).toBe(2);
    expect(cells[0]?.estimates['read.p99']?.halfWidth).toBeCloseTo(4.302653 / Math.sqrt(3), 5);
    expect(cells[1]?.estimates['read.p99']).toEqual({ mean: 7, halfWidth: null, runs: 1 });
  });

  test('leave out what a run did not measure, and say on how many runs they stand', () => {
    const { cells, figures } = compareCells(
      [
        cell({ weight: '0' }, runs({ offload: [0.5, null, 0.7], 'share.b': [null, null, null] })),
        cell({ weight: '1' }, runs({ 'share.c': [1] })),
      ],
      { axes, wanted: null },
    );
    expect(figures.map(({ name }) => name)).toEqual(['offload', 'share.b', 'share.c']);
    expect(cells[0]?.estimates.offload).toMatchObject({ mean: 0.6, runs: 2 });
    expect(cells[0]?.estimates['share.b']).toBeNull();
    expect(cells[0]?.estimates['share.c']).toBeNull();
  });
});

test('simulations beside real runs have estimates of their own, over the runs that have one', () => {
  const own = runs({ offload: [0.5, 0.6, 0.7] }).map((run, index) => ({
    ...run,
    predicted: index === 0 ? null : { offload: index },
  }));
  const { cells } = compareCells(
    [cell({ weight: '0' }, own), cell({ weight: '1' }, runs({ offload: [1] }))],
    {
      axes,
      wanted: null,
    },
  );
  expect(cells.map(({ predicted }) => predicted?.offload?.mean)).toEqual([1.5, undefined]);
  expect(cells[1]?.predicted).toBeNull();
});

test('figures of servers stand together in the order of their names, however many a cell has', () => {
  const { figures } = compareCells(
    [
      cell({ weight: '0' }, runs({ offload: [1], 'share.s2': [1], 'busy.s2': [1], 'outage.read': [1] })),
      cell({ weight: '1' }, runs({ offload: [1], 'share.s10': [1], 'share.s1': [1], 'busy.s3': [1] })),
    ],
    { axes, wanted: null },
  );
  const names = ['offload', 'share.s1', 'share.s2', 'share.s10', 'busy.s2', 'busy.s3', 'outage.read'];
  expect(figures.map(({ name }) => name)).toEqual(names);
});

describe('differences', () => {
  test('are taken between runs of the same seed: what both share cancels out', () => {
    const chance = [10, -20, 30, 0];
    const { cells } = compareCells(
      [
        cell({ weight: '0' }, runs({ 'read.p50': chance.map((value) => 100 + value) })),
        cell({ weight: '1' }, runs({ 'read.p50': chance.map((value, index) => 103 + value + (index % 2)) })),
      ],
      { axes, wanted: null },
    );
    expect(cells[0]?.differences).toBeNull();
    const difference = cells[1]?.differences?.['read.p50'];
    expect(difference?.mean).toBeCloseTo(3.5, 9);
    // Of 3, 4, 3, 4: deviation 1/√3, standard error half of it, t(0.975, 3 degrees) = 3.182446.
    expect(difference?.halfWidth).toBeCloseTo(3.182446 / Math.sqrt(12), 5);
    expect(cells[1]?.estimates['read.p50']?.halfWidth).toBeGreaterThan(20);
  });

  test('need the seed on both sides', () => {
    const { cells } = compareCells(
      [
        cell({ weight: '0' }, runs({ offload: [1, 1] }, 1)),
        cell({ weight: '1' }, runs({ offload: [2, 4, 9] }, 2)),
      ],
      { axes, wanted: null },
    );
    expect(cells[1]?.differences?.offload).toEqual({ mean: 1, halfWidth: null, runs: 1 });
  });

  test('there are none against a first cell that never ran', () => {
    const { cells } = compareCells(
      [cell({ weight: '0' }, []), cell({ weight: '1' }, runs({ offload: [1, 1] }))],
      { axes, wanted: null },
    );
    expect(cells.map(({ differences }) => differences)).toEqual([null, null]);
  });
});

describe('precision', () => {
  test('is that of the widest interval of throughput and p99; other figures ask for nothing', () => {
    const own = runs({
      'read.perSecond': [100, 101, 99],
      'read.p99': [10, 12, 11],
      'read.p50': [1, 90, 7],
      'write.p99': [null, null, null],
      'outage.read': [0, 5000, 0],
    });
    const { reached, loosest } = precisionOf(own, 0.05);
    expect(reached).toBe(false);
    expect(loosest?.figure).toBe('read.p99');
    expect(loosest?.share).toBeCloseTo(4.302653 / Math.sqrt(3) / 11, 5);
    expect(precisionOf(own, 0.3).reached).toBe(true);
  });

  test('a single run has none, and figures without spread are exact', () => {
    expect(precisionOf(runs({ 'read.p99': [1] }), 0.5)).toEqual({
      wanted: 0.5,
      reached: false,
      loosest: null,
    });
    expect(precisionOf(runs({ 'read.p99': [3, 3] }), 0.01).reached).toBe(true);
    expect(precisionOf(runs({ 'read.p99': [-1, 1] }), 0.01).reached).toBe(false);
  });
});

describe('scaling', () => {
  const law = { lambda: 1000, sigma: 0.05, kappa: 0.01 };
  const counts = ['1', '2', '3', '4', '6', '8'];
  const scaled = (notOk: number, isOpen: boolean) =>
    counts.map((standbys) =>
      cell(
        { standbys, rate: '5' },
        runs({ 'read.perSecond': [uslThroughput(Number(standbys), law)], 'read.notOkShare': [notOk] }),
        isOpen,
      ),
    );
  const both = [
    { path: 'standbys', values: counts },
    { path: 'rate', values: ['5'] },
  ];

  test('fits the law to the means along an axis that scales something', () => {
    const { scaling } = compareCells(scaled(0.5, true), { axes: both, wanted: null });
    expect(scaling).toHaveLength(1);
    expect(scaling[0]).toMatchObject({ path: 'standbys', at: {}, refusal: null, caution: null });
    expect(scaling[0]?.fit).toEqual(fitUsl(scaling[0]?.points ?? []));
    expect(scaling[0]?.fit?.sigma.value).toBeCloseTo(0.05, 6);
  });

  test('warns where an open load was met: that is no capacity; closed sessions always get their answers', () => {
    const open = compareCells(scaled(0.001, true), { axes: both, wanted: null }).scaling[0];
    expect(open?.caution).toMatch(/in every cell all that was offered was answered/);
    expect(compareCells(scaled(0, false), { axes: both, wanted: null }).scaling[0]?.caution).toBeNull();
  });

  test('refuses below six points with the reason, and cells without a run are no points', () => {
    const { scaling } = compareCells(
      scaled(0.5, true).map((one, index) => (index === 0 ? { ...one, runs: [] } : one)),
      { axes: both, wanted: null },
    );
    expect(scaling[0]).toMatchObject({
      fit: null,
      refusal: expect.stringMatching(/at least 6 points, got 5/),
    });
    expect(scaling[0]?.points).toHaveLength(5);
  });

  test('one curve for each combination of the other axes, none along other axes', () => {
    const others = ['5', '9'].flatMap((rate) =>
      scaled(0.5, true).map((one) => ({ ...one, set: { ...one.set, rate } })),
    );
    const { scaling } = compareCells(others, {
      axes: [both[0] ?? axes[0], { path: 'rate', values: ['5', '9'] }].filter((axis) => axis !== undefined),
      wanted: null,
    });
    expect(scaling.map(({ at }) => at)).toEqual([{ rate: '5' }, { rate: '9' }]);
  });
});
