import type { Histogram } from 'hdr-histogram-js';
import { encodeLogLine, mergeHistograms } from './histogram.ts';
import { PackedHistogram } from './packed-histogram.ts';

/** How an operation ended whose latency is kept beside those of the ok ones. */
export type MissedOutcome = 'failed' | 'unknown';

/**
 * Latencies of operations of one class on one server in one slice of `latencySliceMs`: of ok ones, or of those that ended otherwise.
 * Histograms hold whole microseconds with 3 significant digits; in a recording they are packed.
 */
export interface LatencySlice<Kept extends Histogram | PackedHistogram = Histogram | PackedHistogram> {
  startMs: number;
  lengthMs: number;
  className: string;
  /** Server name; `?` where not attributed, `primary` never. */
  server: string;
  /** Left out: ok. Those of the others count for no server. */
  outcome?: MissedOutcome;
  /** From due time: what users feel. */
  latency: Kept;
  /** From send: what the server did. Of those that ended otherwise, without the ones that were never sent. */
  service: Kept;
}

/** The two lines of an interval log that hold a slice, tagged `class/server/latency` and `class/server/service`; `…/failed-latency` where it is not of ok ones. */
export function encodeSlice({
  startMs,
  lengthMs,
  className,
  server,
  outcome,
  latency,
  service,
}: LatencySlice): string {
  const prefix = outcome ? `${outcome}-` : '';
  return Object.entries({ latency, service })
    .map(([part, kept]) => {
      const histogram = kept instanceof PackedHistogram ? mergeHistograms([kept]) : kept;
      const tag = `${className}/${server}/${prefix}${part}`;
      return encodeLogLine({ startMs, lengthMs, tag }, histogram);
    })
    .join('');
}

/** Slices in order of time, those of ok operations apart from the others. */
export function byOutcome(slices: readonly LatencySlice[]): {
  latency: LatencySlice[];
  missed: LatencySlice[];
} {
  const sorted = slices.toSorted((a, b) => a.startMs - b.startMs);
  return {
    latency: sorted.filter(({ outcome }) => outcome === undefined),
    missed: sorted.filter(({ outcome }) => outcome !== undefined),
  };
}

/** The same slice, small: for keeping many. */
export function packSlice({ latency, service, ...rest }: LatencySlice<Histogram>): LatencySlice {
  return { ...rest, latency: PackedHistogram.of(latency), service: PackedHistogram.of(service) };
}

/** What a tag of an interval log names, or null: it is no slice's. */
export function readTag(
  tag: string,
): { className: string; server: string; outcome?: MissedOutcome; which: 'latency' | 'service' } | null {
  const found = /^(.*)\/([^/]*)\/(?:(failed|unknown)-)?(latency|service)$/.exec(tag);
  if (!found) return null;
  const [, className = '', server = '', outcome, which] = found;
  const place = { className, server, which: which as 'latency' | 'service' };
  return outcome ? { ...place, outcome: outcome as MissedOutcome } : place;
}
