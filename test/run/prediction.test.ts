// Goal: a live folder is reported with its prediction, and without one says why.
// Method: a simulated folder, told to be a live one, with every kind of predicted.json beside it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Summary } from '../../src/recording/summary.ts';
import { writeReports } from '../../src/run/reports.ts';
import { run } from '../../src/run.ts';

let folder = '';
let simulated: Summary;

beforeAll(async () => {
  folder = join(mkdtempSync(join(tmpdir(), 'pgdrill-prediction-')), 'result');
  const hooks = { progress: () => undefined, tick: () => undefined, signal: new AbortController().signal };
  const scenario = join(import.meta.dirname, '../../workloads/rehearse-failover.yaml');
  ({ summary: simulated } = await run({ scenario, world: 'simulated', folder }, hooks));
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ ...manifest, world: 'live' }));
});
afterAll(() => rmSync(join(folder, '..'), { recursive: true }));

function reported(prediction: string | null): { predicted: boolean; why: string | undefined } {
  if (prediction === null) rmSync(join(folder, 'predicted.json'), { force: true });
  else writeFileSync(join(folder, 'predicted.json'), prediction);
  const { drills, notMeasured } = writeReports(folder);
  const why = notMeasured.find(({ field }) => field.startsWith('drills[].predicted'))?.why;
  return { predicted: drills.every(({ predicted }) => predicted !== null), why };
}

test('a simulated run is the prediction', () => {
  expect(simulated.notMeasured.map(({ why }) => why)).toContain('a simulated run is the prediction');
});

test('a prediction beside it is shown', () => {
  expect(reported(JSON.stringify(simulated))).toEqual({ predicted: true, why: undefined });
});

test.each([
  [null, 'the run ended before it was simulated'],
  ['{"schema": "pgdrill/summ', 'predicted.json cannot be read'],
  ['{"schema": "pgdrill/summary@9"}', 'predicted.json was written by another version'],
  [
    '{"schema": "pgdrill/no-prediction@1", "why": "health_check_period is not simulated"}',
    'health_check_period is not simulated',
  ],
])('predicted.json %s: %s', (text, why) => {
  expect(reported(text)).toEqual({ predicted: false, why });
});
