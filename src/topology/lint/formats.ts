import { allRules, ruleGroups } from './lint.ts';
import type { Finding, Rule, Severity } from './rule.ts';

/** Counts of findings by severity. */
export function countBySeverity(findings: readonly Finding[]): Record<Severity, number> {
  const counts = { error: 0, warning: 0, info: 0 };
  for (const { severity } of findings) counts[severity] += 1;
  return counts;
}

/** Findings for people: place, severity, what was found, what happens, what to do. */
export function findingsAsText(findings: readonly Finding[]): string {
  const blocks = findings.map(({ rule, severity, place, message, consequence, fix, source }) =>
    [
      `${place.file}:${place.line}:${place.column}: ${severity}: ${message} [${rule}]`,
      `  ${consequence}`,
      `  fix: ${fix}`,
      `  source: ${source}`,
    ].join('\n'),
  );
  const { error, warning, info } = countBySeverity(findings);
  const counted = [plural(error, 'error'), plural(warning, 'warning'), `${info} to decide`];
  return [...blocks, findings.length === 0 ? 'no findings' : counted.join(', ')].join('\n');
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Findings as the JSON array of `--json`. */
export function findingsAsJson(findings: readonly Finding[]): string {
  const rows = findings.map(({ rule, severity, place, message, consequence, fix, source }) => ({
    rule,
    severity,
    file: place.file,
    line: place.line,
    column: place.column,
    message,
    consequence,
    fix,
    source,
  }));
  return JSON.stringify(rows, null, 2);
}

const sarifLevel = { error: 'error', warning: 'warning', info: 'note' } as const;

/**
 * Findings as a SARIF 2.1.0 log, the format that code hosts show beside the lines: one run, every rule described, one result
 * for each finding.
 * @param version pgdrill's own
 */
export function findingsAsSarif(findings: readonly Finding[], version: string): string {
  const results = findings.map(({ rule, severity, place, message, consequence, fix }) => ({
    ruleId: rule,
    ruleIndex: allRules.findIndex(({ id }) => id === rule),
    level: sarifLevel[severity],
    message: { text: `${message}. ${consequence} Fix: ${fix}` },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: uriOf(place.file) },
          region: { startLine: place.line, startColumn: place.column },
        },
      },
    ],
  }));
  const rules = allRules.map(({ id, severity, title, consequence, fix, source }) => ({
    id,
    shortDescription: { text: title },
    fullDescription: { text: consequence },
    help: { text: `${fix}\nSource: ${source}` },
    defaultConfiguration: { level: sarifLevel[severity] },
  }));
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      { tool: { driver: { name: 'pgdrill lint', version, rules } }, columnKind: 'utf16CodeUnits', results },
    ],
  };
  return JSON.stringify(log, null, 2);
}

/** A path as a URI reference: relative ones stay so. */
function uriOf(path: string): string {
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  return path.startsWith('/') ? `file://${encoded}` : encoded;
}

/** The tables of docs/lint.md: every rule with its severity, consequence, fix and source. */
export function rulesAsMarkdown(): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|');
  const row = ({ id, severity, title, consequence, fix, source }: Rule): string =>
    `| \`${id}\` | ${severity} | ${[title, consequence, fix, source].map(cell).join(' | ')} |`;
  return ruleGroups
    .map(({ title, rules }) =>
      [
        `### ${title}`,
        '',
        '| rule | severity | what is wrong | what happens if it is left | fix | source |',
        '|---|---|---|---|---|---|',
        ...rules.map(row),
      ].join('\n'),
    )
    .join('\n\n');
}
