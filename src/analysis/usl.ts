import { inverseOf } from './matrix.ts';
import { studentQuantile } from './student.ts';

/** One measurement: throughput at a number of servers, sessions or processors. */
export interface ScalePoint {
  n: number;
  /** In any unit, the same for all points. */
  throughput: number;
}

/** A fitted coefficient with its 95 % confidence interval; none for a coefficient that stopped at its bound of 0. */
export interface Coefficient {
  value: number;
  low: number | null;
  high: number | null;
}

/** The universal scalability law fitted to points. */
export interface UslFit {
  points: number;
  /** Throughput of one, in the unit of the points. */
  lambda: Coefficient;
  /** Contention: the share of the work that has to be done one after the other. */
  sigma: Coefficient;
  /** Coherency: what each pair costs to keep in agreement. */
  kappa: Coefficient;
  /** Where throughput is largest; null when it grows without end. */
  peak: { n: number; throughput: number } | null;
  /** What throughput approaches when nothing but contention limits it; null when there is a peak, or no limit at all. */
  limit: number | null;
  residuals: { n: number; throughput: number; fitted: number; residual: number }[];
  /** Share of the variance of the points that the law explains. */
  rSquared: number;
}

/** Points below which the law is not fitted: three coefficients would follow the noise of fewer (docs/sweep.md). */
export const fewestPoints = 6;

/** Different numbers of servers below which three coefficients cannot be told apart. */
const fewestSizes = 4;

/** Steps of the search at most; it takes about ten. */
const mostSteps = 500;

/** Why no law is fitted to the points; null when it can be. */
export function refusalOf(points: readonly ScalePoint[]): string | null {
  const sizes = new Set(points.map(({ n }) => n)).size;
  if (points.length < fewestPoints) {
    return `the universal scalability law needs at least ${fewestPoints} points, got ${points.length}: three coefficients would follow the noise of fewer`;
  }
  if (sizes < fewestSizes) {
    return `the universal scalability law needs at least ${fewestSizes} different n, got ${sizes}: its three coefficients cannot be told apart on fewer`;
  }
  const bad = points.find(
    ({ n, throughput }) => !(n > 0 && throughput > 0 && Number.isFinite(n * throughput)),
  );
  return bad ? `n and throughput must be above 0, got ${bad.n} and ${bad.throughput}` : null;
}

/**
 * Fits the universal scalability law, X(n) = λn / (1 + σ(n−1) + κn(n−1)) with λ > 0 and σ, κ ≥ 0, by least squares.
 *
 * Where the best unbounded fit has a negative coefficient, the best one with that coefficient at 0 is taken: with two bounds the
 * constrained minimum lies in the interior or on one of three faces, and all are tried. Intervals are those of the linearised
 * law at the minimum (Student's t, points less free coefficients).
 *
 * @param points those that `refusalOf` accepts
 * @see Gunther, Guerrilla Capacity Planning (2007), chapters 4 to 6; Schwartz, Practical Scalability Analysis (2015)
 */
export function fitUsl(points: readonly ScalePoint[]): UslFit {
  const start = startOf(points);
  const faces: readonly (readonly Name[])[] = [
    ['lambda', 'sigma', 'kappa'],
    ['lambda', 'sigma'],
    ['lambda', 'kappa'],
    ['lambda'],
  ];
  const fits = faces
    .map((free) => descend(points, start, free))
    .filter(({ at }) => at.sigma >= 0 && at.kappa >= 0);
  const best = fits.reduce((first, second) => (second.squares < first.squares ? second : first));
  return described(points, best);
}

type Name = 'lambda' | 'sigma' | 'kappa';
type Coefficients = Record<Name, number>;

interface Minimum {
  at: Coefficients;
  free: readonly Name[];
  /** Sum of the squared residuals. */
  squares: number;
}

/** What the law says of n. */
export function uslThroughput(n: number, { lambda, sigma, kappa }: Coefficients): number {
  return (lambda * n) / (1 + sigma * (n - 1) + kappa * n * (n - 1));
}

/** The law's slopes in each of its coefficients. */
function slopesOf(n: number, { lambda, sigma, kappa }: Coefficients): Coefficients {
  const divisor = 1 + sigma * (n - 1) + kappa * n * (n - 1);
  const squared = divisor * divisor;
  return {
    lambda: n / divisor,
    sigma: (-lambda * n * (n - 1)) / squared,
    kappa: (-lambda * n * n * (n - 1)) / squared,
  };
}

/** n/X is a plane in n−1 and n(n−1), whose coefficients are 1/λ, σ/λ and κ/λ: where the search begins. */
function startOf(points: readonly ScalePoint[]): Coefficients {
  const rows = points.map(({ n, throughput }) => ({ terms: [1, n - 1, n * (n - 1)], goal: n / throughput }));
  const [inverse = 0, slope = 0, curve = 0] = leastSquares(rows) ?? [];
  const steepest = Math.max(...points.map(({ n, throughput }) => throughput / n));
  if (!(inverse > 0)) return { lambda: steepest, sigma: 0.01, kappa: 0 };
  return { lambda: 1 / inverse, sigma: Math.max(0, slope / inverse), kappa: Math.max(0, curve / inverse) };
}

/** Levenberg-Marquardt over the free coefficients; the others stay 0. */
function descend(points: readonly ScalePoint[], start: Coefficients, free: readonly Name[]): Minimum {
  let at: Coefficients = { lambda: start.lambda, sigma: 0, kappa: 0 };
  for (const name of free) at = { ...at, [name]: start[name] };
  let squares = squaresOf(points, at);
  let damping = 1e-3;
  for (let step = 0; step < mostSteps && damping < 1e12; step += 1) {
    const rows = points.map(({ n, throughput }) => {
      const slopes = slopesOf(n, at);
      return { terms: free.map((name) => slopes[name]), goal: throughput - uslThroughput(n, at) };
    });
    const move = leastSquares(rows, damping);
    const next = { ...at };
    for (const [index, name] of free.entries()) next[name] += move?.[index] ?? 0;
    const found = next.lambda > 0 ? squaresOf(points, next) : Number.POSITIVE_INFINITY;
    if (!(found < squares)) {
      damping *= 10;
      continue;
    }
    const gain = squares - found;
    at = next;
    squares = found;
    damping = Math.max(1e-12, damping / 10);
    if (gain <= 1e-14 * squares) break;
  }
  return { at, free, squares };
}

function squaresOf(points: readonly ScalePoint[], at: Coefficients): number {
  if (points.some(({ n }) => 1 + at.sigma * (n - 1) + at.kappa * n * (n - 1) <= 0)) {
    return Number.POSITIVE_INFINITY;
  }
  return points.reduce((sum, { n, throughput }) => sum + (throughput - uslThroughput(n, at)) ** 2, 0);
}

function described(points: readonly ScalePoint[], { at, free, squares }: Minimum): UslFit {
  const freedom = points.length - free.length;
  const rows = points.map(({ n }) => {
    const slopes = slopesOf(n, at);
    return { terms: free.map((name) => slopes[name]), goal: 0 };
  });
  const inverse = inverseOf(productsOf(rows).matrix);
  const quantile = studentQuantile(freedom, 0.95);
  const coefficient = (name: Name): Coefficient => {
    const value = at[name];
    const index = free.indexOf(name);
    const variance = inverse?.[index]?.[index];
    if (variance === undefined) return { value, low: null, high: null };
    const half = quantile * Math.sqrt((variance * squares) / freedom);
    return { value, low: value - half, high: value + half };
  };
  const mean = points.reduce((sum, { throughput }) => sum + throughput, 0) / points.length;
  const spread = points.reduce((sum, { throughput }) => sum + (throughput - mean) ** 2, 0);
  return {
    points: points.length,
    lambda: coefficient('lambda'),
    sigma: coefficient('sigma'),
    kappa: coefficient('kappa'),
    ...boundsOf(at),
    residuals: points.map(({ n, throughput }) => {
      const fitted = uslThroughput(n, at);
      return { n, throughput, fitted, residual: throughput - fitted };
    }),
    rSquared: spread === 0 ? 1 : 1 - squares / spread,
  };
}

/** The peak lies at √((1−σ)/κ); without coherency cost, λ/σ is approached and never reached. */
function boundsOf(at: Coefficients): Pick<UslFit, 'peak' | 'limit'> {
  const { lambda, sigma, kappa } = at;
  if (kappa > 0 || sigma >= 1) {
    const n = sigma >= 1 ? 1 : Math.max(1, Math.sqrt((1 - sigma) / kappa));
    return { peak: { n, throughput: uslThroughput(n, at) }, limit: null };
  }
  return { peak: null, limit: sigma > 0 ? lambda / sigma : null };
}

interface Row {
  terms: readonly number[];
  goal: number;
}

/** Solves rows of a linear model in the sense of least squares; undefined when they do not determine it. */
function leastSquares(rows: readonly Row[], damping = 0): number[] | undefined {
  const { matrix, vector } = productsOf(rows);
  const damped = matrix.map((line, i) => line.map((value, j) => (i === j ? value * (1 + damping) : value)));
  const inverse = inverseOf(damped);
  return inverse?.map((line) => line.reduce((sum, value, index) => sum + value * (vector[index] ?? 0), 0));
}

function productsOf(rows: readonly Row[]): { matrix: number[][]; vector: number[] } {
  const width = rows[0]?.terms.length ?? 0;
  const matrix = Array.from({ length: width }, () => new Array<number>(width).fill(0));
  const vector = new Array<number>(width).fill(0);
  for (const { terms, goal } of rows) {
    for (const [i, first] of terms.entries()) {
      vector[i] = (vector[i] ?? 0) + first * goal;
      const line = matrix[i] ?? [];
      for (const [j, second] of terms.entries()) line[j] = (line[j] ?? 0) + first * second;
    }
  }
  return { matrix, vector };
}
