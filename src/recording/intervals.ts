/** Length of a slice of `intervals.jsonl`. */
export const intervalMs = 100;

/** Length of a slice of `latency.hlog`. */
export const latencySliceMs = 1000;

/**
 * One class of operations in one slice.
 *
 * `due ok failed unknown skipped` follow the operations that were *due* in the slice, whenever they ended, so
 * due = ok + failed + unknown + skipped holds in every slice. `completedOk`, `errors` and the instants count what
 * *ended* in the slice, as throughput and outages need.
 */
export interface ClassInterval {
  due: number;
  ok: number;
  failed: number;
  unknown: number;
  skipped: number;
  completedOk: number;
  /** Failed and unknown operations that ended here, by SQLSTATE, `closed` or `timeout`. */
  errors: Record<string, number>;
  /** First and last ok completion in the slice, ms since load start; null without one. */
  firstOkMs: number | null;
  lastOkMs: number | null;
  /** Largest latency from due time among ok completions, ms. */
  maxLatencyMs: number | null;
}

/** One slice of a line of `intervals.jsonl`. */
export interface Interval {
  startMs: number;
  lengthMs: number;
  classes: Record<string, ClassInterval>;
  /** Ok completions of read-class scripts by server name; `?` where not attributed. */
  readsByServer: Record<string, number>;
  /** Sessions connected at the end of the slice, by server that serves their balanced reads; `?` unknown. */
  sessionsByServer: Record<string, number>;
  /** Attempts to open a session that failed in the slice, by SQLSTATE, `closed` or `timeout`. */
  refusedSessions: Record<string, number>;
  /** Largest delay between due time and send among operations due here that found a free session, ms; null without one. */
  scheduleLagMs: number | null;
}
