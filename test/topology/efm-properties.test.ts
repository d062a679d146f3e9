// Goal: the statecharts get what a properties file means to the EFM that reads it, in either dialect, defaults included.
// Method: settings of several versions side by side; the shipped files of the guide in both dialects.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { valuesOf } from '../../src/topology/config/document.ts';
import { efmVersions } from '../../src/topology/config/efm-catalogue.ts';
import { parseEfmDocument } from '../../src/topology/config/efm-document.ts';
import { checkEfmProperties, type EfmSettings, parseEfmSettings } from '../../src/topology/efm-properties.ts';

const shipped = (folder: string): Record<string, string> => {
  const file = join(import.meta.dirname, '../../models', folder, 'efm.properties');
  return valuesOf(parseEfmDocument(readFileSync(file, 'utf8'), file));
};

/** One setting at the defaults of several versions. */
function byVersion<K extends keyof EfmSettings>(key: K, versions: readonly string[]): EfmSettings[K][] {
  return versions.map((version) => parseEfmSettings({}, version)[key]);
}

describe('defaults', () => {
  test('of 5.4', () => {
    expect(parseEfmSettings({})).toEqual({
      version: '5.4',
      generation: 'newest',
      witness: false,
      virtualIp: null,
      checkVipBeforePromotion: true,
      checkVipTimeoutMs: 60_000,
      notificationLevel: 'INFO',
      notificationPrefix: '',
      pingServerCommand: '/bin/ping -q -c3 -w5',
      pingServerIp: '8.8.8.8',
      autoResumeStartupMs: 0,
      autoResumeFailureMs: 0,
      stopIsolatedPrimary: true,
      primaryShutdownAsFailure: false,
      databaseName: '',
      detachOnAgentFailure: false,
      reconfigureNumSync: false,
      reconfigureNumSyncMax: null,
      reconfigureSyncPrimary: false,
      checkNumSyncPeriodMs: 30_000,
      customMonitor: null,
      priorityStandbys: [],
      enableStopCluster: true,
      nativePgpool: false,
      localPeriodMs: 10_000,
      localTimeoutMs: 60_000,
      localTimeoutFinalMs: 10_000,
      remoteTimeoutMs: 10_000,
      nodeTimeoutMs: 50_000,
      recoveryCheckPeriodMs: 1000,
      restartConnectionTimeoutMs: 60_000,
      standbyRestartDelayMs: 0,
      autoFailover: true,
      autoReconfigure: true,
      promotable: true,
      minimumStandbys: 0,
      useReplayTiebreaker: true,
      stopFailedPrimary: true,
      hooks: {},
    });
  });

  test('that changed with a version', () => {
    expect(byVersion('generation', ['3.9', '3.10', '4.0', '5.4'])).toEqual([
      '3.9',
      '3.9',
      'newest',
      'newest',
    ]);
    expect(byVersion('recoveryCheckPeriodMs', ['3.9', '3.10', '4.0'])).toEqual([2000, 1000, 1000]);
    expect(byVersion('detachOnAgentFailure', ['3.9', '4.1', '4.2', '4.10', '5.0'])).toEqual([
      ...[false, false, true, true, false],
    ]);
    expect(byVersion('checkVipTimeoutMs', ['3.9', '5.0', '5.1'])).toEqual([50_000, 50_000, 60_000]);
    expect(byVersion('checkNumSyncPeriodMs', ['4.10', '5.0'])).toEqual([0, 30_000]);
  });

  test('leave no number undefined in any version', () => {
    for (const version of efmVersions)
      expect(Object.values(parseEfmSettings({}, version)).filter((value) => Number.isNaN(value))).toEqual([]);
  });
});

describe('what is written', () => {
  test('counts under the names of its dialect', () => {
    const off = { autoFailover: true, stopIsolatedPrimary: false, primaryShutdownAsFailure: true };
    const old = { 'stop.isolated.master': 'false', 'master.shutdown.as.failure': 'true' };
    const now = { 'stop.isolated.primary': 'false', 'primary.shutdown.as.failure': 'true' };
    expect(parseEfmSettings(old, '3.9')).toMatchObject(off);
    expect(parseEfmSettings(now, '4.5')).toMatchObject(off);
    expect(parseEfmSettings(now, '3.9').stopIsolatedPrimary).toBe(true);
    expect(parseEfmSettings(old, '5.4').stopIsolatedPrimary).toBe(true);
  });

  test('tells the version where none is given', () => {
    expect(parseEfmSettings({ 'stop.isolated.master': 'false' })).toMatchObject({
      ...{ version: '3.10', generation: '3.9', stopIsolatedPrimary: false },
    });
    expect(parseEfmSettings({ 'auto.resume.period': '7' })).toMatchObject({
      ...{ version: '4.10', autoResumeStartupMs: 7000, autoResumeFailureMs: 7000 },
    });
  });

  test('of auto.resume counts for both starts before 5.0, and each for itself after', () => {
    const split = { 'auto.resume.startup.period': '5', 'auto.resume.failure.period': '6' };
    expect(parseEfmSettings(split, '5.0')).toMatchObject({
      autoResumeStartupMs: 5000,
      autoResumeFailureMs: 6000,
    });
    const one = parseEfmSettings({ 'auto.resume.period': '5' }, '5.0');
    expect([one.autoResumeStartupMs, one.autoResumeFailureMs]).toEqual([0, 0]);
  });

  test('a VIP is waited for as long as the version says', () => {
    const values = { 'virtual.ip': '192.0.2.100', 'node.timeout': '20', 'check.vip.timeout': '7' };
    expect(parseEfmSettings(values, '5.1')).toMatchObject({
      virtualIp: '192.0.2.100',
      checkVipTimeoutMs: 7000,
    });
    expect(parseEfmSettings(values, '5.0').checkVipTimeoutMs).toBe(20_000);
  });

  test('a blank value is no value', () => {
    const blank = {
      'local.timeout': '',
      'virtual.ip': '',
      'script.fence': '',
      'custom.monitor.interval': '',
    };
    expect(parseEfmSettings(blank)).toEqual(parseEfmSettings({}));
  });

  test('hooks stand under today’s names, with the custom monitor', () => {
    const values = {
      'script.master.isolated': '/x/isolated.sh',
      'script.fence': '/x/fence.sh %p',
      'script.custom.monitor': '/x/monitor.sh',
      'custom.monitor.interval': '10',
      'custom.monitor.timeout': '20',
      'custom.monitor.safe.mode': 'true',
    };
    const settings = parseEfmSettings(values, '3.9');
    expect(settings.hooks).toEqual({
      'script.primary.isolated': '/x/isolated.sh',
      'script.fence': '/x/fence.sh %p',
      'script.custom.monitor': '/x/monitor.sh',
    });
    expect(settings.customMonitor).toEqual({ intervalMs: 10_000, timeoutMs: 20_000, safeMode: true });
  });

  test('lists are words', () => {
    const settings = parseEfmSettings({
      'priority.standbys': ' 192.0.2.12  192.0.2.13 ',
      'reconfigure.num.sync.max': '2',
    });
    expect(settings.priorityStandbys).toEqual(['192.0.2.12', '192.0.2.13']);
    expect(settings.reconfigureNumSyncMax).toBe(2);
  });
});

test('the guide’s settings mean the same in both dialects, but for what the versions do otherwise', () => {
  const { version: _, generation: __, ...old } = parseEfmSettings(shipped('guide-3.9'), '3.9');
  const { version: ___, generation: ____, ...now } = parseEfmSettings(shipped('guide-4.3'), '5.4');
  expect({
    ...old,
    recoveryCheckPeriodMs: 1000,
    checkVipTimeoutMs: 60_000,
    checkNumSyncPeriodMs: 30_000,
  }).toEqual(now);
});

test('inline properties are judged by the version, or by the dialect of their names', () => {
  expect(checkEfmProperties({ 'stop.failed.master': 'true' })).toEqual([]);
  expect(checkEfmProperties({ 'stop.failed.master': 'true' }, '5.4')).toMatchObject([
    { rule: 'efm-property-renamed' },
  ]);
  expect(checkEfmProperties({ 'local.timeout': '5s', nonsense: '1' }).map(({ rule }) => rule)).toEqual([
    ...['efm-property-value', 'efm-property-name'],
  ]);
});
