// Goal: what a rested session costs more is told apart from what a busy one costs.
// Method: simulated runs of a model that has both, with sessions that rest and with closed ones that do not.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { planRun } from '../../../src/run/plan.ts';
import { simulatePlan } from '../../../src/run/simulate.ts';
import type { CalibrationRun } from '../../../src/study/calibrate/facts.ts';
import type { Parameter } from '../../../src/study/calibrate/parameter.ts';
import { calibrate } from '../../../src/study/calibrate/parameters.ts';

const truth = {
  read: 0.2,
  wake: 0.3,
  pgpoolStatement: 0.05,
  wakePgpool: 0.1,
  background: 20,
} as const;

let dir: string;
let runs: Record<'quiet' | 'writes' | 'closed', CalibrationRun>;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'wakes-'));
  const times = Object.entries(truth).map(
    ([name, mean]) => `  ${name}: { mean: ${mean}ms, variation: 0.4, source: test }`,
  );
  const text = readFileSync('models/reference-architecture.yaml', 'utf8')
    .replaceAll(/( {4}address: .*\n)/g, '$1    cpu: 4\n')
    .split('\n')
    .filter((line) => !/^ {2}read: /.test(line))
    .join('\n')
    .replace(/( {2}calibrated: false\n)/, `$1${times.join('\n')}\n`);
  writeFileSync(join(dir, 'truth.yaml'), text);
  const write = (perSecond: number) => `{ name: write, script: builtin:tpcb-like, perSecond: ${perSecond} }`;
  const read = (load: string) => `{ name: read, script: builtin:select-only, ${load} }`;
  const runOf = async (name: string, ...classes: string[]): Promise<CalibrationRun> => {
    const file = join(dir, `${name}.yaml`);
    writeFileSync(
      file,
      `name: ${name}
cluster: truth.yaml
load: { arrivals: poisson, sessions: 20, classes: [${classes.join(', ')}] }
phases: { warmup: 2s, measure: 30s }
`,
    );
    return { name, recording: await simulatePlan(planRun(file)) };
  };
  runs = {
    quiet: await runOf('quiet', read('perSecond: 120'), write(5)),
    writes: await runOf('writes', read('perSecond: 200'), write(40)),
    closed: await runOf('closed', read('sessions: 12, thinkTime: 0ms'), write(5)),
  };
}, 120_000);

afterAll(() => rmSync(dir, { recursive: true, force: true }));

function meansOf(parameters: readonly Parameter[]): Record<string, number | null> {
  return Object.fromEntries(
    parameters.map(({ name, found }) => [name, found && 'meanMs' in found ? found.meanMs : null]),
  );
}

test('wake-ups of servers and of Pgpool come back beside the costs of busy sessions', () => {
  const known = planRun(join(dir, 'quiet.yaml')).model.value.serviceTimes;
  const { wake: _wake, wakePgpool: _wakePgpool, ...unaware } = known;
  const found = meansOf(calibrate(Object.values(runs), unaware));
  for (const [name, mean] of Object.entries(truth))
    expect
      .soft(Math.abs((found[name] ?? 0) / mean - 1), name)
      .toBeLessThan(name === 'background' ? 0.25 : 0.15);
}, 60_000);

test('what a rest costs is told with the model’s own `wakeAfter`, which no run tells', () => {
  const known = planRun(join(dir, 'quiet.yaml')).model.value.serviceTimes;
  // Sessions rest 80 to 160 ms there: with this they would have cooled by half only, and their wake-up cost twice as much.
  const slow = { mean: 160, variation: 0, distribution: 'lognormal', source: 'test' } as const;
  const parameters = calibrate(Object.values(runs), { ...known, wakeAfter: slow });
  expect((meansOf(parameters).wake ?? 0) / truth.wake).toBeGreaterThan(1.4);
  expect(parameters.map(({ name }) => name)).not.toContain('wakeAfter');
});

test('rested sessions alone cannot tell them apart: their reads carry both', () => {
  const known = planRun(join(dir, 'quiet.yaml')).model.value.serviceTimes;
  const { wake: _wake, wakePgpool: _wakePgpool, ...unaware } = known;
  const parameters = calibrate([runs.quiet, runs.writes], unaware);
  for (const name of ['wake', 'wakePgpool'])
    expect(parameters.find((parameter) => parameter.name === name)).toMatchObject({
      found: null,
      evidence: expect.stringContaining('no run keeps its sessions busy'),
    });
  expect(Math.abs((meansOf(parameters).read ?? 0) / (truth.read + truth.wake) - 1)).toBeLessThan(0.15);
}, 60_000);
