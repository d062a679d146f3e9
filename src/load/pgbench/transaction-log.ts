import { closeSync, openSync, writeSync } from 'node:fs';
import { DrillError, ExitCode } from '../../kernel/errors.ts';
import type { PgRandom } from '../../workload/pgbench/random.ts';
import { TransactionCounts } from '../../workload/pgbench/statistics.ts';
import type { LogPlan } from './plan.ts';

/** How a transaction ended, in the words of pgbench's log. */
export type LoggedResult = 'ok' | 'skipped' | 'failed' | 'serialization' | 'deadlock';

export interface LoggedTransaction {
  client: number;
  /** Of this client, from 1. */
  number: number;
  script: number;
  result: LoggedResult;
  latencyUs: number;
  lagUs: number;
  tries: number;
}

/** Text that is gathered before it is written. */
const fullBuffer = 65_536;

/**
 * The transaction log of one thread in the shapes of PostgreSQL 15's pgbench: a line for each transaction, or one for each
 * interval with sums.
 *
 * @see PostgreSQL 15 documentation, pgbench, "Per-Transaction Logging" and "Aggregated Logging"
 */
export class TransactionLog {
  readonly #file: number;
  readonly #plan: LogPlan;
  readonly #sample: PgRandom;
  readonly #throttled: boolean;
  readonly #retries: boolean;
  readonly #detailed: boolean;
  #text = '';
  #sums = new TransactionCounts();
  /** Epoch of the interval under way, µs. */
  #intervalUs = 0;

  /**
   * @param options.retries lines tell how often a transaction was tried again
   * @param options.detailed lines tell the two kinds of failures apart
   * @throws DrillError when the file cannot be written
   */
  constructor(
    plan: LogPlan,
    {
      thread,
      sample,
      throttled,
      retries,
      detailed,
    }: { thread: number; sample: PgRandom; throttled: boolean; retries: boolean; detailed: boolean },
  ) {
    const name = `${plan.prefix}.${plan.processId}${thread === 0 ? '' : `.${thread}`}`;
    try {
      this.#file = openSync(name, 'w');
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new DrillError(`could not open logfile "${name}": ${why}`, { cause, exitCode: ExitCode.usage });
    }
    this.#plan = plan;
    this.#sample = sample;
    this.#throttled = throttled;
    this.#retries = retries;
    this.#detailed = detailed;
  }

  /** The load starts at this instant. */
  start(epochMs: number): void {
    this.#intervalUs = Math.round(epochMs * 1000);
  }

  /** A transaction has ended, or was skipped, at this instant. */
  record(transaction: LoggedTransaction, epochMs: number): void {
    const { samplingRate, aggregateSeconds } = this.#plan;
    if (samplingRate > 0 && this.#sample.unit() > samplingRate) return;
    const nowUs = Math.round(epochMs * 1000);
    if (aggregateSeconds > 0) {
      this.#passIntervals(nowUs);
      this.#addUp(transaction);
    } else this.#write(this.#line(transaction, nowUs));
  }

  close(epochMs: number): void {
    if (this.#plan.aggregateSeconds > 0) this.#passIntervals(Math.round(epochMs * 1000));
    this.#flush();
    closeSync(this.#file);
  }

  #line(transaction: LoggedTransaction, nowUs: number): string {
    const { client, number, script, result, latencyUs, lagUs, tries } = transaction;
    const failure = this.#detailed || result === 'skipped' ? result : 'failed';
    const time = result === 'ok' ? latencyUs.toFixed(0) : failure;
    const seconds = Math.floor(nowUs / 1e6);
    let line = `${client} ${number} ${time} ${script} ${seconds} ${nowUs - seconds * 1e6}`;
    if (this.#throttled) line += ` ${lagUs.toFixed(0)}`;
    if (this.#retries) line += ` ${tries - 1}`;
    return `${line}\n`;
  }

  #addUp({ result, latencyUs, lagUs, tries }: LoggedTransaction): void {
    const sums = this.#sums;
    if (result === 'skipped') {
      sums.skipped += 1;
      return;
    }
    sums.noteTries(tries);
    if (result === 'ok') {
      sums.processed += 1;
      sums.latencyUs.add(latencyUs);
      if (this.#throttled) sums.lagUs.add(lagUs);
    } else if (result === 'serialization') sums.serializationFailures += 1;
    else if (result === 'deadlock') sums.deadlockFailures += 1;
    else sums.lossFailures += 1;
  }

  /** Writes intervals that are over, empty ones too. */
  #passIntervals(nowUs: number): void {
    const lengthUs = this.#plan.aggregateSeconds * 1e6;
    while (this.#intervalUs + lengthUs <= nowUs) {
      const { processed, latencyUs, lagUs, skipped, retried, retries, ...failed } = this.#sums;
      const fields = [Math.floor(this.#intervalUs / 1e6), processed];
      for (const { sum, sumOfSquares, min, max } of [latencyUs, lagUs])
        fields.push(sum, sumOfSquares, min, max);
      fields.push(skipped, retried, retries, failed.serializationFailures, failed.deadlockFailures);
      this.#write(`${fields.map((field) => field.toFixed(0)).join(' ')}\n`);
      this.#sums = new TransactionCounts();
      this.#intervalUs += lengthUs;
    }
  }

  #write(line: string): void {
    this.#text += line;
    if (this.#text.length > fullBuffer) this.#flush();
  }

  #flush(): void {
    writeSync(this.#file, this.#text);
    this.#text = '';
  }
}
