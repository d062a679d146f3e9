import { invariant } from '../kernel/errors.ts';
import type { Random } from '../kernel/random.ts';
import type { ServiceTime, ServiceTimes } from '../scenario/model-shape.ts';

/** One source of service times; each call is the next one, in ms. */
export type Draw = () => number;

type TimeNames<Times> = {
  [Name in keyof Times]-?: Exclude<Times[Name], undefined> extends ServiceTime ? Name : never;
}[keyof Times];
export type ServiceTimeName = TimeNames<ServiceTimes>;

/** Names that every model has a service time for. */
type CertainName = {
  [Name in ServiceTimeName]: undefined extends ServiceTimes[Name] ? never : Name;
}[ServiceTimeName];

/**
 * The service times of a model as seeded streams, one for each source, so that one source never moves another
 * (docs/method.md S1).
 */
export class Draws {
  readonly #times: ServiceTimes;
  readonly #random: Random;

  constructor(times: ServiceTimes, random: Random) {
    this.#times = times;
    this.#random = random;
  }

  /** Streams of their own for a part that stands beside others of its kind. */
  part(name: string): Draws {
    return new Draws(this.#times, this.#random.fork(name));
  }

  of(name: CertainName, source: string): Draw {
    return drawOf(this.#times[name], this.#random.fork(`${name} of ${source}`));
  }

  /** Null where the model does not say. */
  optional(name: ServiceTimeName, source: string): Draw | null {
    const time = this.#times[name];
    return time ? drawOf(time, this.#random.fork(`${name} of ${source}`)) : null;
  }

  /** The mean, ms, of what does not vary; null where the model does not say. */
  meanOf(name: ServiceTimeName): number | null {
    return this.#times[name]?.mean ?? null;
  }

  /** Uniform spans between two bounds, in ms. */
  between(lowMs: number, highMs: number, source: string): Draw {
    const stream = this.#random.fork(source);
    return () => lowMs + (highMs - lowMs) * stream.unit();
  }

  /** Lognormal factors of mean 1, by their coefficient of variation. */
  varying(variation: number, source: string): Draw {
    return lognormal(1, variation, this.#random.fork(source));
  }

  /** Uniform numbers over (0, 1). */
  units(source: string): Draw {
    const stream = this.#random.fork(source);
    return () => stream.unit();
  }
}

/** Draws of a service time from a stream. */
export function drawOf({ mean, variation, distribution, quantiles }: ServiceTime, stream: Random): Draw {
  if (variation === 0) return () => mean;
  switch (distribution) {
    case 'exponential':
      return () => stream.exponential(mean);
    case 'gamma':
      return () => stream.gamma(mean, variation);
    case 'deterministic':
      return () => mean;
    case 'empirical':
      invariant(quantiles && quantiles.length > 1, 'an empirical service time has quantiles');
      return empirical(Float64Array.from(quantiles), stream);
    default:
      return lognormal(mean, variation, stream);
  }
}

function lognormal(mean: number, variation: number, stream: Random): Draw {
  const variance = Math.log(1 + variation * variation);
  const spread = Math.sqrt(variance);
  const median = mean * Math.exp(-variance / 2);
  return () => median * Math.exp(spread * stream.normal());
}

/** Straight lines between quantiles at equal steps of probability. */
function empirical(quantiles: Float64Array, stream: Random): Draw {
  const last = quantiles.length - 1;
  return () => {
    const place = stream.unit() * last;
    const step = Math.min(last - 1, Math.floor(place));
    const low = quantiles[step] as number;
    return low + (place - step) * ((quantiles[step + 1] as number) - low);
  };
}
