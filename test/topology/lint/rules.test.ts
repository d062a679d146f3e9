// Goal: each rule fires where it should, at the line it is about, and stays silent in the nearest case where it should not.
// Method: one clean cluster, a few lines changed for each case; a rule without such a pair fails the test.
import { describe, expect, test } from 'vitest';
import { allRules, lint } from '../../../src/topology/lint/lint.ts';
import { type Change, filesOf } from './clean-files.ts';
import { efmFixtures } from './fixtures/efm-fixtures.ts';
import { pgpoolFixtures } from './fixtures/pgpool-fixtures.ts';
import { scriptFixtures } from './fixtures/script-fixtures.ts';

const fixtures = [...pgpoolFixtures, ...efmFixtures, ...scriptFixtures];

function findingsOf(change: Change) {
  const { files, texts } = filesOf(change);
  return lint(files).map((finding) => ({
    ...finding,
    lineText: texts.get(finding.place.file)?.split('\n')[finding.place.line - 1] ?? '',
  }));
}

test('the clean cluster has no finding', () => {
  expect(findingsOf({})).toEqual([]);
});

describe.each(fixtures)('$rule', ({ rule, fires, at, misses }) => {
  test('fires at its line', () => {
    const found = findingsOf(fires).filter((finding) => finding.rule === rule);
    expect(found).not.toEqual([]);
    for (const { place, lineText } of found) {
      if (at === null) expect(place).toMatchObject({ line: 1, column: 1 });
      else expect(lineText).toContain(at);
      expect(place.column).toBeLessThanOrEqual(lineText.length + 1);
    }
  });

  test('is silent in the near-miss', () => {
    expect(findingsOf(misses).filter((finding) => finding.rule === rule)).toEqual([]);
  });
});

describe('every rule', () => {
  test('has exactly one pair of fixtures, and there are at least forty rules', () => {
    expect(fixtures.map(({ rule }) => rule).sort()).toEqual(allRules.map(({ id }) => id).sort());
    expect(allRules.length).toBeGreaterThanOrEqual(40);
    expect(new Set(allRules.map(({ id }) => id)).size).toBe(allRules.length);
  });

  test.each(allRules)('$id says what happens, what to do and where it is from', (rule) => {
    expect(rule.id).toMatch(/^[a-z]+(-[a-z]+)+$/);
    expect(rule.title.length).toBeGreaterThan(15);
    expect(rule.consequence).toMatch(/^[A-Z].{40,}[.]$/s);
    expect(rule.fix.length).toBeGreaterThan(5);
    expect(rule.source.length).toBeGreaterThan(10);
  });
});

describe('severity follows the consequence', () => {
  const severityOf = (change: Change, rule: string) =>
    findingsOf(change).find((finding) => finding.rule === rule)?.severity;

  test('an ignored name is an error when what it asks for is not in force, else a warning', () => {
    const ignored = { pgpoolTail: 'fail_over_on_backend_error = off\n' };
    const without = { ...ignored, pgpool: { failover_on_backend_error: null } };
    expect(severityOf(without, 'pgpool-renamed-setting')).toBe('error');
    expect(severityOf(ignored, 'pgpool-renamed-setting')).toBe('warning');
    const mode = { pgpool: { backend_clustering_mode: null }, pgpoolTail: 'master_slave_mode = on\n' };
    expect(severityOf(mode, 'pgpool-renamed-setting')).toBe('warning');
    const cut = { pgpoolTail: 'other_pgpool_hostname0 = a\n' };
    expect(severityOf(cut, 'pgpool-renamed-setting')).toBe('error');
    expect(severityOf({ pgpoolTail: 'log_conections = on\n' }, 'pgpool-unknown-setting')).toBe('warning');
  });

  test('a default that changed within the release line is an error only of a release that is known', () => {
    const pgpool = { failover_on_backend_shutdown: null };
    const rule = 'pgpool-failover-on-shutdown';
    expect(severityOf({ pgpool, versions: ['5.4', '4.5'] }, rule)).toBe('warning');
    expect(severityOf({ pgpool, versions: ['5.4', '4.5.0'] }, rule)).toBe('error');
    expect(severityOf({ pgpool, versions: ['5.4', '4.6'] }, rule)).toBe(undefined);
  });

  test('auto_failback is an error when the health check lets it act, else a warning', () => {
    const pgpool = { auto_failback: 'on', health_check_period1: '5' };
    expect(severityOf({ pgpool }, 'pgpool-auto-failback')).toBe('error');
    expect(severityOf({ pgpool: { auto_failback: 'on' } }, 'pgpool-auto-failback')).toBe('warning');
  });

  test('a local.timeout within one period is an error, within two a warning', () => {
    expect(severityOf({ efm: { 'local.period': '10' } }, 'efm-local-period')).toBe('error');
    expect(severityOf({ efm: { 'local.period': '9' } }, 'efm-local-period')).toBe('warning');
  });

  test('a backend by name that no agent has may be one that the scripts look up', () => {
    expect(severityOf({ pgpool: { backend_hostname1: 'server2' } }, 'agent-is-no-backend')).toBe('warning');
    expect(severityOf({ pgpool: { backend_hostname1: '192.0.2.9' } }, 'agent-is-no-backend')).toBe('error');
  });

  test('what differs between agents is an error unless it decides no failover', () => {
    expect(severityOf({ node: { 2: { 'node.timeout': '60' } } }, 'efm-values-differ')).toBe('error');
    expect(severityOf({ node: { 2: { 'user.email': 'a@example.com' } } }, 'efm-values-differ')).toBe(
      'warning',
    );
  });

  test('a failover command is an error when it promotes, else a warning', () => {
    const pgpool = { failover_command: '/opt/own.sh %d' };
    const promoting = { pgpool, scripts: { 'own.sh': 'pg_ctl -D /data promote\n' } };
    expect(severityOf(promoting, 'pgpool-failover-command')).toBe('error');
    expect(
      severityOf({ pgpool, scripts: { 'own.sh': 'logger failover\n' } }, 'pgpool-failover-command'),
    ).toBe('warning');
  });
});
