import { invariant } from '../kernel/errors.ts';
import { LatencyCounts, type PackedCounts } from '../recording/histogram.ts';
import { type ClassInterval, type Interval, intervalMs, latencySliceMs } from '../recording/intervals.ts';
import { type Outcome, outcomes } from './ledger.ts';

/** A class as the accounts need it. */
export interface AccountClass {
  name: string;
  kind: 'read' | 'write';
}

/** How one due operation ended. Instants in ms since load start. */
export interface EndedOperation {
  classIndex: number;
  number: number;
  dueMs: number;
  /** Null when it was never sent. */
  sentMs: number | null;
  endedMs: number;
  outcome: Outcome;
  /** SQLSTATE, `closed` or `timeout` of a failed or unknown one. */
  code: string | null;
  /** Server that answered a read, where known. */
  server: string | null;
  /** It was sent in the turn in which it became due: its send minus its due time is the generator's own lag. */
  foundFree: boolean;
}

/** Latencies of one class on one server in a slice. */
interface LatencyPart {
  className: string;
  server: string;
  latency: PackedCounts;
  service: PackedCounts;
}

/** All latencies of ok operations that ended in one slice; `parts` may be empty. Transferable between threads. */
export interface LatencyBatch {
  startMs: number;
  lengthMs: number;
  parts: LatencyPart[];
}

/** Where finished slices go, in order and without holes. */
export interface AccountSink {
  interval(interval: Interval): void;
  latency(batch: LatencyBatch): void;
}

/** Sums over the whole run. */
export type ClassTotals = Record<'due' | Outcome, number>;

/** Name for a server that is not known. */
const unknownServer = '?';

/**
 * Books of one worker: every due operation in, slices out.
 *
 * Counts by outcome follow the slice an operation was due in, counts of completions the slice it ended in. A slice is
 * handed on once its time is over and no operation due in it is open, always in order, empty ones too. That
 * due = ok + failed + unknown + skipped is asserted for every class and slice, and for the run by `finish`.
 */
export class Accounting {
  readonly #classes: readonly AccountClass[];
  readonly #sink: AccountSink;
  /** Slices not handed on yet; the first is number `#firstSlice`. */
  readonly #slices: OpenSlice[] = [];
  readonly #batches = new Map<number, Map<string, { latency: LatencyCounts; service: LatencyCounts }>>();
  readonly #totals: ClassTotals[];
  #firstSlice = 0;
  #nextBatch = 0;
  #closedUntilMs = 0;

  constructor(classes: readonly AccountClass[], sink: AccountSink) {
    this.#classes = classes;
    this.#sink = sink;
    this.#totals = classes.map(() => ({ due: 0, ok: 0, failed: 0, unknown: 0, skipped: 0 }));
  }

  /** An operation became due. */
  due(classIndex: number, dueMs: number): void {
    const slice = this.#sliceAt(dueMs);
    this.#classIn(slice, classIndex).due += 1;
    slice.open += 1;
    (this.#totals[classIndex] as ClassTotals).due += 1;
  }

  /** A due operation ended; called exactly once for each. */
  ended(operation: EndedOperation): void {
    const { classIndex, dueMs, sentMs, endedMs, outcome, code, foundFree } = operation;
    const cohort = this.#sliceAt(dueMs);
    this.#classIn(cohort, classIndex)[outcome] += 1;
    cohort.open -= 1;
    (this.#totals[classIndex] as ClassTotals)[outcome] += 1;
    if (foundFree && sentMs !== null) {
      cohort.interval.scheduleLagMs = Math.max(cohort.interval.scheduleLagMs ?? 0, roundMs(sentMs - dueMs));
    }
    const slice = this.#sliceAt(Math.max(endedMs, this.#closedUntilMs));
    const counts = this.#classIn(slice, classIndex);
    if (outcome === 'ok') this.#completed(operation, slice);
    else if (outcome !== 'skipped')
      counts.errors[code ?? unknownServer] = (counts.errors[code ?? unknownServer] ?? 0) + 1;
  }

  /** An attempt to open a session failed at `atMs`. */
  refused(code: string, atMs: number): void {
    const { refusedSessions } = this.#sliceAt(Math.max(atMs, this.#closedUntilMs)).interval;
    refusedSessions[code] = (refusedSessions[code] ?? 0) + 1;
  }

  /**
   * Closes the slices whose time is over: nothing may become due or end before `nowMs` any more.
   *
   * @param sessionsByServer sessions connected at this instant, noted in the slices that are closed by this call
   */
  advance(nowMs: number, sessionsByServer: Readonly<Record<string, number>>): void {
    const closed = Math.floor(nowMs / intervalMs) * intervalMs;
    for (let startMs = this.#closedUntilMs; startMs < closed; startMs += intervalMs) {
      this.#sliceAt(startMs).interval.sessionsByServer = { ...sessionsByServer };
    }
    this.#closedUntilMs = Math.max(this.#closedUntilMs, closed);
    this.#handOn();
  }

  /** Ends the books: every due operation has ended. Hands the last slices on, the one that `nowMs` lies in included. */
  finish(nowMs: number, sessionsByServer: Readonly<Record<string, number>>): void {
    const lastMs = Math.max(nowMs, (this.#firstSlice + this.#slices.length) * intervalMs);
    this.advance(Math.ceil(lastMs / intervalMs) * intervalMs, sessionsByServer);
    invariant(this.#slices.length === 0, `${this.#slices.length} slices have operations that never ended`);
    this.#handOnLatency(Number.POSITIVE_INFINITY);
    for (const [index, totals] of this.#totals.entries()) assertBalanced(totals, `class ${index} of the run`);
  }

  /** Sums since the start, by position of the class. */
  totals(): readonly Readonly<ClassTotals>[] {
    return this.#totals;
  }

  #completed({ dueMs, sentMs, endedMs, classIndex, server }: EndedOperation, { interval }: OpenSlice): void {
    const { name, kind } = this.#classes[classIndex] as AccountClass;
    const counts = interval.classes[name] as ClassInterval;
    const latencyMs = endedMs - dueMs;
    counts.completedOk += 1;
    counts.firstOkMs = Math.min(counts.firstOkMs ?? Number.POSITIVE_INFINITY, roundMs(endedMs));
    counts.lastOkMs = Math.max(counts.lastOkMs ?? 0, roundMs(endedMs));
    counts.maxLatencyMs = Math.max(counts.maxLatencyMs ?? 0, roundMs(latencyMs));
    const serverName = server ?? unknownServer;
    if (kind === 'read') interval.readsByServer[serverName] = (interval.readsByServer[serverName] ?? 0) + 1;
    const batch = this.#batchAt(Math.max(endedMs, this.#closedUntilMs));
    const key = `${name}\n${serverName}`;
    let histograms = batch.get(key);
    if (!histograms) {
      histograms = { latency: new LatencyCounts(), service: new LatencyCounts() };
      batch.set(key, histograms);
    }
    histograms.latency.recordMs(latencyMs);
    histograms.service.recordMs(endedMs - (sentMs ?? dueMs));
  }

  #sliceAt(atMs: number): OpenSlice {
    const position = Math.floor(atMs / intervalMs) - this.#firstSlice;
    invariant(position >= 0, `the slice of ${atMs} ms has been handed on`);
    while (this.#slices.length <= position) {
      const startMs = (this.#firstSlice + this.#slices.length) * intervalMs;
      this.#slices.push({ open: 0, interval: emptyInterval(startMs, this.#classes) });
    }
    return this.#slices[position] as OpenSlice;
  }

  #classIn({ interval }: OpenSlice, classIndex: number): ClassInterval {
    return interval.classes[(this.#classes[classIndex] as AccountClass).name] as ClassInterval;
  }

  #batchAt(atMs: number): Map<string, { latency: LatencyCounts; service: LatencyCounts }> {
    const number = Math.floor(atMs / latencySliceMs);
    const found = this.#batches.get(number) ?? new Map();
    this.#batches.set(number, found);
    return found;
  }

  #handOn(): void {
    for (let slice = this.#slices[0]; slice; slice = this.#slices[0]) {
      const { interval, open } = slice;
      if (open > 0 || interval.startMs + intervalMs > this.#closedUntilMs) break;
      assertIntervalBalanced(interval);
      this.#slices.shift();
      this.#firstSlice += 1;
      this.#sink.interval(interval);
    }
    this.#handOnLatency(this.#closedUntilMs);
  }

  #handOnLatency(untilMs: number): void {
    const last = Math.min(
      Math.floor(untilMs / latencySliceMs),
      Math.ceil(this.#closedUntilMs / latencySliceMs),
    );
    for (; this.#nextBatch < last; this.#nextBatch += 1) {
      const parts = [...(this.#batches.get(this.#nextBatch) ?? [])].map(([key, { latency, service }]) => {
        const [className = '', server = ''] = key.split('\n');
        return { className, server, latency: latency.take(), service: service.take() };
      });
      this.#batches.delete(this.#nextBatch);
      this.#sink.latency({ startMs: this.#nextBatch * latencySliceMs, lengthMs: latencySliceMs, parts });
    }
  }
}

interface OpenSlice {
  /** Operations due in it that have not ended. */
  open: number;
  interval: Interval;
}

/** Whole microseconds: finer than any timer here, and free of the digits that binary fractions drag along. */
function roundMs(valueMs: number): number {
  return Math.round(valueMs * 1000) / 1000;
}

function emptyInterval(startMs: number, classes: readonly AccountClass[]): Interval {
  const entries = classes.map(({ name }) => [name, emptyClassInterval()] as const);
  return {
    startMs,
    lengthMs: intervalMs,
    classes: Object.fromEntries(entries),
    readsByServer: {},
    sessionsByServer: {},
    refusedSessions: {},
    scheduleLagMs: null,
  };
}

function emptyClassInterval(): ClassInterval {
  return {
    due: 0,
    ok: 0,
    failed: 0,
    unknown: 0,
    skipped: 0,
    completedOk: 0,
    errors: {},
    firstOkMs: null,
    lastOkMs: null,
    maxLatencyMs: null,
  };
}

function assertBalanced(counts: Readonly<ClassTotals>, what: string): void {
  const ends = outcomes.reduce((sum, outcome) => sum + counts[outcome], 0);
  invariant(counts.due === ends, `${what}: ${counts.due} due, ${ends} ended`);
}

/** Asserts due = ok + failed + unknown + skipped for every class of a slice. */
export function assertIntervalBalanced({ startMs, classes }: Interval): void {
  for (const [name, counts] of Object.entries(classes))
    assertBalanced(counts, `class ${name} at ${startMs} ms`);
}
