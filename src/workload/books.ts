import { invariant } from '../kernel/errors.ts';
import type { PackedCounts } from '../recording/histogram.ts';
import type { Interval } from '../recording/intervals.ts';
import type { MissedOutcome } from '../recording/latency.ts';
import { type Outcome, outcomes } from './ledger.ts';

/** A class as the books need it. */
export interface AccountClass {
  name: string;
  kind: 'read' | 'write';
}

/** Latencies of one class on one server in a slice, of ok operations or of others. */
export interface LatencyPart {
  className: string;
  server: string;
  outcome?: MissedOutcome;
  latency: PackedCounts;
  service: PackedCounts;
}

/** All latencies of operations that ended in one slice; `parts` may be empty. Transferable between threads. */
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

/** What books are kept of, and for whom. */
export interface AccountOptions {
  classes: readonly AccountClass[];
  servers: readonly string[];
  sink: AccountSink;
}

/** Sums over the whole run. */
export type ClassTotals = Record<'due' | Outcome, number>;

/** Stops on a bug: asserts due = ok + failed + unknown + skipped. */
export function assertBalanced(counts: Readonly<ClassTotals>, what: string): void {
  const ends = outcomes.reduce((sum, outcome) => sum + counts[outcome], 0);
  invariant(counts.due === ends, `${what}: ${counts.due} due, ${ends} ended`);
}

/** Asserts due = ok + failed + unknown + skipped for every class of a slice. */
export function assertIntervalBalanced({ startMs, classes }: Interval): void {
  for (const [name, counts] of Object.entries(classes))
    assertBalanced(counts, `class ${name} at ${startMs} ms`);
}
