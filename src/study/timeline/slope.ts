import { studentQuantile } from '../../analysis/student.ts';
import { meanOf } from './spread.ts';

/** Seconds of a span per second of a setting: the mean over pairs of trials, and the ends of its 95 % interval. */
export interface Slope {
  mean: number;
  low: number;
  high: number;
}

/**
 * Mean and 95 % interval of the differences of pairs, in the order of their trials; null of none.
 *
 * The trials are a systematic sample (the fault's phase grows with their index), for which the variance is estimated from
 * successive differences: half of their mean square, so that a trend along the sample does not count as noise.
 */
export function slopeOf(differences: readonly number[]): Slope | null {
  const mean = meanOf(differences);
  if (mean === undefined) return null;
  const count = differences.length;
  const squares = differences.slice(1).map((value, index) => (value - (differences[index] ?? value)) ** 2);
  const variance = (meanOf(squares) ?? 0) / 2;
  const reach = studentQuantile(Math.max(1, count - 1), 0.95) * Math.sqrt(variance / count);
  return { mean: roundSlope(mean), low: roundSlope(mean - reach), high: roundSlope(mean + reach) };
}

/** What is not distinguished from no effect counts as none. */
export function certainSlope(slope: Slope | null | undefined): number {
  return !slope || isNearZero(slope) ? 0 : slope.mean;
}

/** The interval covers 0. */
export function isNearZero({ low, high }: Slope): boolean {
  return low <= 0 && high >= 0;
}

/** Three places. */
function roundSlope(slope: number): number {
  return Math.round(slope * 1000) / 1000 + 0;
}
