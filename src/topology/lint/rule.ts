import type { Place } from '../../kernel/errors.ts';
import type { LintFiles } from './files.ts';

/** error: service or data is lost when the hazard comes; warning: it gets worse than it need be; info: decide it yourself. */
export type Severity = 'error' | 'warning' | 'info';

/** One place where a rule does not hold. */
export interface Hit {
  place: Place;
  /** What was found, with its value. */
  message: string;
  /** When it differs from the rule's own. */
  severity?: Severity;
  /** When a fix for this very place can be said. */
  fix?: string;
}

/** One thing that a configuration must not do. `check` is pure; it sees every file at once. */
export interface Rule {
  id: string;
  severity: Severity;
  /** What is wrong, in a few words. */
  title: string;
  /** What happens to service or data if it is left. */
  consequence: string;
  fix: string;
  /** Where the rule is from: a document, or what was measured or read. */
  source: string;
  check(files: LintFiles): Hit[];
}

/** A hit with all that its rule says. */
export interface Finding {
  rule: string;
  severity: Severity;
  place: Place;
  message: string;
  consequence: string;
  fix: string;
  source: string;
}

/** Applies the rules; findings by file, then line, column and rule, each once. */
export function applyRules(rules: readonly Rule[], files: LintFiles): Finding[] {
  const findings = rules.flatMap(({ id, severity, consequence, fix, source, check }) =>
    check(files).map((hit) => ({
      rule: id,
      severity: hit.severity ?? severity,
      place: hit.place,
      message: hit.message,
      consequence,
      fix: hit.fix ?? fix,
      source,
    })),
  );
  const unique = new Map(findings.map((finding) => [JSON.stringify(finding), finding]));
  return [...unique.values()].sort(byPlace);
}

function byPlace(a: Finding, b: Finding): number {
  return (
    a.place.file.localeCompare(b.place.file) ||
    a.place.line - b.place.line ||
    a.place.column - b.place.column ||
    a.rule.localeCompare(b.rule)
  );
}
