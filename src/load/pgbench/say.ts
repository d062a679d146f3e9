import { writeSync } from 'node:fs';
import type { ServerReport } from '../wire/server-messages.ts';

/** Writes a line to stderr at once, from whichever thread. A reader that has gone away is no fault of the run. */
export function sayPlain(line: string): void {
  try {
    writeSync(2, `${line}\n`);
  } catch {
    return;
  }
}

/** Information and errors carry pgbench's words after our name, so that what looks for `pgbench: error:` finds it. */
export function say(line: string): void {
  sayPlain(`pgdrill pgbench: ${line}`);
}

export function sayError(line: string): void {
  say(`error: ${line}`);
}

/**
 * A server's report as libpq words it: severity, message, then the line of the statement, detail, hint and context
 * (which libpq leaves out of notices).
 *
 * @param sql the statement; its faulty line is shown when the server names a position
 */
export function reportText(
  { severity, message, detail, hint, position, context }: ServerReport,
  sql?: string,
): string {
  const lines = [`${severity}:  ${message}`];
  if (position !== null && sql !== undefined) lines.push(...faultyLine(sql, position));
  if (detail !== null) lines.push(`DETAIL:  ${detail}`);
  if (hint !== null) lines.push(`HINT:  ${hint}`);
  if (context !== null && severity !== 'NOTICE') lines.push(`CONTEXT:  ${context}`);
  return lines.join('\n');
}

function faultyLine(sql: string, position: number): string[] {
  const before = [...sql]
    .slice(0, position - 1)
    .join('')
    .split('\n');
  const line = sql.split('\n')[before.length - 1];
  if (line === undefined) return [];
  const head = `LINE ${before.length}: `;
  return [head + line, `${' '.repeat(head.length + (before.at(-1) ?? '').length)}^`];
}
