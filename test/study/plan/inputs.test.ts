import { expect, test } from 'vitest';
import { InputError } from '../../../src/kernel/errors.ts';
import { type PlanOptions, readQuestion } from '../../../src/study/plan/inputs.ts';

// Goal: every mistake of the command line is told at once, each with what to write instead.

const good: PlanOptions = {
  model: 'models/capacity.yaml',
  reads: '2000/s',
  writes: '200',
  slo: ['read.p99 < 20ms'],
  survive: [],
};

function problemsOf(change: Partial<PlanOptions>) {
  try {
    readQuestion({ ...good, ...change });
    return [];
  } catch (error) {
    if (error instanceof InputError) return error.problems;
    throw error;
  }
}

test('what is left out has a usual value', () => {
  expect(readQuestion(good)).toMatchObject({
    readsPerSecond: 2000,
    writesPerSecond: 200,
    survive: ['failover', 'standby-loss'],
    mostStandbys: 8,
    sessions: null,
    sessionLifetimeMs: 30_000,
    databases: 1,
    maxConnections: null,
    runs: 3,
    seed: 1,
  });
});

test('losses come by comma or one by one, each once, or none', () => {
  expect(readQuestion({ ...good, survive: ['failover, switchover', 'failover'] }).survive).toEqual([
    'failover',
    'switchover',
  ]);
  expect(readQuestion({ ...good, survive: ['none'] }).survive).toEqual([]);
});

test.each<[Partial<PlanOptions>, RegExp, RegExp]>([
  [{ reads: 'many' }, /"many" is no rate/, /--reads 2000\/s/],
  [{ reads: '-5/s' }, /is no rate/, /2000\/s/],
  [{ reads: '0', writes: '0', slo: ['offload > 1%'] }, /nothing is asked/, /--reads and --writes/],
  [{ model: 'models/absent.yaml' }, /there is no file models\/absent\.yaml/, /cluster model/],
  [{ slo: [] }, /no objective is named/, /read\.p99 < 20ms/],
  [{ slo: ['read.p98 < 20ms'] }, /"read\.p98" is no metric/, /did you mean read\.p9/],
  [{ slo: ['read.p99 < 20'] }, /"20" is no limit/, /20ms/],
  [{ slo: ['write.p99 < 1s'], writes: '0' }, /none are asked for/, /--writes/],
  [{ slo: ['read.perSecond > 3000/s'] }, /only 2000 reads a second/, /raise --reads/],
  [{ slo: ['read.p99 > 20ms'] }, /more of what should be little/, /read\.p99 < …/],
  [{ slo: ['read.errors < 0'] }, /nothing is below 0/, /<= 0/],
  [{ survive: ['fail-over'] }, /"fail-over" is no loss/, /did you mean failover\?/],
  [{ survive: ['earthquake'] }, /is no loss/, /known are failover/],
  [{ survive: ['pgpool-loss'] }, /does not survive its loss/, /drill pgpool-loss/],
  [{ maxStandbys: '0' }, /no whole number from 1 to 64/, /--max-standbys 4/],
  [{ sessions: '1.5' }, /no whole number/, /--sessions/],
  [{ sessionLifetime: '10' }, /no time of 100ms or more/, /a number with a unit/],
  [{ runs: 'x' }, /no whole number from 0 to 100/, /--runs/],
])('%o', (change, message, hint) => {
  const problems = problemsOf(change);
  expect(problems).toHaveLength(1);
  expect(problems[0]?.message).toMatch(message);
  expect(problems[0]?.hint).toMatch(hint);
  expect(problems[0]?.place?.file).toMatch(/^--/);
});

test('all mistakes come at once', () => {
  expect(
    problemsOf({ reads: 'x', slo: ['a', 'read.p99 < 1'], survive: ['b', 'c'], runs: '-1' }),
  ).toHaveLength(6);
});
