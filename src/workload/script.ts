import type { Problem } from '../kernel/errors.ts';
import type { Random } from '../kernel/random.ts';
import { type Expression, evaluate, parseExpression, variablesOf } from './expression.ts';
import { placeAt, type ScriptPart, splitScript } from './splitter.ts';

/** A pgbench-format script, read: plain data, so that it can be handed to worker threads. */
export interface Script {
  /** Where it came from, for messages and the report. */
  file: string;
  /** `read`: only SELECTs without FOR UPDATE (or SHARE) and without INTO. */
  kind: 'read' | 'write';
  /** The script writes `:operation` somewhere: its rows can be counted one by one. */
  hasLedger: boolean;
  steps: readonly ScriptStep[];
}

type ScriptStep =
  | { type: 'set'; name: string; expression: Expression }
  | { type: 'statement'; parts: readonly TextPart[]; effect: StatementEffect };

/** Text as it stands, or the name of a variable to put there. */
type TextPart = { text: string } | { variable: string };

/** What a statement does to the transaction it stands in. */
type StatementEffect = 'begin' | 'commit' | 'rollback' | 'read' | 'write';

/** Values that every script finds without setting them. */
const automaticVariables = ['scale', 'operation'] as const;

/**
 * Reads a script: SQL statements split as psql does, and `\set name expression`.
 *
 * Everything else of pgbench's language is refused by name; all mistakes come at once.
 *
 * @param file name for messages
 * @see PostgreSQL 15 documentation, pgbench, "Custom Scripts"
 */
export function parseScript(text: string, file: string): { script: Script } | { problems: Problem[] } {
  const problems: Problem[] = [];
  const complain = (offset: number, message: string): void => {
    problems.push({ place: placeAt({ text, file }, offset), rule: 'script', message });
  };
  const steps: ScriptStep[] = [];
  const defined = new Set<string>(automaticVariables);
  let bare = '';
  for (const part of splitScript(text, complain)) {
    if (part.type === 'statement') {
      steps.push({ type: 'statement', parts: textParts(part.sql), effect: effectOf(part.bare) });
      bare += `${part.bare};`;
      continue;
    }
    const step = readSet(part, defined, complain);
    if (step) steps.push(step);
  }
  const statements = steps.filter((step) => step.type === 'statement');
  if (statements.length === 0 && problems.length === 0) complain(0, 'the script holds no SQL statement');
  if (problems.length > 0) return { problems: problems.sort(byPlace) };
  const kind = statements.every(({ effect }) => effect === 'read') && bare !== '' ? 'read' : 'write';
  const hasLedger = statements.some(({ parts }) =>
    parts.some((part) => 'variable' in part && part.variable === 'operation'),
  );
  return { script: { file, kind, hasLedger, steps } };
}

function byPlace({ place: a }: Problem, { place: b }: Problem): number {
  return (a?.line ?? 0) - (b?.line ?? 0) || (a?.column ?? 0) - (b?.column ?? 0);
}

function readSet(
  part: Extract<ScriptPart, { type: 'command' }>,
  defined: Set<string>,
  complain: (offset: number, message: string) => void,
): ScriptStep | null {
  if (part.name !== 'set') {
    complain(part.offset, `\\${part.name} is not supported yet; a script may hold SQL and \\set`);
    return null;
  }
  const match = /^(\s*)([A-Za-z_]\w*)(\s+)(\S[\s\S]*)$/.exec(part.argument);
  if (!match) {
    complain(part.offset, '\\set needs the name of a variable and an expression');
    return null;
  }
  const [, lead = '', name = '', gap = '', source = ''] = match;
  const sourceOffset = part.argumentOffset + lead.length + name.length + gap.length;
  const parsed = parseExpression(source);
  if ('fault' in parsed) {
    defined.add(name);
    complain(sourceOffset + parsed.fault.offset, parsed.fault.message);
    return null;
  }
  if (name === 'operation')
    complain(part.offset, 'the variable "operation" is set by pgdrill and cannot be set by a script');
  for (const used of variablesOf(parsed.expression)) {
    if (used === 'operation' || !defined.has(used))
      complain(sourceOffset, `the variable "${used}" is not set before this line`);
  }
  defined.add(name);
  return { type: 'set', name, expression: parsed.expression };
}

/** Cuts a statement at its `:name` places, also inside quotes, as pgbench's simple protocol does; `::` is a cast. */
function textParts(sql: string): TextPart[] {
  const parts: TextPart[] = [];
  let from = 0;
  for (const match of sql.matchAll(/:+([A-Za-z_]\w*)?/g)) {
    const [whole, name] = match;
    if (name === undefined || whole.startsWith('::')) continue;
    if (match.index > from) parts.push({ text: sql.slice(from, match.index) });
    parts.push({ variable: name });
    from = match.index + whole.length;
  }
  if (from < sql.length) parts.push({ text: sql.slice(from) });
  return parts;
}

function effectOf(bare: string): StatementEffect {
  const words = bare.trim().toUpperCase();
  if (/^(BEGIN|START\s+TRANSACTION)\b/.test(words)) return 'begin';
  if (/^(COMMIT|END)\b/.test(words)) return 'commit';
  if (/^(ROLLBACK|ABORT)\b(?!.*\bTO\b)/s.test(words)) return 'rollback';
  if (!/^\(*\s*SELECT\b/.test(words)) return 'write';
  return /\bINTO\b|\bFOR\s+(UPDATE|NO\s+KEY\s+UPDATE|SHARE|KEY\s+SHARE)\b/.test(words) ? 'write' : 'read';
}

/**
 * The values a script's `\set` lines give in one execution.
 *
 * @param presets values of the automatic variables
 * @throws DrillError where an expression has no value
 */
export function drawVariables(
  script: Script,
  presets: Readonly<Record<string, number>>,
  random: Random,
): Record<string, number> {
  const variables: Record<string, number> = { ...presets };
  for (const step of script.steps) {
    if (step.type === 'set') variables[step.name] = evaluate(step.expression, variables, random);
  }
  return variables;
}

/** One statement as it goes over the wire, and whether losing its answer leaves the outcome open. */
export interface RenderedStatement {
  sql: string;
  effect: StatementEffect;
}

/** The statements of one execution; a `:name` without a value stays as it is, as in pgbench. */
export function renderStatements(
  script: Script,
  { operationId, variables }: { operationId: string; variables: Readonly<Record<string, number>> },
): RenderedStatement[] {
  const rendered: RenderedStatement[] = [];
  const valueFor = (name: string): string =>
    name === 'operation' ? operationId : String(variables[name] ?? `:${name}`);
  for (const step of script.steps) {
    if (step.type !== 'statement') continue;
    const sql = step.parts.map((part) => ('text' in part ? part.text : valueFor(part.variable))).join('');
    rendered.push({ sql, effect: step.effect });
  }
  return rendered;
}
