// Goal: what cannot be used for a calibration is refused with the reason, and a model that is written can be used.
// Method: result folders of short simulated runs, whole and spoilt.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatProblem, InputError } from '../../../src/kernel/errors.ts';
import { run } from '../../../src/run.ts';
import { loadModel } from '../../../src/scenario/load.ts';
import { calibrateModel } from '../../../src/study/calibrate.ts';

const model = 'models/reference-architecture.yaml';
const hooks = { progress: () => {}, tick: () => {}, signal: new AbortController().signal };
let dir: string;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'calibrate-'));
  for (const [name, read, write] of [
    ['quiet', 100, 40],
    ['busy', 300, 10],
  ] as const) {
    const file = join(dir, `${name}.yaml`);
    writeFileSync(
      file,
      `name: ${name}
cluster: ${process.cwd()}/${model}
load:
  arrivals: poisson
  classes:
    - { name: read, script: builtin:select-only, perSecond: ${read} }
    - { name: write, script: builtin:tpcb-like, perSecond: ${write} }
  sessions: 20
phases: { warmup: 1s, measure: 14s }
`,
    );
    await run({ scenario: file, world: 'simulated', folder: join(dir, name) }, hooks);
  }
}, 60_000);

afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A copy of a run with one of its files changed. */
function spoilt(name: string, file: string, change: (text: string) => string): string {
  const folder = join(dir, name);
  cpSync(join(dir, 'busy'), folder, { recursive: true });
  writeFileSync(join(folder, file), change(readFileSync(join(folder, file), 'utf8')));
  return folder;
}

function refusal(
  folders: readonly string[],
  options: { allowSimulated?: boolean; model?: string; out?: string } = {},
): string {
  try {
    calibrateModel(folders, { model, allowSimulated: true, ...options });
    return 'taken';
  } catch (error) {
    return error instanceof InputError
      ? error.problems.map(formatProblem).join('\n')
      : (error as Error).message;
  }
}

const both = (): string[] => [join(dir, 'quiet'), join(dir, 'busy')];

test('simulated runs are no data unless that is asked for', () => {
  const told = refusal(both(), { allowSimulated: false });
  expect(told).toContain(`${join(dir, 'quiet')}: a simulated run tells nothing`);
  expect(told).toContain(`${join(dir, 'busy')}: a simulated run tells nothing`);
});

test('one run, or one run twice, is too little', () => {
  expect(refusal([join(dir, 'quiet')])).toContain('one run cannot tell');
  expect(refusal([join(dir, 'quiet'), join(dir, 'quiet')])).toContain('is named twice');
});

test('a run of a later version, of no processor samples, cut short or interrupted is refused by name', () => {
  const later = spoilt('later', 'manifest.json', (text) => text.replace('manifest@1', 'manifest@2'));
  expect(refusal([join(dir, 'quiet'), later])).toContain('pgdrill/manifest@2');
  const lines = (text: string, keep: (line: string) => boolean): string =>
    text.split('\n').filter(keep).join('\n');
  const old = spoilt('old', 'events.jsonl', (text) => lines(text, (line) => !line.includes('"cpu"')));
  expect(refusal([join(dir, 'quiet'), old])).toContain(`${old}: it holds no processor time`);
  const cut = spoilt('cut', 'events.jsonl', (text) => lines(text, (line) => !line.includes('"stop"')));
  expect(refusal([join(dir, 'quiet'), cut])).toContain(`${cut}: the recording is incomplete`);
  const stopped = spoilt('stopped', 'events.jsonl', (text) =>
    text.replace('"name":"stop"', '"name":"interrupted"'),
  );
  expect(refusal([join(dir, 'quiet'), stopped])).toContain(`${stopped}: the run was interrupted`);
  const none = refusal([join(dir, 'quiet'), join(dir, 'nowhere')]);
  expect(none).toContain('is no result folder');
});

test('a model that names files is not copied away from them', () => {
  const told = refusal(both(), { model: 'models/guide-4.3.yaml', out: join(dir, 'guide.yaml') });
  expect(told).toContain('models/guide-4.3.yaml:');
  expect(told).toContain('the model names a file relative to itself');
});

test('every refusal comes at once, those of the model too', () => {
  const broken = join(dir, 'broken.yaml');
  writeFileSync(
    broken,
    readFileSync(model, 'utf8').replace(/^ {2}calibrated: false/m, '  calibrated: perhaps'),
  );
  const told = refusal([join(dir, 'quiet')], { model: broken, allowSimulated: false });
  expect(told).toContain(`${broken}:`);
  expect(told).toContain('one run cannot tell');
  expect(told).toContain('a simulated run tells nothing');
});

test('the calibrated model names what it came from, marks what it kept, and can be calibrated again', () => {
  const first = calibrateModel(both(), { model, allowSimulated: true });
  const file = join(dir, 'calibrated.yaml');
  writeFileSync(file, first.model);
  const times = loadModel(file).model?.value.serviceTimes;
  expect(times?.calibrated).toBe(true);
  expect(times?.read.source).toContain(`calibrated from ${join(dir, 'quiet')}, ${join(dir, 'busy')}: `);
  expect(times?.read.source).toMatch(/residual [\d.]+ %$/);
  expect(times?.promoteServer.source).toMatch(
    /^not calibrated \(no promotion was seen .*\), as before: pg_ctl promote/,
  );
  const kept = first.result.parameters.filter(({ found }) => !found).map(({ name }) => name);
  expect(kept).toContain('rebuildServer');
  const again = calibrateModel(both(), { model: file, allowSimulated: true });
  writeFileSync(file, again.model);
  const source = loadModel(file).model?.value.serviceTimes.promoteServer.source ?? '';
  expect(source.match(/as before/g)).toHaveLength(1);
}, 60_000);
