// Goal: a name or value that a version ignores, refuses or misreads is told at its place with what to write, and a
// good one is not.
// Method: the typical mistakes by table, for both files and several versions; the shipped models; Debian's sample file.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Problem } from '../../../src/kernel/errors.ts';
import { checkEfmDocument } from '../../../src/topology/config/check-efm.ts';
import { checkPgpoolDocument } from '../../../src/topology/config/check-pgpool.ts';
import { efmCatalogue, efmDefaultOf, efmVersions } from '../../../src/topology/config/efm-catalogue.ts';
import { parseEfmDocument } from '../../../src/topology/config/efm-document.ts';
import { guessEfmVersion, guessPgpoolVersion } from '../../../src/topology/config/guess.ts';
import { pgpoolDefaultOf, pgpoolName, pgpoolRenames } from '../../../src/topology/config/pgpool-catalogue.ts';
import { parsePgpoolDocument } from '../../../src/topology/config/pgpool-document.ts';
import { compareVersions } from '../../../src/topology/config/versions.ts';

const models = join(import.meta.dirname, '../../../models');
const efm = (text: string, version: string): Problem[] =>
  checkEfmDocument(parseEfmDocument(text, 'f'), { version });
const pgpool = (text: string, version = '4.3.5'): Problem[] =>
  checkPgpoolDocument(parsePgpoolDocument(text, 'f'), { version });

/** Rule, line, column and hint of the only problem. */
function only(problems: readonly Problem[]): string {
  expect(problems).toHaveLength(1);
  const [problem] = problems;
  return `${problem?.rule} ${problem?.place?.line}:${problem?.place?.column} ${problem?.hint ?? ''}`.trim();
}

describe('names of pgpool.conf', () => {
  test.each([
    ['4.3.5', 'follow_master_command', 'pgpool-setting-renamed 2:1 write follow_primary_command'],
    [
      '4.0.25',
      'follow_primary_command',
      'pgpool-setting-renamed 2:1 its name in 4.0 is follow_master_command',
    ],
    ['4.0', 'fail_over_on_backend_error', 'pgpool-setting-renamed 2:1 write failover_on_backend_error'],
    ['4.3.5', 'wd_lifecycle_method', 'pgpool-setting-name 2:1 write wd_lifecheck_method'],
    ['4.3.5', 'if_cmdconfig_path', 'pgpool-setting-name 2:1 write if_cmd_path'],
    [
      '4.3.5',
      'other_pgpool_hostname1',
      expect.stringMatching(/^pgpool-setting-renamed 2:1 list every node, this one too/),
    ],
    ['4.3.5', 'heartbeat_destination1', 'pgpool-setting-renamed 2:1 write heartbeat_hostname1'],
    [
      '4.2.0',
      'master_slave_mode',
      "pgpool-setting-renamed 2:1 write backend_clustering_mode = 'streaming_replication'",
    ],
    ['4.4.0', 'socket_dir', 'pgpool-setting-renamed 2:1 write unix_socket_directories'],
    ['4.3.5', 'search_primary_timeout', 'pgpool-setting-name 2:1 did you mean search_primary_node_timeout?'],
    ['4.3.5', 'PORT', 'pgpool-setting-name 2:1 did you mean port?'],
    ['4.3.5', 'colour_of_logs_and_more', 'pgpool-setting-name 2:1'],
    ['4.2.0', 'failover_on_backend_shutdown', 'pgpool-setting-version 2:1'],
    ['4.3.5', 'delay_threshold_by_time', 'pgpool-setting-version 2:1'],
    ['4.3.11', 'notice_per_node_statement', 'pgpool-setting-version 2:1'],
    ['4.3.5', 'wd_port', 'pgpool-setting-index 2:1 write wd_port0, wd_port1 …'],
    ['4.3.5', 'backend_hostnameA', 'pgpool-setting-index 2:1 "A" is no number'],
    ['4.3.5', 'backend_hostname128', 'pgpool-setting-index 2:1 numbers go from 0 to 127'],
  ])('%s: %s', (version, name, expected) => {
    expect(only(pgpool(`port = 9999\n${name} = 'x'`, version))).toEqual(expected);
  });

  test.each([
    ['4.0', 'wd_port = 9000'],
    ['4.1', "other_pgpool_hostname0 = 'x'"],
    ['4.3', 'notice_per_node_statement = on'],
    ['4.3.12', 'notice_per_node_statement = on'],
    ['4.5.0', 'notice_per_node_statement = on'],
    ['4.7', "delegate_IP = '192.0.2.1'"],
    ['4.3.5', 'heartbeat_port0 = 9694'],
    ['4.1', 'heartbeat_destination_port0 = 9694'],
    ['4.3.5', 'health_check_period = 0\nhealth_check_period1 = 5s'],
  ])('%s knows %s', (version, line) => {
    expect(pgpool(line, version)).toEqual([]);
  });

  test('a name set twice is told where it is set again', () => {
    expect(only(pgpool('port = 9998\nmax_pool = 4\nport = 9999'))).toBe('pgpool-setting-twice 3:1');
  });

  test.skipIf(!existsSync('/etc/pgpool2/pgpool.conf'))('every line of Debian’s sample is good', () => {
    const sample = readFileSync('/etc/pgpool2/pgpool.conf', 'utf8').replaceAll(
      /^#([a-z][A-Za-z_0-9]*\s*=)/gm,
      '$1',
    );
    const document = parsePgpoolDocument(sample, 'f');
    expect(document.entries.length).toBeGreaterThan(150);
    const wrong = checkPgpoolDocument(document, { version: '4.3.5' });
    expect(wrong.filter(({ rule }) => rule !== 'pgpool-setting-twice')).toEqual([]);
  });
});

describe('values of pgpool.conf', () => {
  test.each([
    ['4.3.5', 'load_balance_mode = perhaps', /on or off/],
    ['4.3.5', 'num_init_children = 0', /at least 1/],
    ['4.3.5', 'num_init_children = 4.5', /would read 4/],
    ['4.3.5', 'num_init_children = 10s', /whole number/],
    ['4.3.5', 'backend_port0 = 80', /at least 1024/],
    ['4.3.5', 'backend_port0 = 99999', /at most 65535/],
    ['4.3.5', 'backend_weight0 = heavy', /a number/],
    ['4.3.5', 'sr_check_period = soon', /or one with a unit: 500ms/],
    ['4.3.5', 'sr_check_period = 500ms', /would read 0/],
    ['4.3.5', 'health_check_period = 10s', /a unit is refused here/],
    ['4.1', "sr_check_period = '10s'", /units are read from 4\.2 on/],
    ['4.3.5', 'memqcache_total_size = 64mb', /512kB/],
    ['4.3.5', 'disable_load_balance_on_write = sometimes', /one of off, transaction/],
    ['4.1', 'disable_load_balance_on_write = dml_adaptive', /one of off, transaction/],
    ['4.3.5', "backend_flag0 = 'ALLOW_TO_FAILOVER|DISALLOW_TO_FAILOVER'", /either/],
    ['4.3.5', "database_redirect_preference_list = 'app:first'", /name:node/],
  ])('%s: %s', (version, line, expected) => {
    const problems = pgpool(line, version);
    expect(only(problems)).toBe(`pgpool-setting-value 1:${line.indexOf('=') + 3}`);
    expect(problems[0]?.message).toMatch(expected);
  });

  test.each([
    'failover_on_backend_error = of',
    'sr_check_period = 0',
    'search_primary_node_timeout = 5min',
    'child_life_time = 1d',
    'client_idle_limit_in_recovery = -1',
    "failover_command = ''",
    'delay_threshold = 10MB',
    'log_file_mode = 0600',
    'backend_weight0 = 0.5',
    "backend_flag0 = 'DISALLOW_TO_FAILOVER|ALWAYS_PRIMARY'",
    "app_name_redirect_preference_list = 'psql:primary,report.*:standby(0.3)'",
  ])('%s is taken', (line) => {
    expect(pgpool(line)).toEqual([]);
  });

  test('a line that could not be read is told once', () => {
    expect(only(pgpool('num_init_children = <any integer>'))).toMatch(/^pgpool-syntax 1:21/);
  });
});

describe('compiled defaults of Pgpool', () => {
  test.each([
    [
      'failover_on_backend_shutdown',
      { '4.2': undefined, '4.3': 'on', '4.3.5': 'on', '4.3.9': 'off', '4.3.20': 'off' },
    ],
    [
      'failover_on_backend_shutdown',
      { '4.4.5': 'on', '4.4.6': 'off', '4.5.0': 'on', '4.5.1': 'off', '4.6': 'off' },
    ],
    ['load_balance_mode', { '4.0': 'off', '4.2.9': 'off', '4.3.0': 'on', '4.7': 'on' }],
    ['sr_check_period', { '4.2': '0', '4.3.5': '10' }],
    ['listen_backlog_multiplier', { '4.0.25': '32', '4.3.5': '2' }],
    ['health_check_user3', { '4.5': 'nobody', '4.6.0': '' }],
    ['search_primary_node_timeout', { '4.0': '300', '4.7.2': '300' }],
    ['no_such_setting', { '4.3.5': undefined }],
  ] as [string, Record<string, string | undefined>][])('%s', (name, expected) => {
    const found = Object.keys(expected).map((version) => [version, pgpoolDefaultOf(name, version)]);
    expect(Object.fromEntries(found)).toEqual(expected);
  });

  test('every new name is known to the line that brought it', () => {
    for (const { to, since } of Object.values(pgpoolRenames))
      expect(pgpoolName(to, since ?? '4.0'), to).toBeDefined();
  });
});

describe('efm.properties', () => {
  test.each([
    ['5.4', 'stop.failed.master=true', 'efm-property-renamed 1:1 write stop.failed.primary'],
    ['3.9', 'stop.failed.primary=true', 'efm-property-renamed 1:1 its name in 3.9 is stop.failed.master'],
    ['5.0', 'auto.resume.period=5', 'efm-property-renamed 1:1 write auto.resume.startup.period'],
    ['3.9', 'virtualIp=192.0.2.9', 'efm-property-renamed 1:1 write virtual.ip'],
    ['3.9', 'update.physical.slots.period=5', 'efm-property-version 1:1'],
    ['5.0', 'check.vip.timeout=60', 'efm-property-version 1:1'],
    ['5.4', 'local.timout=5', 'efm-property-name 1:1 did you mean local.timeout?'],
    ['5.4', 'notification.timeout.of.mails=5', 'efm-property-name 1:1'],
    ['5.4', 'local.timeout=5s', 'efm-property-value 1:15'],
    ['5.4', 'local.timeout=0', 'efm-property-value 1:15'],
    ['5.4', 'auto.failover=yes', 'efm-property-value 1:15'],
    ['5.4', "db.user='efm'", 'efm-property-value 1:9'],
    ['5.4', 'bind.address=<ip>:7800', 'efm-property-value 1:14'],
    ['5.4', 'bind.address=192.0.2.11', 'efm-property-value 1:14'],
    ['5.4', 'bind.address=', 'efm-property-value 1:14'],
    ['5.4', 'admin.port=78090', 'efm-property-value 1:12'],
    ['5.4', 'script.fence=fence.sh %p', 'efm-property-value 1:14'],
    ['5.4', 'script.fence=/x/fence.sh %p %t', 'efm-property-value 1:14'],
    ['5.4', 'script.resumed=/x/resumed.sh %h', 'efm-property-value 1:16'],
    ['5.4', 'notification.level=info', 'efm-property-value 1:20'],
    ['5.4', 'promotable=true\npromotable=false', 'efm-property-twice 2:1'],
  ])('%s: %s', (version, text, expected) => {
    expect(only(efm(text, version))).toBe(expected);
  });

  test.each([
    ['3.9', 'script.load.balancer.attach=/x/attach.sh %h %t'],
    ['4.10', 'auto.resume.period=5'],
    ['3.10', 'external.address=efm1.example.com'],
    ['5.4', 'virtual.ip='],
    ['5.4', 'bind.address=[2001:db8::1]:7800'],
    ['5.1', 'check.vip.timeout=30'],
    ['5.4', 'script.post.promotion=/x/post.sh %f %p'],
  ])('%s takes %s', (version, text) => {
    expect(efm(text, version)).toEqual([]);
  });

  test('every mistake of a file is told, in the order of the file', () => {
    const text = 'nothing\nlocal.timout=5\nlocal.timeout=5s\nauto.failover=maybe\n';
    expect(efm(text, '5.4').map(({ place }) => place?.line)).toEqual([1, 2, 3, 4]);
  });

  test('defaults are those of the version', () => {
    expect(['3.9', '3.10', '5.4'].map((version) => efmDefaultOf('recovery.check.period', version))).toEqual([
      '2',
      '1',
      '1',
    ]);
    expect(
      ['4.1', '4.2', '4.10', '5.0'].map((version) => efmDefaultOf('detach.on.agent.failure', version)),
    ).toEqual([undefined, 'true', 'true', 'false']);
  });

  test('the installed values of every version are good values', () => {
    for (const version of efmVersions) {
      const lines = efmCatalogue.flatMap(({ name, required }) => {
        const standard = efmDefaultOf(name, version);
        return standard === undefined || (standard === '' && required) ? [] : [`${name}=${standard}`];
      });
      expect(efm(lines.join('\n'), version)).toEqual([]);
    }
  });
});

describe('the version that a file was written for', () => {
  test.each([
    ['guide-3.9', '3.10', '4.1'],
    ['guide-4.3', '5.4', '4.3.5'],
  ])('%s', (folder, efmVersion, pgpoolVersion) => {
    const read = (name: string): string => readFileSync(join(models, folder, name), 'utf8');
    const efmGuess = guessEfmVersion(parseEfmDocument(read('efm.properties'), 'f'));
    const pgpoolGuess = guessPgpoolVersion(parsePgpoolDocument(read('pgpool.conf'), 'f'));
    expect([efmGuess.version, pgpoolGuess.version]).toEqual([efmVersion, pgpoolVersion]);
    expect([...efmGuess.against, ...pgpoolGuess.against]).toEqual([]);
    expect(efmGuess.evidence.length).toBeGreaterThan(0);
  });

  test('is told by the lines that a sample file shows where those that are set leave a choice', () => {
    const set = "backend_clustering_mode = 'streaming_replication'\n";
    const guess = (text: string) => guessPgpoolVersion(parsePgpoolDocument(text, 'f'));
    expect(guess(`${set}#delegate_ip = ''\n#log_pcp_processes = on\n#logdir = '/tmp'\n`).version).toBe('4.5');
    const shown = guess(
      `${set}#delegate_ip = ''\n#socket_dir = '/tmp'\n#wd_lost_node_removal_timeout = 0s\n`,
    );
    expect(shown.version).toBe('4.3.5');
    expect(shown.evidence).toContain('socket_dir (4.0 to 4.3) in a comment');
    expect(guess(`follow_master_command = ''\n# work_dir = ''\n`).version).toBe('4.1');
  });

  test('is the newest where all fit, and says what speaks against it where none does', () => {
    const plain = guessEfmVersion(parseEfmDocument('local.timeout=60', 'f'));
    expect(plain).toEqual({ version: '5.4', evidence: [], against: [] });
    const mixed = parseEfmDocument('stop.failed.master=true\nstop.isolated.primary=true\npcp.port=9898', 'f');
    expect(guessEfmVersion(mixed)).toMatchObject({
      version: '5.4',
      against: ['stop.failed.master (3.9 to 3.10)'],
    });
    expect(
      guessEfmVersion(parseEfmDocument('auto.resume.period=5\nstandby.restart.delay=1', 'f')).version,
    ).toBe('4.10');
    expect(guessPgpoolVersion(parsePgpoolDocument('wd_port = 9000', 'f')).version).toBe('4.1');
    expect(guessPgpoolVersion(parsePgpoolDocument('work_dir = /x', 'f')).version).toBe('4.7');
  });
});

test('versions are compared as numbers, not as text', () => {
  expect(['4.10', '4.9', '5.0', '4.3.12', '4.3.9', '4.3'].sort(compareVersions)).toEqual([
    ...['4.3', '4.3.9', '4.3.12', '4.9', '4.10', '5.0'],
  ]);
});

test.each([
  ['guide-3.9', '3.9', '4.0.25'],
  ['guide-4.3', '5.4', '4.3.5'],
])('the pair %s is clean', (folder, efmVersion, pgpoolVersion) => {
  expect(efm(readFileSync(join(models, folder, 'efm.properties'), 'utf8'), efmVersion)).toEqual([]);
  expect(pgpool(readFileSync(join(models, folder, 'pgpool.conf'), 'utf8'), pgpoolVersion)).toEqual([]);
});

test('the guide’s own names that have no effect are found, in its own version and in today’s', () => {
  const text = readFileSync(join(models, 'guide-literal/pgpool.conf'), 'utf8');
  const names = (version: string): (string | undefined)[] =>
    pgpool(text, version).map(({ message }) => /"(\w+)"/.exec(message)?.[1]);
  const misprints = ['fail_over_on_backend_error', 'wd_lifecycle_method', 'if_cmdconfig_path'];
  expect(names('4.0')).toEqual(misprints);
  expect(names('4.3.5')).toEqual(
    expect.arrayContaining([...misprints, 'follow_master_command', 'master_slave_mode', 'wd_port']),
  );
});
