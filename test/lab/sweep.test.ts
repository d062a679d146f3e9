// Goal: a sweep on real servers runs each cell as the command line says, keeps what Ctrl-C leaves, and goes on where it stopped.
// Method: two weights of the primary on a lab, interrupted in the second, then resumed.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { SweepResult } from '../../src/analysis/sweep-result.ts';
import { until } from './lab-helpers.ts';
import { expectNothingLeft, placeOfFile, readJson, startCli, writeModel, writeScenario } from './run-cli.ts';

const place = placeOfFile();
test('two weights, interrupted in the second and resumed', async () => {
  const model = await writeModel(place, '127.0.94');
  const scenario = await writeScenario(place, 'weights', { model, warmupS: 1, endS: 4 });
  const out = join(place.files, 'sweep');
  const weight = 'model.servers.server1.postgres.weight';
  const words = ['sweep', scenario, '--world', 'live', '--set', `${weight}=0,1`, '--out', out];

  const first = startCli(place, ...words);
  await until(() => first.said().split('connecting').length === 3, 'the second run has its cluster', 90_000);
  first.child.kill('SIGINT');
  expect((await first.ended).code).toBe(130);
  await expectNothingLeft(place);
  const partial = await readJson<SweepResult>(out, 'sweep.json');
  expect(partial.interrupted).toBe(true);
  expect(partial.cells.map(({ state, runs }) => [state, runs.length])).toEqual([
    ['done', 1],
    ['unfinished', 0],
  ]);

  const second = await startCli(place, ...words, '--resume', '--json').ended;
  expect(second.stderr.match(/kept from before/g)).toHaveLength(1);
  // 3: a busy machine may not keep the schedule.
  expect([0, 3]).toContain(second.code);
  const whole = JSON.parse(second.stdout) as SweepResult;
  expect(whole.cells.map(({ state }) => state)).toEqual(['done', 'done']);
  expect(whole.cells[0]?.runs).toEqual(partial.cells[0]?.runs);
  expect(whole.cells[0]?.estimates.offload?.mean).toBe(1);
  expect(whole.cells[1]?.estimates['share.server1']?.mean).toBeGreaterThan(0);
  expect(whole.cells.map(({ predicted }) => predicted?.offload?.mean === 1)).toEqual([true, false]);
  const kept = readdirSync(join(out, whole.cells[1]?.folder ?? '', 'seed-1'));
  expect(kept).toEqual(expect.arrayContaining(['manifest.json', 'report.html', 'run.json', 'summary.json']));
  await expectNothingLeft(place);
}, 240_000);
