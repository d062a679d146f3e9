import type { WireError } from '../../workload/transport.ts';
import type { PgbenchPlan } from './plan.ts';

/** How pgbench words the end of a client whose session is gone. */
export function deathOf(
  client: number,
  { script, command }: { script: number; command: number },
  { code, message }: WireError,
): string {
  if (code.length === 5)
    return `client ${client} script ${script} aborted in command ${command} query 0: FATAL:  ${message}`;
  const why = `${message}; perhaps the backend died while processing`;
  return `client ${client} aborted in command ${command} (SQL) of script ${script}; ${why}`;
}

/** What `--verbose-errors` adds about a failed try. @param spentMs since the transaction was due */
export function tryWords(
  { maxTries, latencyLimitMs }: PgbenchPlan,
  { again, tries, spentMs }: { again: boolean; tries: number; spentMs: number },
): string {
  const what = again ? 'repeats the transaction after the error' : 'ends the failed transaction';
  const of = maxTries > 0 ? `/${maxTries}` : '';
  if (latencyLimitMs === null) return `${what} (try ${tries}${of})`;
  const used = ((spentMs / latencyLimitMs) * 100).toFixed(3);
  return `${what} (try ${tries}${of}, ${used}% of the maximum time of tries was used)`;
}
