// Goal: a scenario's load becomes rates and scripts, and every mistake in a script is told before the run.
import { expect, test } from 'vitest';
import { formatProblem, type Place } from '../../src/kernel/errors.ts';
import { scenarioShape } from '../../src/scenario/scenario-shape.ts';
import { kindOf, planLoad } from '../../src/workload/plan.ts';

/** A scenario as read, each place with the path that was asked for as its file. */
function sourceOf(value: unknown) {
  const placeOf = (path: readonly (string | number)[]): Place => ({
    ...{ file: path.join('.'), line: 1, column: 1 },
  });
  return { value: scenarioShape.parse(value), placeOf };
}

const base = {
  name: 'a',
  cluster: 'b.yaml',
  load: {
    sessions: 4,
    sessionLifetime: '5s',
    classes: [
      { name: 'read', script: 'builtin:select-only', perSecond: 270 },
      { name: 'write', script: 'mine.sql', perSecond: 30 },
    ],
  },
  phases: { warmup: '4s', measure: '6s' },
};

test('rates, durations and kinds', () => {
  const scenario = sourceOf(base);
  const planned = planLoad(scenario, (file) => `UPDATE t SET a = ':operation' -- ${file}`);
  if (!('plan' in planned)) throw new Error('no plan');
  const { plan } = planned;
  expect(
    plan.classes.map((entry) => [entry.name, kindOf(entry), entry.perSecond, entry.script.hasLedger]),
  ).toEqual([
    ['read', 'read', 270, false],
    ['write', 'write', 30, true],
  ]);
  expect([plan.durationMs, plan.sessionLifetimeMs, plan.patienceMs, plan.timeoutMs]).toEqual([
    10_000, 5000, 1000, 5000,
  ]);
});

test('weights share the rate', () => {
  const classes = [
    { name: 'read', script: 'builtin:select-only', weight: 9 },
    { name: 'write', script: 'builtin:tpcb-like', weight: 1 },
  ];
  const scenario = sourceOf({ ...base, load: { ...base.load, classes, perSecond: 500 } });
  const planned = planLoad(scenario, () => '');
  expect('plan' in planned && planned.plan.classes.map(({ perSecond }) => perSecond)).toEqual([450, 50]);
});

test('all mistakes of all scripts', () => {
  const classes = [
    { name: 'read', script: 'writes.sql', perSecond: 1 },
    { name: 'write', script: 'zero.sql', perSecond: 1 },
    { name: 'write', script: 'gone.sql', perSecond: 1 },
    { name: 'write', script: 'builtin:tpcb', perSecond: 1 },
    { name: 'write', script: 'broken.sql', perSecond: 1 },
  ];
  const files: Record<string, string> = {
    'writes.sql': 'DELETE FROM t',
    'zero.sql': '-- :a\n\\set a 1 / (:scale - 1)\nSELECT :a',
    'broken.sql': "SELECT 'open",
  };
  const scenario = sourceOf({ ...base, load: { ...base.load, classes } });
  const planned = planLoad(scenario, (file) => {
    const text = files[file];
    if (text === undefined) throw new Error('no such file');
    return text;
  });
  expect('problems' in planned && planned.problems.map(formatProblem)).toEqual([
    'load.classes.0.script:1:1: the class "read" runs writes.sql, which does more than SELECT [script]\n  hint: name the class write, or give it a script of SELECTs',
    'zero.sql:2:1: division by zero [script]',
    'load.classes.2.script:1:1: the script gone.sql cannot be read: no such file [script]',
    'load.classes.3.script:1:1: there is no built-in script "builtin:tpcb" [script]\n  hint: known are builtin:tpcb-like, builtin:simple-update, builtin:select-only',
    'broken.sql:1:8: the string that begins here has no end [script]',
  ]);
});
