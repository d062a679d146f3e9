// Goal: several mistakes in a scenario and its model are all told at once, each at its place, and good files pass.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatProblem, InputError } from '../../src/kernel/errors.ts';
import { planRun } from '../../src/run/plan.ts';
import { testServiceTimes } from './service-times.ts';

const root = join(import.meta.dirname, '../..');
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgdrill-scenario-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function problemsOf(files: Record<string, string>): string[] {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  try {
    planRun(join(folder, 'scenario.yaml'));
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as InputError).problems.map((problem) =>
      formatProblem(problem).replaceAll(`${folder}/`, ''),
    );
  }
}

const goodModel = `name: small
servers:
  - { name: a, address: 127.0.90.1, postgres: { role: primary, weight: 0 }, efm: {} }
  - { name: b, address: 127.0.90.2, postgres: { role: standby }, efm: {} }
  - { name: w, address: 127.0.90.3, efm: { witness: true }, pgpool: {} }
serviceTimes:
  calibrated: false
${testServiceTimes}
`;

const goodScenario = `name: one
cluster: model.yaml
load:
  classes:
    - { name: read, script: builtin:select-only, perSecond: 10 }
  sessions: 4
phases: { warmup: 1s, measure: 20s }
drills:
  - { kind: failover, at: 5s }
`;

describe('a good scenario', () => {
  test('has no problems and becomes a plan', () => {
    expect(problemsOf({ 'model.yaml': goodModel, 'scenario.yaml': goodScenario })).toEqual([]);
  });

  test.each([
    [1, '', 1],
    [4, '', 2],
    [4, '  workers: 4\n', 4],
  ])('%i sessions with "%s" written are carried by %i workers', (sessions, line, workers) => {
    const text = goodScenario.replace('  sessions: 4\n', `  sessions: ${sessions}\n${line}`);
    expect(problemsOf({ 'model.yaml': goodModel, 'scenario.yaml': text })).toEqual([]);
    expect(planRun(join(folder, 'scenario.yaml')).scenario.value.load.workers).toBe(workers);
  });

  test.each(readdirSync(join(root, 'workloads')).filter((name) => name.endsWith('.yaml')))(
    'workloads/%s passes',
    (name) => {
      expect(planRun(join(root, 'workloads', name)).drills.length).toBeGreaterThanOrEqual(0);
    },
  );
});

describe('mistakes', () => {
  test('of both files are told at once, in order, with file, line, column, rule and value', () => {
    const scenario = goodScenario
      .replace('sessions: 4', 'sessions: none\n  colour: blue')
      .replace('at: 5s', 'at: soon')
      .replace('kind: failover', 'kind: meteor');
    const model = goodModel.replace('127.0.90.2', 'localhost').replace('role: standby', 'role: slave');
    const problems = problemsOf({ 'model.yaml': model, 'scenario.yaml': scenario });
    expect(problems.map((problem) => problem.replace(/ .*/s, ''))).toEqual([
      'scenario.yaml:6:3:',
      'scenario.yaml:7:3:',
      'scenario.yaml:10:7:',
      'scenario.yaml:10:21:',
      'model.yaml:4:16:',
      'model.yaml:4:48:',
    ]);
    const text = problems.join('\n');
    expect(text).toContain('"none"');
    expect(text).toContain('"colour" is no key of load');
    expect(text).toContain('"meteor"');
    expect(text).toContain('"soon" is no duration');
    expect(text).toContain('"localhost"');
    expect(text).toContain('"slave"');
  });

  test('in the name of a key: the nearest one is told, at every depth; none where none is near', () => {
    const scenario = goodScenario
      .replace('sessions: 4', 'sesions: 4\n  colour: blue')
      .replace('kind: failover', 'knd: failover');
    const text = problemsOf({
      'model.yaml': goodModel.replace('role: standby', 'rol: standby'),
      'scenario.yaml': scenario,
    }).join('\n');
    expect(text).toMatch(/"sesions" is no key of load.*\n.*did you mean "sessions"\?/);
    expect(text).toMatch(/"knd" is no key of drills\[0\].*\n.*did you mean "kind"\?/);
    expect(text).toMatch(/"rol" is no key of servers.*\n.*did you mean "role"\?/);
    expect(text).toMatch(/"colour" is no key of load \[known-key\](\n(?! *hint)|$)/);
  });

  test('a file of the other kind is told as that, and nothing else of it', () => {
    expect(problemsOf({ 'scenario.yaml': goodModel })).toEqual([
      expect.stringMatching(
        /^scenario\.yaml:1:1: this is a cluster model, not a scenario \[file-kind\]\n.*--model$/,
      ),
    ]);
    expect(problemsOf({ 'scenario.yaml': goodScenario, 'model.yaml': goodScenario })).toEqual([
      expect.stringMatching(/^model\.yaml:1:1: this is a scenario, not a cluster model/),
    ]);
  });

  test.each([
    ['two primaries', { model: ['role: standby', 'role: primary'] }, /one primary; found a, b/],
    [
      'the same address twice',
      { model: ['127.0.90.2', '127.0.90.1'] },
      /servers\[1\] has the address of servers\[0\]/,
    ],
    ['no Pgpool', { model: [', pgpool: {}', ''] }, /no server of the model has a Pgpool-II/],
    [
      'a witness with a database',
      { model: ['efm: { witness: true }', 'efm: { witness: true }, postgres: { role: standby }'] },
      /witness and has a database/,
    ],
    [
      'a database without agent',
      { model: ['role: standby }, efm: {} }', 'role: standby } }'] },
      /no EFM agent watches/,
    ],
    [
      'an unknown property',
      { model: ['serviceTimes:', 'efm: { properties: { local.timout: 5 } }\nserviceTimes:'] },
      /"local.timout" is not known/,
    ],
    [
      'a property of the wrong form',
      { model: ['serviceTimes:', 'efm: { properties: { local.timeout: 5s } }\nserviceTimes:'] },
      /whole number of seconds, got "5s"/,
    ],
    ['a drill in the warm-up', { scenario: ['at: 5s', 'at: 0.5s'] }, /must lie between the end of warm-up/],
    ['a drill after the load', { scenario: ['at: 5s', 'at: 60s'] }, /must lie between the end of warm-up/],
    ['a target that cannot be chosen', { scenario: ['at: 5s', 'at: 5s, target: b'] }, /takes no target/],
    [
      'a rebuild of nothing',
      { scenario: ['kind: failover', 'kind: rebuild'] },
      /rebuild needs a failover or .* before it/,
    ],
    [
      'an unknown server',
      { scenario: ['at: 5s }', 'at: 5s }\n  - { kind: rebuild, at: 9s, target: z }'] },
      /no server "z"/,
    ],
    ['a script that is not there', { scenario: ['builtin:select-only', 'absent.sql'] }, /absent\.sql/],
    [
      'a write script in the class read',
      { scenario: ['builtin:select-only', 'builtin:tpcb-like'] },
      /does more than SELECT/,
    ],
    [
      'a threshold',
      { scenario: ['drills:', "thresholds: ['read.p99 < 5']\ndrills:"] },
      /"5" is no limit for read\.p99: it is a time \[threshold-value\]\n {2}hint: write 5ms or 5s/,
    ],
    [
      'rate and weight',
      { scenario: ['perSecond: 10', 'perSecond: 10, weight: 1'] },
      /either perSecond or weight/,
    ],
    [
      'one class by rate, one by weight',
      {
        scenario: [
          'perSecond: 10 }',
          'perSecond: 10 }\n    - { name: write, script: builtin:tpcb-like, weight: 1 }\n  perSecond: 100',
        ],
      },
      /^scenario\.yaml:4:3: load\.classes: classes have either all a weight or all a perSecond/,
    ],
    [
      'a rate that no class shares',
      { scenario: ['sessions: 4', 'sessions: 4\n  perSecond: 500'] },
      /^scenario\.yaml:7:3: load\.perSecond: .* shared by classes that have a weight, and none has.*; got 500/,
    ],
    [
      'weights of nothing',
      { scenario: ['perSecond: 10', 'weight: 10'] },
      /classes given by weight need load\.perSecond/,
    ],
    [
      'more workers than sessions',
      { scenario: ['sessions: 4', 'sessions: 4\n  workers: 5'] },
      /5 workers share 4 sessions/,
    ],
  ] as [string, { model?: [string, string]; scenario?: [string, string] }, RegExp][])(
    '%s',
    (_, { model, scenario }, expected) => {
      const problems = problemsOf({
        'model.yaml': model ? goodModel.replace(...model) : goodModel,
        'scenario.yaml': scenario ? goodScenario.replace(...scenario) : goodScenario,
      });
      expect(problems.join('\n')).toMatch(expected);
      expect(problems.join('\n')).toMatch(/^(model|scenario)\.yaml:\d+:\d+: /);
    },
  );

  test('a file that is not there, and one that is no YAML', () => {
    expect(
      problemsOf({
        'model.yaml': goodModel,
        'scenario.yaml': goodScenario.replace('model.yaml', 'none.yaml'),
      }),
    ).toEqual([expect.stringContaining('none.yaml:1:1: cannot read the file')]);
    expect(problemsOf({ 'model.yaml': goodModel, 'scenario.yaml': 'name: [1, 2\nload: 5' })[0]).toMatch(
      /^scenario\.yaml:\d+:\d+: .*\[yaml\]/,
    );
  });
});

describe('service times', () => {
  const model = (read: string, more = ''): Record<string, string> => ({
    'model.yaml': goodModel.replace(/ {2}read: .*/, `  read: ${read}`) + more,
    'scenario.yaml': goodScenario,
  });

  test('may be exponential, gamma, deterministic, or told by quantiles; others may be added', () => {
    for (const read of [
      '{ mean: 1ms, distribution: exponential, source: x }',
      '{ mean: 1ms, variation: 0.4, distribution: gamma, source: x }',
      '{ mean: 1ms, distribution: deterministic, source: x }',
      '{ distribution: empirical, quantiles: [0.1, 0.2, 2], source: x }',
    ])
      expect(problemsOf(model(read, '  commit: { mean: 1ms, source: x }\n'))).toEqual([]);
  });

  test('have mean and variation also when they come from quantiles', () => {
    const read = '{ distribution: empirical, quantiles: [0, 1, 3], source: x }';
    expect(problemsOf(model(read))).toEqual([]);
    const { read: time } = planRun(join(folder, 'scenario.yaml')).cluster.serviceTimes;
    expect(time.mean).toBeCloseTo(1.25, 9);
    expect(time.variation).toBeCloseTo(Math.sqrt(7 / 3 - 1.5625) / 1.25, 9);
  });

  test.each([
    ['{ source: x }', 'a mean is missing'],
    ['{ mean: 1ms, quantiles: [1, 2], source: x }', 'quantiles belong to an empirical distribution'],
    ['{ distribution: empirical, source: x }', 'needs quantiles'],
    ['{ distribution: empirical, quantiles: [1], source: x }', 'its least and its largest value'],
    ['{ distribution: empirical, quantiles: [1, 3, 2], source: x }', 'quantiles ascend; 2 follows 3'],
    ['{ distribution: empirical, quantiles: [1, 2], mean: 1ms, source: x }', 'has its mean in its quantiles'],
    [
      '{ mean: 1ms, variation: 0.5, distribution: exponential, source: x }',
      'the variation of exponential is 1',
    ],
    ['{ mean: 1ms, distribution: pareto, source: x }', 'Invalid option'],
  ])('%s is refused with its place', (read, message) => {
    const problems = problemsOf(model(read));
    expect(problems[0]).toMatch(/^model\.yaml:\d+:\d+: /);
    expect(problems[0]).toContain(message);
  });

  test('a cap is a number of cores in a period that the kernel allows', () => {
    const capped = (cap: string): string[] =>
      problemsOf({
        'model.yaml': goodModel.replace('address: 127.0.90.2,', `address: 127.0.90.2, cap: ${cap},`),
        'scenario.yaml': goodScenario,
      });
    expect(capped('{ cpu: 0.5 }')).toEqual([]);
    expect(capped('{ cpu: 0 }')[0]).toMatch(/^model\.yaml:4:/);
    expect(capped('{ cpu: 1, period: 2s }')[0]).toContain('between 1ms and 1s');
  });
});
