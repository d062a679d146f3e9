import { Random } from '../../kernel/random.ts';
import { drawOf } from '../../sim/draws.ts';

/** Distribution of a service time with a given mean. */
export type Shape =
  | { distribution: 'lognormal' | 'gamma'; variation: number }
  /** ms at equal steps of probability, ascending. */
  | { distribution: 'empirical'; quantiles: number[] };

/** A service time: its mean, ms, and how it is distributed. */
export interface Time {
  meanMs: number;
  shape: Shape;
}

/** Times as they were seen: value below which a share of 0..1 of them lies, ms. */
export type Quantiles = (share: number) => number;

/** Quantiles that fits are judged by; the ends of a distribution are chance. */
const compared = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99];

/** What no lognormal fits better than this is given by quantiles. */
export const worstFit = 0.1;

/** Draws of each part: enough that the 99th percentile of a sum is good to 3 %; fewer for the first look, which has hundreds of tries. */
const draws = 6000;
const coarseDraws = 1000;

/** How much a parameter that leaves what was believed must gain, in squared misfit for each squared e-fold. */
const stay = 3e-4;

/** Looks around the best of the first look, each with a smaller step. */
const refinements = 7;
const firstStep = 0.35;
const nextStep = 0.6;

const empiricalSteps = 100;

/** Rounds in which quantiles are stretched; they settle earlier. */
const stretches = 16;

/** Something that is looked for: where to begin, the values of the first look, and how large it may become. */
export interface Unknown {
  believed: number;
  tries: readonly number[];
  most?: number;
}

/** Larger spreads make times of which no run holds enough to tell. */
const mostVariation = 4;

/** Coefficients of variation that are tried for one that was believed to be something. */
export function variations(believed: number): Unknown {
  return { believed, tries: [believed, 0.1, 0.2, 0.35, 0.6, 1, 1.6, 2.5], most: mostVariation };
}

/**
 * Finds the values of some unknowns with which times come out as they were seen: a search over all tries, then around the
 * best. An unknown that the times do not tell stays as it was believed.
 *
 * @param unknowns positive ones; 0 among the tries is kept as it is
 * @param drawing makes the source of times for values of the unknowns, from a stream that is the same for all of them
 * @returns the values, and the root mean square of ln(fitted / seen) over the compared quantiles
 */
export function fitTimes<Name extends string>(
  seen: Quantiles,
  unknowns: Readonly<Record<Name, Unknown>>,
  drawing: (values: Readonly<Record<Name, number>>, random: Random) => () => number,
): { values: Record<Name, number>; residual: number } {
  const names = Object.keys(unknowns) as Name[];
  type Values = Record<Name, number>;
  const miss = (values: Values, count: number): number => {
    const draw = drawing(values, new Random(1));
    return missOf(seen, Float64Array.from({ length: count }, draw).sort());
  };
  const cost = (values: Values, count: number): number => {
    const leaving = names.map((name) => {
      const [to, from] = [values[name], unknowns[name].believed];
      return to > 0 && from > 0 ? Math.log(to / from) ** 2 : 0;
    });
    return miss(values, count) ** 2 + stay * leaving.reduce((sum, value) => sum + value, 0);
  };
  const leastOf = (tries: readonly Values[], count: number): Values => {
    const costs = tries.map((values) => cost(values, count));
    return tries[costs.indexOf(Math.min(...costs))] as Values;
  };
  const product = (listOf: (name: Name) => readonly number[]): Values[] =>
    names.reduce<Values[]>(
      (partial, name) =>
        partial.flatMap((values) => listOf(name).map((value) => ({ ...values, [name]: value }))),
      [{} as Values],
    );
  let best = leastOf(
    product((name) => [...new Set(unknowns[name].tries)]),
    coarseDraws,
  );
  let step = firstStep;
  for (let round = 0; round < refinements; round += 1, step *= nextStep) {
    const from = best;
    const around = (name: Name): number[] => {
      const { [name]: value } = from;
      const { most = Number.POSITIVE_INFINITY } = unknowns[name];
      return value > 0 ? [value, value * Math.exp(-step), Math.min(most, value * Math.exp(step))] : [value];
    };
    best = leastOf(product(around), draws);
  }
  return { values: best, residual: miss(best, draws) };
}

/** A source of a time's values. */
export function drawer({ meanMs: mean, shape }: Time, random: Random): () => number {
  const source = 'calibration';
  if (shape.distribution === 'empirical') {
    const { distribution, quantiles } = shape;
    return drawOf({ mean, variation: 1, distribution, quantiles, source }, random);
  }
  const { distribution, variation } = shape;
  return drawOf({ mean, variation, distribution, source }, random);
}

/**
 * Finds the quantiles of one way, so that so many of them and the rest of a time come out as seen: a first guess is stretched
 * again and again where the sum misses, each part of it by what the sums that it has most of miss.
 */
export function empiricalWay(
  seen: Quantiles,
  ways: number,
  rest: (random: Random) => () => number,
): Time & { residual: number } {
  let quantiles = Array.from({ length: empiricalSteps + 1 }, (_, step) => seen(step / empiricalSteps) / ways);
  let best = { quantiles, residual: Number.POSITIVE_INFINITY };
  for (let round = 0; round < stretches; round += 1) {
    const random = new Random(1);
    const other = rest(random.fork('rest'));
    const sums = Array.from({ length: draws }, () => {
      const places = Array.from({ length: ways }, () => random.unit() * empiricalSteps);
      const spans = places.map((place) => between(quantiles, place));
      return { places, spans, sum: spans.reduce((sum, span) => sum + span, other()) };
    }).sort((one, another) => one.sum - another.sum);
    const residual = missOf(
      seen,
      Float64Array.from(sums, ({ sum }) => sum),
    );
    if (residual < best.residual) best = { quantiles, residual };
    const misses = new Float64Array(empiricalSteps + 1);
    const weights = new Float64Array(empiricalSteps + 1);
    for (const [rank, { places, spans, sum }] of sums.entries()) {
      const miss = Math.log(Math.max(seen((rank + 0.5) / draws), 1e-6) / Math.max(sum, 1e-6));
      for (const [at, place] of places.entries()) {
        const weight = (spans[at] ?? 0) / Math.max(sum, 1e-6);
        const step = Math.round(place);
        misses[step] = (misses[step] ?? 0) + weight * miss;
        weights[step] = (weights[step] ?? 0) + weight;
      }
    }
    const stretched = quantiles.map((value, step) => {
      const weight = weights[step] ?? 0;
      return weight > 0 ? value * Math.exp((misses[step] ?? 0) / weight) : value;
    });
    quantiles = stretched.map((_, step) => Math.max(...stretched.slice(0, step + 1)));
  }
  const { quantiles: found, residual } = best;
  return { meanMs: meanOf(found), shape: { distribution: 'empirical', quantiles: found }, residual };
}

/** Straight lines between quantiles. */
function between(quantiles: readonly number[], place: number): number {
  const step = Math.min(quantiles.length - 2, Math.floor(place));
  const low = quantiles[step] ?? 0;
  return low + (place - step) * ((quantiles[step + 1] ?? low) - low);
}

/** Mean of the distribution that is level between neighbouring quantiles. */
function meanOf(quantiles: readonly number[]): number {
  const inner = quantiles.slice(1, -1).reduce((sum, value) => sum + value, 0);
  return (inner + ((quantiles[0] ?? 0) + (quantiles.at(-1) ?? 0)) / 2) / Math.max(1, quantiles.length - 1);
}

function missOf(seen: Quantiles, sums: Float64Array): number {
  const squares = compared.map((share) => {
    const fitted = sums[Math.floor(share * sums.length)] ?? 0;
    return Math.log(Math.max(fitted, 1e-6) / Math.max(seen(share), 1e-6)) ** 2;
  });
  return Math.sqrt(squares.reduce((sum, value) => sum + value, 0) / squares.length);
}
