import { type Int, parseInt64 } from './int64.ts';
import { parseDouble } from './value.ts';

/** A mistake in a meta command: where in the script, and pgbench's words for it. */
export interface Fault {
  offset: number;
  message: string;
  /** pgbench shows it in parentheses. */
  detail?: string;
  hint?: string;
}

/** Stops the reading of one expression. */
export class FaultError extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.message);
    this.fault = fault;
  }
}

export type Token =
  | { kind: 'symbol' | 'keyword' | 'variable' | 'function'; offset: number; text: string }
  | { kind: 'integer'; offset: number; text: string; value: Int }
  | { kind: 'double'; offset: number; text: string; value: number }
  /** 2^63: only a minus sign may stand before it. */
  | { kind: 'largest'; offset: number; text: string }
  | { kind: 'fault'; offset: number; text: string; fault: Fault }
  | { kind: 'end'; offset: number; text: string };

const keywords = new Set('and or not is isnull notnull case when then else end null true false'.split(' '));
const letter = 'A-Za-z_\\u0080-\\uffff';
const blanks = /(?:[ \t\r\f\v]|\\\r?\n)+/y;
const variable = new RegExp(`:[${letter}0-9]+`, 'y');
const double = /\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?/y;
const word = new RegExp(`[${letter}][${letter}0-9]*`, 'y');
const symbol = /<>|!=|<=|>=|<<|>>|[-+*/%=<>|&#~(),]/y;

/**
 * Cuts an expression into tokens, to the end of its line; a backslash before the line's end continues it.
 *
 * What is no token comes as one of kind `fault`, so that a mistake before it is told first, as pgbench does.
 *
 * @param from where in `text` the expression begins
 * @returns tokens, the last one of kind `end` at the line's end
 */
export function tokensOf(text: string, from: number): Token[] {
  const tokens: Token[] = [];
  let at = from;
  while (at < text.length && text[at] !== '\n') {
    const blank = matchAt(blanks, text, at);
    if (blank !== null) {
      at += blank.length;
      continue;
    }
    const token = tokenAt(text, at);
    tokens.push(token);
    at += token.text.length;
  }
  tokens.push({ kind: 'end', offset: at, text: '' });
  return tokens;
}

/** What matches at a place of a text; null when nothing does. */
export function matchAt(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
}

function tokenAt(text: string, offset: number): Token {
  const named = matchAt(variable, text, offset);
  if (named !== null) return { kind: 'variable', offset, text: named };
  const number = matchAt(double, text, offset);
  if (number !== null) return numberToken(number, offset);
  const name = matchAt(word, text, offset);
  if (name !== null) {
    return { kind: keywords.has(name.toLowerCase()) ? 'keyword' : 'function', offset, text: name };
  }
  const sign = matchAt(symbol, text, offset);
  if (sign !== null) return { kind: 'symbol', offset, text: sign };
  const found = text[offset] ?? '';
  return faultToken('unexpected character', found, offset);
}

function numberToken(text: string, offset: number): Token {
  if (text === '9223372036854775808') return { kind: 'largest', offset, text };
  if (/^\d+$/.test(text)) {
    const value = parseInt64(text);
    return value === null
      ? faultToken('bigint constant overflow', text, offset)
      : { kind: 'integer', offset, text, value };
  }
  const value = parseDouble(text);
  return value === null
    ? faultToken('double constant overflow', text, offset)
    : { kind: 'double', offset, text, value };
}

function faultToken(message: string, text: string, offset: number): Token {
  return { kind: 'fault', offset, text, fault: { offset, message, detail: text } };
}
