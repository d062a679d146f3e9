import { invariant } from '../kernel/errors.ts';
import { logGamma } from '../kernel/log-gamma.ts';

/** Halvings of the search interval: more than a double has digits. */
const halvings = 80;

const known = new Map<string, number>();

/**
 * Quantile of Student's t distribution, two-sided: a mean ± this many standard errors covers with probability `level`.
 *
 * @param degrees of freedom, above 0
 * @param level 0..1, without the ends
 */
export function studentQuantile(degrees: number, level: number): number {
  invariant(degrees > 0 && level > 0 && level < 1, `no t quantile for ${degrees} degrees, level ${level}`);
  const key = `${degrees} ${level}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  let low = 0;
  let high = 2;
  while (coverage(high, degrees) < level) high *= 2;
  for (let step = 0; step < halvings; step += 1) {
    const middle = (low + high) / 2;
    if (coverage(middle, degrees) < level) low = middle;
    else high = middle;
  }
  known.set(key, high);
  return high;
}

/** Probability that |T| stays below `bound`. */
function coverage(bound: number, degrees: number): number {
  return 1 - incompleteBeta(degrees / (degrees + bound * bound), degrees / 2, 0.5);
}

/**
 * The regularised incomplete beta function I_x(a, b), by its continued fraction where that converges fast, else by symmetry.
 * Source: Abramowitz and Stegun 26.5.8; evaluated by Lentz's method.
 */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  return (front / a) * betaFraction(x, a, b);
}

function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1), tiny);
  let value = d;
  for (let m = 1; m <= 100_000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonZero(1 + even * d, tiny);
    c = nonZero(1 + even / c, tiny);
    value *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonZero(1 + odd * d, tiny);
    c = nonZero(1 + odd / c, tiny);
    value *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) return value;
  }
  return value;
}

function nonZero(value: number, tiny: number): number {
  return Math.abs(value) < tiny ? tiny : value;
}
