import { invariant, type Problem } from '../kernel/errors.ts';
import { builtins, withLedger } from './pgbench/builtin.ts';
import type { Protocol } from './pgbench/statement.ts';
import { parseScript, type Script } from './script.ts';

/** What a scenario writes before the name of a built-in script. */
export const builtinPrefix = 'builtin:';

/**
 * The built-in script of a reference such as `builtin:tpcb-like`, with the operation's id in its history rows: they are
 * the write ledger (docs/method.md). A problem that lists the names when there is none.
 */
export function builtinScript(
  reference: string,
  protocol: Protocol = 'simple',
): { script: Script } | { problems: Problem[] } {
  const found = builtins.find(({ name }) => builtinPrefix + name === reference);
  if (!found) {
    const known = builtins.map(({ name }) => builtinPrefix + name).join(', ');
    return {
      problems: [
        { rule: 'script', message: `there is no built-in script "${reference}"`, hint: `known are ${known}` },
      ],
    };
  }
  const parsed = parseScript(withLedger(found), reference, protocol);
  invariant('script' in parsed, `the built-in script ${reference} must be readable`);
  return parsed;
}
