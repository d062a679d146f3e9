import { invariant } from './errors.ts';
import { exponentialLayers, normalLayers, under } from './ziggurat.ts';

/**
 * Seeded random numbers: xoshiro128** by Blackman and Vigna, seeded through splitmix32.
 *
 * One stream per source of randomness: `fork('arrivals')` gives a stream of its own that does not move when another
 * consumer draws more or less.
 */
export class Random {
  readonly #seed: number;
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;

  /** @param seed any integer of 32 bits */
  constructor(seed: number) {
    invariant(Number.isInteger(seed), `a seed must be an integer, got ${seed}`);
    this.#seed = seed | 0;
    let state = this.#seed;
    const next = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let mixed = state ^ (state >>> 16);
      mixed = Math.imul(mixed, 0x21f0aaad);
      mixed ^= mixed >>> 15;
      mixed = Math.imul(mixed, 0x735a2d97);
      return mixed ^ (mixed >>> 15);
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next();
  }

  /** A stream that depends on this one's seed and on `name` only, never on what was drawn before. */
  fork(name: string): Random {
    let hash = this.#seed ^ 0x811c9dc5;
    for (let index = 0; index < name.length; index += 1) {
      hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
    }
    return new Random(hash);
  }

  /** Uniform over the 32-bit unsigned integers. */
  uint32(): number {
    const scrambled = Math.imul(this.#b, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** Uniform in the open interval (0, 1), 32 bits of resolution. */
  unit(): number {
    return (this.uint32() + 0.5) / 4294967296;
  }

  /** Uniform over the integers from `low` to `high`, both included; the range must be below 2^53. */
  integer(low: number, high: number): number {
    invariant(high >= low, `empty range ${low}..${high}`);
    const span = high - low + 1;
    if (span <= 4294967296) return low + Math.floor((this.uint32() / 4294967296) * span);
    const wide = (this.uint32() >>> 6) * 134217728 + (this.uint32() >>> 5);
    return low + Math.floor((wide / 9007199254740992) * span);
  }

  /** Exponentially distributed with the given mean (same unit as the mean). */
  exponential(mean: number): number {
    for (;;) {
      const bits = this.uint32();
      const layer = bits & 255;
      const across = (bits >>> 8) + 0.5;
      const drawn = across * (exponentialLayers.width[layer] as number);
      if (across < (exponentialLayers.inner[layer] as number)) return mean * drawn;
      if (layer === 0) return mean * (exponentialLayers.tail - Math.log(this.unit()));
      if (under(exponentialLayers, layer, this.unit()) < Math.exp(-drawn)) return mean * drawn;
    }
  }

  /** Normally distributed with mean 0 and standard deviation 1. */
  normal(): number {
    for (;;) {
      const bits = this.uint32();
      const layer = bits & 127;
      const across = (bits >>> 8) + 0.5;
      const drawn = across * (normalLayers.width[layer] as number);
      const signed = (bits & 128) === 0 ? drawn : -drawn;
      if (across < (normalLayers.inner[layer] as number)) return signed;
      if (layer === 0) return (bits & 128) === 0 ? this.#normalTail() : -this.#normalTail();
      if (under(normalLayers, layer, this.unit()) < Math.exp(-0.5 * drawn * drawn)) return signed;
    }
  }

  /** Lognormal with the given mean and coefficient of variation (standard deviation over mean). */
  lognormal(mean: number, variation: number): number {
    const variance = Math.log(1 + variation * variation);
    return mean * Math.exp(Math.sqrt(variance) * this.normal() - variance / 2);
  }

  /** Gamma with the given mean and coefficient of variation (above 0); 1 is the exponential. */
  gamma(mean: number, variation: number): number {
    const shape = 1 / (variation * variation);
    const scale = mean / shape;
    if (shape >= 1) return scale * this.#gammaFrom(shape);
    return scale * this.#gammaFrom(shape + 1) * this.unit() ** (1 / shape);
  }

  /** Gamma of unit scale for a shape of 1 and more, by squeezing (Marsaglia and Tsang, A simple method for generating gamma variables, 2000). */
  #gammaFrom(shape: number): number {
    const d = shape - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const normal = this.normal();
      const root = 1 + c * normal;
      if (root <= 0) continue;
      const cubed = root * root * root;
      if (Math.log(this.unit()) < 0.5 * normal * normal + d - d * cubed + d * Math.log(cubed))
        return d * cubed;
    }
  }

  /** Beyond the last layer (Marsaglia, Generating a variable from the tail of the normal distribution, 1964). */
  #normalTail(): number {
    for (;;) {
      const beyond = -Math.log(this.unit()) / normalLayers.tail;
      const height = -Math.log(this.unit());
      if (height + height >= beyond * beyond) return normalLayers.tail + beyond;
    }
  }
}
