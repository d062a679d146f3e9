// Goal: `pgdrill lint` tells a script by its exit code what it found, and puts one value on stdout.
// Method: the compiled command line on the models' files and on broken ones.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'lint-cli-'));
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

function lint(...words: string[]) {
  const args = ['dist/cli/main.js', 'lint', ...words];
  return spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 });
}

function file(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

const pair = (name: string): string[] => [
  ...['--efm', `models/${name}/efm.properties`],
  ...['--pgpool', `models/${name}/pgpool.conf`],
];
const clean = [...pair('guide-4.3'), '--scripts', 'scripts/efm'];

test('help has an example and the exit codes', () => {
  const { status, stdout } = lint('--help');
  expect(status).toBe(0);
  expect(stdout).toContain('Example:\n  pgdrill lint --efm ');
  expect(stdout).toMatch(/99 an error-level finding/);
});

test('a clean pair: exit 0; how the versions were told goes to stderr, and --quiet silences it', () => {
  const { status, stdout, stderr } = lint(...clean);
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'no findings\n' });
  expect(stderr).toMatch(/EFM 5\.4 is assumed by .*\nPgpool-II 4\.3\.5 is assumed by /);
  expect(lint(...clean, '--quiet').stderr).toBe('');
  expect(lint(...clean, '--versions', '5.4,4.3.5').stderr).toBe('');
});

test("the guide's own settings: exit 99, and --json is one array on stdout", () => {
  const { status, stdout, stderr } = lint(...pair('guide-literal'), '--json', '--quiet');
  expect(status).toBe(99);
  expect(stderr).toBe('');
  const rows = JSON.parse(stdout);
  expect(rows.some(({ rule }: { rule: string }) => rule === 'efm-post-promotion-missing')).toBe(true);
  expect(lint(...pair('guide-literal'), '--format', 'json', '--quiet').stdout).toBe(stdout);
  expect(JSON.parse(lint(...clean, '--json').stdout)).toEqual([]);
});

test('warnings alone end with 0', () => {
  const conf = file(
    'warning.conf',
    "logdir = '/tmp'\nfailover_on_backend_error = off\nfailover_on_backend_shutdown = off\n",
  );
  const { status, stdout } = lint('--pgpool', conf, '--versions', ',4.3.5');
  expect(stdout).toContain('/warning.conf:1:10: warning: ');
  expect(status).toBe(stdout.includes(': error: ') ? 99 : 0);
  expect(status).toBe(0);
});

test('--format sarif is a SARIF log', () => {
  const { status, stdout } = lint(...pair('guide-literal'), '--format', 'sarif');
  expect(status).toBe(99);
  expect(JSON.parse(stdout)).toMatchObject({ version: '2.1.0', runs: [{ tool: { driver: {} } }] });
});

test('several files, a postgresql.conf and numbers reach the rules', () => {
  const conf = file('postgresql.conf', 'max_connections = 20\n');
  const { stdout } = lint(...clean, '--postgres', conf, '--sessions', '40', '--json', '--quiet');
  const rules = JSON.parse(stdout).map(({ rule }: { rule: string }) => rule);
  expect(rules).toEqual(
    expect.arrayContaining([
      'pgpool-more-connections-than-servers-take',
      'pgpool-fewer-children-than-sessions',
    ]),
  );
  const properties = 'models/guide-4.3/efm.properties';
  const copy = file('copy.properties', readFileSync(properties, 'utf8'));
  expect(lint('--efm', properties, copy, '--json').stdout).toContain('"efm-address-twice"');
});

test('the example of the help runs as it stands', () => {
  const [, example = ''] = /Example:\n {2}pgdrill lint (.*)\n/.exec(lint('--help').stdout) ?? [];
  expect(lint(...example.split(' '))).toMatchObject({ status: 0, stdout: 'no findings\n' });
});

test('a file given twice is read once, and a note says so', () => {
  const properties = 'models/guide-4.3/efm.properties';
  const { status, stdout, stderr } = lint('--efm', properties, `./${properties}`);
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'no findings\n' });
  expect(stderr).toContain(`./${properties} is given twice`);
});

test('hooks of a folder that is not here are not called missing', () => {
  const text = readFileSync('models/guide-4.3/efm.properties', 'utf8');
  const other = text.replaceAll('/etc/pgpool-integration/load_balancer_attach.sh', '/tmp/attach_hook.sh');
  const missing = text.replaceAll('load_balancer_attach.sh', 'attach_hook.sh');
  const rules = (efm: string) => lint('--efm', efm, '--scripts', 'scripts/efm', '--json', '--quiet').stdout;
  expect(rules(file('elsewhere.properties', other))).not.toContain('hook-missing');
  expect(rules(file('missing.properties', missing))).toContain('scripts/efm/attach_hook.sh does not exist');
});

test('a cluster model stands for its files', () => {
  const { status, stdout, stderr } = lint('--model', 'models/guide-literal.yaml', '--json');
  expect({ status, stderr }).toEqual({ status: 99, stderr: '' });
  const files = new Set(JSON.parse(stdout).map(({ file }: { file: string }) => file));
  expect(files).toEqual(new Set(['models/guide-literal/efm.properties', 'models/guide-literal/pgpool.conf']));
  expect(lint('--model', 'models/reference-architecture.yaml')).toMatchObject({
    status: 0,
    stdout: 'no findings\n',
  });
  const broken = lint('--model', file('model.yaml', 'name: broken\nservers: none\n'));
  expect(broken).toMatchObject({ status: 1, stdout: '' });
  expect(broken.stderr).toContain('model.yaml:2:1');
});

test.each([
  ['two primaries', /role: standby/, 'role: primary', 'one-primary'],
  ['a database without an agent', / {4}efm: {}\n/, '', 'database-has-agent'],
  ['two servers of one name', /server2/, 'server1', 'unique-name'],
  ['an unknown version', /'5\.4'/, "'9.4'", 'known-version'],
])('a model with %s is refused with its rule', (_, from, to, rule) => {
  const text = readFileSync('models/guide-4.3.yaml', 'utf8').replace(from, to);
  const inPlace = text.replaceAll('file: ', `file: ${process.cwd()}/models/`);
  const { status, stdout, stderr } = lint('--model', file('contradictory.yaml', inPlace));
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(new RegExp(`contradictory\\.yaml:\\d+:\\d+: .*\\[${rule}\\]`));
});

test('broken files: every problem with file, line and column, exit 1, nothing on stdout', () => {
  const efm = file('broken.properties', 'local.period=10\nnonsense\n=1\n');
  const conf = file('broken.conf', "port = 9999\nfailover_command = 'open\nload_balance_mode =\n");
  const { status, stdout, stderr } = lint('--efm', efm, '--pgpool', conf, '/nowhere/pgpool.conf');
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  for (const place of [
    'broken.properties:2:1',
    'broken.properties:3:1',
    'broken.conf:2:20',
    'broken.conf:3:',
  ])
    expect(stderr).toContain(place);
  expect(stderr).toMatch(/\/nowhere\/pgpool\.conf:1:1: cannot read it: it does not exist/);
  const binary = lint('--efm', file('binary', 'local.period=10\0'), '--pgpool', dir);
  expect(binary).toMatchObject({ status: 1, stdout: '' });
  expect(binary.stderr).toMatch(
    /binary:1:1: cannot read it: it is no text.*\n.*:1:1: cannot read it: it is a folder/,
  );
});

test.each([
  [[], /neither --efm nor --pgpool/],
  [['--model', 'models/guide-4.3.yaml', '--versions', '5.4,4.3'], /--model says files/],
  [[...clean, '--versions', '9.1,4.3'], /3\.9 to 5\.4/],
  [[...clean, '--versions', '4.10,4.3,1'], /expected EFM's version/],
  [[...clean, '--sessions', 'many'], /whole number above 0/],
  [[...clean, '--format', 'xml'], /text, json, sarif/],
  [[...clean, '--scripts', '/nowhere/scripts'], /cannot read/],
])('%j is a usage error: exit 1, nothing on stdout', (words, told) => {
  const { status, stdout, stderr } = lint(...words);
  expect(stderr).toMatch(told);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
});
