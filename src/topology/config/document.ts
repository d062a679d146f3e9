import type { Place, Problem } from '../../kernel/errors.ts';

/** One setting as it stands in a file; columns and lines start at 1. */
export interface ConfigEntry {
  name: string;
  /** What the program reads: quotes of pgpool.conf removed, blanks around it removed. */
  value: string;
  /** The value's characters in the file, quotes included. */
  raw: string;
  /** The file that the line stands in: an included one, or the document's own. */
  file: string;
  line: number;
  column: number;
  /** Where the value starts; of an empty value, where it would start. */
  valueColumn: number;
}

/**
 * A configuration file as read, complete: what a program reads of it (`entries`, in reading order, included files in
 * place) and every character (`lines`, joined by line feeds, so that what is not changed stays byte for byte).
 */
export interface ConfigDocument {
  file: string;
  kind: 'efm' | 'pgpool';
  lines: readonly string[];
  entries: readonly ConfigEntry[];
  /** What could not be read; names and values are judged elsewhere (checkEfmDocument, checkPgpoolDocument). */
  problems: readonly Problem[];
}

/**
 * The problem of a text that starts with a byte order mark, as editors of Windows write it: neither program skips it, so that
 * it becomes part of the first line. Empty for a text without one.
 */
export function markProblems(text: string, file: string): Problem[] {
  if (!text.startsWith('\ufeff')) return [];
  const place = { file, line: 1, column: 1 };
  const message = 'the file starts with a byte order mark, which is read as part of the first line';
  return [{ place, rule: 'byte-order-mark', message, hint: 'save it as UTF-8 without one' }];
}

/** What the usual errors of reading a file mean. */
const causes: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EISDIR: 'it is a folder',
  ENOTDIR: 'it is no folder',
  EACCES: 'this user may not read it',
};

/** Why a file could not be read, in words. */
export function whyUnreadable(error: unknown): string {
  const { code = '', message } = error as Error & { code?: string };
  return causes[code] ?? message;
}

/** The entry that counts, the last of its name; undefined for a name that is not set. */
export function entryOf(document: ConfigDocument, name: string): ConfigEntry | undefined {
  return document.entries.findLast((entry) => entry.name === name);
}

/** The values that count, by name; of a name written twice the last. */
export function valuesOf(document: ConfigDocument): Record<string, string> {
  return Object.fromEntries(document.entries.map(({ name, value }) => [name, value]));
}

/** Place of an entry's value, or with `'name'` of its name. */
export function placeOf(entry: ConfigEntry, part: 'name' | 'value' = 'value'): Place {
  return { file: entry.file, line: entry.line, column: part === 'name' ? entry.column : entry.valueColumn };
}

/** The text of the document: of one just read, the text that was read, to the byte. */
export function renderDocument(document: ConfigDocument): string {
  return document.lines.join('\n');
}
