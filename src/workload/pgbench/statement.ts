import { forcedSemicolon, type SqlPiece } from './sql-scanner.ts';
import type { VariableNames, VariableStore } from './variables.ts';

/** What a statement does to the transaction it stands in. */
export type StatementEffect = 'begin' | 'commit' | 'rollback' | 'read' | 'write';

/** How statements are sent. */
export type Protocol = 'simple' | 'extended' | 'prepared';

/** One message of SQL of a script, ready for the three protocols. */
export interface Statement {
  /** As the script has it, with its `:names` and its semicolon. */
  readonly sql: string;
  /** For the simple protocol: text as it stands, and places of variables. */
  readonly parts: readonly (string | Place)[];
  /** For the other two: the text with $1, $2, … and the slots of the variables that belong there. */
  readonly parameterSql: string;
  readonly parameters: readonly number[];
  /** Its name when it is prepared, unique in the run. */
  readonly preparedName: string;
  readonly effect: StatementEffect;
  /** Holds a \; : the server answers each part. */
  readonly isCompound: boolean;
  /** A variable stands in quotes or in a comment. */
  readonly hasHiddenVariables: boolean;
  /** Where its result goes; set by a \gset or \aset that follows. */
  readonly capture: Capture | null;
  readonly offset: number;
}

/** A variable's place in a text; `text` stays when it is not set. */
interface Place {
  slot: number;
  text: string;
}

/** \gset wants one row of the last result; \aset takes the last row of each that has one. */
export interface Capture {
  command: 'gset' | 'aset';
  prefix: string;
}

/** pgbench takes no more parameters in one statement. */
export const mostParameters = 255;

/** Reads a statement; `names` gets the variables that it mentions, in quotes too, as pgbench does. */
export function readStatement(
  { sql, bare, offset }: SqlPiece,
  { names, preparedName }: { names: VariableNames; preparedName: string },
): Statement {
  const parts: (string | Place)[] = [];
  const parameters: number[] = [];
  let parameterSql = '';
  let from = 0;
  for (const match of variablePlaces(sql)) {
    const [text, name = ''] = match;
    const before = sql.slice(from, match.index);
    if (before !== '') parts.push(before);
    const slot = names.slot(name);
    parts.push({ slot, text });
    parameters.push(slot);
    parameterSql += `${before}$${parameters.length}`;
    from = match.index + text.length;
  }
  if (from < sql.length) parts.push(sql.slice(from));
  parameterSql += sql.slice(from);
  return {
    sql,
    parts,
    parameterSql,
    parameters,
    preparedName,
    effect: effectOf(bare),
    isCompound: bare.includes(forcedSemicolon),
    hasHiddenVariables: variablePlaces(bare).length < parameters.length,
    capture: null,
    offset,
  };
}

/** Matches of `:name`; colons that stand together are casts. */
function variablePlaces(sql: string): RegExpExecArray[] {
  const places = [...sql.matchAll(/:+([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?/g)];
  return places.filter(([text, name]) => name !== undefined && !text.startsWith('::'));
}

/** The statement with its variables put in, as the simple protocol sends it. */
export function simpleText({ parts }: Statement, variables: VariableStore): string {
  let text = '';
  for (const part of parts) {
    if (typeof part === 'string') text += part;
    else text += variables.text(part.slot) ?? part.text;
  }
  return text;
}

/** Values of a statement's parameters as text; null for a variable that is not set. */
export function parameterTexts({ parameters }: Statement, variables: VariableStore): (string | null)[] {
  return parameters.map((slot) => variables.text(slot));
}

/** Of several statements in one message the one that decides how a lost answer is read. */
const decisive: readonly StatementEffect[] = ['commit', 'begin', 'rollback', 'write', 'read'];

function effectOf(bare: string): StatementEffect {
  const effects = bare.split(forcedSemicolon).map(effectOfOne);
  return decisive.find((effect) => effects.includes(effect)) ?? 'read';
}

function effectOfOne(bare: string): StatementEffect {
  const words = bare.trim().toUpperCase();
  if (words === '') return 'read';
  if (/^(BEGIN|START\s+TRANSACTION)\b/.test(words)) return 'begin';
  if (/^(COMMIT|END)\b/.test(words)) return 'commit';
  if (/^(ROLLBACK|ABORT)\b(?!.*\bTO\b)/s.test(words)) return 'rollback';
  if (!/^\(*\s*SELECT\b/.test(words)) return 'write';
  return /\bINTO\b|\bFOR\s+(UPDATE|NO\s+KEY\s+UPDATE|SHARE|KEY\s+SHARE)\b/.test(words) ? 'write' : 'read';
}
