// Goal: the command answers on stdout with one value, the same as computed without threads, and fails as the others do.
// Method: the built program as a process.
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import type { TimelineResult } from '../../src/study/timeline/result.ts';
import { timeline } from '../../src/study/timeline.ts';

function pgdrill(...words: string[]) {
  return spawnSync(process.execPath, ['dist/cli/main.js', 'timeline', ...words], { encoding: 'utf8' });
}

const asked = ['--drill', 'switchover', '--trials', '60', '--seed', '9'];

test('--json is one value, of the promised shape, and threads change nothing', async () => {
  const { status, stdout, stderr } = pgdrill(...asked, '--json', '--quiet');
  expect(stderr).toBe('');
  expect(status).toBe(0);
  const result = JSON.parse(stdout) as TimelineResult;
  expect(result).toMatchObject({ schema: 'pgdrill/timeline@1', drill: 'switchover', trials: 60, seed: 9 });
  for (const phase of result.phases) {
    expect(Object.keys(phase)).toEqual(
      expect.arrayContaining(['name', 'bestMs', 'meanMs', 'worstMs', 'boundBy']),
    );
  }
  for (const spread of [result.writeOutageMs, result.readOutageMs, result.reducedReadMs]) {
    expect(Object.keys(spread).sort()).toEqual(['best', 'mean', 'p5', 'p50', 'p95', 'worst']);
  }
  expect(result.sensitivity.map(({ setting }) => setting)).toContain('recovery.check.period');
  const files = { efm: null, pgpool: null, model: null, versions: null };
  const here = await timeline({
    ...files,
    drill: 'switchover',
    trials: 60,
    seed: 9,
    targetMs: null,
    threads: 0,
  });
  expect(result).toEqual(JSON.parse(JSON.stringify(here)));
}, 120_000);

test('text goes to stdout, progress to stderr', () => {
  const { status, stdout, stderr } = pgdrill('--drill', 'agent-stop', '--trials', '5', '--target', '15s');
  expect(status).toBe(0);
  expect(stdout).toMatch(/Timeline: agent-stop of server1/);
  expect(stdout).toMatch(/no failover/);
  expect(stdout).toMatch(/Target 15\.0 s: met/);
  expect(stderr).toMatch(/simulating 5 drills/);
}, 60_000);

describe('usage errors: exit 1, nothing on stdout', () => {
  test.each([
    [[], /--drill/],
    [['--drill', 'earthquake'], /"earthquake" is no kind of drill[\s\S]*one of switchover/],
    [['--drill', 'failover', '--efm', '/nowhere'], /cannot read \/nowhere/],
    [
      ['--drill', 'failover', '--efm', 'test/study/broken.properties'],
      /broken.properties:2:[\s\S]*broken.properties:3:/,
    ],
    [['--drill', 'failover', '--versions', 'new'], /--versions takes/],
    [['--drill', 'failover', '--trials', '0'], /--trials is a whole number/],
    [['--drill', 'failover', '--target', 'soon'], /a duration such as 15s/],
  ])('%j', (words, told) => {
    const { status, stdout, stderr } = pgdrill(...words);
    expect(stderr).toMatch(told);
    expect(stderr).not.toMatch(/simulating/);
    expect(stdout).toBe('');
    expect(status).toBe(1);
  });

  test('--help shows an example', () => {
    const { status, stdout } = pgdrill('--help');
    expect(status).toBe(0);
    expect(stdout).toMatch(/pgdrill timeline --efm/);
  });
});
