import { Random } from '../kernel/random.ts';
import type { LoadPlan } from './plan.ts';
import { type Rate, RateIntegral } from './rate.ts';
import { onlyWorker, type WorkerShare } from './share.ts';

/** An operation that is due: the `number`-th of its class (from 0), `dueMs` after load start. */
export interface DueOperation {
  classIndex: number;
  number: number;
  dueMs: number;
}

/** Due operations in order of time: the next one is what the fields say, and `advance` goes on to the one after it. */
export interface Arrivals extends Readonly<DueOperation> {
  /** Infinity when there is none. */
  readonly dueMs: number;
  advance(): void;
}

/**
 * The part of the open classes' schedule that one of several equal workers carries out.
 *
 * Operation n of a class is due at the same instant whatever the number of workers, and belongs to worker n mod workers.
 * Constant arrivals are due in the middle of equal shares of the rate's integral, Poisson arrivals after exponential
 * ones drawn from a stream of the class. Ties go in the order of the classes.
 */
export function arrivalsFor(
  plan: Pick<LoadPlan, 'seed' | 'arrivals' | 'durationMs' | 'classes'>,
  share: WorkerShare = onlyWorker,
): Arrivals {
  return new OpenArrivals(
    plan.classes.flatMap(({ perSecond }, classIndex) => {
      if (perSecond === null) return [];
      const random =
        plan.arrivals === 'poisson' ? new Random(plan.seed).fork(`arrivals of class ${classIndex}`) : null;
      return [new ClassArrivals(classIndex, { rate: perSecond, random, share, durationMs: plan.durationMs })];
    }),
  );
}

/** The next operation of several classes. */
class OpenArrivals implements Arrivals {
  readonly #streams: readonly ClassArrivals[];
  #first: ClassArrivals | null = null;
  classIndex = 0;
  number = 0;
  dueMs = Number.POSITIVE_INFINITY;

  constructor(streams: readonly ClassArrivals[]) {
    this.#streams = streams;
    this.#look();
  }

  advance(): void {
    this.#first?.advance();
    this.#look();
  }

  #look(): void {
    let first: ClassArrivals | null = null;
    let dueMs = Number.POSITIVE_INFINITY;
    for (const stream of this.#streams) {
      if (stream.dueMs >= dueMs) continue;
      first = stream;
      dueMs = stream.dueMs;
    }
    this.#first = first;
    this.dueMs = dueMs;
    if (first === null) return;
    this.classIndex = first.classIndex;
    this.number = first.number;
  }
}

interface ClassSchedule {
  rate: Rate;
  /** Null: constant arrivals. */
  random: Random | null;
  share: WorkerShare;
  durationMs: number;
}

/** One class's own operations: walks the whole schedule and stops at those of its worker. */
class ClassArrivals {
  readonly classIndex: number;
  readonly #schedule: ClassSchedule;
  /** Null: one rate for the whole load. */
  readonly #integral: RateIntegral | null;
  /** Mean gap between operations: in ms with one rate for the whole load, else in operations. */
  readonly #gap: number;
  /** Sum of the gaps drawn so far. */
  #sum = 0;
  number = -1;
  dueMs = Number.NEGATIVE_INFINITY;

  constructor(classIndex: number, schedule: ClassSchedule) {
    this.classIndex = classIndex;
    this.#schedule = schedule;
    const { rate } = schedule;
    this.#integral = typeof rate === 'number' ? null : new RateIntegral(rate);
    this.#gap = typeof rate === 'number' ? 1000 / rate : 1;
    this.advance();
  }

  advance(): void {
    const { random, share, durationMs } = this.#schedule;
    const { worker, workers } = share;
    const steps = this.number < 0 ? worker + 1 : workers;
    this.number += steps;
    if (random === null) this.#sum = (this.number + 0.5) * this.#gap;
    else for (let step = 0; step < steps; step += 1) this.#sum += random.exponential(this.#gap);
    const dueMs = this.#integral === null ? this.#sum : this.#integral.instantOf(this.#sum);
    this.dueMs = dueMs < durationMs ? dueMs : Number.POSITIVE_INFINITY;
  }
}
