// Goal: what a session start costs, and what statements of longer scripts cost, come back.
// Method: simulated runs of a model with known service times; sessions live for unlike times.
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

const truth = {
  read: 0.3,
  write: 3,
  pgpoolStatement: 0.05,
  network: 0.2,
  connect: 8,
  reset: 1.5,
  background: 30,
} as const;

let dir: string;
let known: ServiceTimes;
let runs: Record<'long' | 'short' | 'writes', CalibrationRun>;
let parameters: Parameter[];

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'starts-'));
  const times = Object.entries(truth).map(
    ([name, mean]) => `  ${name}: { mean: ${mean}ms, variation: 0.4, source: test }`,
  );
  const text = readFileSync('models/reference-architecture.yaml', 'utf8')
    .replaceAll(/( {4}address: .*\n)/g, '$1    cpu: 8\n')
    .split('\n')
    .filter((line) => !/^ {2}(read|write|network|connect): /.test(line))
    .join('\n')
    .replace(/( {2}calibrated: false\n)/, `$1${times.join('\n')}\n`);
  writeFileSync(join(dir, 'truth.yaml'), text);
  const balance = 'SELECT abalance FROM pgbench_accounts WHERE aid = 1;\n';
  writeFileSync(join(dir, 'three.sql'), balance.repeat(3));
  const runOf = async (name: string, rates: [number, number], lifetime: string): Promise<CalibrationRun> => {
    const file = join(dir, `${name}.yaml`);
    writeFileSync(
      file,
      `name: ${name}
cluster: truth.yaml
load:
  arrivals: poisson
  sessions: 20
  sessionLifetime: ${lifetime}
  classes:
    - { name: read, script: three.sql, perSecond: ${rates[0]} }
    - { name: write, script: builtin:tpcb-like, perSecond: ${rates[1]} }
phases: { warmup: 2s, measure: 30s }
`,
    );
    return { name, recording: await simulatePlan(planRun(file)) };
  };
  runs = {
    long: await runOf('long', [400, 10], '20s'),
    short: await runOf('short', [100, 10], '500ms'),
    writes: await runOf('writes', [50, 60], '20s'),
  };
  const { reset: _reset, ...rest } = planRun(join(dir, 'long.yaml')).model.value.serviceTimes;
  known = { ...rest, connect: { ...rest.connect, mean: 3 } };
  parameters = calibrate(Object.values(runs), known);
}, 120_000);

afterAll(() => rmSync(dir, { recursive: true, force: true }));

function errorOf(name: keyof typeof truth): number {
  const found = parameters.find((entry) => entry.name === name)?.found;
  return found && 'meanMs' in found ? Math.abs(found.meanMs / truth[name] - 1) : Number.NaN;
}

test('of sessions that live for unlike times what their start costs Pgpool and the servers', () => {
  for (const name of ['connect', 'reset'] as const) expect.soft(errorOf(name), name).toBeLessThan(0.15);
});

test('a read of several statements costs and travels for each of them', () => {
  for (const name of ['read', 'pgpoolStatement', 'network', 'write'] as const)
    expect.soft(errorOf(name), name).toBeLessThan(0.15);
  const found = parameters.find(({ name }) => name === 'read')?.found;
  const shape = found && 'shape' in found ? found.shape : null;
  expect(shape && 'variation' in shape ? Math.abs(shape.variation - 0.4) : shape).toBeLessThan(0.15);
});

test('of sessions that live equally long nothing tells what a start costs', () => {
  const alike = calibrate([runs.long, runs.writes], known);
  expect(alike.find(({ name }) => name === 'connect')).toMatchObject({
    found: null,
    evidence: expect.stringContaining('load.sessionLifetime'),
  });
  expect(alike.find(({ name }) => name === 'reset')?.found).toBeNull();
}, 60_000);
