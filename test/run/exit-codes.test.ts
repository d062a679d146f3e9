// Goal: the exit code tells a script what happened, and stdout holds the result alone.
// Method: the mapping by itself, then the compiled command line on inputs that start nothing.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { explain } from '../../src/cli/output.ts';
import { exitCodeOf } from '../../src/cli/run.ts';
import { DrillError, ExitCode, InputError } from '../../src/kernel/errors.ts';
import type { Summary } from '../../src/recording/summary.ts';

let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'run-'));
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

test.each([
  ['pass', 0],
  ['unknown', 2],
  ['fail', 99],
  ['invalid', 3],
] as const)('a verdict of %s ends with %i', (result, code) => {
  expect(exitCodeOf({ verdict: { result, reasons: [] } } as unknown as Summary)).toBe(code);
});

test.each([
  [new InputError([{ rule: 'a-rule', message: 'what was found' }]), 1, /what was found \[a-rule\]/],
  [new DrillError('it did not start', { hint: 'do this' }), 2, /it did not start\nhint: do this/],
  [new DrillError('called off', { exitCode: ExitCode.interrupted }), 130, /^$/],
  [new TypeError('a slip'), 2, /bug of pgdrill[\s\S]*a slip/],
] as const)('%s ends with %i and is told on stderr', (error, code, told) => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    expect(explain(error)).toBe(code);
    expect(write.mock.calls.map(([text]) => text).join('')).toMatch(told);
  } finally {
    write.mockRestore();
  }
});

function pgdrill(...words: string[]) {
  return spawnSync(process.execPath, ['dist/cli/main.js', ...words], { encoding: 'utf8', timeout: 20_000 });
}

const commands = [
  'run',
  'simulate',
  'report',
  'timeline',
  'lint',
  'sweep',
  'usl',
  'plan',
  'calibrate',
  'pgbench',
  'lab',
];

describe('the command line', () => {
  test('help tells every command and the exit codes, and ends with 0', () => {
    const { status, stdout } = pgdrill('--help');
    expect(status).toBe(0);
    expect(stdout).toMatch(/130 +interrupted/);
    const told = [...stdout.matchAll(/^ {2}([a-z]+)(?: [[<].*)? {2}/gm)].map(([, name]) => name);
    expect(told.sort()).toEqual([...commands, 'help'].sort());
  });

  test.each([...commands, 'lab up'])('%s shows help with an example and ends with 0', (words) => {
    const { status, stdout } = pgdrill(...words.split(' '), '--help');
    expect(status).toBe(0);
    expect(stdout).toContain(`Example:\n  pgdrill ${words}`);
  });

  test.each([
    [['frobnicate'], /unknown command/],
    [['run'], /missing required argument/],
    [['simulate', 'workloads/rehearse-failover.yaml', '--seed', '1.5'], /a seed is a whole number/],
    [['simulate', '/nowhere/scenario.yaml'], /cannot read|no such file/i],
    [['report', '/nowhere'], /nowhere/],
  ])('%j is a usage error: exit 1, nothing on stdout', (words, told) => {
    const { status, stdout, stderr } = pgdrill(...words);
    expect(stderr).toMatch(told);
    expect(stdout).toBe('');
    expect(status).toBe(1);
  });

  test('a scenario and its model with several mistakes: all of them with file, line and column, nothing written', () => {
    const model = join(dir, 'model.yaml');
    const scenario = join(dir, 'scenario.yaml');
    writeFileSync(model, 'name: broken\nservers:\n  - { name: "1st", address: 10.0.0 }\n');
    writeFileSync(
      scenario,
      [
        'name: broken',
        'cluster: model.yaml',
        'load:',
        '  classes:',
        '    - { name: read, script: builtin:select-only, perSecond: -4 }',
        '  sessions: 0',
        'phases: { warmup: 1s, measure: soon }',
        'drills:',
        '  - { kind: earthquake, at: 2s }',
      ].join('\n'),
    );
    const out = join(dir, 'out');
    const { status, stdout, stderr } = pgdrill('run', scenario, '--out', out);
    expect(status).toBe(1);
    expect(stdout).toBe('');
    for (const place of ['5:', '6:', '7:', '9:']) expect(stderr).toContain(`scenario.yaml:${place}`);
    expect(stderr).toContain('model.yaml:3:');
    expect(stderr).toMatch(/\d+ problems in the input; nothing was started/);
    expect(readdirSync(dir)).not.toContain('out');
  });

  test('--json puts one JSON value on stdout and nothing else', () => {
    const file = join(dir, 'quiet.yaml');
    writeFileSync(
      file,
      [
        'name: quiet',
        `cluster: ${process.cwd()}/models/reference-architecture.yaml`,
        'load: { classes: [{ name: read, script: builtin:select-only, perSecond: 20 }], sessions: 4 }',
        'phases: { warmup: 1s, measure: 4s }',
      ].join('\n'),
    );
    const { status, stdout, stderr } = pgdrill(
      'simulate',
      file,
      '--json',
      '--quiet',
      '--out',
      join(dir, 'json'),
    );
    expect(status).toBe(0);
    expect(stderr).toBe('');
    expect((JSON.parse(stdout) as Summary).schema).toBe('pgdrill/summary@1');
  });
});
