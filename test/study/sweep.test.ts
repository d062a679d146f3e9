// Goal: a sweep runs every combination, gives the same result whatever carries it out, loses no cell to another's failure,
// goes on where it was interrupted, and checks everything before it starts.
// Method: small sweeps in virtual time, in this thread, compared with single runs and with each other.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { figuresOf } from '../../src/analysis/run-figures.ts';
import type { SweepResult } from '../../src/analysis/sweep-result.ts';
import { DrillError, InputError } from '../../src/kernel/errors.ts';
import type { Summary } from '../../src/recording/summary.ts';
import { planRun } from '../../src/run/plan.ts';
import { run } from '../../src/run.ts';
import { combinationsOf, parseAxis } from '../../src/study/sweep/axes.ts';
import { planHashOf, withSeed } from '../../src/study/sweep/plan-cells.ts';
import { type SweepRequest, sweep } from '../../src/study/sweep.ts';

let folder = '';
let scenario = '';
let out = '';
let turn = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgdrill-sweep-'));
  scenario = join(folder, 'short.yaml');
  writeFileSync(
    scenario,
    `name: short
cluster: ${join(import.meta.dirname, '../../models/reference-architecture.yaml')}
seed: 3
load:
  arrivals: poisson
  classes:
    - { name: read, script: builtin:select-only, perSecond: 100 }
    - { name: write, script: builtin:tpcb-like, perSecond: 20 }
  sessions: 8
  sessionLifetime: 1s
phases: { warmup: 1s, measure: 3s }
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  turn += 1;
  out = join(folder, `out-${turn}`);
});

interface Ways extends Partial<SweepRequest> {
  onProgress?: (line: string, abort: () => void) => void;
}

async function swept(
  sets: string[],
  { onProgress, ...ways }: Ways = {},
): Promise<{ result: SweepResult; lines: string[] }> {
  const lines: string[] = [];
  const controller = new AbortController();
  const result = await sweep(
    {
      scenario,
      world: 'simulated',
      axes: sets.map(parseAxis),
      repeat: 1,
      wanted: null,
      mostRuns: 100,
      folder: out,
      resume: false,
      threads: 0,
      ...ways,
    },
    {
      progress: (line) => {
        lines.push(line);
        onProgress?.(line, () => controller.abort());
      },
      signal: controller.signal,
      onResult: () => undefined,
    },
  );
  return { result, lines };
}

const weight = 'model.servers.server1.postgres.weight';

test('the hash of a plan is that of its values, not of how the engine holds them', () => {
  const plan = planRun(scenario);
  const hash = planHashOf(plan, 'simulated');
  expect(hash).toMatch(/^[0-9a-f]{16}$/);
  const { name } = plan.scenario.value;
  const ofTwoBytes = `${name}\u0100`.slice(0, name.length);
  const value = { ...plan.scenario.value, name: ofTwoBytes };
  expect(planHashOf({ ...plan, scenario: { ...plan.scenario, value } }, 'simulated')).toBe(hash);
  expect(planHashOf(withSeed(plan, 99), 'simulated')).toBe(hash);
  expect(planHashOf(plan, 'live')).not.toBe(hash);
  expect(planHashOf({ ...plan, durationMs: plan.durationMs + 1 }, 'simulated')).not.toBe(hash);
  const load = { ...plan.load, patienceMs: Number.POSITIVE_INFINITY };
  expect(planHashOf({ ...plan, load }, 'simulated')).not.toBe(
    planHashOf({ ...plan, load: { ...load, patienceMs: null as never } }, 'simulated'),
  );
});

describe('axes', () => {
  test('commas inside brackets, braces and quotes belong to a value', () => {
    expect(parseAxis('load.classes.read.perSecond=100, {from: 1, to: 9},[1,2]')).toEqual({
      path: 'load.classes.read.perSecond',
      values: ['100', '{from: 1, to: 9}', '[1,2]'],
    });
    expect(parseAxis(`name="a,b",'c,d',`).values).toEqual(['"a,b"', "'c,d'", '']);
  });

  test('every combination, the last axis fastest', () => {
    const sets = combinationsOf([parseAxis('a=1,2'), parseAxis('b=x,y')]);
    expect(sets.map((set) => set.map(({ value }) => value).join(''))).toEqual(['1x', '1y', '2x', '2y']);
    expect(combinationsOf([])).toEqual([[]]);
  });

  test.each([
    [() => parseAxis('load.sessions'), /PATH=VALUE/],
    [() => parseAxis('=4'), /PATH=VALUE/],
    [() => parseAxis('load.sessions=4,5,4'), /names the value 4 twice/],
    [() => combinationsOf([parseAxis('a=1'), parseAxis('a=2')]), /given twice/],
    [
      () => combinationsOf(['a', 'b', 'c', 'd', 'e'].map((name) => parseAxis(`${name}=1,2,3,4,5,6,7`))),
      /16807/,
    ],
  ])('a slip is an error of usage: %#', (slip, told) => {
    expect(slip).toThrow(told);
    try {
      slip();
    } catch (error) {
      expect((error as DrillError).exitCode).toBe(1);
    }
  });
});

describe('a sweep', () => {
  test('is the single runs that it stands for, with seeds that follow each other', async () => {
    const { result } = await swept([`${weight}=0,1`], { repeat: 2 });
    expect(result.cells.map(({ set, state }) => [set[weight], state])).toEqual([
      ['0', 'done'],
      ['1', 'done'],
    ]);
    expect(result.cells.map(({ runs }) => runs.map(({ seed }) => seed))).toEqual([
      [3, 4],
      [3, 4],
    ]);
    const single = await run(
      { scenario, world: 'simulated', seed: 4, set: [{ path: weight, value: '1' }], folder: `${out}-single` },
      { progress: () => undefined, tick: () => undefined, signal: new AbortController().signal },
    );
    expect(result.cells[1]?.runs[1]?.figures).toEqual(figuresOf(single.summary).figures);
    const kept = readJson<Summary>(join(out, result.cells[1]?.folder ?? '', 'seed-4', 'summary.json'));
    expect(kept).toEqual(JSON.parse(JSON.stringify(single.summary)));
  });

  test('offload follows the weights, and arrivals are the same in every cell', async () => {
    const { result } = await swept([`${weight}=0,1`], { repeat: 3 });
    const [none, equal] = result.cells;
    expect(none?.estimates.offload).toEqual({ mean: 1, halfWidth: 0, runs: 3 });
    expect(equal?.estimates.offload?.mean).toBeGreaterThan(0.5);
    expect(equal?.estimates.offload?.mean).toBeLessThan(0.85);
    expect(equal?.differences?.['read.perSecond']).toEqual({ mean: 0, halfWidth: 0, runs: 3 });
  });

  test('over standbys and placements has servers of its own in each cell', async () => {
    const { result } = await swept(['standbys=1,3', 'pgpoolServer=server4,server2']);
    expect(result.cells).toHaveLength(4);
    expect(result.cells.map(({ state }) => state)).toEqual(['done', 'done', 'done', 'done']);
    expect(result.cells[0]?.estimates['share.server3']).toBeNull();
    expect(result.cells[2]?.estimates['share.server5']?.mean).toBeGreaterThan(0);
  });

  test('without axes is a series of replications', async () => {
    const { result } = await swept([], { repeat: 3 });
    expect(result.cells).toHaveLength(1);
    expect(result.cells[0]?.estimates['read.perSecond']?.halfWidth).toBeGreaterThan(0);
  });
});

describe('until an interval is reached', () => {
  test('runs until it is, and not one round more', async () => {
    const { result } = await swept([], { repeat: 2, wanted: 0.1, mostRuns: 60 });
    const [cell] = result.cells;
    expect(cell?.precision).toMatchObject({ wanted: 0.1, reached: true });
    expect(cell?.precision?.loosest?.share).toBeLessThanOrEqual(0.1);
    expect(cell?.runs.length).toBeGreaterThan(2);
    expect(cell?.runs.length).toBeLessThan(60);
    expect(cell?.runs.map(({ seed }) => seed)).toEqual(cell?.runs.map((_, index) => 3 + index));
  });

  test('stops at the limit and says that it was not reached', async () => {
    const { result } = await swept([], { repeat: 2, wanted: 0.0001, mostRuns: 5 });
    expect(result.cells[0]?.runs).toHaveLength(5);
    expect(result.cells[0]?.precision?.reached).toBe(false);
    expect(result.cells[0]?.state).toBe('done');
  });
});

describe('failures and interruptions', () => {
  test('one cell that fails is marked, the others are whole', async () => {
    const { result: dry } = await swept([`${weight}=0,0.5,1`], { folder: `${out}-dry` });
    const second = join(out, dry.cells[1]?.folder ?? '');
    const { result } = await swept([`${weight}=0,0.5,1`], {
      repeat: 2,
      onProgress: (line) => {
        // After the first run: a file where the second cell's folder has to be.
        if (line.startsWith(`${weight}=0, seed 3`)) writeFileSync(second, '');
      },
    });
    expect(result.cells.map(({ state, runs }) => [state, runs.length])).toEqual([
      ['done', 2],
      ['failed', 0],
      ['done', 2],
    ]);
    expect(result.cells[1]?.failures.map(({ seed }) => seed)).toEqual([3, 4]);
    expect(result.cells[2]?.differences?.offload?.runs).toBe(2);
  });

  test('an interrupted sweep keeps what was finished and goes on with --resume, to the same result', async () => {
    const whole = await swept([`${weight}=0,1`], { repeat: 2, folder: `${out}-whole` });
    const first = await swept([`${weight}=0,1`], {
      repeat: 2,
      onProgress: (line, abort) => {
        if (line.includes(`${weight}=1, seed 3`)) abort();
      },
    });
    expect(first.result.interrupted).toBe(true);
    expect(first.result.cells.map(({ runs, state }) => [runs.length, state])).toEqual([
      [1, 'unfinished'],
      [1, 'unfinished'],
    ]);
    const barely = await swept([`${weight}=0,1`], {
      repeat: 2,
      resume: true,
      onProgress: (_line, abort) => abort(),
    });
    expect(barely.result.cells.map(({ runs }) => runs.length)).toEqual([1, 1]);
    const second = await swept([`${weight}=0,1`], { repeat: 2, resume: true });
    expect(second.lines.filter((line) => line.endsWith('kept from before'))).toHaveLength(2);
    expect(second.lines).toHaveLength(4);
    expect(second.result).toEqual(whole.result);
  });

  test('with another plan nothing is taken over, and unfinished runs are run again', async () => {
    const first = await swept([`${weight}=0`]);
    const runFolder = join(out, first.result.cells[0]?.folder ?? '', 'seed-3');
    const other = await swept([`${weight}=0.25`], { resume: true });
    expect(other.lines.join()).not.toContain('kept');
    rmSync(join(runFolder, 'run.json'));
    writeFileSync(join(runFolder, 'events.jsonl'), 'half a run');
    const again = await swept([`${weight}=0`], { resume: true });
    expect(again.lines).toEqual([`${weight}=0, seed 3: pass`]);
    expect(readdirSync(runFolder).sort()).toEqual(['run.json', 'summary.json']);
    expect(again.result.cells[0]?.folder).toBe(first.result.cells[0]?.folder);
  });

  test('a folder that holds a sweep is not written over', async () => {
    await swept([`${weight}=0`]);
    await expect(swept([`${weight}=0`])).rejects.toThrow(/holds a sweep already/);
  });
});

describe('before anything starts', () => {
  test('the mistakes of all cells are told, each with the cells that have it', async () => {
    const wrong = swept([`${weight}=0,-1,x`, 'load.sessions=8,900']).catch((error: unknown) => error);
    const error = (await wrong) as InputError;
    expect(error).toBeInstanceOf(InputError);
    const told = error.problems.map(({ message }) => message);
    expect(told.join('\n')).toMatch(/got -1 \(with .*weight=-1 load\.sessions=8 and 1 more cell\)/);
    expect(told.join('\n')).toMatch(/got "x" \(with .*weight=x load\.sessions=8 and 1 more cell\)/);
    expect(told.join('\n')).toMatch(/\b900\b.*\(with .*weight=0 load\.sessions=900\)/);
    expect(existsSync(out)).toBe(false);
  });

  test('what the world cannot do is one of them', async () => {
    const error = (await swept(['model.pgpool.settings.statement_level_load_balance=on']).catch(
      (found: unknown) => found,
    )) as InputError;
    expect(error.problems.map(({ rule }) => rule)).toEqual(['simulated-world']);
  });

  test('seeds must not run out', async () => {
    await expect(swept([], { seed: 2147483647, repeat: 2 })).rejects.toThrow(/beyond the last seed/);
    await expect(swept([], { seed: 2147483647, repeat: 2 })).rejects.toBeInstanceOf(DrillError);
  });
});

function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, 'utf8')) as T;
}
