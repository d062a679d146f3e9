// Goal: the statecharts get what a pgpool.conf means to the Pgpool that reads it: values in force, defaults of its version.
// Method: settings of several versions side by side, and the shipped files of the guide.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { valuesOf } from '../../src/topology/config/document.ts';
import { parsePgpoolDocument } from '../../src/topology/config/pgpool-document.ts';
import type { PgpoolConf } from '../../src/topology/pgpool-conf.ts';
import { pgpoolConfOf } from '../../src/topology/pgpool-conf-of.ts';
import { pgpoolSettingsInForce } from '../../src/topology/pgpool-in-force.ts';

const shipped = (folder: string): Record<string, string> => {
  const file = join(import.meta.dirname, '../../models', folder, 'pgpool.conf');
  return valuesOf(parsePgpoolDocument(readFileSync(file, 'utf8'), file));
};

function byVersion<K extends keyof PgpoolConf>(key: K, versions: readonly string[]): PgpoolConf[K][] {
  return versions.map((version) => pgpoolConfOf({}, version)[key]);
}

test('defaults of 4.3.5', () => {
  expect(pgpoolConfOf({}, '4.3.5')).toEqual({
    version: '4.3.5',
    backends: [],
    loadBalance: true,
    statementLevelLoadBalance: false,
    disableLoadBalanceOnWrite: 'transaction',
    failoverOnBackendError: true,
    failoverOnBackendShutdown: true,
    detachFalsePrimary: false,
    autoFailback: false,
    autoFailbackIntervalMs: 60_000,
    srCheckPeriodMs: 10_000,
    delayThresholdBytes: 0,
    preferLowerDelayStandby: false,
    searchPrimaryNodeTimeoutMs: 300_000,
    hasFailoverCommand: false,
    hasFailbackCommand: false,
    hasFollowCommand: false,
    recoveryTimeoutMs: 90_000,
    clientIdleLimitInRecoveryMs: 0,
    connectTimeoutMs: 10_000,
    numInitChildren: 32,
    maxPool: 4,
    reservedConnections: 0,
    listenBacklogMultiplier: 2,
    childLifeTimeMs: 300_000,
    childMaxConnections: 0,
    connectionLifeTimeMs: 0,
    watchdog: null,
  });
});

test('defaults that changed with a version', () => {
  expect(byVersion('loadBalance', ['4.0', '4.2', '4.3', '4.7'])).toEqual([false, false, true, true]);
  expect(byVersion('srCheckPeriodMs', ['4.2', '4.3'])).toEqual([0, 10_000]);
  expect(byVersion('listenBacklogMultiplier', ['4.2', '4.3'])).toEqual([32, 2]);
  expect(byVersion('failoverOnBackendShutdown', ['4.0', '4.2', '4.3.8', '4.3.9', '4.4.5', '4.6'])).toEqual([
    ...[true, true, true, false, true, false],
  ]);
});

test('a setting counts under the name of its version only', () => {
  const follow = { follow_master_command: '/x/follow.sh', follow_primary_command: '' };
  expect(pgpoolConfOf(follow, '4.1').hasFollowCommand).toBe(true);
  expect(pgpoolConfOf(follow, '4.2').hasFollowCommand).toBe(false);
  expect(pgpoolConfOf({ fail_over_on_backend_error: 'off' }, '4.0').failoverOnBackendError).toBe(true);
  expect(pgpoolConfOf({ failover_on_backend_error: 'off' }, '4.0').failoverOnBackendError).toBe(false);
  expect(pgpoolConfOf({ failover_on_backend_shutdown: 'off' }, '4.2').failoverOnBackendShutdown).toBe(true);
});

test('backends: each its own health check, else that of all, else the default', () => {
  const conf = pgpoolConfOf(
    {
      backend_hostname10: '192.0.2.20',
      backend_hostname2: '192.0.2.12',
      backend_port2: '5433',
      backend_weight2: '0.5',
      backend_flag2: 'DISALLOW_TO_FAILOVER',
      backend_flag10: 'ALLOW_TO_FAILOVER|ALWAYS_PRIMARY',
      backend_weight3: '1',
      health_check_period: '20',
      health_check_period2: '5s',
      health_check_max_retries2: '3',
      connect_timeout: '2000',
    },
    '4.3.5',
  );
  const shared = { timeoutMs: 20_000, retryDelayMs: 1000, connectTimeoutMs: 2000 };
  expect(conf.backends).toEqual([
    {
      ...{
        id: 2,
        host: '192.0.2.12',
        port: 5433,
        weight: 0.5,
        flag: 'DISALLOW_TO_FAILOVER',
        applicationName: '',
      },
      healthCheck: { ...shared, periodMs: 5000, maxRetries: 3 },
    },
    {
      ...{ id: 10, host: '192.0.2.20', port: 0, weight: 0, flag: 'ALWAYS_PRIMARY', applicationName: '' },
      healthCheck: { ...shared, periodMs: 20_000, maxRetries: 0 },
    },
  ]);
});

test('units, and numbers rounded as Pgpool rounds them', () => {
  const values = {
    delay_threshold: '10MB',
    sr_check_period: '2500ms',
    client_idle_limit_in_recovery: '-1',
    child_life_time: '5min',
    connection_life_time: '010',
  };
  expect(pgpoolConfOf(values, '4.3.5')).toMatchObject({
    delayThresholdBytes: 10 * 1024 ** 2,
    srCheckPeriodMs: 2000,
    clientIdleLimitInRecoveryMs: -1,
    childLifeTimeMs: 300_000,
    connectionLifeTimeMs: 8000,
  });
});

test('a watchdog before 4.2 and after', () => {
  const both = { use_watchdog: 'on', wd_priority: '5', wd_heartbeat_deadtime: '9' };
  const old = {
    wd_hostname: 'a',
    wd_port: '9000',
    other_pgpool_hostname0: 'b',
    other_pgpool_port0: '9998',
    other_wd_port0: '9001',
  };
  const now = {
    hostname0: 'a',
    pgpool_port0: '9999',
    wd_port0: '9000',
    hostname1: 'b',
    pgpool_port1: '9998',
    wd_port1: '9001',
  };
  const nodes = [
    { id: 0, host: 'a', pgpoolPort: 9999, wdPort: 9000 },
    { id: 1, host: 'b', pgpoolPort: 9998, wdPort: 9001 },
  ];
  const before = pgpoolConfOf({ ...both, ...old, delegate_IP: '192.0.2.9' }, '4.0').watchdog;
  const after = pgpoolConfOf({ ...both, ...now, delegate_IP: '192.0.2.9' }, '4.4.0').watchdog;
  const shared = {
    nodes,
    lifecheck: 'heartbeat',
    heartbeatDeadtimeMs: 9000,
    priority: 5,
    delegateIp: '192.0.2.9',
  };
  expect(before).toMatchObject({ ...shared, failoverWhenQuorumExists: false });
  expect(after).toMatchObject({ ...shared, failoverWhenQuorumExists: true });
});

test('the guide’s files: its intent is met by the clean pairs, and not by its own words', () => {
  const intent = {
    loadBalance: true,
    failoverOnBackendError: false,
    hasFailoverCommand: false,
    hasFollowCommand: true,
  };
  expect(pgpoolConfOf(shipped('guide-4.3'), '4.3.5')).toMatchObject({
    ...intent,
    failoverOnBackendShutdown: false,
  });
  expect(pgpoolConfOf(shipped('guide-3.9'), '4.0.25')).toMatchObject(intent);
  const literal = pgpoolConfOf(shipped('guide-literal'), '4.0');
  expect(literal).toMatchObject({ ...intent, failoverOnBackendError: true });
  expect(literal.backends.map(({ weight }) => weight)).toEqual([0, 1, 1]);
});

const inForce = (settings: Record<string, string>, version: string): Record<string, string> =>
  pgpoolSettingsInForce(settings, version, { watchdog: true });

test('a watchdog is left out where there is one Pgpool', () => {
  const settings = { use_watchdog: 'on', wd_priority: '1', max_pool: '2' };
  expect(pgpoolSettingsInForce(settings, '4.3.5', { watchdog: false })).toEqual({ max_pool: '2' });
  expect(inForce(settings, '4.3.5')).toEqual(settings);
});

test('told to a Pgpool of 4.3.5, settings of another version keep their meaning', () => {
  const told = inForce(shipped('guide-literal'), '4.0');
  const conf = pgpoolConfOf(told, '4.3.5');
  expect(conf).toMatchObject({
    loadBalance: true,
    failoverOnBackendError: true,
    failoverOnBackendShutdown: true,
  });
  expect(conf).toMatchObject({
    searchPrimaryNodeTimeoutMs: 3000,
    srCheckPeriodMs: 0,
    listenBacklogMultiplier: 32,
  });
  expect(
    Object.keys(told).filter((name) =>
      /backend_hostname|wd_port|follow_|pcp_|lifecycle|fail_over/.test(name),
    ),
  ).toEqual([]);
  expect(inForce({ max_pool: '1' }, '4.3.5')).toEqual({ max_pool: '1' });
  expect(inForce({ black_function_list: 'f' }, '4.1')).toMatchObject({
    write_function_list: 'f',
  });
  expect(inForce({ delegate_ip: '192.0.2.9' }, '4.5')).toMatchObject({
    delegate_IP: '192.0.2.9',
  });
});
