import { invariant } from '../kernel/errors.ts';
import { roundMs } from '../kernel/time.ts';
import { type ClassInterval, type Interval, intervalMs, latencySliceMs } from '../recording/intervals.ts';
import {
  type AccountClass,
  type AccountOptions,
  type AccountSink,
  assertBalanced,
  assertIntervalBalanced,
  type ClassTotals,
} from './books.ts';
import { LatencySets, unknownServer } from './latency-sets.ts';

/** Position of an outcome in `outcomes`. */
export const OutcomeCode = { ok: 0, failed: 1, unknown: 2, skipped: 3 } as const;

/** How one due operation ended; the caller keeps and refills it. Instants in ms since load start. */
export interface EndedCall {
  classIndex: number;
  /** Position of the server that answered a read; -1 where it is not known. */
  server: number;
  /** A value of `OutcomeCode`. */
  outcome: number;
  dueMs: number;
  /** NaN when it was never sent. */
  sentMs: number;
  endedMs: number;
  /** SQLSTATE, `closed` or `timeout` of a failed or unknown one. */
  code: string;
  /** It was sent in the turn in which it became due: its send minus its due time is the generator's own lag. */
  foundFree: boolean;
}

/** Fields of one class in a slice's counts. */
const Field = { due: 0, ok: 1, completedOk: 5, firstOkMs: 6, lastOkMs: 7, maxLatencyMs: 8 } as const;
const fieldCount = 9;

interface OpenSlice {
  /** Operations due in it that have not ended. */
  open: number;
  /** `fieldCount` numbers a class. */
  counts: Float64Array;
  /** Ok completions of read classes, by server; unknown last. */
  reads: Float64Array;
  /** By class. */
  errors: Record<string, number>[];
  refused: Record<string, number>;
  lagMs: number;
  sessions: Readonly<Record<string, number>>;
}

/**
 * The books of one worker on the path of every operation, live and simulated: every due operation in, slices out, in arrays
 * that are used again, so that an ended operation allocates nothing.
 *
 * Counts by outcome follow the slice an operation was due in, completions the slice it ended in. A slice is handed on
 * once its time is over and nothing due in it is open, always in order, empty ones too. That due = ok + failed + unknown
 * + skipped is asserted for every class and slice, and for the run by `finish`.
 */
export class SliceRecorder {
  readonly #classes: readonly AccountClass[];
  readonly #servers: readonly string[];
  readonly #sink: AccountSink;
  readonly #slices: OpenSlice[] = [];
  readonly #spareSlices: OpenSlice[] = [];
  readonly #latencies: LatencySets;
  /** Due, ok, failed, unknown, skipped of each class. */
  readonly #totals: Float64Array;
  #firstSlice = 0;
  #closedUntilMs = 0;

  constructor(options: AccountOptions) {
    const { classes, servers, sink } = options;
    this.#classes = classes;
    this.#servers = servers;
    this.#sink = sink;
    this.#latencies = new LatencySets(options);
    this.#totals = new Float64Array(classes.length * 5);
  }

  /** An operation became due. */
  due(classIndex: number, dueMs: number): void {
    const slice = this.#sliceAt(dueMs);
    const at = classIndex * fieldCount + Field.due;
    slice.counts[at] = (slice.counts[at] as number) + 1;
    slice.open += 1;
    this.#totals[classIndex * 5] = (this.#totals[classIndex * 5] as number) + 1;
  }

  /** A due operation ended; called exactly once for each. */
  ended(call: EndedCall): void {
    const { classIndex, outcome, dueMs, sentMs } = call;
    const cohort = this.#sliceAt(dueMs);
    const at = classIndex * fieldCount + Field.ok + outcome;
    cohort.counts[at] = (cohort.counts[at] as number) + 1;
    cohort.open -= 1;
    const total = classIndex * 5 + 1 + outcome;
    this.#totals[total] = (this.#totals[total] as number) + 1;
    if (call.foundFree && sentMs - dueMs > cohort.lagMs) cohort.lagMs = sentMs - dueMs;
    if (outcome === OutcomeCode.ok) this.#completed(call);
    else this.#notDone(call);
  }

  /** An attempt to open a session failed at `atMs`. */
  refused(code: string, atMs: number): void {
    const { refused } = this.#sliceAt(Math.max(atMs, this.#closedUntilMs));
    refused[code] = (refused[code] ?? 0) + 1;
  }

  /**
   * Closes the slices whose time is over: nothing may become due or end before `nowMs` any more.
   *
   * @param sessionsByServer sessions connected at this instant, noted in the slices that are closed by this call
   */
  advance(nowMs: number, sessionsByServer: Readonly<Record<string, number>>): void {
    const closed = Math.floor(nowMs / intervalMs) * intervalMs;
    for (let startMs = this.#closedUntilMs; startMs < closed; startMs += intervalMs)
      this.#sliceAt(startMs).sessions = sessionsByServer;
    this.#closedUntilMs = Math.max(this.#closedUntilMs, closed);
    this.#handOn();
  }

  /** Ends the books: every due operation has ended. */
  finish(nowMs: number, sessionsByServer: Readonly<Record<string, number>>): void {
    const lastMs = Math.max(nowMs, (this.#firstSlice + this.#slices.length) * intervalMs);
    this.advance(Math.ceil(lastMs / intervalMs) * intervalMs, sessionsByServer);
    invariant(this.#slices.length === 0, `${this.#slices.length} slices have operations that never ended`);
    this.#latencies.handOn(Math.ceil(this.#closedUntilMs / latencySliceMs));
    for (const [index, totals] of this.totals().entries())
      assertBalanced(totals, `class ${index} of the run`);
  }

  /** Sums since the start, by position of the class. */
  totals(): ClassTotals[] {
    return this.#classes.map((_, index) => {
      const [due = 0, ok = 0, failed = 0, unknown = 0, skipped = 0] = this.#totals.subarray(index * 5);
      return { due, ok, failed, unknown, skipped };
    });
  }

  #completed({ classIndex, server, dueMs, sentMs, endedMs }: EndedCall): void {
    const atMs = endedMs < this.#closedUntilMs ? this.#closedUntilMs : endedMs;
    const { counts, reads } = this.#sliceAt(atMs);
    const base = classIndex * fieldCount;
    const latencyMs = endedMs - dueMs;
    const soFar = counts[base + Field.completedOk] as number;
    counts[base + Field.completedOk] = soFar + 1;
    if (soFar === 0 || endedMs < (counts[base + Field.firstOkMs] as number))
      counts[base + Field.firstOkMs] = endedMs;
    if (soFar === 0 || endedMs > (counts[base + Field.lastOkMs] as number))
      counts[base + Field.lastOkMs] = endedMs;
    if (soFar === 0 || latencyMs > (counts[base + Field.maxLatencyMs] as number))
      counts[base + Field.maxLatencyMs] = latencyMs;
    const column = server < 0 ? this.#servers.length : server;
    if (this.#classes[classIndex]?.kind === 'read') reads[column] = (reads[column] as number) + 1;
    this.#latencies.record(this.#latencies.okCell(classIndex, column), atMs, latencyMs, endedMs - sentMs);
  }

  #notDone({ classIndex, outcome, dueMs, sentMs, endedMs, code }: EndedCall): void {
    if (outcome === OutcomeCode.skipped) return;
    const atMs = Math.max(endedMs, this.#closedUntilMs);
    const errors = this.#sliceAt(atMs).errors[classIndex];
    if (errors) errors[code] = (errors[code] ?? 0) + 1;
    const cell = this.#latencies.missedCell(classIndex, outcome);
    this.#latencies.record(cell, atMs, endedMs - dueMs, endedMs - sentMs);
  }

  #sliceAt(atMs: number): OpenSlice {
    const position = Math.floor(atMs / intervalMs) - this.#firstSlice;
    const found = this.#slices[position];
    if (found !== undefined) return found;
    invariant(position >= 0, `the slice of ${atMs} ms has been handed on`);
    while (this.#slices.length <= position) this.#slices.push(this.#spareSlices.pop() ?? this.#newSlice());
    return this.#slices[position] as OpenSlice;
  }

  #newSlice(): OpenSlice {
    return {
      open: 0,
      counts: new Float64Array(this.#classes.length * fieldCount),
      reads: new Float64Array(this.#servers.length + 1),
      errors: this.#classes.map(() => ({})),
      refused: {},
      lagMs: -1,
      sessions: {},
    };
  }

  #handOn(): void {
    for (let slice = this.#slices[0]; slice; slice = this.#slices[0]) {
      const startMs = this.#firstSlice * intervalMs;
      if (slice.open > 0 || startMs + intervalMs > this.#closedUntilMs) break;
      const interval = this.#intervalOf(slice, startMs);
      assertIntervalBalanced(interval);
      this.#slices.shift();
      this.#firstSlice += 1;
      this.#sink.interval(interval);
      this.#recycle(slice);
    }
    this.#latencies.handOn(Math.floor(this.#closedUntilMs / latencySliceMs));
  }

  #recycle(slice: OpenSlice): void {
    slice.counts.fill(0);
    slice.reads.fill(0);
    slice.errors = this.#classes.map(() => ({}));
    slice.refused = {};
    slice.lagMs = -1;
    this.#spareSlices.push(slice);
  }

  #intervalOf({ counts, reads, errors, refused, lagMs, sessions }: OpenSlice, startMs: number): Interval {
    const classes: Record<string, ClassInterval> = {};
    for (const [index, { name }] of this.#classes.entries()) {
      const base = index * fieldCount;
      const [
        due = 0,
        ok = 0,
        failed = 0,
        unknown = 0,
        skipped = 0,
        completedOk = 0,
        first = 0,
        last = 0,
        max = 0,
      ] = counts.subarray(base, base + fieldCount);
      const some = completedOk > 0;
      classes[name] = {
        ...{ due, ok, failed, unknown, skipped, completedOk, errors: errors[index] ?? {} },
        firstOkMs: some ? roundMs(first) : null,
        lastOkMs: some ? roundMs(last) : null,
        maxLatencyMs: some ? roundMs(max) : null,
      };
    }
    const readsByServer: Record<string, number> = {};
    for (const [column, count] of reads.entries())
      if (count > 0) readsByServer[this.#servers[column] ?? unknownServer] = count;
    const scheduleLagMs = lagMs < 0 ? null : roundMs(lagMs);
    return {
      ...{ startMs, lengthMs: intervalMs, classes, readsByServer, scheduleLagMs },
      sessionsByServer: { ...sessions },
      refusedSessions: refused,
    };
  }
}
