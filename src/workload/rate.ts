import { invariant } from '../kernel/errors.ts';

/** A stretch of the load in which the rate moves evenly from one value to another; times in ms since load start. */
export interface RateSegment {
  startMs: number;
  endMs: number;
  fromPerSecond: number;
  toPerSecond: number;
}

/**
 * Operations due per second: one number for the whole load, or segments in order of time that do not overlap; between,
 * before and after them nothing is due.
 */
export type Rate = number | readonly RateSegment[];

/** A rate as a scenario writes it; durations in ms since load start. */
export type WrittenRate =
  | number
  | { from: number; to: number; over?: number | undefined }
  | readonly { at: number; perSecond: number }[];

/**
 * The rate that a scenario's words mean over a load of `durationMs`: a ramp that names no `over` takes the whole load, and
 * its last value holds after it; a step holds until the next.
 */
export function rateOf(written: WrittenRate, durationMs: number): Rate {
  if (typeof written === 'number') return written;
  if ('from' in written) {
    const { from, to, over = durationMs } = written;
    const ramp = { startMs: 0, endMs: over, fromPerSecond: from, toPerSecond: to };
    const rest = { startMs: over, endMs: durationMs, fromPerSecond: to, toPerSecond: to };
    return over < durationMs ? [ramp, rest] : [ramp];
  }
  return written.map(({ at, perSecond }, index) => ({
    startMs: at,
    endMs: written[index + 1]?.at ?? durationMs,
    fromPerSecond: perSecond,
    toPerSecond: perSecond,
  }));
}

/** A rate that is `factor` times as high. */
export function scaledRate(rate: Rate, factor: number): Rate {
  if (typeof rate === 'number') return rate * factor;
  return rate.map((segment) => ({
    ...segment,
    fromPerSecond: segment.fromPerSecond * factor,
    toPerSecond: segment.toPerSecond * factor,
  }));
}

/** Mean rate over a stretch of the load, per second. */
export function meanPerSecond(rate: Rate, { startMs, endMs }: { startMs: number; endMs: number }): number {
  if (typeof rate === 'number') return rate;
  if (endMs <= startMs) return 0;
  const due = rate.reduce((sum, segment) => sum + dueIn(segment, startMs, endMs), 0);
  return (due * 1000) / (endMs - startMs);
}

/** Operations due in the part of a segment that lies between two instants. */
function dueIn(segment: RateSegment, startMs: number, endMs: number): number {
  const fromMs = Math.max(startMs, segment.startMs);
  const untilMs = Math.min(endMs, segment.endMs);
  if (untilMs <= fromMs) return 0;
  return (((perSecondAt(segment, fromMs) + perSecondAt(segment, untilMs)) / 2) * (untilMs - fromMs)) / 1000;
}

function perSecondAt({ startMs, endMs, fromPerSecond, toPerSecond }: RateSegment, atMs: number): number {
  return fromPerSecond + ((toPerSecond - fromPerSecond) * (atMs - startMs)) / (endMs - startMs);
}

/**
 * The instants at which a rate in segments has made so many operations due: the rate's integral, inverted segment by
 * segment, so that no operation is drawn and thrown away.
 */
export class RateIntegral {
  readonly #segments: readonly RateSegment[];
  #position = 0;
  /** Operations due before the segment at `#position`. */
  #before = 0;
  #lastCount = 0;

  constructor(segments: readonly RateSegment[]) {
    this.#segments = segments;
  }

  /**
   * When the integral of the rate reaches `count`; Infinity when it never does.
   * @param count not below that of the call before
   */
  instantOf(count: number): number {
    invariant(count >= this.#lastCount, `operation ${count} is asked for after ${this.#lastCount}`);
    this.#lastCount = count;
    for (; ; this.#position += 1) {
      const segment = this.#segments[this.#position];
      if (!segment) return Number.POSITIVE_INFINITY;
      const { startMs, endMs, fromPerSecond, toPerSecond } = segment;
      const due = dueIn(segment, startMs, endMs);
      const more = count - this.#before;
      if (more <= due && due > 0) {
        const slope = (toPerSecond - fromPerSecond) / (endMs - startMs);
        const root = Math.sqrt(Math.max(0, fromPerSecond * fromPerSecond + 2000 * slope * more));
        const sum = fromPerSecond + root;
        const intoMs = sum === 0 ? 0 : (2000 * more) / sum;
        return Math.min(endMs, startMs + intoMs);
      }
      this.#before += due;
    }
  }
}
