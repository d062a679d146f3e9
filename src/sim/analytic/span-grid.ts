import { invariant } from '../../kernel/errors.ts';

/** Cells of a grid: steps are a fiftieth of the mean, and quantiles lie between them, and joining two takes a millisecond. */
const cellCount = 1536;

/** A probability that no quantile shows. */
const negligible = 1e-13;

/** Width of the grid over the mean that it is made for. */
const means = 32;

/**
 * The distribution of a span as probabilities of equal cells; cell k holds the spans around k steps. What lies beyond the last
 * cell is kept as one number: a quantile there is infinite.
 */
export class SpanGrid {
  readonly stepMs: number;
  readonly #cells: Float64Array;

  private constructor(stepMs: number, cells: Float64Array) {
    this.stepMs = stepMs;
    this.#cells = cells;
  }

  /** The step of grids for spans whose means add up to `meanMs`; grids that are joined or mixed have one step. */
  static stepFor(meanMs: number): number {
    invariant(meanMs > 0 && Number.isFinite(meanMs), `no grid for a mean of ${meanMs} ms`);
    return (means * meanMs) / cellCount;
  }

  /** @param probability that the span is at most so long */
  static of(stepMs: number, probability: (spanMs: number) => number): SpanGrid {
    const cells = new Float64Array(cellCount);
    let before = 0;
    for (let at = 0; at < cellCount && before < 1 - negligible; at += 1) {
      const upTo = probability((at + 0.5) * stepMs);
      cells[at] = upTo - before;
      before = upTo;
    }
    return new SpanGrid(stepMs, cells);
  }

  /** A span that is always the same. */
  static constant(stepMs: number, spanMs: number): SpanGrid {
    const at = spanMs / stepMs;
    const low = Math.floor(at);
    const cells = new Float64Array(cellCount);
    if (low < cellCount) cells[low] = 1 - (at - low);
    if (low + 1 < cellCount) cells[low + 1] = at - low;
    return new SpanGrid(stepMs, cells);
  }

  /** Either one or the other, with weights that need not add up to 1. */
  static mixed(parts: readonly { weight: number; grid: SpanGrid }[]): SpanGrid {
    const whole = parts.reduce((sum, { weight }) => sum + weight, 0);
    const [first] = parts;
    invariant(first && whole > 0, 'a mixture has parts');
    const cells = new Float64Array(cellCount);
    for (const { weight, grid } of parts) {
      for (const [at, value] of grid.#cells.entries())
        cells[at] = (cells[at] as number) + (weight / whole) * value;
    }
    return new SpanGrid(first.grid.stepMs, cells);
  }

  /** One span after the other, independent of each other. */
  followedBy(next: SpanGrid): SpanGrid {
    const [left, right] = [this.#cells, next.#cells];
    const cells = new Float64Array(cellCount);
    const last = right.findLastIndex((value) => value > negligible);
    for (let at = 0; at < cellCount; at += 1) {
      const weight = left[at] as number;
      if (weight < negligible) continue;
      const end = Math.min(last, cellCount - 1 - at);
      for (let other = 0; other <= end; other += 1) {
        cells[at + other] = (cells[at + other] as number) + weight * (right[other] as number);
      }
    }
    return new SpanGrid(this.stepMs, cells);
  }

  /** The span that a share of 0..1 keeps below; infinite where it lies beyond the grid. */
  quantile(share: number): number {
    let passed = 0;
    for (const [at, value] of this.#cells.entries()) {
      if (passed + value >= share && value > 0) {
        return Math.max(0, (at - 0.5 + (share - passed) / value) * this.stepMs);
      }
      passed += value;
    }
    return Number.POSITIVE_INFINITY;
  }
}
