import { invariant, type Problem } from '../kernel/errors.ts';
import { parseScript, type Script } from './script.ts';

/** What a scenario writes before the name of a built-in script. */
export const builtinPrefix = 'builtin:';

const drawAccount = '\\set aid random(1, 100000 * :scale)';
const drawAll = `${drawAccount}
\\set bid random(1, 1 * :scale)
\\set tid random(1, 10 * :scale)
\\set delta random(-5000, 5000)`;
const changeAccount = 'UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;';
const readAccount = 'SELECT abalance FROM pgbench_accounts WHERE aid = :aid;';
const addHistory = `INSERT INTO pgbench_history (tid, bid, aid, delta, mtime, filler)
  VALUES (:tid, :bid, :aid, :delta, CURRENT_TIMESTAMP, ':operation');`;

/**
 * The scripts that pgbench 15 carries, statement for statement, but that the history row also holds the operation's id:
 * it is the write ledger (docs/method.md).
 */
const sources: Readonly<Record<string, string>> = {
  'select-only': `${drawAccount}\n${readAccount}`,
  'tpcb-like': `${drawAll}
BEGIN;
${changeAccount}
${readAccount}
UPDATE pgbench_tellers SET tbalance = tbalance + :delta WHERE tid = :tid;
UPDATE pgbench_branches SET bbalance = bbalance + :delta WHERE bid = :bid;
${addHistory}
END;`,
  'simple-update': `${drawAll}
BEGIN;
${changeAccount}
${readAccount}
${addHistory}
END;`,
};

/** Names of the built-in scripts, without their prefix. */
export const builtinNames: readonly string[] = Object.keys(sources);

/** The built-in script of a reference such as `builtin:tpcb-like`; a problem that lists the names when there is none. */
export function builtinScript(reference: string): { script: Script } | { problems: Problem[] } {
  const source = sources[reference.slice(builtinPrefix.length)];
  if (!reference.startsWith(builtinPrefix) || source === undefined) {
    const known = builtinNames.map((name) => builtinPrefix + name).join(', ');
    return {
      problems: [
        { rule: 'script', message: `there is no built-in script "${reference}"`, hint: `known are ${known}` },
      ],
    };
  }
  const parsed = parseScript(source, reference);
  invariant('script' in parsed, `the built-in script ${reference} must be readable`);
  return parsed;
}
