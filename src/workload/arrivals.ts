import { Random } from '../kernel/random.ts';
import type { LoadPlan } from './plan.ts';

/** An operation that is due: the `number`-th of its class (from 0), `dueMs` after load start. */
export interface DueOperation {
  classIndex: number;
  number: number;
  dueMs: number;
}

/** Due operations in order of time. */
export interface Arrivals {
  /** Due time of the next operation; Infinity when there is none. */
  nextDueMs(): number;
  /** Takes the next operation out. */
  next(): DueOperation | null;
}

/**
 * The part of an open model's schedule that one of `workers` equal workers carries out.
 *
 * Operation n of a class is due at the same instant whatever the number of workers, and belongs to worker n mod workers.
 * Constant arrivals are due in the middle of equal gaps, Poisson arrivals after exponential gaps drawn from a stream of
 * the class. Ties go in the order of the classes.
 */
export function arrivalsFor(
  plan: Pick<LoadPlan, 'seed' | 'arrivals' | 'durationMs' | 'classes'>,
  { worker = 0, workers = 1 }: { worker?: number; workers?: number } = {},
): Arrivals {
  const streams = plan.classes.map(({ perSecond }, classIndex) => {
    const gapMs = 1000 / perSecond;
    const random = new Random(plan.seed).fork(`arrivals of class ${classIndex}`);
    const times = plan.arrivals === 'constant' ? constantTimes(gapMs) : poissonTimes(gapMs, random);
    return new ClassArrivals(classIndex, times, { worker, workers, durationMs: plan.durationMs });
  });
  const earliest = (): ClassArrivals | null => {
    let first: ClassArrivals | null = null;
    for (const stream of streams)
      if (stream.dueMs < (first?.dueMs ?? Number.POSITIVE_INFINITY)) first = stream;
    return first;
  };
  return {
    nextDueMs: () => earliest()?.dueMs ?? Number.POSITIVE_INFINITY,
    next: () => earliest()?.take() ?? null,
  };
}

/** Due time of operation n; called once for each n, in order. */
type DueTimes = (number: number) => number;

function constantTimes(gapMs: number): DueTimes {
  return (number) => (number + 0.5) * gapMs;
}

function poissonTimes(gapMs: number, random: Random): DueTimes {
  let dueMs = 0;
  return () => {
    dueMs += random.exponential(gapMs);
    return dueMs;
  };
}

/** One class's own operations: walks the whole schedule and stops at those of its worker. */
class ClassArrivals {
  readonly #classIndex: number;
  readonly #times: DueTimes;
  readonly #share: { worker: number; workers: number; durationMs: number };
  #number = -1;
  dueMs = 0;

  constructor(
    classIndex: number,
    times: DueTimes,
    share: { worker: number; workers: number; durationMs: number },
  ) {
    this.#classIndex = classIndex;
    this.#times = times;
    this.#share = share;
    this.#advance();
  }

  take(): DueOperation {
    const taken = { classIndex: this.#classIndex, number: this.#number, dueMs: this.dueMs };
    this.#advance();
    return taken;
  }

  #advance(): void {
    const { worker, workers, durationMs } = this.#share;
    do {
      this.#number += 1;
      this.dueMs = this.#times(this.#number);
    } while (this.#number % workers !== worker && this.dueMs < durationMs);
    if (this.dueMs >= durationMs) this.dueMs = Number.POSITIVE_INFINITY;
  }
}
