import type { Random } from '../kernel/random.ts';
import type { ServiceTimes } from '../scenario/model-shape.ts';

export type ServiceTimeName = Exclude<keyof ServiceTimes, 'calibrated'>;

/** One source of service times; each call is the next one, in ms. */
export type Draw = () => number;

/**
 * The service times of a model as seeded streams, one for each source, so that one source never moves another.
 * Lognormal with the model's mean and coefficient of variation (docs/method.md S1).
 */
export class Draws {
  readonly #times: ServiceTimes;
  readonly #random: Random;

  constructor(times: ServiceTimes, random: Random) {
    this.#times = times;
    this.#random = random;
  }

  of(name: ServiceTimeName, source: string): Draw {
    const { mean, variation } = this.#times[name];
    const stream = this.#random.fork(`${name} of ${source}`);
    return variation === 0 ? () => mean : () => stream.lognormal(mean, variation);
  }

  /** Uniform spans between two bounds, in ms. */
  between(lowMs: number, highMs: number, source: string): Draw {
    const stream = this.#random.fork(source);
    return () => lowMs + (highMs - lowMs) * stream.unit();
  }

  /** Uniform numbers over (0, 1). */
  units(source: string): Draw {
    const stream = this.#random.fork(source);
    return () => stream.unit();
  }
}
