import { logGamma } from '../../kernel/log-gamma.ts';
import type { ServiceTime } from '../../scenario/model-shape.ts';

/** Probability that a piece of work is at most so long, ms; the same distributions as the simulation draws from. */
export function workProbability(time: ServiceTime): (spanMs: number) => number {
  const { mean, variation, distribution, quantiles } = time;
  if (distribution === 'empirical' && quantiles) return empirical(quantiles);
  if (variation === 0 || mean === 0) return (spanMs) => (spanMs >= mean ? 1 : 0);
  if (distribution === 'exponential') return (spanMs) => 1 - Math.exp(-Math.max(0, spanMs) / mean);
  if (distribution === 'gamma') {
    const shape = 1 / (variation * variation);
    return (spanMs) => lowerGamma(shape, (Math.max(0, spanMs) / mean) * shape);
  }
  const variance = Math.log(1 + variation * variation);
  const middle = Math.log(mean) - variance / 2;
  return (spanMs) => (spanMs > 0 ? normal((Math.log(spanMs) - middle) / Math.sqrt(variance)) : 0);
}

/** Straight lines between quantiles at equal steps of probability. */
function empirical(quantiles: readonly number[]): (spanMs: number) => number {
  const steps = quantiles.length - 1;
  return (spanMs) => {
    const above = quantiles.findIndex((value) => value > spanMs);
    if (above < 0) return 1;
    if (above === 0) return 0;
    const low = quantiles[above - 1] as number;
    const high = quantiles[above] as number;
    return (above - 1 + (spanMs - low) / (high - low)) / steps;
  };
}

/** Share of a standard normal variable below `z`, to 1e-7 (Abramowitz and Stegun 26.2.17). */
function normal(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const tail =
    ((Math.exp((-z * z) / 2) * t) / Math.sqrt(2 * Math.PI)) *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return z >= 0 ? 1 - tail : tail;
}

/** The regularised lower incomplete gamma function P(shape, x): its series, or the continued fraction of its complement. */
function lowerGamma(shape: number, x: number): number {
  if (x <= 0) return 0;
  const front = Math.exp(shape * Math.log(x) - x - logGamma(shape));
  if (x < shape + 1) {
    let term = 1 / shape;
    let sum = term;
    for (let n = 1; n < 10_000 && term > sum * 1e-15; n += 1) {
      term *= x / (shape + n);
      sum += term;
    }
    return front * sum;
  }
  let b = x + 1 - shape;
  let c = 1e300;
  let d = 1 / b;
  let value = d;
  for (let n = 1; n < 10_000; n += 1) {
    const a = -n * (n - shape);
    b += 2;
    d = 1 / (a * d + b);
    c = b + a / c;
    value *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return 1 - front * value;
}
