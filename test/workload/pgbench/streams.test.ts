// Goal: the random numbers, the built-in scripts and the tables are pgbench's own.
// Method: the installed pgbench prints what its clients draw; the server writes down what its -i sends.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { builtins } from '../../../src/workload/pgbench/builtin.ts';
import { defaultInitOptions, type InitOptions, initSteps } from '../../../src/workload/pgbench/init.ts';
import { type Oracle, startOracle } from './oracle.ts';
import { compareChoices, compareDraws, plainDrawing } from './streams.ts';

let oracle: Oracle;
beforeAll(async () => {
  oracle = await startOracle();
}, 60_000);
afterAll(async () => {
  await oracle.stop();
});

test.each([0n, 5432n, 18446744073709551615n])(
  'four clients of one thread draw as with seed %s',
  async (seed) => {
    expect(await compareDraws(oracle, plainDrawing(seed))).toEqual({ draws: 120, mismatches: [] });
  },
);

test('a thread chooses between scripts as pgbench does', async () => {
  const { choices, chosen, mismatches } = await compareChoices(oracle, 77);
  expect(mismatches).toEqual([]);
  expect([choices, chosen.size]).toEqual([40, 3]);
});

test('the built-in scripts are those that pgbench shows', async () => {
  for (const { name, description, text } of builtins) {
    const { stderr } = await oracle.run([`--show-script=${name}`]);
    expect(stderr.trimEnd()).toBe(`-- ${name}: ${description}\n${text}`.trimEnd());
  }
});

test.each([
  { words: ['-s', '1'], options: {} },
  {
    words: ['-s', '2', '-F', '90', '--unlogged-tables', '-I', 'dtGvpf'],
    options: { scale: 2, fillfactor: 90, unlogged: true, steps: 'dtGvpf' },
  },
])('pgbench -i $words sends what our steps say', async ({ words, options }) => {
  await oracle.statements();
  expect(await oracle.run(['-i', '-q', ...words, 'postgres'])).toMatchObject({ code: 0 });
  const theirs = (await oracle.statements()).map(({ sql }) => sql);
  const actions = initSteps({ ...defaultInitOptions, ...(options as Partial<InitOptions>) }).flatMap(
    (step) => step.actions,
  );
  expect(actions.map(({ sql }) => sql)).toEqual(theirs);
  for (const action of actions) {
    if (action.type !== 'copy') continue;
    const rows = [...action.rows()];
    expect([rows.length, rows[0], rows.at(-1)]).toEqual([action.rowCount, '1\t1\t0\t\n', '100000\t1\t0\t\n']);
  }
});
