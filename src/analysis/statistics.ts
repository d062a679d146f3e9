import { invariant } from '../kernel/errors.ts';
import { studentQuantile } from './student.ts';

/** A mean and the half width of its confidence interval, in the unit of the values; infinite where one value says nothing of its spread. */
export interface Interval {
  mean: number;
  halfWidth: number;
  level: 0.95;
}

/** How a series is cut: the first `warmUp` values are dropped (`mser5`: as many as `warmUpLength` finds), the rest is `batches` equal parts. */
export interface BatchCut {
  warmUp: number | 'mser5';
  batches: number;
}

/** Values that are averaged before MSER looks at them: five, which makes it MSER-5. */
const mserBatch = 5;

/**
 * 95 % Student-t interval of a mean over independent replications: same system, other seeds.
 * @param means one value of each replication: a mean, a rate, a utilisation, or a percentile
 */
export function replications(means: readonly number[]): Interval {
  invariant(means.length > 0, 'an interval needs a value');
  const count = means.length;
  const mean = sumOf(means) / count;
  if (count === 1) return { mean, halfWidth: Number.POSITIVE_INFINITY, level: 0.95 };
  const squares = means.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = Math.sqrt(squares / (count - 1) / count);
  return { mean, halfWidth: studentQuantile(count - 1, 0.95) * deviation, level: 0.95 };
}

/**
 * 95 % interval of the mean of one long series whose neighbours depend on each other, by batch means: the means of long
 * batches are nearly independent and nearly normal. Ten to thirty batches are usual (Schmeiser 1982).
 *
 * What does not fill a batch at the end is left out.
 *
 * @param values in order of time
 */
export function batchMeans(values: Float64Array, cut: BatchCut): Interval {
  return batchStatistic(values, cut, meanOf);
}

/**
 * 95 % interval of a quantile of one long series, over batches. A quantile of a small batch is biased; each should hold ten values
 * beyond the quantile at least (1000 for p99).
 * @param quantile 0..1
 */
export function batchQuantiles(
  values: Float64Array,
  { quantile, ...cut }: BatchCut & { quantile: number },
): Interval {
  return batchStatistic(values, cut, (batch) => quantileOf(batch.toSorted(), quantile));
}

/**
 * Values at the head of a series that belong to the warm-up, by MSER-5: means of five are taken, and the head is dropped that makes the
 * estimated variance of the remaining mean least. Never more than half: a minimum there says that the series is too short.
 * Source: White, "An effective truncation heuristic for bias reduction in simulation output", Simulation 69 (1997).
 */
export function warmUpLength(values: Float64Array): number {
  const count = Math.floor(values.length / mserBatch);
  let least = Number.POSITIVE_INFINITY;
  let best = 0;
  let sum = 0;
  let squares = 0;
  for (let dropped = count - 1; dropped >= 0; dropped -= 1) {
    const mean = meanOf(values.subarray(dropped * mserBatch, (dropped + 1) * mserBatch));
    sum += mean;
    squares += mean * mean;
    const kept = count - dropped;
    if (dropped > count / 2) continue;
    const variance = Math.max(0, squares / kept - (sum / kept) ** 2) / kept;
    if (variance <= least) {
      least = variance;
      best = dropped;
    }
  }
  return best * mserBatch;
}

/** Correlation of each value with the next one, -1..1; 0 for a constant series. Batches are long enough when that of their means is near 0. */
export function lagOneCorrelation(values: Float64Array): number {
  const mean = meanOf(values);
  let together = 0;
  let alone = 0;
  for (const [index, value] of values.entries()) {
    alone += (value - mean) ** 2;
    const next = values[index + 1];
    if (next !== undefined) together += (value - mean) * (next - mean);
  }
  return alone === 0 ? 0 : together / alone;
}

/** @param sorted ascending, at least one value @param quantile 0..1 @returns the smallest value that so large a share does not exceed */
export function quantileOf(sorted: Float64Array, quantile: number): number {
  invariant(quantile >= 0 && quantile <= 1, `a quantile lies between 0 and 1, got ${quantile}`);
  const value = sorted[Math.max(0, Math.ceil(quantile * sorted.length) - 1)];
  invariant(value !== undefined, 'a quantile needs a value');
  return value;
}

function batchStatistic(
  values: Float64Array,
  { warmUp, batches }: BatchCut,
  statistic: (batch: Float64Array) => number,
): Interval {
  invariant(Number.isInteger(batches) && batches >= 2, `two batches at least, got ${batches}`);
  const dropped = warmUp === 'mser5' ? warmUpLength(values) : warmUp;
  const length = Math.floor((values.length - dropped) / batches);
  invariant(length >= 1, `${values.length} values less ${dropped} of warm-up do not fill ${batches} batches`);
  const found = Array.from({ length: batches }, (_, index) => {
    const start = dropped + index * length;
    return statistic(values.subarray(start, start + length));
  });
  return replications(found);
}

function meanOf(values: Float64Array): number {
  return sumOf(values) / values.length;
}

/** Kahan's sum: a long series loses no digits. */
function sumOf(values: Iterable<number>): number {
  let sum = 0;
  let lost = 0;
  for (const value of values) {
    const corrected = value - lost;
    const next = sum + corrected;
    lost = next - sum - corrected;
    sum = next;
  }
  return sum;
}
