import type { EndedTransaction, TransactionEnd } from './books.ts';
import type { ClientHost } from './client-host.ts';

/** One client's transactions, one after another, from the instant each is due to its line in the books. */
export class ClientTransaction {
  /** Used again for each. */
  readonly record: EndedTransaction;
  /** The books know it as due, and not how it ended. */
  isDue = false;
  readonly #host: ClientHost;

  constructor(host: ClientHost, client: number) {
    this.#host = host;
    this.record = {
      ...{ client, number: 0, script: 0, dueMs: 0, begunMs: 0, endedMs: 0, tries: 1 },
      ...{ server: -1, code: '', foundFree: false },
    };
  }

  /** The client has done its share of a run by transactions. */
  get hasAll(): boolean {
    const { transactions } = this.#host.plan;
    return transactions !== null && this.record.number >= transactions;
  }

  /** Draws the instant of the next transaction, with a rate; skips those that are later than the latency limit. */
  drawDue(nowMs: number): void {
    const { record } = this;
    const limitMs = this.#host.plan.latencyLimitMs ?? Number.POSITIVE_INFINITY;
    record.dueMs = this.#host.nextArrivalMs();
    while (record.dueMs < nowMs - limitMs && !this.hasAll) {
      this.becomeDue(record.dueMs);
      this.skip(nowMs, true);
      record.dueMs = this.#host.nextArrivalMs();
    }
    record.foundFree = record.dueMs > nowMs;
  }

  becomeDue(dueMs: number): void {
    this.record.dueMs = dueMs;
    this.isDue = true;
    this.#host.books.due(this.record.script, dueMs);
  }

  begin(nowMs: number): void {
    this.record.begunMs = nowMs;
    this.record.tries = 1;
    this.record.code = '';
  }

  /** It is never sent. @param counted pgbench counts it too */
  skip(nowMs: number, counted: boolean): void {
    this.isDue = false;
    this.record.endedMs = nowMs;
    if (counted) this.record.number += 1;
    this.#host.books.skipped(this.record, counted);
  }

  end(end: TransactionEnd, nowMs: number, unknown = false): void {
    this.isDue = false;
    this.record.number += 1;
    this.record.endedMs = nowMs;
    this.#host.books.ended(this.record, end, unknown);
  }

  /** It ends with its client. */
  abandon(nowMs: number, { code, unknown }: { code: string; unknown: boolean }): void {
    this.isDue = false;
    this.record.endedMs = nowMs;
    this.record.code = code;
    this.#host.books.abandoned(this.record, unknown);
  }

  /** Whether a failed one is tried again. */
  mayRetry(nowMs: number): boolean {
    const { maxTries, latencyLimitMs } = this.#host.plan;
    const { tries, dueMs } = this.record;
    if (maxTries !== 0 && tries >= maxTries) return false;
    return nowMs < this.#host.endMs && !(latencyLimitMs !== null && nowMs - dueMs > latencyLimitMs);
  }
}
