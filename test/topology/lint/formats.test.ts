// Goal: every format holds every finding, in a form that its readers accept, and the documented rules are the rules there are.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  findingsAsJson,
  findingsAsSarif,
  findingsAsText,
  rulesAsMarkdown,
} from '../../../src/topology/lint/formats.ts';
import { allRules, lint } from '../../../src/topology/lint/lint.ts';
import type { Finding } from '../../../src/topology/lint/rule.ts';
import { filesOf } from './clean-files.ts';

const findings = lint(
  filesOf({
    efm: { 'auto.failover': 'false' },
    pgpool: { backend_weight0: '1', delay_threshold: null, failover_on_backend_error: 'on' },
  }).files,
);

test('findings stand by file and line', () => {
  const places = findings.map(({ place }) => place);
  const sorted = [...places].sort(
    (a, b) => a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column,
  );
  expect(places).toEqual(sorted);
  expect(new Set(findings.map(({ severity }) => severity))).toEqual(new Set(['error', 'warning', 'info']));
});

test('text: place, severity, consequence, fix and source of each, and the counts', () => {
  const text = findingsAsText(findings);
  for (const { rule, severity, place, message, consequence, fix, source } of findings) {
    expect(text).toContain(
      `${place.file}:${place.line}:${place.column}: ${severity}: ${message} [${rule}]\n  ${consequence}\n  fix: ${fix}\n  source: ${source}\n`,
    );
  }
  expect(text).toMatch(/\n1 error, \d+ warnings, 1 to decide$/);
  expect(findingsAsText([])).toBe('no findings');
});

test('json: an array of flat objects', () => {
  const rows = JSON.parse(findingsAsJson(findings));
  expect(rows).toHaveLength(findings.length);
  for (const row of rows) {
    const keys = 'rule severity file line column message consequence fix source'.split(' ');
    expect(Object.keys(row)).toEqual(keys);
    expect(row.line).toBeGreaterThan(0);
  }
  expect(JSON.parse(findingsAsJson([]))).toEqual([]);
});

describe('SARIF 2.1.0', () => {
  const log = JSON.parse(findingsAsSarif(findings, '1.2.3'));
  const [run] = log.runs;

  test('has the members that the standard requires', () => {
    expect(log.version).toBe('2.1.0');
    expect(log.runs).toHaveLength(1);
    expect(run.tool.driver).toMatchObject({ name: 'pgdrill lint', version: '1.2.3' });
    expect(run.tool.driver.rules.map(({ id }: { id: string }) => id)).toEqual(allRules.map(({ id }) => id));
    for (const rule of run.tool.driver.rules) {
      for (const part of ['shortDescription', 'fullDescription', 'help'])
        expect(rule[part].text).toMatch(/\S/);
      expect(['error', 'warning', 'note']).toContain(rule.defaultConfiguration.level);
    }
  });

  test('has one result for each finding, with its rule, level, message and place', () => {
    expect(run.results).toHaveLength(findings.length);
    for (const [index, result] of run.results.entries()) {
      const { rule, severity, place, message } = findings[index] as Finding;
      expect(result.ruleId).toBe(rule);
      expect(run.tool.driver.rules[result.ruleIndex].id).toBe(rule);
      expect(result.level).toBe(severity === 'info' ? 'note' : severity);
      expect(result.message.text).toContain(message);
      expect(result.locations).toEqual([
        {
          physicalLocation: {
            artifactLocation: { uri: place.file },
            region: { startLine: place.line, startColumn: place.column },
          },
        },
      ]);
    }
  });

  test('paths are URIs', () => {
    const [first] = findings as [Finding];
    const uriOf = (file: string) =>
      JSON.parse(findingsAsSarif([{ ...first, place: { ...first.place, file } }], '1')).runs[0].results[0]
        .locations[0].physicalLocation.artifactLocation.uri;
    expect(uriOf('/etc/edb/efm 5.properties')).toBe('file:///etc/edb/efm%205.properties');
    expect(uriOf('conf/100%.conf')).toBe('conf/100%25.conf');
  });
});

test('docs/lint.md has the tables that the code gives', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/lint.md'), 'utf8');
  expect(text.split('<!-- rules -->')[1]?.trim()).toBe(rulesAsMarkdown());
});
