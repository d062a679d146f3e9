import { dirname, isAbsolute, join } from 'node:path';
import type { Problem } from '../../kernel/errors.ts';
import { type ConfigDocument, type ConfigEntry, markProblems } from './document.ts';

/** Text of an included file, given its path (already relative to where pgdrill runs); undefined when it cannot be read. */
export type ReadInclude = (file: string) => string | undefined;

/** Includes within includes that Pgpool follows before it gives up (pool_config.l). */
const deepestInclude = 10;

const namePattern = /[A-Za-z_\u0080-\uffff][A-Za-z_0-9\u0080-\uffff]*/y;
const barePattern =
  /[A-Za-z_\u0080-\uffff][A-Za-z_0-9\u0080-\uffff\-._:/]*|[-+]?\d*\.\d*(?:[Ee][-+]?\d+)?|[-+]?(?:0x[0-9a-fA-F]+|\d+)[a-zA-Z]*|\*/y;

/**
 * Reads the text of a pgpool.conf.
 *
 * A setting is `name = value`, the equals sign may be missing, two may share a line; names are case-sensitive; a value is one
 * word, number or `'quoted text'`; `#` starts a comment outside quotes; of a name set twice the last counts; `include 'file'`
 * (4.3 and later) stands for that file's settings. A quote cannot stand in a value: doubled quotes are a syntax error, and
 * a backslash before one keeps it in the value, backslash and all. On a syntax error Pgpool refuses the whole file; here
 * reading goes on with the next line, so that every problem is told at once. Source: pool_config.l of 4.0 to 4.7, tried on 4.3.5.
 */
export function parsePgpoolDocument(
  text: string,
  file: string,
  options: { readInclude?: ReadInclude } = {},
): ConfigDocument {
  const entries: ConfigEntry[] = [];
  const problems: Problem[] = [];
  new PgpoolReader({ entries, problems, readInclude: options.readInclude }).read(text, file, 0);
  return { file, kind: 'pgpool', lines: text.split('\n'), entries, problems };
}

interface ReaderParts {
  entries: ConfigEntry[];
  problems: Problem[];
  readInclude: ReadInclude | undefined;
}

/** Where reading stands in a line. */
interface LinePlace {
  content: string;
  file: string;
  line: number;
  depth: number;
}

class PgpoolReader {
  private readonly parts: ReaderParts;

  constructor(parts: ReaderParts) {
    this.parts = parts;
  }

  read(text: string, file: string, depth: number): void {
    const marks = markProblems(text, file);
    this.parts.problems.push(...marks);
    for (const [index, content] of text.split('\n').entries()) {
      let offset: number | null = index === 0 ? marks.length : 0;
      while (offset !== null) offset = this.readSetting({ content, file, line: index + 1, depth }, offset);
    }
  }

  /** Reads one setting from `offset` of its line; the offset of the next one, null when the line is done. */
  private readSetting(place: LinePlace, offset: number): number | null {
    const { content, file, line } = place;
    const start = afterBlanks(content, offset);
    if (endsAt(content, start)) return null;
    const name = matchAt(namePattern, content, start);
    const afterName = start + (name?.length ?? 0);
    if (name === undefined || !/^[\s=']|^$/.test(content.slice(afterName, afterName + 1))) {
      const word = /^\S+/.exec(content.slice(start))?.[0] ?? '';
      this.refuse(place, start, `"${word}" is no name of a setting: expected name = value`);
      return null;
    }
    let valueStart = afterBlanks(content, afterName);
    if (content[valueStart] === '=') valueStart = afterBlanks(content, valueStart + 1);
    const found = readValue(content, valueStart);
    if (name === 'include') {
      if ('value' in found) this.include(place, valueStart, found.value);
      else this.refuse(place, valueStart, found.message, found.hint);
      return null;
    }
    const column = start + 1;
    const entry = { name, file, line, column, valueColumn: valueStart + 1 };
    if ('message' in found) {
      this.parts.entries.push({ ...entry, value: found.raw, raw: found.raw });
      this.refuse(place, valueStart, `${name}: ${found.message}`, found.hint);
      return null;
    }
    this.parts.entries.push({ ...entry, value: found.value, raw: found.raw });
    return valueStart + found.raw.length;
  }

  private include(place: LinePlace, offset: number, path: string): void {
    const { parts } = this;
    const file = isAbsolute(path) ? path : join(dirname(place.file), path);
    if (place.depth >= deepestInclude) {
      this.refuse(place, offset, `includes are nested more than ${deepestInclude} deep here`);
      return;
    }
    const text = parts.readInclude?.(file);
    if (text !== undefined) this.read(text, file, place.depth + 1);
    else this.refuse(place, offset, `cannot read the included file ${file}`);
  }

  private refuse({ file, line }: LinePlace, offset: number, message: string, hint?: string): void {
    const place = { file, line, column: offset + 1 };
    this.parts.problems.push({ place, rule: 'pgpool-syntax', message, ...(hint ? { hint } : {}) });
  }
}

type FoundValue = { value: string; raw: string } | { raw: string; message: string; hint?: string };

/** Reads the value at `start`; one that Pgpool would not read as a whole is told with all that stands there as `raw`. */
function readValue(content: string, start: number): FoundValue {
  if (endsAt(content, start)) return { raw: '', message: 'no value', hint: "an empty value is written ''" };
  const raw = content[start] === "'" ? quotedAt(content, start) : matchAt(barePattern, content, start);
  const rest = content.slice(start).replace(/\s*(#[^\n]*)?$/, '');
  if (raw === undefined || raw === '') {
    if (content[start] === "'")
      return { raw: rest, message: `the quote of ${rest} is not closed in this line` };
    return { raw: rest, message: `"${rest}" is no value`, hint: `put it in quotes: '${rest}'` };
  }
  const next = start + raw.length;
  if (!endsAt(content, afterBlanks(content, next)) && !startsSetting(content, next)) {
    if (raw.startsWith("'")) {
      const hint = 'Pgpool has no way to write a quote within quotes; put such a command into a script';
      return { raw: rest, message: `${rest} is more than one quoted text`, hint };
    }
    return { raw: rest, message: `"${rest}" is more than one word`, hint: `put it in quotes: '${rest}'` };
  }
  return { value: raw.startsWith("'") ? raw.slice(1, -1) : raw, raw };
}

function startsSetting(content: string, offset: number): boolean {
  return /^\s+[A-Za-z_]\w*\s*=/.test(content.slice(offset));
}

/**
 * The quoted text at `start`, quotes included; undefined when it is not closed in its line. The longest one, as a lexer
 * takes it: a backslash may shield the character after it or be one itself.
 */
function quotedAt(content: string, start: number): string | undefined {
  let plain = true;
  let shielded = false;
  let end: number | undefined;
  for (let index = start + 1; index < content.length && (plain || shielded); index += 1) {
    const letter = content[index];
    if (plain && letter === "'") end = index + 1;
    const nextPlain: boolean = (plain && letter !== "'") || shielded;
    shielded = plain && letter === '\\';
    plain = nextPlain;
  }
  return end === undefined ? undefined : content.slice(start, end);
}

function matchAt(pattern: RegExp, content: string, start: number): string | undefined {
  pattern.lastIndex = start;
  return pattern.exec(content)?.[0];
}

function afterBlanks(content: string, offset: number): number {
  let index = offset;
  while (/[ \t\r]/.test(content[index] ?? '')) index += 1;
  return index;
}

function endsAt(content: string, offset: number): boolean {
  return offset >= content.length || content[offset] === '#';
}
