import { reactionTo } from '../../workload/retry.ts';
import type { WireError } from '../../workload/transport.ts';
import type { TransactionEnd } from './books.ts';
import type { PgbenchPlan } from './plan.ts';

/** Failures that may be tried again, by SQLSTATE. */
const retriable: Readonly<Record<string, 'serialization' | 'deadlock'>> = {
  '40001': 'serialization',
  '40P01': 'deadlock',
};

/** What an error of the server means to the client that got it. */
export type Failure =
  /** The transaction is rolled back; then it is tried again, or ends so. */
  | { what: 'rollBack'; end: TransactionEnd; mayRetry: boolean }
  /** The session is of no use any more. */
  | { what: 'lost' }
  /** The client gives up, as pgbench's does. */
  | { what: 'abort' };

/**
 * Reads an error as pgbench does, and where pgbench would give the client up over its session, as the retry rules do.
 *
 * @param rollingBack the error answers a ROLLBACK: there is nothing to be tried again
 */
export function failureOf(
  error: WireError,
  { abortOnLoss }: Pick<PgbenchPlan, 'abortOnLoss'>,
  rollingBack: boolean,
): Failure {
  const end = rollingBack ? undefined : retriable[error.code];
  if (end !== undefined) return { what: 'rollBack', end, mayRetry: true };
  const reaction = abortOnLoss ? 'keep' : reactionTo(error);
  if (reaction === 'reconnect') return { what: 'lost' };
  return reaction === 'backOffWrites'
    ? { what: 'rollBack', end: 'lost', mayRetry: false }
    : { what: 'abort' };
}
