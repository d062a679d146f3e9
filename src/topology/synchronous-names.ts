/** synchronous_standby_names taken apart: `FIRST 2 (a, b)`, `ANY 1 (a)`, `2 (a, b)`, or a bare list, which means FIRST 1. */
export interface SynchronousNames {
  method: 'FIRST' | 'ANY';
  numSync: number;
  /** As written, between the parentheses. */
  names: string;
}

/** @returns null for an empty value: nothing is synchronous */
export function parseSynchronousNames(value: string): SynchronousNames | null {
  const text = value.trim();
  if (text === '') return null;
  const found = /^(?:(FIRST|ANY)\s+)?(\d+)\s*\((.*)\)$/is.exec(text);
  if (!found) return { method: 'FIRST', numSync: 1, names: text };
  const [, method = 'FIRST', numSync, names = ''] = found;
  return { method: method.toUpperCase() === 'ANY' ? 'ANY' : 'FIRST', numSync: Number(numSync), names };
}

/** The same list of standbys with another num_sync; null clears it. */
export function withNumSync(value: string, numSync: number | null): string {
  const parsed = parseSynchronousNames(value);
  if (!parsed || numSync === null) return '';
  return `${parsed.method} ${numSync} (${parsed.names})`;
}

/** The names of a list in their order, lower case unless quoted; `*` stands for every standby. */
export function standbyNames({ names }: Pick<SynchronousNames, 'names'>): string[] {
  return [...names.matchAll(/"((?:[^"]|"")*)"|([^,\s"]+)/g)].map(([, quoted, bare = '']) =>
    quoted === undefined ? bare.toLowerCase() : quoted.replaceAll('""', '"'),
  );
}
