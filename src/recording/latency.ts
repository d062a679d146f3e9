import type { Histogram } from 'hdr-histogram-js';
import { encodeLogLine, mergeHistograms } from './histogram.ts';
import { PackedHistogram } from './packed-histogram.ts';

/**
 * Latencies of ok operations of one class on one server in one slice of `latencySliceMs`.
 * Histograms hold whole microseconds with 3 significant digits; in a recording they are packed.
 */
export interface LatencySlice<Kept extends Histogram | PackedHistogram = Histogram | PackedHistogram> {
  startMs: number;
  lengthMs: number;
  className: string;
  /** Server name; `?` where not attributed, `primary` never. */
  server: string;
  /** From due time: what users feel. */
  latency: Kept;
  /** From send: what the server did. */
  service: Kept;
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
    .map(([part, kept]) => {
      const histogram = kept instanceof PackedHistogram ? mergeHistograms([kept]) : kept;
      return encodeLogLine({ startMs, lengthMs, tag: `${className}/${server}/${part}` }, histogram);
    })
    .join('');
}

/** The same slice, small: for keeping many. */
export function packSlice({ latency, service, ...rest }: LatencySlice<Histogram>): LatencySlice {
  return { ...rest, latency: PackedHistogram.of(latency), service: PackedHistogram.of(service) };
}
