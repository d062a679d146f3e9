// Goal: the two loads that a calibration runs are what the command promises, or are refused with the reason.
// Method: the shipped scenario with the changes applied, as `run` applies them.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatProblem, InputError } from '../../../src/kernel/errors.ts';
import { planRun } from '../../../src/run/plan.ts';
import { calibrationLoads } from '../../../src/study/calibrate/live-runs.ts';

const scenario = 'workloads/rehearse-failover.yaml';

test('an open load of few reads, and a closed one of few writes, with the sessions of the scenario', () => {
  const { open, closed } = calibrationLoads(planRun(scenario));
  const quiet = planRun(scenario, { set: open }).load;
  expect(quiet.classes.map(({ name, perSecond }) => [name, perSecond])).toEqual([
    ['read', 67.5],
    ['write', 30],
  ]);
  const busy = planRun(scenario, { set: closed }).load;
  expect(busy.classes.map(({ name, perSecond }) => [name, perSecond])).toEqual([
    ['read', null],
    ['write', 7.5],
  ]);
  expect(busy.classes[0]?.closed).toMatchObject({ sessions: 12, thinkTimeMs: 0 });
  expect(busy.sessions).toBe(12);
  expect(busy.classes[0]?.script.text).toBe(quiet.classes[0]?.script.text);
});

test('a scenario without writes is refused at its place', () => {
  const dir = mkdtempSync(join(tmpdir(), 'loads-'));
  try {
    const file = join(dir, 'reads.yaml');
    const text = readFileSync(scenario, 'utf8')
      .replace('../models', `${process.cwd()}/models`)
      .replace(/ {4}- \{ name: write.*\n/, '');
    writeFileSync(file, text);
    const plan = planRun(file);
    expect(() => calibrationLoads(plan)).toThrow(InputError);
    try {
      calibrationLoads(plan);
    } catch (error) {
      expect((error as InputError).problems.map(formatProblem).join()).toMatch(
        /reads\.yaml:\d+:\d+: a calibration needs a class write/,
      );
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});
