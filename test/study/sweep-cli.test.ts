// Goal: the commands answer on stdout with one value, keep their files, say by their exit code how it ended, and stop at once.
// Method: the built program as a process.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SweepResult } from '../../src/analysis/sweep-result.ts';
import { exitCodeOf } from '../../src/cli/conduct-sweep.ts';
import { parseAxis } from '../../src/study/sweep/axes.ts';
import { sweep } from '../../src/study/sweep.ts';

let folder = '';
let scenario = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgdrill-sweep-cli-'));
  scenario = join(folder, 'short.yaml');
  writeFileSync(
    scenario,
    `name: short
cluster: ${join(import.meta.dirname, '../../models/reference-architecture.yaml')}
load:
  arrivals: poisson
  classes: [{ name: read, script: builtin:select-only, perSecond: 100 }]
  sessions: 8
  sessionLifetime: 1s
phases: { warmup: 1s, measure: 3s }
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

function pgdrill(...words: string[]) {
  return spawnSync(process.execPath, ['dist/cli/main.js', ...words], { encoding: 'utf8', timeout: 60_000 });
}

const weight = 'model.servers.server1.postgres.weight';

describe('pgdrill sweep', () => {
  test('--json is one value, the same as computed without threads; the files lie beside', async () => {
    const out = join(folder, 'json');
    const asked = ['sweep', scenario, '--set', `${weight}=0,1`, '--repeat', '3', '--out', out];
    const { status, stdout, stderr } = pgdrill(...asked, '--json', '--quiet');
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const result = JSON.parse(stdout) as SweepResult;
    expect(JSON.parse(readFileSync(join(out, 'sweep.json'), 'utf8'))).toEqual(result);
    expect(readdirSync(out).sort()).toEqual(['cells', 'sweep.csv', 'sweep.html', 'sweep.json']);
    const here = await sweep(
      {
        scenario,
        world: 'simulated',
        axes: [parseAxis(`${weight}=0,1`)],
        repeat: 3,
        wanted: null,
        mostRuns: 100,
        folder: `${out}-here`,
        resume: false,
        thresholds: [],
        threads: 0,
      },
      { progress: () => undefined, signal: new AbortController().signal, onResult: () => undefined },
    );
    expect(result).toEqual(JSON.parse(JSON.stringify(here)));
    const again = pgdrill(...asked);
    expect([again.status, again.stdout]).toEqual([1, '']);
    expect(again.stderr).toMatch(/holds a sweep already[\s\S]*--resume/);
    const resumed = pgdrill(...asked, '--resume', '--csv');
    expect(resumed.stdout).toBe(readFileSync(join(out, 'sweep.csv'), 'utf8'));
    expect(resumed.stderr.match(/kept from before/g)).toHaveLength(6);
  }, 120_000);

  test('--csv has a line a cell, and text fits 80 columns', () => {
    const words = [
      'sweep',
      scenario,
      '--set',
      `${weight}=0,1`,
      '--set',
      'standbys=1,2',
      '--repeat',
      '2',
      '--quiet',
    ];
    const csv = pgdrill(...words, '--csv', '--out', join(folder, 'csv'));
    const lines = csv.stdout.trimEnd().split('\r\n');
    expect(lines).toHaveLength(5);
    expect(lines[0]).toMatch(
      /^cell,state,model\.servers\.server1\.postgres\.weight,standbys,runs,read\.perSecond,/,
    );
    expect(lines[4]).toMatch(/^4,done,1,2,2,\d/);
    expect(new Set(lines.map((line) => line.split(',').length)).size).toBe(1);
    const text = pgdrill(...words, '--out', join(folder, 'text'));
    expect(text.status).toBe(0);
    expect(text.stdout).toContain('WHO ANSWERS THE READS');
    expect(text.stdout).toContain('no fit: ');
    expect(Math.max(...text.stdout.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
  }, 120_000);

  test('Ctrl-C: exit 130 at once, finished cells are kept and --resume goes on', async () => {
    const out = join(folder, 'interrupted');
    const words = [
      'sweep',
      scenario,
      '--set',
      `${weight}=0,1`,
      '--set',
      'phases.measure=3s,20h',
      '--out',
      out,
    ];
    const child = spawn(process.execPath, ['dist/cli/main.js', ...words]);
    let told = '';
    child.stderr.on('data', (text: Buffer) => {
      const before = told;
      told += text;
      const isOver = (name: string): boolean => !before.includes(name) && told.includes(name);
      if (isOver(`${weight}=0 phases.measure=3s, seed 1: pass`)) child.kill('SIGINT');
    });
    const code = await new Promise((resolve) => {
      child.on('exit', resolve);
    });
    expect(code).toBe(130);
    const result = JSON.parse(readFileSync(join(out, 'sweep.json'), 'utf8')) as SweepResult;
    expect(result.interrupted).toBe(true);
    expect(result.cells[0]?.runs).toHaveLength(1);
    expect(result.cells.some(({ state }) => state === 'unfinished')).toBe(true);
    expect(existsSync(join(out, 'sweep.html'))).toBe(true);
    const resumed = pgdrill('sweep', scenario, '--set', `${weight}=0`, '--out', out, '--resume', '--json');
    expect(resumed.stderr).toMatch(/kept from before/);
    expect(resumed.status).toBe(0);
  }, 120_000);

  test.each([
    [['sweep'], /missing required argument/],
    [['sweep', '--set', 'load.sessions'], /PATH=VALUE/],
    [['sweep', '--set', 'load.sesions=1,2'], /--set load\.sesions=1:1:14: "sesions" is no key of load/],
    [['sweep', '--world', 'dreamt'], /Allowed choices are simulated, live/],
    [['sweep', '--until-ci', '2'], /a share such as 2%/],
    [['sweep', '--repeat', '0'], /a whole number from 1/],
    [['sweep', '--threshold', 'read.p99'], /threshold/],
  ])('%j is a usage error: exit 1, nothing on stdout', (words, told) => {
    const file = words.length === 1 ? [] : [scenario];
    const { status, stdout, stderr } = pgdrill(...words, ...file, '--out', join(folder, 'never'));
    expect(stderr).toMatch(told);
    expect([status, stdout]).toEqual([1, '']);
    expect(existsSync(join(folder, 'never'))).toBe(false);
  });

  test('--help shows an example', () => {
    expect(pgdrill('sweep', '--help').stdout).toMatch(
      /Example:\n {2}pgdrill sweep workloads\/compare-weights\.yaml/,
    );
  });
});

describe('pgdrill simulate, many times', () => {
  test('--until-ci prints intervals, and --runs as many as were asked for', () => {
    const until = pgdrill(
      'simulate',
      scenario,
      '--until-ci',
      '20%',
      '--out',
      join(folder, 'until'),
      '--max-runs',
      '50',
    );
    expect(until.status).toBe(0);
    expect(until.stderr).not.toMatch(/--max-runs/);
    expect(until.stdout).toMatch(/\d+±[\d.]+/);
    const runs = pgdrill(
      'simulate',
      scenario,
      '--runs',
      '3',
      '--seed',
      '7',
      '--out',
      join(folder, 'runs'),
      '--max-runs',
      '2',
      '--json',
    );
    expect(runs.stderr).toMatch(/--max-runs bounds nothing without --until-ci/);
    const { cells } = JSON.parse(runs.stdout) as SweepResult;
    expect(cells[0]?.runs.map(({ seed }) => seed)).toEqual([7, 8, 9]);
  }, 120_000);

  test.each(['simulate', 'sweep'])(
    '%s says that --max-runs alone bounds nothing, but for --quiet',
    (name) => {
      const words = [name, scenario, '--set', 'phases.measure=2s', '--max-runs', '2', '--out'];
      const told = pgdrill(...words, join(folder, `${name}-told`));
      expect([told.status, told.stderr.match(/--max-runs bounds nothing/g)?.length]).toEqual([0, 1]);
      expect(pgdrill(...words, join(folder, `${name}-quiet`), '--quiet').stderr).toBe('');
    },
  );

  test('--set takes the place of a value, of one run too', () => {
    const out = join(folder, 'one');
    const { status, stdout } = pgdrill(
      'simulate',
      scenario,
      '--set',
      'phases.measure=2s',
      '--out',
      out,
      '--json',
      '--quiet',
    );
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ schema: 'pgdrill/summary@1', load: { durationMs: 3000 } });
  });
});

test.each([
  [[], false, 0],
  [['pass', 'fail'], false, 99],
  [['fail', 'invalid'], false, 3],
  [['invalid', 'unknown'], false, 2],
  [['pass'], true, 130],
] as const)('verdicts %j, interrupted %s: exit %i', (results, interrupted, code) => {
  const runs = results.map((result, seed) => ({
    seed,
    verdict: { result, reasons: [] },
    figures: {},
    predicted: null,
  }));
  const cell = { state: 'done', runs } as unknown as SweepResult['cells'][number];
  expect(exitCodeOf({ cells: [cell], interrupted })).toBe(code);
  expect(exitCodeOf({ cells: [{ ...cell, state: 'failed' }], interrupted })).toBe(interrupted ? 130 : 2);
});
