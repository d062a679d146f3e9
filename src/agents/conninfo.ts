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

/** A value of postgresql.conf in quotes; PostgreSQL reads backslash escapes within them. */
export function quoteConfigValue(value: string): string {
  return `'${value.replace(/[\\']/g, '$&$&')}'`;
}

const controlCharacters: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/** The value that a line of postgresql.conf holds, without its quotes and escapes (GUC_scanstr of PostgreSQL 15). */
export function unquoteConfigValue(text: string): string {
  const quoted = /^'((?:[^'\\]|\\.|'')*)'/.exec(text.trim());
  if (!quoted) return text.trim();
  return (quoted[1] as string).replace(/''|\\([0-7]{1,3}|.)/g, (_, escaped?: string) => {
    if (escaped === undefined) return "'";
    if (/^[0-7]/.test(escaped)) return String.fromCharCode(Number.parseInt(escaped, 8) & 0xff);
    return controlCharacters[escaped] ?? escaped;
  });
}
