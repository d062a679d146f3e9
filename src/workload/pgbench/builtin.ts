import { DrillError, ExitCode } from '../../kernel/errors.ts';

/** A script that pgbench carries with it. */
export interface Builtin {
  name: string;
  /** As pgbench's report calls it. */
  description: string;
  text: string;
}

const drawAccount = '\\set aid random(1, 100000 * :scale)\n';
const drawAll = `${drawAccount}\\set bid random(1, 1 * :scale)
\\set tid random(1, 10 * :scale)
\\set delta random(-5000, 5000)
`;
const changeAccount = 'UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;\n';
const readAccount = 'SELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n';
const changeTotals = `UPDATE pgbench_tellers SET tbalance = tbalance + :delta WHERE tid = :tid;
UPDATE pgbench_branches SET bbalance = bbalance + :delta WHERE bid = :bid;
`;
const addHistory =
  'INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (:tid, :bid, :aid, :delta, CURRENT_TIMESTAMP);\n';
const changeAndRead = changeAccount + readAccount;

/** The scripts of pgbench 15, text for text: they are its protocol, and what others measured with. */
export const builtins: readonly Builtin[] = [
  {
    name: 'tpcb-like',
    description: '<builtin: TPC-B (sort of)>',
    text: `${drawAll}BEGIN;\n${changeAndRead}${changeTotals}${addHistory}END;\n`,
  },
  {
    name: 'simple-update',
    description: '<builtin: simple update>',
    text: `${drawAll}BEGIN;\n${changeAndRead}${addHistory}END;\n`,
  },
  { name: 'select-only', description: '<builtin: select only>', text: drawAccount + readAccount },
];

/**
 * The same scripts for scenarios: each history row also holds the operation's id, for it is the write ledger. The id
 * reads as a number (`1.70`), whose digits the column keeps as they are, so that it can be a parameter too.
 */
export function withLedger({ text }: Builtin): string {
  return text
    .replace('mtime) VALUES', 'mtime, filler) VALUES')
    .replace('TIMESTAMP)', 'TIMESTAMP, :operation)');
}

/**
 * The built-in script whose name begins so, as `pgbench -b` finds it.
 *
 * @throws DrillError when there is none, or more than one
 */
export function findBuiltin(prefix: string): Builtin {
  const found = builtins.filter(({ name }) => name.startsWith(prefix));
  const [only, second] = found;
  if (only && !second) return only;
  const message = only
    ? `ambiguous builtin name: ${found.length} builtin scripts found for prefix "${prefix}"`
    : `no builtin script found for name "${prefix}"`;
  const hint = `available builtin scripts: ${builtins.map(({ name }) => name).join(', ')}`;
  throw new DrillError(message, { hint, exitCode: ExitCode.usage });
}
