import type { RecordedEvent } from './events.ts';
import type { Histogram } from './histogram.ts';
import type { Interval } from './intervals.ts';
import type { LatencySlice } from './latency.ts';
import type { Manifest } from './manifest.ts';
import type { CountCheck } from './summary.ts';

/** Everything that one run observed, in memory: what analyses read, whichever world made it. */
export interface Recording {
  manifest: Manifest;
  /** In order of `atMs`. */
  events: readonly RecordedEvent[];
  /** In order of `startMs`, without holes. */
  intervals: readonly Interval[];
  /** Of ok operations, in order of `startMs`. */
  latency: readonly LatencySlice[];
  /** Of failed and unknown ones, in order of `startMs`. */
  missed: readonly LatencySlice[];
  /** What the write ledger found after the run; null where it was not checked. */
  ledger: LedgerFinding | null;
  /** Counts of the servers themselves against ours, taken after the run. */
  counters: CountCheck[];
}

/** The acknowledged and doubtful writes against the rows on the surviving timeline. */
export interface LedgerFinding {
  ok: number;
  unknown: number;
  failed: number;
  /** Rows found in all. */
  found: number;
  unknownFound: number;
  failedFound: number;
  /** Acknowledged writes that have no row: completion instants, ms since load start. */
  lostAtMs: number[];
}

/** Where a world puts what it observes, as the run goes. */
export interface Recorder {
  event(event: RecordedEvent): void;
  interval(interval: Interval): void;
  /** A slice of ok operations, or of others. */
  latency(slice: LatencySlice<Histogram>): void;
}
