import type { Histogram } from 'hdr-histogram-js';

/**
 * Latencies of ok operations of one class on one server in one slice of `latencySliceMs`.
 * Histograms hold whole microseconds with 3 significant digits.
 */
export interface LatencySlice {
  startMs: number;
  lengthMs: number;
  className: string;
  /** Server name; `?` where not attributed, `primary` never. */
  server: string;
  /** From due time: what users feel. */
  latency: Histogram;
  /** From send: what the server did. */
  service: Histogram;
}
