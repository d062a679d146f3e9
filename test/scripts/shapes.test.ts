import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

/**
 * The integration scripts against the output of every Pgpool-II version. The commands that answer here are recordings in a
 * temporary folder: they prove the reading of columns and messages, test/lab/scripts.test.ts proves the behaviour.
 */
const backendScript = join(dirname(fileURLToPath(import.meta.url)), '../../scripts/efm/pgpool_backend.sh');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgdrill-shapes-'));
  mkdirSync(join(folder, 'bin'));
  settings('PCP_USER=pcpadm', `PCP_BIN=${join(folder, 'bin')}`, 'PCP_TIMEOUT=1', 'DETACH_WAIT=1');
});
afterEach(() => rmSync(folder, { recursive: true }));

function settings(...lines: string[]): void {
  writeFileSync(join(folder, 'pgpool.env'), `${lines.join('\n')}\n`);
}

function command(name: string, body: string): void {
  const file = join(folder, 'bin', name);
  writeFileSync(file, `#!/bin/sh\necho "$0 $*" >>'${folder}/calls'\n${body}\n`);
  chmodSync(file, 0o755);
}

/** pcp_node_info as from 4.3 on: without an id it lists all nodes. */
function listing(rows: string[]): void {
  const one = rows.map((row, id) => `*' -n ${id}') echo '${row}' ;;`).join('\n');
  command('pcp_node_info', `case "$*" in\n${one}\n*) cat <<'END'\n${rows.join('\n')}\nEND\n;; esac`);
}

/** pcp_node_info before 4.3: an id is needed. */
function oneByOne(rows: string[]): void {
  const one = rows.map((row, id) => `*' -n ${id}') echo '${row}' ;;`).join('\n');
  command(
    'pcp_node_info',
    `case "$*" in\n${one}\n*) echo 'pcp_node_info: missing node id' >&2; exit 1 ;; esac`,
  );
  command('pcp_node_count', `echo ${rows.length}`);
}

function run(...words: string[]): { code: number | null; said: string } {
  const env = { ...process.env, PGDRILL_PGPOOL_ENV: join(folder, 'pgpool.env') };
  const { status, stdout, stderr } = spawnSync(backendScript, words, { env, encoding: 'utf8' });
  return { code: status, said: stdout + stderr };
}

const calls = () => readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');

const when = '2026-11-22 19:12:42';
const shapes: {
  version: string;
  rows: [primary: string, standby: string];
  serve: (rows: string[]) => void;
}[] = [
  {
    version: '4.0',
    rows: [
      `10.0.0.1 5432 2 0.500000 up primary 0 ${when}`,
      `10.0.0.2 5432 1 0.500000 waiting standby 0 ${when}`,
    ],
    serve: oneByOne,
  },
  {
    version: '4.1 and 4.2, streaming',
    rows: [
      `10.0.0.1 5432 2 0.500000 up primary 0   ${when}`,
      `10.0.0.2 5432 2 0.500000 up standby 0 streaming async ${when}`,
    ],
    serve: oneByOne,
  },
  {
    version: '4.3',
    rows: [
      `10.0.0.1 5432 2 0.000000 up unknown primary unknown 0 none none ${when}`,
      `10.0.0.2 5432 2 0.500000 up unknown standby unknown 0 streaming async ${when}`,
    ],
    serve: listing,
  },
  {
    version: '4.3 with health check, whose pg_role must not be taken for the role',
    rows: [
      `10.0.0.1 5432 2 -nan up up primary standby 0 none none ${when}`,
      `10.0.0.2 5432 2 -nan up up standby primary 0 streaming async ${when}`,
    ],
    serve: listing,
  },
  {
    version: '4.4 to 4.7, delay as time',
    rows: [
      `10.0.0.1 5432 2 0.500000 up up primary primary 0.000000 none none ${when}`,
      `10.0.0.2 5432 2 0.500000 up up standby standby 0.000123 streaming async ${when}`,
    ],
    serve: listing,
  },
];

describe.each(shapes)('node info of Pgpool-II $version', ({ rows, serve }) => {
  test('the role is read from its column', () => {
    serve(rows);
    expect(run('check_primary', '10.0.0.1')).toEqual({ code: 0, said: 'primary\n' });
    expect(run('check_primary', '10.0.0.2')).toEqual({ code: 6, said: 'not primary\n' });
  });

  test('up and waiting count as attached, and nothing is sent', () => {
    serve(rows);
    expect(run('attach', '10.0.0.2', '5432').code).toBe(0);
    expect(run('promote', '10.0.0.1').code).toBe(0);
    expect(calls().filter((call) => !/pcp_node_(info|count)/.test(call))).toEqual([]);
  });
});

describe('what PCP answers', () => {
  const row = (host: string, status: number, name: string, role: string) =>
    `${host} 5432 ${status} 0.500000 ${name} unknown ${role} unknown 0 none none ${when}`;

  test('node ids above 255 are kept whole', () => {
    const rows = Array.from({ length: 301 }, (_, id) =>
      row(`10.1.${id >> 8}.${id & 255}`, 2, 'up', 'standby'),
    );
    listing([...rows.slice(0, 300), row('10.1.1.44', 3, 'down', 'standby')]);
    command('pcp_detach_node', 'echo "ERROR:  invalid degenerate backend request" >&2');
    command('pcp_attach_node', 'echo "pcp_attach_node -- Command Successful"');
    expect(run('detach', '10.1.1.44').said).toContain('node 300 ');
  });

  test('one connection lists all nodes from 4.3 on, one each before', () => {
    listing([row('10.0.0.1', 2, 'up', 'primary'), row('10.0.0.2', 2, 'up', 'standby')]);
    run('check_primary', '10.0.0.2');
    expect(calls()).toHaveLength(1);
  });

  test('a refused detach ends with 4 although the command ends with 0', () => {
    listing([row('10.0.0.1', 2, 'up', 'primary')]);
    command('pcp_detach_node', 'echo "ERROR:  failed to process PCP request at the moment" >&2; exit 0');
    const { code, said } = run('detach', '10.0.0.1');
    expect(said).toContain('not down after 1 s');
    expect(code).toBe(4);
  });

  test.each([
    [
      'refused connection',
      'ERROR: connection to socket "10.0.0.9:9898" failed with error "Connection refused"',
      1,
    ],
    ['refused user', 'FATAL:  authentication failed for user "pcpadm"', 1],
  ])('%s ends with 2', (_, message, code) => {
    command('pcp_node_info', `echo '${message}' >&2; exit ${code}`);
    expect(run('detach', '10.0.0.1').code).toBe(2);
  });

  test('a Pgpool that does not answer ends with 2', () => {
    command('pcp_node_info', 'exec sleep 30');
    expect(run('detach', '10.0.0.1').code).toBe(2);
  });

  test('two backends of one address need the port', () => {
    listing([
      row('10.0.0.1', 2, 'up', 'primary'),
      row('10.0.0.1', 2, 'up', 'standby').replace('5432', '5433'),
    ]);
    expect(run('check_primary', '10.0.0.1').code).toBe(1);
    expect(run('check_primary', '10.0.0.1', '5433').code).toBe(6);
  });
});

describe('settings', () => {
  test('the file is read, not executed', () => {
    listing([`10.0.0.1 5432 2 0.500000 up unknown primary unknown 0 none none ${when}`]);
    settings(
      'PCP_USER=$(touch executed)',
      `PCP_BIN="${join(folder, 'bin')}"`,
      '# a remark',
      `LOG_FILE=${folder}/log`,
    );
    expect(run('check_primary', '10.0.0.1').code).toBe(0);
    expect(calls()[0]).toContain('-U $(touch executed) ');
    expect(readFileSync(join(folder, 'log'), 'utf8')).toMatch(
      /^\d{4}-.*pgpool_backend\.sh\[\d+\] exit 0: primary\n$/,
    );
  });

  test.each([
    ['an unknown name', ['PCP_USER=a', 'PCP_USR=b'], ':2: no setting has the name'],
    ['a limit that is no number', ['PCP_USER=a', 'DETACH_WAIT=1s'], ':2: DETACH_WAIT must be a whole number'],
    ['no user', ['PCP_HOST=a'], 'PCP_USER is not set'],
  ])('%s ends with 1 and says where', (_, lines, message) => {
    settings(...lines);
    const { code, said } = run('check_primary', '10.0.0.1');
    expect(said).toContain(message);
    expect(code).toBe(1);
  });

  test('the example names every setting the scripts know', () => {
    const scripts = dirname(backendScript);
    const example = readFileSync(join(scripts, 'pgpool.env.example'), 'utf8');
    const known = execFileSync('grep', ['-oE', '^    [A-Z_]+\\)', join(scripts, 'pgpool_common.sh')], {
      encoding: 'utf8',
    });
    const names = new Set(known.match(/[A-Z_]+/g));
    expect(names.size).toBeGreaterThan(10);
    expect(new Set(example.match(/^[A-Z_]+(?==)/gm))).toEqual(names);
  });
});

describe('which psql looks at a server when none is named', () => {
  const common = join(dirname(backendScript), 'pgpool_common.sh');

  /** find_psql as the scripts run it: without expansion of patterns, unset names an error. */
  function found(path = process.env.PATH): { code: number | null; said: string } {
    const places = `psql_places='${folder}/lib/*/bin/psql ${folder}/pgsql-*/bin/psql'`;
    const lines = `set -fu; LOG_FILE=''; . '${common}'; ${places}; find_psql; echo "$PSQL"; echo /us*`;
    const env = { ...process.env, PATH: path };
    const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', lines], { env, encoding: 'utf8' });
    return { code: status, said: stdout + stderr };
  }

  function install(place: string): string {
    mkdirSync(join(folder, place, 'bin'), { recursive: true });
    const file = join(folder, place, 'bin/psql');
    writeFileSync(file, '#!/bin/sh\n');
    chmodSync(file, 0o755);
    return file;
  }

  test('the newest, by number and not by letter; patterns stay as they were', () => {
    install('lib/9');
    install('pgsql-14');
    const newest = install('lib/15');
    expect(found()).toEqual({ code: 0, said: `${newest}\n/us*\n` });
  });

  test('else the one of the search path', () => {
    const psql = install('own');
    expect(found(dirname(psql)).said).toContain(`${psql}\n`);
  });

  test('none at all ends with 1 and names the setting', () => {
    const { code, said } = found(join(folder, 'bin'));
    expect(code).toBe(1);
    expect(said).toContain('set PSQL');
  });

  test('an attach with PSQL empty asks the server itself', () => {
    settings('PCP_USER=pcpadm', `PCP_BIN=${join(folder, 'bin')}`, 'PSQL=', 'ATTACH_WAIT=1');
    listing([`127.0.85.6 15432 3 0.500000 down unknown standby unknown 0 none none ${when}`]);
    const { code, said } = run('attach', '127.0.85.6');
    expect(said).toMatch(/does not answer: .*(refused|failed)/);
    expect(code).toBe(5);
  });
});
