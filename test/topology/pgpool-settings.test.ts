// Goal: a setting that Pgpool 4.3.5 would ignore, refuse or misread is told before anything starts, and no good one is.
// Method: Debian's own sample file as the oracle of names; typical mistakes, among them the old names of the guide.
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadModel } from '../../src/scenario/load.ts';
import { checkModel } from '../../src/topology/check.ts';
import { clusterOf } from '../../src/topology/cluster.ts';
import { pgpoolDurationMs } from '../../src/topology/pgpool-conf.ts';
import { checkPgpoolSettings, checkSessions } from '../../src/topology/pgpool-settings.ts';

const rulesOf = (settings: Record<string, string>): string[] =>
  checkPgpoolSettings(settings).map(({ rule }) => rule);

const sample = '/etc/pgpool2/pgpool.conf';

test.skipIf(!existsSync(sample))(
  'every name of the installed sample file is known, with its own value',
  () => {
    const lines = readFileSync(sample, 'utf8').matchAll(
      /^#?([a-z][A-Za-z_0-9]+)\s*=\s*(?:'([^']*)'|([^\s#]*))/gm,
    );
    const settings = Object.fromEntries(
      [...lines].map(([, name, quoted, bare]) => [name, quoted ?? bare ?? '']),
    );
    expect(Object.keys(settings).length).toBeGreaterThan(150);
    expect(checkPgpoolSettings(settings).filter(({ rule }) => rule !== 'pgpool-setting-owner')).toEqual([]);
  },
);

test.each([
  ['fail_over_on_backend_error', 'failover_on_backend_error', 'pgpool-setting-renamed'],
  ['wd_lifecycle_method', 'wd_lifecheck_method', 'pgpool-setting-name'],
  ['search_primary_timeout', 'search_primary_node_timeout', 'pgpool-setting-name'],
  ['helth_check_period', 'health_check_period', 'pgpool-setting-name'],
])('%s is not acted upon, and %s is named', (wrong, right, rule) => {
  const [problem, ...others] = checkPgpoolSettings({ [wrong]: 'off' });
  expect(others).toEqual([]);
  expect(problem?.rule).toBe(rule);
  expect(problem?.hint).toContain(right);
});

test('a name like no other gets no guess', () => {
  expect(checkPgpoolSettings({ colour: 'blue' })[0]).not.toHaveProperty('hint');
});

test.each([
  ['failover_on_backend_error', 'perhaps'],
  ['num_init_children', '0'],
  ['num_init_children', '4.5'],
  ['sr_check_period', 'soon'],
  ['sr_check_period', '1.5s'],
  ['health_check_period2', '-1'],
  ['disable_load_balance_on_write', 'on'],
  ['memqcache_total_size', '64mb'],
])('%s = %s is refused', (name, value) => {
  const [problem] = checkPgpoolSettings({ [name]: value });
  expect(problem).toMatchObject({ rule: 'pgpool-setting-value' });
  expect(problem?.message).toContain(`got "${value}"`);
});

test.each([
  ['failover_on_backend_error', 'TRUE'],
  ['sr_check_period', '0'],
  ['search_primary_node_timeout', '5min'],
  ['child_life_time', '1d'],
  ['health_check_timeout1', '20'],
  ['client_idle_limit_in_recovery', '-1'],
  ['failover_command', ''],
  ['delay_threshold', '10MB'],
])('%s = %s is taken', (name, value) => {
  expect(rulesOf({ [name]: value })).toEqual([]);
});

test('a span of days is read as such', () => {
  expect(pgpoolDurationMs({ child_life_time: '1d' }, 'child_life_time')).toBe(86_400_000);
});

test.each([
  'port',
  'listen_addresses',
  'backend_weight0',
  'pcp_port',
  'socket_dir',
  'logdir',
  'sr_check_user',
])('%s is pgdrill’s own, and the hint says where to say it', (name) => {
  expect(checkPgpoolSettings({ [name]: '1' })[0]).toMatchObject({
    rule: 'pgpool-setting-owner',
    hint: expect.stringMatching(/servers\[\]|leave it out/),
  });
});

test('problems of a model stand where the setting stands', () => {
  const { model } = loadModel('models/reference-architecture.yaml');
  expect(model && checkModel(model)).toEqual([]);
  if (!model) return;
  const settings = {
    ...model.value.pgpool.settings,
    num_init_children: 'many',
    load_balance_mode: 'perhaps',
  };
  const wrong = { ...model, value: { ...model.value, pgpool: { settings } } };
  const lines = readFileSync(model.file, 'utf8').split('\n');
  expect(checkModel(wrong).map(({ place }) => lines[(place?.line ?? 0) - 1]?.trim().split(':')[0])).toEqual([
    'load_balance_mode',
    'num_init_children',
  ]);
});

test('sessions must find a child each; what is reserved is no child for them', () => {
  const { model } = loadModel('models/reference-architecture.yaml');
  if (!model) throw new Error('the reference model cannot be read');
  const cluster = clusterOf(model.value);
  expect(checkSessions(cluster, 40)).toBeNull();
  expect(checkSessions(cluster, 41)?.message).toContain('41');
  expect(checkSessions({ pgpoolSettings: {} }, 32)).toBeNull();
  expect(checkSessions({ pgpoolSettings: {} }, 33)?.message).toContain('32');
  expect(checkSessions({ pgpoolSettings: { reserved_connections: '2' } }, 31)?.hint).toContain('33');
});
