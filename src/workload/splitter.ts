import type { Place } from '../kernel/errors.ts';

/** A piece of a script: a statement (`bare` is its text without quoted parts and comments) or a backslash command. */
export type ScriptPart =
  | { type: 'statement'; offset: number; sql: string; bare: string }
  | { type: 'command'; offset: number; name: string; argument: string; argumentOffset: number };

/** Line and column, from 1, of a character of a text. */
export function placeAt({ text, file }: { text: string; file: string }, offset: number): Place {
  const before = text.slice(0, offset).split('\n');
  return { file, line: before.length, column: (before.at(-1) ?? '').length + 1 };
}

/**
 * Quoted parts and comments of SQL as psql's scanner knows them: each ends where its pattern says. An E'' string may hold
 * escaped quotes, comments in C style nest and are handled apart.
 */
const spans: readonly { opens: RegExp; whole: RegExp; name: string }[] = [
  { opens: /[eE]'/y, whole: /[eE]'(?:[^'\\]|\\[\s\S]|'')*'/y, name: 'string' },
  { opens: /'/y, whole: /'(?:[^']|'')*'/y, name: 'string' },
  { opens: /"/y, whole: /"(?:[^"]|"")*"/y, name: 'quoted name' },
  {
    opens: /\$([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y,
    whole: /(\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)[\s\S]*?\1/y,
    name: 'dollar-quoted string',
  },
];
const wordOrNumber = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\d[\w.]*/y;

/**
 * Splits a script at semicolons outside quotes, comments and parentheses, and at backslash commands, which end a statement.
 *
 * Comments from `--` to the end of a line before a statement are dropped, other comments stay in it, as in psql 15.
 */
export function splitScript(text: string, complain: (offset: number, message: string) => void): ScriptPart[] {
  const parts: ScriptPart[] = [];
  let sql = '';
  let bare = '';
  let startedAt = 0;
  let depth = 0;
  let at = 0;
  const endStatement = (): void => {
    if (bare.trim() !== '') parts.push({ type: 'statement', offset: startedAt, sql: sql.trim(), bare });
    sql = '';
    bare = '';
    depth = 0;
  };
  const take = (length: number, bareText: string): void => {
    if (sql === '') startedAt = at;
    sql += text.slice(at, at + length);
    bare += bareText;
    at += length;
  };
  while (at < text.length) {
    const character = text[at] as string;
    const skipped = sql === '' ? matchAt(/\s+|--[^\n]*/y, text, at) : matchAt(/--[^\n]*/y, text, at);
    if (skipped !== null) {
      if (sql === '') at += skipped.length;
      else take(skipped.length, ' ');
    } else if (text.startsWith('/*', at)) {
      take(commentLength(text, at, complain), ' ');
    } else if (character === '\\') {
      endStatement();
      at = readCommand(text, at, { parts, complain });
    } else if (character === ';' && depth === 0) {
      endStatement();
      at += 1;
    } else {
      const span = spanAt(text, at, complain);
      if (span > 0) take(span, ' \u0000 ');
      else {
        const token = matchAt(wordOrNumber, text, at) ?? character;
        if (token === '(') depth += 1;
        if (token === ')') depth = Math.max(0, depth - 1);
        take(token.length, token);
      }
    }
  }
  endStatement();
  return parts;
}

function matchAt(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
}

/** Length of the quoted part that begins here; 0 when none does. One without an end is a mistake and takes the rest. */
function spanAt(text: string, at: number, complain: (offset: number, message: string) => void): number {
  for (const { opens, whole, name } of spans) {
    if (matchAt(opens, text, at) === null) continue;
    const found = matchAt(whole, text, at);
    if (found !== null) return found.length;
    complain(at, `the ${name} that begins here has no end`);
    return text.length - at;
  }
  return 0;
}

function commentLength(
  text: string,
  from: number,
  complain: (offset: number, message: string) => void,
): number {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    if (text.startsWith('/*', at)) {
      depth += 1;
      at += 1;
    } else if (text.startsWith('*/', at)) {
      depth -= 1;
      at += 1;
      if (depth === 0) return at + 1 - from;
    }
  }
  complain(from, 'the comment that begins here has no end');
  return text.length - from;
}

/** Reads `\name argument` to the end of its line (a backslash at the end continues it); returns where the next line begins. */
function readCommand(
  text: string,
  at: number,
  { parts, complain }: { parts: ScriptPart[]; complain: (offset: number, message: string) => void },
): number {
  const line = matchAt(/\\(?:\\\r?\n|[^\n])*/y, text, at) ?? '\\';
  const match = /^\\([A-Za-z]+)/.exec(line);
  const name = match?.[1];
  if (name === undefined) {
    const found = line.slice(0, 2);
    complain(
      at,
      found === '\\;'
        ? '\\; (several statements in one message) is not supported yet'
        : `"${found}" begins no command`,
    );
    return at + line.length;
  }
  const argument = line
    .slice(name.length + 1)
    .replace(/\\\r?\n/g, (cut) => ' '.repeat(cut.length))
    .trimEnd();
  parts.push({ type: 'command', offset: at, name, argument, argumentOffset: at + name.length + 1 });
  return at + line.length;
}
