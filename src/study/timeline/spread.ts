import { roundMs } from '../../kernel/time.ts';

/** A span over all trials, ms; null where it did not end by itself (of a mean: in some trial). */
export interface Spread {
  best: number | null;
  mean: number | null;
  worst: number | null;
  p5: number | null;
  p50: number | null;
  p95: number | null;
}

/**
 * Best, mean, worst and percentiles of spans; Infinity stands for one that never ended.
 *
 * A percentile is the smallest value that so many of the trials do not exceed (nearest rank).
 */
export function spreadOf(spans: readonly number[]): Spread {
  const sorted = spans.toSorted((a, b) => a - b);
  const finite = (value: number | undefined): number | null =>
    value === undefined || !Number.isFinite(value) ? null : roundMs(value);
  const rank = (share: number): number | undefined =>
    sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  return {
    best: finite(sorted[0]),
    mean: finite(meanOf(sorted)),
    worst: finite(sorted.at(-1)),
    p5: finite(rank(0.05)),
    p50: finite(rank(0.5)),
    p95: finite(rank(0.95)),
  };
}

/** Arithmetic mean; undefined of none. */
export function meanOf(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
