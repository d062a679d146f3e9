// Goal: `pgdrill pgbench` sends what pgbench sends with the same seed, and tells it in the same lines.
// Method: both programs against one real server that writes down every statement; numbers in reports are blanked.
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LoggedStatement, type Oracle, startOracle } from '../../workload/pgbench/oracle.ts';
import { bothAgainst, type Ended, pgbenchPart, shape } from './programs.ts';

let oracle: Oracle;
let folder: string;
let both: ReturnType<typeof bothAgainst>;

beforeAll(async () => {
  oracle = await startOracle();
  folder = await mkdtemp(join(tmpdir(), 'pgdrill-pgbench-'));
  await chmod(folder, 0o755);
  both = bothAgainst({ host: '127.0.0.1', port: oracle.port, user: 'postgres' }, folder);
  const made = await both.ours(['-i', '-q', 'postgres']).ended;
  expect(made.stderr).toMatch(/done in [\d.]+ s \(drop tables .*, primary keys [\d.]+ s\)\.\n$/);
  expect(made.code).toBe(0);
}, 60_000);
afterAll(async () => {
  await oracle.stop();
  await rm(folder, { recursive: true, force: true });
});

async function pair(words: readonly string[]): Promise<{ ours: Ended; theirs: Ended }> {
  const theirs = await both.theirs([...words, 'postgres']).ended;
  return { theirs, ours: await both.ours([...words, 'postgres']).ended };
}

async function script(name: string, text: string): Promise<string> {
  await writeFile(join(folder, name), text);
  return name;
}

/** The server's log by client: a statement says in its parameters or its text whose it is. */
function sequences(statements: readonly LoggedStatement[], application: string): string[] {
  return statements
    .filter((statement) => statement.application === application)
    .map(({ sql, parameters }) => `${sql} | ${parameters}`)
    .filter((line) => !line.includes('pg_stat_activity'))
    .filter((line) => /client|pgbench_\w+ (SET|WHERE|\(tid)|abalance/i.test(line));
}

const drawing = `\\set a random(1, 1000000)
\\set b random_zipfian(1, 1000, 1.2)
SELECT :client_id AS client, :a, :b, :random_seed;
\\if :a % 2 = 0
SELECT :client_id AS client, :a + 1 AS even;
\\endif
`;
const other = `\\set c random_gaussian(1, 1000, 3)
SELECT :client_id AS client, :c AS other, :default_seed;
`;

const byClient = (lines: readonly string[]): string[][] => {
  const of = (line: string): string =>
    /\| \$1 = '(\d+)'/.exec(line)?.[1] ?? /SELECT (\d+) AS/.exec(line)?.[1] ?? '';
  return ['0', '1', '2', '3'].map((client) => lines.filter((line) => of(line) === client));
};

test.each([
  ['simple', 1],
  ['simple', 4],
  ['extended', 4],
  ['prepared', 1],
  ['prepared', 4],
])(
  '-M %s, %i clients: the same statements with the same values, scripts chosen alike',
  async (protocol, clients) => {
    const files = [await script('drawing.sql', drawing), `${await script('other.sql', other)}@3`];
    const scripts = files.flatMap((file) => ['-f', file]);
    const counts = ['-c', String(clients), '-j', String(clients), '-t', '12'];
    await oracle.statements();
    const { ours, theirs } = await pair(['-n', '-M', protocol, ...counts, '--random-seed=77', ...scripts]);
    expect([ours.code, theirs.code]).toEqual([0, 0]);
    const logged = await oracle.statements();
    const expected = byClient(sequences(logged, 'pgbench'));
    expect(byClient(sequences(logged, 'pgdrill'))).toEqual(expected);
    expect(expected.flat().length).toBeGreaterThanOrEqual(12 * clients);
  },
);

test('four clients of one thread share the choice of scripts; built-ins send the same', async () => {
  await oracle.statements();
  await pair(['-n', '-c', '4', '-t', '5', '--random-seed=9', '-b', 'tpcb']);
  const logged = await oracle.statements();
  const expected = sequences(logged, 'pgbench').sort();
  expect(sequences(logged, 'pgdrill').sort()).toEqual(expected);
  expect(expected.length).toBe(4 * 5 * 5);
});

test('a pipeline sends the same statements', async () => {
  const text =
    '\\startpipeline\nSELECT :client_id AS client;\nSELECT :client_id AS client, 2;\n\\endpipeline\n';
  await oracle.statements();
  const { ours } = await pair(['-n', '-M', 'prepared', '-t', '3', '-f', await script('pipe.sql', text)]);
  expect(ours.code).toBe(0);
  const logged = await oracle.statements();
  expect(sequences(logged, 'pgdrill')).toEqual(sequences(logged, 'pgbench'));
  expect(sequences(logged, 'pgdrill')).toHaveLength(6);
});

test.each([
  ['one script', ['-S', '-t', '3']],
  ['by time', ['-S', '-T', '1', '-c', '2']],
  ['scripts by weight, by command', ['-b', 'se@2', '-b', 'si', '-t', '30', '-r', '--max-tries=3']],
  ['a rate and a limit', ['-S', '-t', '20', '-R', '400', '-L', '20000', '-c', '2', '-j', '2']],
  ['a connection each', ['-S', '-C', '-t', '3']],
  ['kinds of failures', ['-N', '-t', '3', '--failures-detailed', '--max-tries=2', '-M', 'prepared']],
])('the report of %s has the same lines', async (_, words) => {
  const { ours, theirs } = await pair(['-n', ...words]);
  expect([ours.code, theirs.code]).toEqual([0, 0]);
  expect(shape(pgbenchPart(ours.stdout))).toEqual(shape(theirs.stdout).slice(1));
  expect(ours.stdout).toMatch(/transactions due: (\d+) = \1 ok \+ 0 failed \+ 0 unknown \+ 0 skipped/);
});

test('lines of progress have the same shape', async () => {
  const { ours, theirs } = await pair(['-n', '-S', '-T', '3', '-P', '1', '-R', '50', '-L', '500']);
  const lines = (text: string): string[] => [
    ...new Set(shape(text).filter((line) => line.startsWith('progress'))),
  ];
  expect(lines(ours.stderr)).toEqual(lines(theirs.stderr));
  expect(lines(ours.stderr)).toHaveLength(1);
});

async function takeLogs(pid: number): Promise<{ names: string[]; lines: string[] }> {
  const files = (await readdir(folder)).filter((name) => name.startsWith(`logged.${pid}`)).sort();
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
  const names = files.map((name) => name.replace(String(pid), 'PID'));
  return { names, lines: texts.flatMap((text) => text.trimEnd().split('\n')) };
}

test.each([
  ['plain', ['-t', '10', '-c', '2', '-j', '2'], 20, /^[01] \d+ \d+ 0 \d{10} \d{1,6}$/],
  ['a rate and tries', ['-t', '10', '-R', '500', '--max-tries=2'], 10, /^0 \d+ \d+ 0 \d{10} \d{1,6} \d+ 0$/],
  [
    'all skipped',
    ['-t', '10', '-R', '1000000', '-L', '0.0001'],
    10,
    /^0 \d+ (\d+|skipped) 0 \d{10} \d{1,6} \d+$/,
  ],
  ['sums', ['-T', '2', '--aggregate-interval=1'], 2, /^\d{10} \d+ \d+ \d+ \d+ \d+ 0 0 0 0 0 0 0 0 0$/],
])('log files: %s', async (_, words, count, line) => {
  const { ours, theirs } = await pair(['-n', '-S', '-l', '--log-prefix=logged', ...words]);
  const [our, their] = [await takeLogs(ours.pid), await takeLogs(theirs.pid)];
  expect(our.names).toEqual(their.names);
  for (const { lines } of [our, their]) {
    expect(lines).toHaveLength(count);
    for (const entry of lines) expect(entry).toMatch(line);
  }
});

test('half of the lines are sampled by the same dice', async () => {
  const words = [
    '-n',
    '-S',
    '-t',
    '100',
    '-l',
    '--log-prefix=logged',
    '--sampling-rate=0.5',
    '--random-seed=3',
  ];
  const { ours, theirs } = await pair(words);
  const numbers = async (pid: number): Promise<string[]> =>
    (await takeLogs(pid)).lines.map((line) => line.split(' ').slice(0, 2).join(' '));
  expect(await numbers(ours.pid)).toEqual(await numbers(theirs.pid));
});

const failing: [string, string, string[]][] = [
  ['an error of the server', 'SELECT 1/0;\n', []],
  ['a relation that is missing', 'SELECT 1;\nSELECT * FROM nowhere;\n', ['-M', 'extended']],
  ['an open block', 'BEGIN;\nSELECT 1;\n', []],
  ['no row for \\gset', 'SELECT 1 WHERE false \\gset\n', []],
  ['division by zero', '\\set x 1 / 0\n', []],
  ['a variable that is not set', '\\set x :nobody\n', []],
  ['an open pipeline', '\\startpipeline\nSELECT 1;\n', ['-M', 'prepared']],
  ['a pipeline without the protocol', '\\startpipeline\nSELECT 1;\n\\endpipeline\n', []],
  ['a bad column name', 'SELECT 1 AS "no name" \\gset\n', []],
];
test.each(failing)('%s: the same words and exit code', async (_, text, words) => {
  const file = await script('failing.sql', text);
  const { ours, theirs } = await pair(['-n', '-t', '2', ...words, '-f', file]);
  expect(theirs.code).toBe(2);
  expect(ours.code).toBe(2);
  expect(ours.stderr.replaceAll('pgdrill pgbench:', 'pgbench:')).toBe(theirs.stderr);
  expect(shape(pgbenchPart(ours.stdout))).toEqual(shape(theirs.stdout).slice(1));
});

test.each([
  ['a script that is missing', ['-f', 'nowhere.sql']],
  ['a built-in that is missing', ['-b', 'nothing']],
  ['an unknown option', ['--no-such-option']],
  ['a database that is missing', ['-S', 'nowhere']],
])('%s: exit code 1', async (_, words) => {
  const [ours, theirs] = [await both.ours(words).ended, await both.theirs(words).ended];
  expect([ours.code, theirs.code]).toEqual([1, 1]);
  const first = (text: string): string =>
    text.replaceAll('pgdrill pgbench:', 'pgbench:').split('\n')[0] ?? '';
  const own = (line: string): string => line.replace(/^.*?(pgbench|main\.js): /, '');
  expect(own(first(ours.stderr))).toBe(own(first(theirs.stderr)));
});

test('more clients than the server has room for are refused before the start', async () => {
  const { code, stderr } = await both.ours(['-n', '-S', '-c', '25', 'postgres']).ended;
  expect(code).toBe(1);
  expect(stderr).toContain(
    '25 clients need as many sessions, and there can be 20 at a time (max_connections',
  );
});

test('deadlocks and serialization failures are tried again with the same random numbers', async () => {
  await both.theirs(['-i', '-I', 'dt', '-q', 'postgres']).ended;
  await both.theirs(['-i', '-q', 'postgres']).ended;
  const text = `\\set d random(1, 1000)
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT :client_id AS client, :d FROM pgbench_branches;
\\sleep 2 ms
UPDATE pgbench_branches SET bbalance = bbalance + :d;
END;
`;
  await oracle.statements();
  const words = ['-n', '-c', '4', '-t', '5', '--max-tries=3', '--random-seed=4'];
  const { code, stdout } = await both.ours([...words, '-f', await script('retry.sql', text), 'postgres'])
    .ended;
  expect(code).toBe(0);
  const retries = Number(/total number of retries: (\d+)/.exec(stdout)?.[1]);
  expect(retries).toBeGreaterThan(0);
  const [due, ok, failed] = /due: (\d+) = (\d+) ok \+ (\d+) failed/.exec(stdout)?.slice(1).map(Number) ?? [];
  expect([due, (ok ?? 0) + (failed ?? 0)]).toEqual([20, 20]);
  const reads = sequences(await oracle.statements(), 'pgdrill').filter((line) => line.includes('AS client'));
  expect(reads).toHaveLength(20 + retries);
  expect(new Set(reads).size).toBe(20);
});

test.each([[['--show-script=se']], [['-b', 'list']], [['-b', 'none']], [['-b', '']]])(
  '%j tells the same about built-in scripts',
  async (words) => {
    const [ours, theirs] = [await both.ours(words).ended, await both.theirs(words).ended];
    expect(ours.code).toBe(theirs.code);
    expect(ours.stderr.replaceAll('pgdrill pgbench:', 'pgbench:')).toBe(theirs.stderr);
  },
);

test.each(['40001', '40P01'])('tries that fail with %s are told in the same words', async (code) => {
  const text = `BEGIN;\nSELECT 1;\nDO $$ BEGIN RAISE SQLSTATE '${code}'; END $$;\nEND;\n`;
  const file = await script('conflict.sql', text);
  const words = ['-n', '-t', '2', '--verbose-errors', '--max-tries=2', '--failures-detailed', '-r'];
  const { ours, theirs } = await pair([...words, '-f', file]);
  expect([ours.code, theirs.code]).toEqual([0, 0]);
  expect(ours.stderr.replaceAll('pgdrill pgbench:', 'pgbench:')).toBe(theirs.stderr);
  expect(ours.stderr).toContain('repeats the transaction after the error (try 1/2)');
  expect(shape(pgbenchPart(ours.stdout))).toEqual(shape(theirs.stdout).slice(1));
});

test('variables of -D and the seed of the environment reach scripts', async () => {
  const file = await script(
    'defined.sql',
    '\\set x debug(:given + :scale)\n\\set y debug(random(1, 1000000))\nSELECT 1;\n',
  );
  const words = ['-n', '-t', '2', '-s', '5', '-D', 'given=37', '--random-seed=11', '-f', file];
  const { ours, theirs } = await pair(words);
  expect(ours.stderr.replaceAll('pgdrill pgbench:', 'pgbench:')).toBe(theirs.stderr);
  expect(ours.stderr).toContain('int 42');
});

test('--json prints one value that holds the report', async () => {
  const { code, stdout } = await both.ours(['-n', '-S', '-t', '5', '--json', 'postgres']).ended;
  expect(code).toBe(0);
  const value = JSON.parse(stdout);
  expect(value).toMatchObject({
    schema: 'pgdrill/pgbench@1',
    outcomes: { due: 5, ok: 5, failed: 0, unknown: 0, skipped: 0 },
    pgbench: { counts: { processed: 5 } },
  });
});
