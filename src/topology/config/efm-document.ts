import type { Problem } from '../../kernel/errors.ts';
import { type ConfigDocument, type ConfigEntry, markProblems } from './document.ts';

/**
 * Reads the text of an efm.properties file: `name=value` lines, `#` and `!` comments, blank lines.
 *
 * Values are unquoted; blanks around name and value do not count; a backslash at the end of a line joins the next one, `\n`
 * and the like stand for characters; of a name written twice the last counts. Source: EDB's cluster properties page (unquoted
 * values; joined lines, in notification.text.prefix); that the rest is as in any Java properties file is assumption C1
 * (docs/method.md). `name: value` and `name value` are told as problems.
 */
export function parseEfmDocument(text: string, file: string): ConfigDocument {
  const lines = text.split('\n');
  const entries: ConfigEntry[] = [];
  const problems: Problem[] = markProblems(text, file);
  for (let index = 0; index < lines.length; index += 1) {
    const content = lines[index] ?? '';
    const trimmed = content.trim();
    if (trimmed === '' || trimmed.startsWith('#') || trimmed.startsWith('!')) continue;
    const line = index + 1;
    const column = content.length - content.trimStart().length + 1;
    while (goesOn(lines[index] ?? '') && index + 1 < lines.length) index += 1;
    const equals = content.indexOf('=');
    const name = content.slice(0, Math.max(0, equals)).trim();
    if (name === '') {
      const message = `"${trimmed}" is no property: expected name=value`;
      problems.push({ place: { file, line, column }, rule: 'property-line', message });
      continue;
    }
    const whole = [content, ...lines.slice(line, index + 1)].join('\n').slice(equals + 1);
    const raw = whole.trim();
    const valueColumn = equals + 2 + (raw === '' ? 0 : whole.length - whole.trimStart().length);
    entries.push({ name, value: unescaped(raw), raw, file, line, column, valueColumn });
  }
  return { file, kind: 'efm', lines, entries, problems };
}

/** The characters that stand for a value in the file; blanks at its ends are not kept. */
export function escapedForEfm(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
}

/** An odd number of backslashes at its end joins a line with the next. */
export function goesOn(line: string): boolean {
  return (/\\*$/.exec(line.replace(/\r$/, ''))?.[0].length ?? 0) % 2 === 1;
}

/** Joins lines, and puts characters for their escapes, as java.util.Properties does. */
function unescaped(raw: string): string {
  return raw.replaceAll(/\\(?:(\r?\n)[ \t\f]*|u([0-9a-fA-F]{4})|([\s\S]|$))/g, (_, joint, code, letter) => {
    if (joint !== undefined) return '';
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
    return { n: '\n', t: '\t', r: '\r', f: '\f' }[letter as string] ?? letter;
  });
}
