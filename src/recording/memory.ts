import type { RecordedEvent } from './events.ts';
import type { Interval } from './intervals.ts';
import type { LatencySlice } from './latency.ts';
import type { Manifest } from './manifest.ts';
import type { LedgerFinding, Recorder, Recording } from './recording.ts';
import type { CountCheck } from './summary.ts';

/** What `settle` of a world found after the load; the content of `ledger.json`. */
export interface SettledCounts {
  ledger: LedgerFinding | null;
  counters: CountCheck[];
}

/** Keeps a run in memory: for simulated runs and tests. */
export class MemoryRecorder implements Recorder {
  readonly #events: RecordedEvent[] = [];
  readonly #intervals: Interval[] = [];
  readonly #latency: LatencySlice[] = [];

  event(event: RecordedEvent): void {
    this.#events.push(event);
  }

  interval(interval: Interval): void {
    this.#intervals.push(interval);
  }

  latency(slice: LatencySlice): void {
    this.#latency.push(slice);
  }

  /** Everything so far as a recording, events and latencies in order of time (ties as they came). */
  recording(
    manifest: Manifest,
    { ledger, counters }: SettledCounts = { ledger: null, counters: [] },
  ): Recording {
    return {
      manifest,
      events: [...this.#events].sort((a, b) => a.atMs - b.atMs),
      intervals: [...this.#intervals],
      latency: [...this.#latency].sort((a, b) => a.startMs - b.startMs),
      ledger,
      counters,
    };
  }
}
