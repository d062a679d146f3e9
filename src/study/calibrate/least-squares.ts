import { inverseOf } from '../../analysis/matrix.ts';
import { invariant } from '../../kernel/errors.ts';

/** One observation: what was counted of each cause, and what came of it. */
export interface Row {
  /** Amount of each cause, in the order of the fit's names. */
  causes: readonly number[];
  /** What they add up to. */
  effect: number;
}

/** Cost of one unit of a cause. */
export interface Cost {
  name: string;
  value: number;
  /** Standard error. */
  error: number;
}

export interface Fit {
  costs: Cost[];
  /** Causes without a cost of their own, and why. */
  left: { name: string; why: string }[];
  /** Root mean square of (fitted - seen) / seen over the rows. */
  residual: number;
  rows: number;
}

/** A cause of which this part or less cannot be written as a sum of the others has no cost that could be told apart. */
const leastOwnPart = 5e-4;

/** A cost whose standard error is above this part of it is not told by the rows. */
const worstError = 0.3;

/** Rows count by their relative error, but none more than one of this part of the largest effect. */
const leastEffectPart = 0.02;

/** Rows divided by what they count, and the costs that are assumed taken off. */
interface Equations {
  columns: number[][];
  effects: number[];
}

/**
 * Finds what one unit of each cause costs so that the costs add up to the effects: least squares of the relative errors,
 * no cost below 0.
 *
 * A cause that never occurred gets no cost. Of causes that move together in every row the one that stands last in `names` is
 * left out (or taken at the cost given for it), and the others carry its part; so is, one after the other, a cost that
 * could be anything.
 *
 * @param options.known costs to assume for causes that must be left out; 0 where none is given
 * @param options.untold causes that these rows cannot tell, and why: left out before anything is fitted
 */
export function fitCosts(
  names: readonly string[],
  rows: readonly Row[],
  options: { known?: Readonly<Record<string, number>>; untold?: Readonly<Record<string, string>> } = {},
): Fit {
  invariant(
    rows.every(({ causes }) => causes.length === names.length),
    'every row has every cause',
  );
  const occurs = (index: number): boolean => rows.some(({ causes }) => (causes[index] ?? 0) > 0);
  const all = names.map((_, index) => index);
  let kept = all.filter(occurs);
  const left: Fit['left'] = all
    .filter((index) => !occurs(index))
    .map((index) => ({ name: names[index] ?? '', why: 'none was seen' }));
  const assumed = new Map<number, number>();
  const leaveOut = (at: number, why: string): void => {
    const index = kept[at] ?? 0;
    const name = names[index] ?? '';
    left.push({ name, why });
    assumed.set(index, options.known?.[name] ?? 0);
    kept = kept.filter((other) => other !== index);
  };
  for (const [name, why] of Object.entries(options.untold ?? {})) {
    const at = kept.findIndex((index) => names[index] === name);
    if (at >= 0) leaveOut(at, why);
  }
  for (;;) {
    const equations = equationsOf(rows, kept, assumed);
    const together = equations.columns.findLastIndex(
      (_, at) => ownPart(equations.columns, at) < leastOwnPart,
    );
    if (together >= 0) {
      const others = kept.filter((_, at) => at !== together).map((index) => names[index]);
      leaveOut(together, `moves together with ${others.join(', ')} in every run`);
      continue;
    }
    const { values, errors, residual } = solve(equations);
    const doubts = values.map((value, at) => {
      const share = (errors[at] ?? 0) / value;
      return share >= 0 ? share : Number.POSITIVE_INFINITY;
    });
    const doubtful = doubts.lastIndexOf(Math.max(...doubts));
    if ((doubts[doubtful] ?? 0) > worstError) {
      leaveOut(doubtful, doubtOf(values[doubtful] ?? 0, errors[doubtful] ?? 0));
      continue;
    }
    const costs = kept.map((index, at) => ({
      name: names[index] ?? '',
      value: values[at] ?? 0,
      error: errors[at] ?? 0,
    }));
    return { costs, left, residual, rows: rows.length };
  }
}

function doubtOf(value: number, error: number): string {
  if (value <= 0) return 'too small to be told from the rest';
  const share = Number.isFinite(error) ? `${Math.round((100 * error) / value)} % of it` : 'without bound';
  return `its standard error is ${share}: more or longer runs would tell`;
}

function equationsOf(
  rows: readonly Row[],
  kept: readonly number[],
  assumed: ReadonlyMap<number, number>,
): Equations {
  const floor = leastEffectPart * Math.max(0, ...rows.map(({ effect }) => effect));
  const weights = rows.map(({ effect }) => 1 / Math.max(effect, floor, Number.MIN_VALUE));
  const rest = rows.map(({ causes, effect }) =>
    [...assumed].reduce((sum, [index, cost]) => sum - cost * (causes[index] ?? 0), effect),
  );
  return {
    columns: kept.map((index) => rows.map(({ causes }, row) => (causes[index] ?? 0) * (weights[row] ?? 0))),
    effects: rest.map((effect, row) => effect * (weights[row] ?? 0)),
  };
}

/** Costs with their standard errors, infinite where there are no more rows than costs. */
function solve({ columns, effects }: Equations): { values: number[]; errors: number[]; residual: number } {
  const values = leastSquares(columns, effects);
  const residuals = effects.map((effect, row) => sumAt(columns, { values, row }) - effect);
  const freedom = effects.length - values.length;
  const squares = dot(residuals, residuals);
  const variance = freedom > 0 ? squares / freedom : Number.POSITIVE_INFINITY;
  const spread = inverseGram(columns);
  return {
    values,
    errors: values.map((_, at) => Math.sqrt(variance * (spread?.[at]?.[at] ?? Number.POSITIVE_INFINITY))),
    residual: effects.length === 0 ? 0 : Math.sqrt(squares / effects.length),
  };
}

/** Part of a column's square length that the other columns cannot make up, 0..1. */
function ownPart(columns: readonly (readonly number[])[], index: number): number {
  const own = columns[index] ?? [];
  const length = dot(own, own);
  if (length === 0) return 0;
  const basis: number[][] = [];
  const rest = (vector: readonly number[]): number[] =>
    basis.reduce((left, unit) => minus(left, unit, dot(left, unit)), [...vector]);
  for (const [other, column] of columns.entries()) {
    if (other === index) continue;
    const fresh = rest(rest(column));
    const size = Math.sqrt(dot(fresh, fresh));
    if (size > 1e-9 * Math.sqrt(dot(column, column))) basis.push(fresh.map((value) => value / size));
  }
  const alone = rest(rest(own));
  return dot(alone, alone) / length;
}

/**
 * Least squares without negative values: of all choices of columns that have a cost above 0 the one that leaves least. There
 * are few columns, so all are tried.
 */
function leastSquares(columns: readonly (readonly number[])[], effects: readonly number[]): number[] {
  let best = columns.map(() => 0);
  let least = Number.POSITIVE_INFINITY;
  for (let choice = 0; choice < 2 ** columns.length; choice += 1) {
    const chosen = columns.map((_, index) => index).filter((index) => (choice >> index) & 1);
    const own = chosen.map((index) => columns[index] ?? []);
    const inverse = inverseGram(own);
    const target = own.map((column) => dot(column, effects));
    const costs = inverse?.map((row) => dot(row, target));
    if (!costs || costs.some((cost) => !(cost >= 0))) continue;
    const values = columns.map((_, index) => costs[chosen.indexOf(index)] ?? 0);
    const rest = effects.map((effect, row) => effect - sumAt(columns, { values, row }));
    if (dot(rest, rest) < least) [best, least] = [values, dot(rest, rest)];
  }
  return best;
}

function sumAt(
  columns: readonly (readonly number[])[],
  { values, row }: { values: readonly number[]; row: number },
): number {
  return columns.reduce((sum, column, index) => sum + (values[index] ?? 0) * (column[row] ?? 0), 0);
}

/** Inverse of the columns' Gram matrix; undefined where they do not determine one. */
function inverseGram(columns: readonly (readonly number[])[]): number[][] | undefined {
  return inverseOf(columns.map((left) => columns.map((right) => dot(left, right))));
}

function dot(left: readonly number[], right: readonly number[]): number {
  return left.reduce((sum, value, at) => sum + value * (right[at] ?? 0), 0);
}

function minus(from: readonly number[], what: readonly number[], times: number): number[] {
  return from.map((value, at) => value - times * (what[at] ?? 0));
}
