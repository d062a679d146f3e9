/** Reads a libpq connection string into its keywords, in order; values may be quoted with backslash escapes. */
export function parseConninfo(text: string): Map<string, string> {
  const keywords = new Map<string, string>();
  for (const [, name, quoted, plain] of text.matchAll(
    /(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))/g,
  )) {
    keywords.set(name as string, (quoted ?? plain ?? '').replace(/\\(.)/g, '$1'));
  }
  return keywords;
}

/** Writes keywords as a libpq connection string. */
export function formatConninfo(keywords: ReadonlyMap<string, string>): string {
  const write = (value: string): string =>
    /^[\w./:-]+$/.test(value) ? value : `'${value.replace(/[\\']/g, '\\$&')}'`;
  return [...keywords].map(([name, value]) => `${name}=${write(value)}`).join(' ');
}

/** A value of postgresql.conf in quotes. */
export function quoteConfigValue(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/** The value that a line of postgresql.conf holds, without its quotes. */
export function unquoteConfigValue(text: string): string {
  const quoted = /^'((?:[^']|'')*)'/.exec(text.trim());
  return quoted ? (quoted[1] as string).replaceAll("''", "'") : text.trim();
}
