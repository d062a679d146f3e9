import type { Histogram } from 'hdr-histogram-js';
import { encodeLogLine } from './histogram.ts';

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

/** The two lines of an interval log that hold a slice, tagged `class/server/latency` and `class/server/service`. */
export function encodeSlice({
  startMs,
  lengthMs,
  className,
  server,
  latency,
  service,
}: LatencySlice): string {
  return Object.entries({ latency, service })
    .map(([part, histogram]) =>
      encodeLogLine({ startMs, lengthMs, tag: `${className}/${server}/${part}` }, histogram),
    )
    .join('');
}
