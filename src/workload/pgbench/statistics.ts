/** The values of `Sums` without its functions, as a thread hands them to another. */
export type SumsData = Pick<Sums, 'count' | 'min' | 'max' | 'sum' | 'sumOfSquares'>;

/** Sums over measured values, as pgbench keeps them. Times in microseconds. */
export class Sums {
  count = 0;
  min = 0;
  max = 0;
  sum = 0;
  sumOfSquares = 0;

  add(value: number): void {
    if (this.count === 0 || value < this.min) this.min = value;
    if (this.count === 0 || value > this.max) this.max = value;
    this.count += 1;
    this.sum += value;
    this.sumOfSquares += value * value;
  }

  merge(other: SumsData): void {
    if (other.count === 0) return;
    if (this.count === 0 || other.min < this.min) this.min = other.min;
    if (this.count === 0 || other.max > this.max) this.max = other.max;
    this.count += other.count;
    this.sum += other.sum;
    this.sumOfSquares += other.sumOfSquares;
  }

  get mean(): number {
    return this.sum / this.count;
  }

  /** What was added since these were the sums; `min` and `max` cannot be told. */
  since(earlier: SumsData): Sums {
    const difference = new Sums();
    difference.count = this.count - earlier.count;
    difference.sum = this.sum - earlier.sum;
    difference.sumOfSquares = this.sumOfSquares - earlier.sumOfSquares;
    return difference;
  }

  /** Population standard deviation. */
  get deviation(): number {
    return Math.sqrt(Math.max(0, this.sumOfSquares / this.count - this.mean ** 2));
  }
}

/** The values of `TransactionCounts` without its functions. */
export type TransactionCountsData = Omit<
  TransactionCounts,
  'failures' | 'all' | 'merge' | 'noteTries' | 'since' | 'latencyUs' | 'lagUs'
> & { latencyUs: SumsData; lagUs: SumsData };

/** What pgbench counts of a run, a script, an interval or a thread. */
export class TransactionCounts {
  /** Transactions that succeeded. */
  processed = 0;
  /** Due but never sent, for they were late beyond the latency limit. */
  skipped = 0;
  /** Succeeded or failed after at least one retry. */
  retried = 0;
  retries = 0;
  serializationFailures = 0;
  deadlockFailures = 0;
  /** Ours: ended by the loss of the connection; pgbench aborts its client there and counts nothing. */
  lossFailures = 0;
  readonly latencyUs = new Sums();
  readonly lagUs = new Sums();

  /** Counts the tries of a transaction that has ended, the first among them. */
  noteTries(tries: number): void {
    if (tries <= 1) return;
    this.retries += tries - 1;
    this.retried += 1;
  }

  get failures(): number {
    return this.serializationFailures + this.deadlockFailures + this.lossFailures;
  }

  get all(): number {
    return this.processed + this.skipped + this.failures;
  }

  merge(other: TransactionCountsData): void {
    this.processed += other.processed;
    this.skipped += other.skipped;
    this.retried += other.retried;
    this.retries += other.retries;
    this.serializationFailures += other.serializationFailures;
    this.deadlockFailures += other.deadlockFailures;
    this.lossFailures += other.lossFailures;
    this.latencyUs.merge(other.latencyUs);
    this.lagUs.merge(other.lagUs);
  }

  /** What was counted since these were the counts. */
  since(earlier: TransactionCountsData): TransactionCounts {
    const difference = new TransactionCounts();
    for (const key of plainCounts) difference[key] = this[key] - earlier[key];
    Object.assign(difference, {
      latencyUs: this.latencyUs.since(earlier.latencyUs),
      lagUs: this.lagUs.since(earlier.lagUs),
    });
    return difference;
  }
}

const plainCounts = [
  'processed',
  'skipped',
  'retried',
  'retries',
  'serializationFailures',
  'deadlockFailures',
  'lossFailures',
] as const;
