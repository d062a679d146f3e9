import { DrillError, ExitCode } from '../../kernel/errors.ts';
import type { ConfigDocument } from './document.ts';
import { escapedForEfm, goesOn, parseEfmDocument } from './efm-document.ts';
import { parsePgpoolDocument, type ReadInclude } from './pgpool-document.ts';

/**
 * The document with one setting changed or added; comments, order and everything else stay as they are.
 *
 * A name that is set: its last line in the document's own file gets the value (the others would lose anyway). A new one
 * stands below its commented-out sample line, else at the end; so does one that only an included file sets, at the end.
 *
 * @param value as the program is to read it, without quotes
 * @param options.readInclude needed again for a document that has includes
 * @throws DrillError for a value that the file format cannot hold
 */
export function setValue(
  document: ConfigDocument,
  { name, value }: { name: string; value: string },
  options: { readInclude?: ReadInclude } = {},
): ConfigDocument {
  const written = writtenValue(document, { name, value });
  const last = document.entries.findLast((entry) => entry.name === name);
  const own = last?.file === document.file ? last : undefined;
  const lines = [...document.lines];
  if (own) {
    const lineCount = own.raw.split('\n').length;
    const content = lines.slice(own.line - 1, own.line - 1 + lineCount).join('\n');
    const before = content.slice(0, own.valueColumn - 1);
    const after = content.slice(own.valueColumn - 1 + own.raw.length);
    lines.splice(own.line - 1, lineCount, before + written + after);
  } else {
    const ending = lines.some((line) => line.endsWith('\r')) ? '\r' : '';
    const line = `${name}${document.kind === 'efm' ? '=' : ' = '}${written}`;
    const sample = last ? -1 : sampleLine(lines, name);
    if (sample >= 0 && sample < lines.length - 1) lines.splice(sample + 1, 0, line + ending);
    else append(lines, { line: line + ending, ending, joins: document.kind === 'efm' });
  }
  const text = lines.join('\n');
  return document.kind === 'efm'
    ? parseEfmDocument(text, document.file)
    : parsePgpoolDocument(text, document.file, options);
}

/** Adds a line at the end, behind a blank one where the last line would be joined with it by its backslash. */
function append(
  lines: string[],
  { line, ending, joins }: { line: string; ending: string; joins: boolean },
): void {
  if (lines.at(-1) === '') lines.pop();
  else lines[lines.length - 1] += ending;
  if (joins && goesOn(lines.at(-1) ?? '')) lines.push(ending);
  lines.push(line, '');
}

/** Index of the commented-out line that shows the setting, such as `#port = 9999`; -1 without one. */
function sampleLine(lines: readonly string[], name: string): number {
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const pattern = new RegExp(`^\\s*#\\s*${escaped}\\s*=`);
  return lines.findLastIndex((line) => pattern.test(line));
}

/** The value as the file writes it. */
function writtenValue(document: ConfigDocument, { name, value }: { name: string; value: string }): string {
  const refuse = (why: string, hint: string): never => {
    const message = `${document.file} cannot hold ${name} = ${JSON.stringify(value)}: ${why}`;
    throw new DrillError(message, { hint, exitCode: ExitCode.usage });
  };
  if (document.kind === 'efm') {
    if (value !== value.trim()) refuse('blanks around a value are not kept', 'leave them out');
    return escapedForEfm(value);
  }
  return (
    quotedForPgpool(value) ??
    refuse('Pgpool reads no quote or line end within quotes', 'put such a command into a script')
  );
}

/** The value in quotes, as Pgpool reads it back; undefined for one that it cannot: one with a quote, or a backslash at its end. */
export function quotedForPgpool(value: string): string | undefined {
  return /'|\\$|[\r\n]/.test(value) ? undefined : `'${value}'`;
}
