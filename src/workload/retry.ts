import type { Random } from '../kernel/random.ts';
import type { RenderedStatement } from './script.ts';
import type { WireError } from './transport.ts';

/**
 * What a session does after an error: `reconnect`, `backOffWrites` (keep the connection, leave writes alone for a
 * while: no primary is known), or `keep`.
 */
export type Reaction = 'reconnect' | 'backOffWrites' | 'keep';

/**
 * Reaction to an error by its SQLSTATE.
 *
 * Through Pgpool a lost backend shows as XX000, 08xxx, 57P0x, 57000 or a bare close; 53300 is a full server, met by a
 * new connection later; 25006 is a write that Pgpool sent to a standby for want of a primary. Everything else (40001,
 * 40P01, a constraint) belongs to the operation alone.
 *
 * @see PostgreSQL 15 documentation, appendix A; docs/method.md for what Pgpool-II 4.3 sends when
 */
export function reactionTo({ code }: WireError): Reaction {
  if (code === '25006') return 'backOffWrites';
  return breaksConnection(code) ? 'reconnect' : 'keep';
}

function breaksConnection(code: string): boolean {
  return /^(08...|57P0.|57000|53300|XX000|closed|timeout)$/.test(code);
}

/**
 * Back-off between attempts to connect: 100, 200, 400, then 500 ms, each shortened by a random part of up to half, so
 * between 50 and 500 ms.
 *
 * The cap is small beside the outages to be measured (seconds), the jitter keeps the sessions from knocking together. A
 * refused attempt costs Pgpool some 5 ms, so 24 sessions at the cap cost it about a third of one core at most.
 * With N sessions in back-off some attempt comes every 375/N ms in the mean (16 ms for 24), which is what the back-off adds to a
 * measured outage; one session alone adds up to 500 ms.
 */
const backOff = { firstMs: 100, factor: 2, capMs: 500, jitter: 0.5 } as const;

/** Length of the wait before attempt number `attempt` + 1, attempts counted from 1; ms. */
export function backOffMs(attempt: number, random: Random): number {
  const { firstMs, factor, capMs, jitter } = backOff;
  const fullMs = Math.min(capMs, firstMs * factor ** Math.min(30, Math.max(0, attempt - 1)));
  return fullMs * (1 - jitter * random.unit());
}

/**
 * Whether an execution that failed at statement `at` is known to have changed nothing.
 *
 * Only a statement that commits can leave a doubt: COMMIT, or one that writes outside a transaction block. Its plain
 * ERROR says that it was undone; a lost connection, a timeout, or an error that a proxy or a dying server may have
 * put in place of the true answer says nothing. When the connection is lost earlier, COMMIT was never sent, and a
 * server rolls an open transaction back. A committing statement that succeeded before the failed one leaves a part done,
 * which counts as a doubt too.
 */
export function isDefinite(statements: readonly RenderedStatement[], at: number, error: WireError): boolean {
  let open = false;
  for (const [index, { effect }] of statements.entries()) {
    const commits = effect === 'commit' || (effect === 'write' && !open);
    if (index >= at) return !commits || !breaksConnection(error.code);
    if (commits) return false;
    if (effect === 'begin') open = true;
    if (effect === 'rollback') open = false;
  }
  return true;
}

/** True when a failed execution leaves a transaction block open on a session that lives on. */
export function leavesTransactionOpen(statements: readonly RenderedStatement[], at: number): boolean {
  let open = false;
  for (const { effect } of statements.slice(0, at)) {
    if (effect === 'begin') open = true;
    if (effect === 'commit' || effect === 'rollback') open = false;
  }
  return open;
}
