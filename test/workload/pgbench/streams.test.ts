// Goal: the random numbers, the built-in scripts and the tables are pgbench's own.
// Method: the installed pgbench prints what its clients draw; the server writes down what its -i sends.
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { builtins } from '../../../src/workload/pgbench/builtin.ts';
import { ScriptCompiler } from '../../../src/workload/pgbench/compile.ts';
import { defaultInitOptions, type InitOptions, initSteps } from '../../../src/workload/pgbench/init.ts';
import { ScriptRun } from '../../../src/workload/pgbench/run.ts';
import { chooseScript, seedStreams, setAutomaticVariables } from '../../../src/workload/pgbench/selection.ts';
import { VariableStore } from '../../../src/workload/pgbench/variables.ts';
import { type Oracle, startOracle } from './oracle.ts';
import { compiled } from './play.ts';

let oracle: Oracle;
beforeAll(async () => {
  oracle = await startOracle();
}, 60_000);
afterAll(async () => {
  await oracle.stop();
});

const drawing = `\\set uniform random(1, 1000000)
\\set exponential random_exponential(1, 1000000, 5.0)
\\set gaussian random_gaussian(1, 1000000, 2.5)
\\set zipfian random_zipfian(1, 1000000, 1.5)
\\set told debug(:client_id * 100000000 + :uniform)
\\set told debug(:client_id * 100000000 + :exponential)
\\set told debug(:client_id * 100000000 + :gaussian)
\\set told debug(:client_id * 100000000 + :zipfian)
\\set told debug(:client_id * 100000000 + permute(:uniform, 1000000))
\\set told debug(:random_seed + :scale)
`;

test.each([0n, 5432n, 18446744073709551615n])(
  'four clients of one thread draw as with seed %s',
  async (seed) => {
    const words = ['-c', '4', '-t', '5', `--random-seed=${seed}`];
    const { stderr } = await oracle.pgbench(drawing, words);
    const compiler = new ScriptCompiler();
    const script = compiled(compiler, drawing);
    const streams = seedStreams(seed, { clients: 4, threads: 1 });
    const ours: string[] = [];
    for (const [client, random] of streams.clients.entries()) {
      const variables = new VariableStore(compiler.names);
      setAutomaticVariables(variables, { scale: 1, client, seed, defaultSeed: streams.defaultSeed });
      const run = new ScriptRun({
        client,
        variables,
        random,
        protocol: 'simple',
        debug: (line) => ours.push(line),
      });
      for (let transaction = 0; transaction < 5; transaction += 1) {
        run.start(script);
        expect(run.next()).toBe('done');
      }
    }
    expect(ours).toHaveLength(120);
    expect(
      stderr
        .split('\n')
        .filter((line) => line.startsWith('debug('))
        .sort(),
    ).toEqual(ours.sort());
  },
);

test('a thread chooses between scripts as pgbench does', async () => {
  const files = await Promise.all(
    [3, 1, 4].map(async (weight, index) => {
      const file = join(tmpdir(), `pgdrill-choice-${process.pid}-${index}.sql`);
      await writeFile(file, `\\set a debug(${index + 1})\n`);
      return { file, option: `${file}@${weight}` };
    }),
  );
  const words = files.flatMap(({ option }) => ['-f', option]);
  const { stderr } = await oracle.run(['-n', '-t', '40', '--random-seed=77', ...words, 'postgres']);
  await Promise.all(files.map(({ file }) => rm(file)));
  const thread = seedStreams(77n, { clients: 1, threads: 1 }).threads[0];
  if (!thread) throw new Error('no thread');
  const ours = Array.from({ length: 40 }, () => 1 + chooseScript(thread.script, [3, 1, 4]));
  const theirs = [...stderr.matchAll(/^debug\(.*: int (\d)$/gm)].map(([, number]) => Number(number));
  expect(theirs).toEqual(ours);
  expect(new Set(ours).size).toBe(3);
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
