// Goal: the statecharts run with what a pgpool.conf says, as its version reads it.
// Method: configurations through the parser's defaults of each version, then one fact that only that setting or version brings about.
import { expect, test } from 'vitest';
import { completeSettings, pgpoolSettingsFrom } from '../../src/roles/pgpool-settings.ts';
import { isAtLeast, pgpoolFeatures } from '../../src/roles/pgpool-versions.ts';
import { pgpoolConfOf } from '../../src/topology/pgpool-conf-of.ts';
import { bench } from './pgpool-bench.ts';

const hosts = { backend_hostname0: 'a', backend_hostname1: 'b', backend_hostname2: 'c' };

function settingsOf(text: Record<string, string>, version: string) {
  return { ...pgpoolSettingsFrom(pgpoolConfOf({ ...hosts, ...text }, version)), searchAtStart: false };
}

test('flags and health checks come node by node', () => {
  const { nodes } = settingsOf(
    { backend_flag1: 'DISALLOW_TO_FAILOVER', health_check_period: '10', health_check_period2: '0' },
    '4.3.5',
  );
  expect(nodes?.map(({ flag }) => flag)).toEqual([
    'ALLOW_TO_FAILOVER',
    'DISALLOW_TO_FAILOVER',
    'ALLOW_TO_FAILOVER',
  ]);
  expect(nodes?.map(({ healthCheck }) => healthCheck.periodMs)).toEqual([10_000, 10_000, 0]);
});

test('a health check of the file takes the node down', () => {
  const settings = settingsOf(
    { health_check_period: '2', follow_primary_command: '', health_check_timeout: '5' },
    '4.3.5',
  );
  const at = bench({ settings });
  at.server(2).alive = false;
  at.pass(4000);
  expect(at.nodes()).toBe('up:p up:s down:s');
});

test('search_primary_node_timeout is read in whole seconds', () => {
  expect(settingsOf({ search_primary_node_timeout: '3s' }, '4.3.5').searchPrimaryNodeTimeout).toBe(3);
  expect(settingsOf({ search_primary_node_timeout: '1min' }, '4.3.5').searchPrimaryNodeTimeout).toBe(60);
});

test('what a version does not have is off, what it cannot leave is on', () => {
  const old = completeSettings(settingsOf({}, '4.0.25'));
  expect([old.failoverOnBackendShutdown, old.autoFailback]).toEqual([true, false]);
  expect(completeSettings(settingsOf({ auto_failback: 'on' }, '4.3.5')).autoFailback).toBe(true);
  expect(
    completeSettings(settingsOf({ failover_on_backend_shutdown: 'off' }, '4.3.5')).failoverOnBackendShutdown,
  ).toBe(false);
});

test('versions are compared part by part', () => {
  expect(isAtLeast('4.3.10', '4.3.7')).toBe(true);
  expect(isAtLeast('4.3', '4.3.7')).toBe(false);
  expect(isAtLeast('4.10', '4.9.9')).toBe(true);
  expect(isAtLeast('4.5.0', '4.5')).toBe(true);
  expect([pgpoolFeatures('4.3.6').searchByTime, pgpoolFeatures('4.3.7').searchByTime]).toEqual([false, true]);
});
