import type { RecordedEvent } from './events.ts';
import type { Histogram } from './histogram.ts';
import type { Interval } from './intervals.ts';
import { byOutcome, type LatencySlice, packSlice } from './latency.ts';
import type { Manifest } from './manifest.ts';
import { IntervalPacker } from './packed-intervals.ts';
import type { LedgerFinding, Recorder, Recording } from './recording.ts';
import type { CountCheck } from './summary.ts';

/** What `settle` of a world found after the load; the content of `ledger.json`. */
export interface SettledCounts {
  ledger: LedgerFinding | null;
  counters: CountCheck[];
}

/** Keeps a run in memory, packed, so that hours of it find room: for simulated runs and tests. */
export class MemoryRecorder implements Recorder {
  readonly #events: RecordedEvent[] = [];
  readonly #packer = new IntervalPacker();
  readonly #intervals: Interval[] = [];
  readonly #latency: LatencySlice[] = [];

  event(event: RecordedEvent): void {
    this.#events.push(event);
  }

  interval(interval: Interval): void {
    this.#intervals.push(this.#packer.pack(interval));
  }

  latency(slice: LatencySlice<Histogram>): void {
    this.#latency.push(packSlice(slice));
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
      ...byOutcome(this.#latency),
      ledger,
      counters,
    };
  }
}
