// Goal: the command says what it lacks, writes where it was told and nowhere else, and prints one JSON value.
// Method: the compiled command's own function, on result folders of short simulated runs.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { calibrateCommand } from '../../src/cli/calibrate.ts';
import { DrillError } from '../../src/kernel/errors.ts';
import { run } from '../../src/run.ts';
import { loadModel } from '../../src/scenario/load.ts';

const hooks = { progress: () => {}, tick: () => {}, signal: new AbortController().signal };
const model = 'models/reference-architecture.yaml';
let dir: string;
let folders: string[];

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'calibrate-cli-'));
  folders = [];
  for (const [name, set] of [
    ['quiet', '20'],
    ['busy', '400'],
  ] as const) {
    const folder = join(dir, name);
    await run(
      {
        scenario: 'workloads/rehearse-failover.yaml',
        world: 'simulated',
        set: [
          { path: 'drills', value: '[]' },
          { path: 'phases.measure', value: '10s' },
          { path: 'load.classes.read.perSecond', value: set },
        ],
        folder,
      },
      hooks,
    );
    folders.push(folder);
  }
}, 60_000);

afterAll(() => rmSync(dir, { recursive: true, force: true }));

afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = 0;
});

async function calibrate(...words: string[]): Promise<{ stdout: string; stderr: string; code: unknown }> {
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      said[name] += String(text);
      return true;
    });
  }
  process.exitCode = 0;
  await calibrateCommand().parseAsync(words, { from: 'user' });
  return { ...said, code: process.exitCode };
}

test('--json prints one value, --out writes the model, and nothing else is written', async () => {
  const out = join(dir, 'mine.yaml');
  const { stdout, code } = await calibrate(
    ...folders,
    '--model',
    model,
    '--out',
    out,
    '--allow-simulated',
    '--json',
  );
  expect(code).toBe(0);
  const result = JSON.parse(stdout);
  expect(result).toMatchObject({ schema: 'pgdrill/calibration@1', runs: folders });
  expect(result.parameters.find(({ name }: { name: string }) => name === 'read')).toMatchObject({
    found: true,
  });
  expect(loadModel(out).problems).toEqual([]);
  await expect(calibrate(...folders, '--model', model, '--out', out, '--allow-simulated')).rejects.toThrow(
    /exists/,
  );
});

test('without --out it tells what it found in 80 columns and writes nothing', async () => {
  const before = readFileSync(model, 'utf8');
  const { stdout, stderr, code } = await calibrate(...folders, '--model', model, '--allow-simulated');
  expect(code).toBe(0);
  expect(stdout).toContain('CALIBRATED FROM');
  expect(stdout).toContain('NOT TOLD BY THESE RUNS');
  expect(stdout.split('\n').every((line) => line.length <= 80 || line.startsWith('CALIBRATED FROM'))).toBe(
    true,
  );
  expect(stderr).toContain('nothing was written');
  expect(readFileSync(model, 'utf8')).toBe(before);
}, 60_000);

test('neither runs nor a scenario, both, or a folder that is not there: told, exit 1', async () => {
  await expect(calibrate('--model', model)).rejects.toThrow(DrillError);
  await expect(calibrate(...folders, '--model', model, '--run', 'x.yaml')).rejects.toThrow(/not both/);
  const nowhere = await calibrate(join(dir, 'a'), join(dir, 'b'), '--model', model);
  expect(nowhere.code).toBe(1);
  expect(nowhere.stderr).toContain('is no result folder');
  const simulated = await calibrate(...folders, '--model', model);
  expect(simulated.code).toBe(1);
  expect(simulated.stderr).toContain('a simulated run tells nothing');
  writeFileSync(join(dir, 'broken.yaml'), 'name: 3\n');
  const broken = await calibrate(...folders, '--model', join(dir, 'broken.yaml'), '--allow-simulated');
  expect(broken.code).toBe(1);
  expect(broken.stderr).toContain('broken.yaml:1:');
  expect(existsSync(join(dir, 'broken-calibrated.yaml'))).toBe(false);
});
