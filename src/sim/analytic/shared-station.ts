import type { ServiceTime } from '../../scenario/model-shape.ts';
import { occupancy } from './erlang.ts';
import { SpanGrid } from './span-grid.ts';
import { workProbability } from './work.ts';

/** Processors that their jobs share equally, and how busy they are. */
export interface SharedStation {
  /** May be a fraction. */
  cores: number;
  /** Work that arrives, in cores. */
  offered: number;
}

/** How much longer a job takes than alone, with probabilities. */
interface Slowdown {
  factor: number;
  probability: number;
}

/** Neighbouring factors closer than this are taken as one. */
const nearlyEqual = 1.02;

/** Table entries in a step of the grid. */
const tablePerStep = 4;

/** How many times its work a job takes in the mean: exact for any distribution of work (insensitivity of processor sharing). */
export function meanSlowdown(station: SharedStation): number {
  return slowdowns(station).reduce((sum, { factor, probability }) => sum + factor * probability, 0);
}

/**
 * The time that work takes on a shared station, as a grid.
 *
 * A job is taken to be slowed throughout by the number of jobs that it meets, itself included. The mean is exact for any
 * distribution of work; the spread is a little too wide, since a long job meets many states in turn: percentiles come out some
 * per cent too high under load, on the safe side (docs/method.md N3).
 */
export function sharedTime(time: ServiceTime, station: SharedStation, stepMs: number): SpanGrid {
  const table = new Table(workProbability(time), stepMs / tablePerStep);
  const factors = slowdowns(station);
  return SpanGrid.of(stepMs, (spanMs) => {
    let sum = 0;
    for (const { factor, probability } of factors) sum += probability * table.at(spanMs / factor);
    return sum;
  });
}

/** A probability by its values at equal steps, looked up with straight lines between them; a hundred times faster than a lognormal. */
class Table {
  readonly #values: number[] = [];
  readonly #probability: (spanMs: number) => number;
  readonly #stepMs: number;

  constructor(probability: (spanMs: number) => number, stepMs: number) {
    this.#probability = probability;
    this.#stepMs = stepMs;
  }

  at(spanMs: number): number {
    const place = spanMs / this.#stepMs;
    const low = Math.floor(place);
    const values = this.#values;
    while (values.length <= low + 1) values.push(this.#probability(values.length * this.#stepMs));
    const below = values[low] as number;
    return below + (place - low) * ((values[low + 1] as number) - below);
  }
}

function slowdowns({ cores, offered }: SharedStation): Slowdown[] {
  const found: Slowdown[] = [];
  for (const [jobs, probability] of occupancy(cores, offered).entries()) {
    const factor = Math.max(1, (jobs + 1) / cores);
    const last = found.at(-1);
    if (last && factor <= last.factor * nearlyEqual) {
      const sum = last.probability + probability;
      last.factor = (last.factor * last.probability + factor * probability) / sum;
      last.probability = sum;
    } else found.push({ factor, probability });
  }
  return found;
}
