// Goal: what we call a sound pgpool.conf the real Pgpool takes, and what it refuses we have told, with the line.
// Method: the installed Pgpool as the oracle, on one odd setting at a time: every kind of value and name that its manual
// shows or a person may mistype. The file names a pid file that cannot be, so that a start ends right after the
// file was read, before a port is opened: with that complaint when the file was taken, with another when it was not.
// What a value means, and what an unwritten one is, says a running Pgpool over PCP.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sleep } from '../../src/kernel/clock.ts';
import { Random } from '../../src/kernel/random.ts';
import { findBinaries } from '../../src/lab/binaries.ts';
import { findRunUser } from '../../src/lab/run-user.ts';
import { checkPgpoolDocument } from '../../src/topology/config/check-pgpool.ts';
import { valuesOf } from '../../src/topology/config/document.ts';
import { pgpoolCatalogue, pgpoolDefaultOf, pgpoolName } from '../../src/topology/config/pgpool-catalogue.ts';
import { parsePgpoolDocument } from '../../src/topology/config/pgpool-document.ts';
import { pgpoolTruth, readPgpoolNumber } from '../../src/topology/config/pgpool-values.ts';

const binaries = findBinaries().binaries;
const runUser = findRunUser();
const installed = binaries?.pgpoolVersion.includes('4.3.5') ?? false;
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgdrill-pgpool-conf-'));
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, 'pgpool_node_id'), '0\n', { mode: 0o644 });
  writeFileSync(join(folder, 'more.conf'), 'num_init_children = 10\n', { mode: 0o644 });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What Pgpool says against the file; null when it takes it. */
function refusal(line: string): string | null {
  const file = join(folder, 'pgpool.conf');
  writeFileSync(file, `pid_file_name = '/nonexistent/pgpool.pid'\n${line}\n`, { mode: 0o644 });
  const { stderr } = spawnSync(
    binaries?.pgpool ?? '',
    ['-n', '-f', file, '-F', '/dev/null', '-a', '/dev/null'],
    {
      encoding: 'utf8',
      timeout: 5000,
      ...(runUser?.switched ? { uid: runUser.uid, gid: runUser.gid } : {}),
    },
  );
  const fatal = /FATAL: {2}(.*)/.exec(stderr)?.[1] ?? stderr;
  return fatal.includes('could not open pid file') ? null : fatal;
}

function toldAgainst(line: string): string[] {
  const document = parsePgpoolDocument(line, 'pgpool.conf');
  return checkPgpoolDocument(document, { version: '4.3.5' }).map(({ message }) => message);
}

const values = [
  ...[
    'on',
    'off',
    'of',
    'TRUE',
    'perhaps',
    "''",
    '0',
    '1',
    '-1',
    '+5',
    '007',
    '0x10',
    '4.5',
    '1e3',
    '99999999999',
  ],
  ...[
    '10s',
    "'10s'",
    '500ms',
    "'2 min'",
    '10S',
    '1d',
    '64MB',
    '64mb',
    '2kB',
    '3TB',
    "' 7 '",
    "'7 x'",
    'x',
    '*',
  ],
  ...[
    '/bin/true',
    "'/bin/true %d'",
    'a.b-c:d/e',
    '10.0.0.1',
    "'10.0.0.1'",
    "'it''s'",
    "'it\\'s'",
    "'open",
    '<any>',
  ],
  ...['two words', "'a' 'b'", 'stream', 'transaction', 'TRANSACTION', 'heartbeat', 'ALLOW_TO_FAILOVER', ''],
  ...[
    "'ALLOW_TO_FAILOVER|ALWAYS_PRIMARY'",
    "'ALLOW_TO_FAILOVER|DISALLOW_TO_FAILOVER'",
    '# gone',
    "'#' # kept",
  ],
];

const names = [
  ...pgpoolCatalogue.flatMap(({ name, index }) => (index === null ? [name] : [name, `${name}0`, `${name}x`])),
  ...[
    'backend_port200',
    'PORT',
    'colour',
    'fail_over_on_backend_error',
    'follow_master_command',
    'wd_portal',
  ],
];

test.skipIf(!installed)('sound files are taken, refused ones are told', () => {
  const random = new Random(Number(process.env.PGDRILL_SEED ?? 1));
  const pick = <T>(list: readonly T[]): T => list[random.integer(0, list.length - 1)] as T;
  const wrong: string[] = [];
  let refused = 0;
  const cases = Number(process.env.PGDRILL_CASES ?? 150);
  for (let count = 0; count < cases; count += 1) {
    const line = `${pick(names)}${pick([' = ', '=', ' '])}${pick(values)}`;
    const said = refusal(line);
    if (said !== null) refused += 1;
    if (said !== null && toldAgainst(line).length === 0) wrong.push(`${line}: Pgpool says: ${said}`);
  }
  expect(wrong).toEqual([]);
  expect(refused).toBeGreaterThan(cases / 20);
});

// What the reader claims about the file's grammar, each case told by the same oracle.
test.skipIf(!installed).each([
  ['port = 9999 pcp_port = 9898', null],
  ["include 'more.conf'", null],
  ["include = 'more.conf'", null],
  ["include 'none.conf'", /syntax error/],
  ['port 9999', null],
  ['port = 9999\nport = 1', /1 is outside the valid range/],
  ['port = 1\nport = 9999', /1 is outside the valid range/],
  ["follow_primary_command = 'a\\' # b' # it's", null],
  ["follow_primary_command = 'it''s'", /syntax error/],
  ['wd_heartbeat_keepalive = 400ms', /0 is outside the valid range/],
  ['wd_heartbeat_keepalive = 600ms', null],
  ['health_check_period = 10s', /invalid value/],
  ['health_check_period0 = 10s', null],
] as [string, RegExp | null][])('%s', (line, expected) => {
  const said = refusal(line);
  if (expected === null) expect(said).toBeNull();
  else expect(said).toMatch(expected);
});

describe.skipIf(!installed)('a running Pgpool', () => {
  const written = `
recovery_timeout = 1500ms
sr_check_period = 500ms
client_idle_limit = 2500ms
child_life_time = 010
connection_life_time = 0x10
authentication_timeout = 1min
child_max_connections = 4.5
delay_threshold = 10MB
load_balance_mode = perhaps
log_connections = of
log_line_prefix = 'a\\'b'
failover_command = 'x' # y
failback_command = 'first'
failback_command = 'second'
`;
  let shown: Record<string, string> = {};

  beforeAll(async () => {
    shown = await valuesInForce(written);
  });

  test('reads values as we do: units, rounding, octal and hexadecimal, prefixes of words, quotes, the last line', () => {
    const document = parsePgpoolDocument(written, 'f');
    for (const [name, text] of Object.entries(valuesOf(document))) {
      const form = pgpoolName(name, '4.3.5')?.parameter.form ?? 'text';
      if (form === 'switch') expect(shown[name] !== '0', name).toBe(pgpoolTruth(text) ?? true);
      else if (form === 'text') expect(shown[name], name).toBe(text);
      else expect(Number(shown[name]), name).toBe(readPgpoolNumber(text, form)?.value);
    }
  });

  test('has the compiled defaults that the catalogue says', () => {
    const set = new Set(parsePgpoolDocument(written + setByTest(0), 'f').entries.map(({ name }) => name));
    const compared = pgpoolCatalogue.filter(
      (parameter) =>
        pgpoolName(parameter.name, '4.3.5')?.parameter === parameter &&
        parameter.index === null &&
        typeof parameter.form === 'string' &&
        shown[parameter.name] !== undefined &&
        !set.has(parameter.name),
    );
    expect(compared.length).toBeGreaterThan(80);
    for (const { name, form } of compared) {
      const standard = pgpoolDefaultOf(name, '4.3.5') ?? '';
      if (form === 'switch') expect(shown[name], name).toBe(standard === 'on' ? '1' : '0');
      else if (form === 'text' || form === 'redirects')
        expect(standard === '' ? ['', '(null)', '*****'] : [standard, '*****'], name).toContain(shown[name]);
      else expect(Number(shown[name]), name).toBe(readPgpoolNumber(standard, form)?.value);
    }
  });
});

/** What the test itself must set so that a Pgpool starts and answers: its own ports, folders and no backend to be found. */
function setByTest(offset: number): string {
  return `
listen_addresses = '127.0.77.97'
port = ${19999 + offset}
pcp_listen_addresses = '127.0.77.97'
pcp_port = ${19898 + offset}
socket_dir = '${folder}'
pcp_socket_dir = '${folder}'
wd_ipc_socket_dir = '${folder}'
pid_file_name = '${folder}/pgpool.pid'
logdir = '${folder}'
num_init_children = 1
max_pool = 1
enable_shared_relcache = off
search_primary_node_timeout = 1
`;
}

/** Values of every setting as a Pgpool started with the text reports them (pcp_pool_status). */
async function valuesInForce(text: string): Promise<Record<string, string>> {
  const offset = process.pid % 900;
  const write = (name: string, content: string, mode: number): string => {
    const file = join(folder, name);
    writeFileSync(file, content, { mode });
    if (runUser?.switched) chownSync(file, runUser.uid, runUser.gid);
    return file;
  };
  if (runUser?.switched) chownSync(folder, runUser.uid, runUser.gid);
  const conf = write('running.conf', text + setByTest(offset), 0o644);
  const accounts = write('pcp.conf', `u:${createHash('md5').update('p').digest('hex')}\n`, 0o600);
  const passwords = write('pcppass', '*:*:u:p\n', 0o600);
  const user = runUser?.switched ? { uid: runUser.uid, gid: runUser.gid } : {};
  const pgpool = spawn(binaries?.pgpool ?? '', ['-n', '-f', conf, '-F', accounts, '-a', '/dev/null'], {
    stdio: 'ignore',
    ...user,
  });
  const ended = new Promise((resolve) => pgpool.once('exit', resolve));
  try {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const port = String(19898 + offset);
      const { status, stdout } = spawnSync(
        join(binaries?.pcpBin ?? '', 'pcp_pool_status'),
        ['-h', '127.0.77.97', '-p', port, '-U', 'u', '-w'],
        { encoding: 'utf8', env: { PCPPASSFILE: passwords }, ...user },
      );
      const found = stdout.matchAll(/^name : (\S+)\nvalue: (.*)$/gm);
      if (status === 0)
        return Object.fromEntries([...found].map(([, name = '', value = '']) => [name, value]));
      await sleep(100);
    }
    throw new Error('pcp_pool_status did not answer');
  } finally {
    pgpool.kill('SIGINT');
    await ended;
  }
}
