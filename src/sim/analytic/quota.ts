import { SpanGrid } from './span-grid.ts';

/** A limit on processor time in each period, and the work that arrives under it. */
export interface Quota {
  /** Processor time a period over its length. */
  cores: number;
  periodMs: number;
  /** Work that arrives, in cores. */
  offered: number;
  /** Second moment of the work that arrives in a ms: how much it bursts. */
  square: number;
}

/** Instants of a period at which an arrival is looked at. */
const phases = 16;

/** A wait in one part of the arrivals: with `probability` until the period's end, `leastMs` away, and beyond that for an exponential span. */
interface Wait {
  probability: number;
  leastMs: number;
  beyondMs: number;
}

/** Mean time that a job is stopped by a quota; infinite where the load does not fit. */
export function meanThrottle(quota: Quota): number {
  if (quota.offered >= quota.cores) return Number.POSITIVE_INFINITY;
  return waits(quota).reduce(
    (sum, { probability, leastMs, beyondMs }) => sum + (probability * (leastMs + beyondMs)) / phases,
    0,
  );
}

/**
 * The time that a job is stopped by a quota, as a grid: an approximation by Brownian motion (docs/method.md N5).
 *
 * Work arrives with the mean and the variance of its Poisson process; what a period cannot serve is left to the next. An arrival is
 * stopped when the work so far exceeds the period's budget, at least to the end of the period.
 */
export function throttle(quota: Quota, stepMs: number): SpanGrid {
  const parts = waits(quota);
  return SpanGrid.of(stepMs, (spanMs) => {
    let stopped = 0;
    for (const { probability, leastMs, beyondMs } of parts) {
      if (spanMs < leastMs) stopped += probability;
      else if (beyondMs > 0) stopped += probability * Math.exp(-(spanMs - leastMs) / beyondMs);
    }
    return 1 - stopped / phases;
  });
}

function waits({ cores, periodMs, offered, square }: Quota): Wait[] {
  const spareMs = (cores - offered) * periodMs;
  const decay = square > 0 ? (2 * spareMs) / (square * periodMs) : Number.POSITIVE_INFINITY;
  return Array.from({ length: phases }, (_, index) => {
    const passedMs = ((index + 0.5) / phases) * periodMs;
    const headroomMs = cores * periodMs - offered * passedMs;
    return {
      probability: Math.exp(-decay * headroomMs),
      leastMs: periodMs - passedMs,
      beyondMs: 1 / (decay * cores),
    };
  });
}
