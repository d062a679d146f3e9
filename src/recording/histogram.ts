import { build, type Histogram, HistogramLogReader, HistogramLogWriter } from 'hdr-histogram-js';
import { invariant } from '../kernel/errors.ts';
import { PackedHistogram } from './packed-histogram.ts';
import type { Percentiles } from './summary.ts';

export type { Histogram };

/** An empty histogram: whole microseconds, 3 significant digits, grows with the largest value. */
export function newHistogram(): Histogram {
  return build({
    bitBucketSize: 32,
    autoResize: true,
    lowestDiscernibleValue: 1,
    highestTrackableValue: 2,
    numberOfSignificantValueDigits: 3,
    useWebAssembly: false,
  });
}

/** Records a span given in milliseconds; a negative one counts as 0. */
export function recordMs(histogram: Histogram, spanMs: number): void {
  histogram.recordValue(toMicros(spanMs));
}

/** One histogram with the counts of all of `parts`, which stay as they are. */
export function mergeHistograms(parts: Iterable<Histogram | PackedHistogram>): Histogram {
  const merged = newHistogram();
  for (const part of parts) {
    if (part instanceof PackedHistogram) part.addTo(merged);
    else if (part.totalCount > 0) merged.add(part);
  }
  return merged;
}

/**
 * Percentiles in milliseconds; null of an empty histogram. The largest value is given to the histogram's precision, so
 * that it is the same before and after the histogram was written to a file.
 */
export function percentilesOf(histogram: Histogram): Percentiles | null {
  if (histogram.totalCount === 0) return null;
  const at = (percentile: number): number => histogram.getValueAtPercentile(percentile) / 1000;
  return {
    p50: at(50),
    p95: at(95),
    p99: at(99),
    p999: at(99.9),
    max: at(100),
    mean: Math.round(histogram.mean) / 1000,
  };
}

/** What a line of an interval log says besides its histogram; times in ms since load start. */
export interface LogLine {
  tag: string;
  startMs: number;
  lengthMs: number;
}

/** The comment lines that open an interval log whose times count from 0. */
export function logHeader(): string {
  let text = '';
  const writer = new HistogramLogWriter((part) => {
    text += part;
  });
  writer.outputLogFormatVersion();
  writer.outputComment('[BaseTime: 0.000 (seconds since load start)]');
  writer.outputLegend();
  return text;
}

/** One line of HdrHistogram's interval log, newline included: seconds, the largest value in ms, the histogram in µs. */
export function encodeLogLine({ tag, startMs, lengthMs }: LogLine, histogram: Histogram): string {
  invariant(/^[^\s,]+$/.test(tag), `the tag "${tag}" would break an interval log`);
  let text = '';
  const writer = new HistogramLogWriter((part) => {
    text += part;
  });
  histogram.tag = tag;
  writer.outputIntervalHistogram(histogram, startMs / 1000, (startMs + lengthMs) / 1000, 1000);
  return text;
}

/** Reads one line that `encodeLogLine` or another HdrHistogram tool wrote; null for a comment, the legend or a broken line. */
export function decodeLogLine(line: string): (LogLine & { histogram: Histogram }) | null {
  try {
    const histogram = new HistogramLogReader(line, 32).nextIntervalHistogram(Number.NEGATIVE_INFINITY);
    if (histogram === null || Number.isNaN(histogram.startTimeStampMsec)) return null;
    const startMs = Math.round(histogram.startTimeStampMsec);
    const lengthMs = Math.round(histogram.endTimeStampMsec) - startMs;
    return { tag: histogram.tag, startMs, lengthMs, histogram };
  } catch {
    return null;
  }
}

/** Buckets up to 8 ms, where most of what is measured lies. */
const leastBuckets = 4096;

/** The buckets that hold something, lowest value first: small and transferable between threads. */
export interface PackedCounts {
  /** Lowest value of each bucket, µs. */
  micros: Float64Array;
  counts: Float64Array;
}

/**
 * Latency counts for the path of every operation: HdrHistogram's bucket layout for 3 digits in one flat array, several
 * times cheaper to record into than the library (bench/load/micro.mjs). Becomes a `Histogram` by `unpackInto`.
 */
export class LatencyCounts {
  /** Nothing until something is recorded: most servers of a set of counts never answer a class. */
  #counts = new Uint32Array(0);
  /** Highest bucket that something was recorded in since the last `take`; -1 for none. */
  #highest = -1;

  /** Records a span in milliseconds; a negative one counts as 0. */
  recordMs(spanMs: number): void {
    const rounded = spanMs * 1000 + 0.5;
    const micros = rounded < 0x7fffffff ? (rounded > 0 ? rounded | 0 : 0) : 0x7fffffff;
    const shift = 21 - Math.clz32(micros | 2047);
    const index = (shift << 10) + (micros >>> shift);
    if (index > this.#highest) this.#highest = index;
    const counts = this.#counts;
    if (index < counts.length) counts[index] = (counts[index] as number) + 1;
    else this.#growFor(index);
  }

  /** Takes everything out: the counts so far, and empty from here on. */
  take(): PackedCounts {
    const all = this.#counts;
    const micros: number[] = [];
    const counts: number[] = [];
    for (let index = 0; index <= this.#highest; index += 1) {
      const count = all[index] as number;
      if (count === 0) continue;
      const shift = Math.max(0, (index >> 10) - 1);
      micros.push((index - (shift << 10)) * 2 ** shift);
      counts.push(count);
    }
    all.fill(0, 0, this.#highest + 1);
    this.#highest = -1;
    return { micros: new Float64Array(micros), counts: new Float64Array(counts) };
  }

  /** Makes room for a value of that index and counts it. */
  #growFor(index: number): void {
    const grown = new Uint32Array(Math.max(leastBuckets, this.#counts.length * 2, index + 1));
    grown.set(this.#counts);
    grown[index] = 1;
    this.#counts = grown;
  }
}

/** Adds packed counts to a histogram; the largest value first, so that it grows once. */
export function unpackInto(histogram: Histogram, { micros, counts }: PackedCounts): void {
  for (let at = micros.length - 1; at >= 0; at -= 1) {
    histogram.recordValueWithCount(micros[at] as number, counts[at] as number);
  }
}

/** Whole microseconds from 0 to 35 minutes (31 bits): longer spans than any timeout count as the largest. */
function toMicros(spanMs: number): number {
  return Math.min(0x7fffffff, Math.max(0, Math.round(spanMs * 1000)));
}
