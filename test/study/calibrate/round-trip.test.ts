// Goal: a calibration gives back what made its data.
// Method: simulated runs of a model with known service times, at two loads; the calibration starts from a model that has others.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { planRun } from '../../../src/run/plan.ts';
import { simulatePlan } from '../../../src/run/simulate.ts';
import type { ServiceTimes } from '../../../src/scenario/model-shape.ts';
import type { CalibrationRun } from '../../../src/study/calibrate/facts.ts';
import type { Parameter } from '../../../src/study/calibrate/parameter.ts';
import { calibrate } from '../../../src/study/calibrate/parameters.ts';

let dir: string;
let runs: CalibrationRun[];
let known: ServiceTimes;
let parameters: Parameter[];

/** Service times of the model that made the data, and of the one that the calibration starts from. */
const truth = `  read: { mean: 0.4ms, variation: 0.7, source: test }
  readOnStandby: { mean: 0.5ms, variation: 0.7, source: test }
  write: { mean: 5ms, variation: 0.4, source: test }
  replay: { mean: 0.8ms, variation: 0.5, source: test }
  pgpoolStatement: { mean: 0.06ms, variation: 0.3, source: test }
  network: { mean: 0.1ms, variation: 0.3, source: test }
  background: { mean: 40ms, variation: 0.2, source: test }
  writeBytes: { bytes: 700, source: test }`;
const belief = `  read: { mean: 1ms, variation: 0.4, source: belief }
  write: { mean: 1ms, variation: 1, source: belief }
  network: { mean: 0.5ms, variation: 0.3, source: belief }`;

function modelWith(times: string): string {
  const text = readFileSync('models/reference-architecture.yaml', 'utf8')
    .replaceAll(/( {4}address: .*\n)/g, '$1    cpu: 4\n')
    .replace('role: primary, weight: 0', 'role: primary, weight: 1');
  const kept = text
    .split('\n')
    .filter((line) => !/^ {2}(read|write|network): /.test(line))
    .join('\n');
  return kept.replace(/( {2}calibrated: false\n)/, `$1${times}\n`);
}

function scenarioWith(rates: { read: number; write: number }, drills = ''): string {
  return `name: known
cluster: truth.yaml
load:
  arrivals: poisson
  classes:
    - { name: read, script: builtin:select-only, perSecond: ${rates.read} }
    - { name: write, script: builtin:tpcb-like, perSecond: ${rates.write} }
  sessions: 30
phases: { warmup: 2s, measure: 40s }
${drills}`;
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'round-'));
  writeFileSync(join(dir, 'truth.yaml'), modelWith(truth));
  writeFileSync(join(dir, 'belief.yaml'), modelWith(belief));
  const drills = `drills:
  - { kind: switchover, at: 30s }
`;
  writeFileSync(join(dir, 'quiet.yaml'), scenarioWith({ read: 150, write: 60 }, drills));
  writeFileSync(join(dir, 'busy.yaml'), scenarioWith({ read: 600, write: 15 }));
  known = planRun(join(dir, 'quiet.yaml'), { model: join(dir, 'belief.yaml') }).model.value.serviceTimes;
  runs = [];
  for (const name of ['quiet', 'busy'])
    runs.push({ name, recording: await simulatePlan(planRun(join(dir, `${name}.yaml`))) });
  parameters = calibrate(runs, known);
}, 120_000);

afterAll(() => rmSync(dir, { recursive: true, force: true }));

function found(name: Parameter['name']) {
  const parameter = parameters.find((entry) => entry.name === name);
  if (!parameter?.found || !('meanMs' in parameter.found)) throw new Error(`${name}: ${parameter?.evidence}`);
  const { shape } = parameter.found;
  return {
    meanMs: parameter.found.meanMs,
    variation: shape.distribution === 'empirical' ? null : shape.variation,
  };
}

test('service times of the load come back within a few per cent', () => {
  const within = (name: Parameter['name'], meanMs: number, share: number): void => {
    expect.soft(Math.abs(found(name).meanMs / meanMs - 1), name).toBeLessThan(share);
  };
  within('read', 0.4, 0.1);
  within('readOnStandby', 0.5, 0.04);
  within('write', 5, 0.04);
  within('pgpoolStatement', 0.06, 0.04);
  within('replay', 0.8, 0.1);
  within('network', 0.1, 0.12);
  within('background', 40, 0.25);
  expect.soft(Math.abs((found('readOnStandby').variation ?? 0) - 0.7)).toBeLessThan(0.15);
  expect.soft(Math.abs((found('write').variation ?? 0) - 0.4)).toBeLessThan(0.1);
  expect(parameters.find(({ name }) => name === 'writeBytes')?.found).toMatchObject({
    bytes: expect.closeTo(700, -1),
  });
});

test("a model's COMMIT is taken off a write, and leaves none where it takes as long", () => {
  const writeBeside = (mean: number): Parameter | undefined => {
    const commit = { mean, variation: 0.5, distribution: 'lognormal' as const, source: 'belief' };
    return calibrate(runs, { ...known, commit }).find(({ name }) => name === 'write');
  };
  expect(writeBeside(1)?.found).toMatchObject({ meanMs: expect.closeTo(found('write').meanMs - 1, 6) });
  expect(writeBeside(9)).toMatchObject({
    found: null,
    evidence: expect.stringContaining('no more than the model'),
  });
}, 60_000);

test('what a switchover shows comes back, and what no run shows is left as it was', () => {
  for (const name of ['stopServer', 'startServer', 'script'] as const) {
    const { meanMs } = found(name);
    const { mean } = known[name];
    expect.soft(meanMs, name).toBeGreaterThan(mean * 0.4);
    expect.soft(meanMs, name).toBeLessThan(mean * 2.5);
  }
  expect(parameters.find(({ name }) => name === 'promoteServer')).toMatchObject({
    found: null,
    evidence: expect.stringContaining('too coarse'),
  });
  const rebuild = parameters.find(({ name }) => name === 'rebuildServer');
  expect(rebuild).toMatchObject({ found: null, evidence: expect.stringContaining('no server was rebuilt') });
});

test('two runs of one mix cannot tell reads from replayed writes, and say so', async () => {
  writeFileSync(join(dir, 'half.yaml'), scenarioWith({ read: 75, write: 30 }));
  writeFileSync(join(dir, 'same.yaml'), scenarioWith({ read: 150, write: 60 }));
  const alike: CalibrationRun[] = [];
  for (const name of ['half', 'same']) {
    const plan = planRun(join(dir, `${name}.yaml`), {
      set: [
        { path: 'load.arrivals', value: 'constant' },
        { path: 'model.servers.server1.postgres.weight', value: '0' },
        { path: 'standbys', value: '1' },
        { path: 'model.serviceTimes.background.mean', value: '0.001ms' },
      ],
    });
    alike.push({ name, recording: await simulatePlan(plan) });
  }
  const replay = calibrate(alike, known).find(({ name }) => name === 'replay');
  expect(replay).toMatchObject({ found: null, evidence: expect.stringContaining('moves together') });
});
