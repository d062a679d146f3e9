// Goal: thresholds of the scenario and of the command line judge a run, and the result folder tells the same again.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exitCodeOf } from '../../src/cli/run.ts';
import { ExitCode, InputError } from '../../src/kernel/errors.ts';
import { writeReports } from '../../src/run/reports.ts';
import { run } from '../../src/run.ts';

let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'thresholds-'));
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

const hooks = { progress: () => {}, tick: () => {}, signal: new AbortController().signal };

function peak(name: string, thresholds: string[]) {
  const folder = join(dir, name);
  return run({ scenario: 'workloads/plan-capacity.yaml', world: 'simulated', folder, thresholds }, hooks);
}

test('one more threshold that is crossed fails the run, and report says so again', async () => {
  const { summary, folder } = await peak('crossed', ['read.p50 < 0.1ms', 'outage.read < 1s']);
  expect(summary.verdict.result).toBe('fail');
  expect(summary.verdict.reasons).toEqual([
    expect.stringMatching(/^threshold crossed: read\.p50 < 0\.1ms, found/),
  ]);
  expect(exitCodeOf(summary)).toBe(ExitCode.crossed);
  expect(summary.thresholds.map(({ result }) => result)).toEqual([...Array(6).fill('pass'), 'fail', 'pass']);
  expect(writeReports(folder).thresholds).toEqual(summary.thresholds);
  expect(JSON.parse(readFileSync(join(folder, 'summary.json'), 'utf8')).thresholds).toEqual(
    summary.thresholds,
  );
  expect(readFileSync(join(folder, 'report.html'), 'utf8')).toContain('id="thresholds"');
});

test('a threshold that is none starts nothing', async () => {
  const refused = peak('refused', ['read.p98 < 1s', 'offload > 2']);
  await expect(refused).rejects.toThrow(InputError);
  await expect(refused).rejects.toMatchObject({
    problems: [
      { place: { file: "--threshold 'offload > 2'" }, rule: 'threshold-value' },
      { place: { file: "--threshold 'read.p98 < 1s'" }, rule: 'threshold-metric' },
    ],
  });
});
