import { type Int, intOf, Register } from './int64.ts';

/** Where an expression's random functions draw from; scenarios and clients bring their own. */
export interface RandomSource {
  /** Uniform over the integers from `min` to `max`, both included; `max - min` must fit in 63 bits. */
  uniform(min: Int, max: Int): Int;
  /** Uniform in [0, 1), 52 bits of resolution. */
  unit(): number;
}

/** State of a stream, to be put back before a transaction is tried again. */
export type RandomState = readonly [number, number, number, number];

const twoTo32 = 4294967296;

/**
 * pgbench's random stream, bit for bit: xoroshiro128** by Blackman and Vigna, seeded through splitmix64, in 32-bit halves.
 *
 * @see PostgreSQL 15, src/common/pg_prng.c
 */
export class PgRandom implements RandomSource {
  #aHigh = 0;
  #aLow = 0;
  #bHigh = 0;
  #bLow = 0;
  /** The last 64 bits drawn, as signed halves. */
  #high = 0;
  #low = 0;

  /** @param seed any integer; its lower 64 bits count */
  constructor(seed: bigint | number = 0n) {
    const bits = BigInt.asUintN(64, BigInt(seed));
    this.seed(Number(bits >> 32n) | 0, Number(bits & 0xffffffffn) | 0);
  }

  /** Begins anew from a seed in two halves. */
  seed(high: number, low: number): void {
    const state = new Register();
    const mixed = new Register();
    state.set(high, low);
    mix(state, mixed);
    this.#aHigh = mixed.high;
    this.#aLow = mixed.low;
    mix(state, mixed);
    this.#bHigh = mixed.high;
    this.#bLow = mixed.low;
    if ((this.#aHigh | this.#aLow | this.#bHigh | this.#bLow) === 0) {
      this.#aHigh = 0x5851f42d;
      this.#aLow = 0x4c957f2d;
      this.#bHigh = 0x14057b7e;
      this.#bLow = 0xf767814f | 0;
    }
  }

  get state(): RandomState {
    return [this.#aHigh, this.#aLow, this.#bHigh, this.#bLow];
  }

  set state([aHigh, aLow, bHigh, bLow]: RandomState) {
    this.#aHigh = aHigh;
    this.#aLow = aLow;
    this.#bHigh = bHigh;
    this.#bLow = bLow;
  }

  #next(): void {
    const aHigh = this.#aHigh;
    const aLow = this.#aLow;
    const xHigh = this.#bHigh ^ aHigh;
    const xLow = this.#bLow ^ aLow;
    const five = (aLow >>> 0) * 5;
    const low = five | 0;
    const high = (Math.imul(aHigh, 5) + ((five / twoTo32) | 0)) | 0;
    const turnedLow = (low << 7) | (high >>> 25);
    const nine = (turnedLow >>> 0) * 9;
    this.#high = (Math.imul((high << 7) | (low >>> 25), 9) + ((nine / twoTo32) | 0)) | 0;
    this.#low = nine | 0;
    this.#aHigh = ((aHigh << 24) | (aLow >>> 8)) ^ xHigh ^ ((xHigh << 16) | (xLow >>> 16));
    this.#aLow = ((aLow << 24) | (aHigh >>> 8)) ^ xLow ^ (xLow << 16);
    this.#bHigh = (xLow << 5) | (xHigh >>> 27);
    this.#bLow = (xHigh << 5) | (xLow >>> 27);
  }

  /** Uniform over the 64-bit unsigned integers. */
  uint64(): bigint {
    this.#next();
    return (BigInt(this.#high >>> 0) << 32n) | BigInt(this.#low >>> 0);
  }

  /** The lowest `bits` bits (1 to 32) of 64 random ones. */
  lowBits(bits: number): number {
    this.#next();
    return bits === 32 ? this.#low >>> 0 : this.#low & ((1 << bits) - 1);
  }

  uniform(min: Int, max: Int): Int {
    if (typeof min !== 'number' || typeof max !== 'number')
      return this.#uniformWide(BigInt(min), BigInt(max));
    const range = max - min;
    if (range <= 0) return min;
    if (range < twoTo32) {
      const shift = Math.clz32(range);
      let offset: number;
      do {
        this.#next();
        offset = this.#high >>> shift;
      } while (offset > range);
      return min + offset;
    }
    if (!Number.isSafeInteger(range)) return this.#uniformWide(BigInt(min), BigInt(max));
    const shift = Math.clz32(Math.floor(range / twoTo32));
    let offset: number;
    do {
      this.#next();
      const low = (this.#high << (32 - shift)) | (this.#low >>> shift);
      offset = (this.#high >>> shift) * twoTo32 + (low >>> 0);
    } while (offset > range);
    return min + offset;
  }

  unit(): number {
    this.#next();
    return ((this.#high >>> 0) * 1048576 + (this.#low >>> 12)) / 4503599627370496;
  }

  #uniformWide(min: bigint, max: bigint): Int {
    const range = max - min;
    if (range <= 0n) return intOf(min);
    const shift = BigInt(64 - range.toString(2).length);
    let offset: bigint;
    do offset = this.uint64() >> shift;
    while (offset > range);
    return intOf(min + offset);
  }
}

/** One step of splitmix64. */
function mix(state: Register, into: Register): void {
  state.add(0x9e3779b9, 0x7f4a7c15);
  into.set(state.high, state.low);
  into.xorShiftRight(30);
  into.multiply(0xbf58476d, 0x1ce4e5b9);
  into.xorShiftRight(27);
  into.multiply(0x94d049bb, 0x133111eb);
  into.xorShiftRight(31);
}

/** Number of integers in a range, as the double that C makes of it. */
function countOf(min: Int, max: Int): number {
  if (typeof min === 'number' && typeof max === 'number') {
    const count = max - min + 1;
    if (Number.isSafeInteger(count)) return count;
  }
  return Number(BigInt(max) - BigInt(min) + 1n);
}

/** The integer from `min` on that lies at `share` (0 <= share < 1) of the range to `max`, in C's arithmetic. */
function atShare(min: Int, max: Int, share: number): Int {
  const offset = Math.trunc(countOf(min, max) * share);
  if (typeof min === 'number' && Number.isSafeInteger(offset) && Number.isSafeInteger(min + offset))
    return min + offset;
  return intOf(BigInt.asIntN(64, BigInt(min) + BigInt(offset)));
}

/** Exponential distribution cut at `max`, by its inverse; `parameter` > 0. */
export function drawExponential(
  random: RandomSource,
  [min, max]: readonly [Int, Int],
  parameter: number,
): Int {
  const cut = Math.exp(-parameter);
  const uniform = 1 - random.unit();
  return atShare(min, max, -Math.log(cut + (1 - cut) * uniform) / parameter);
}

/** Normal distribution over the range, cut at `parameter` standard deviations; Box-Muller, its sine branch. */
export function drawGaussian(random: RandomSource, [min, max]: readonly [Int, Int], parameter: number): Int {
  let deviation: number;
  do {
    const first = 1 - random.unit();
    const second = 1 - random.unit();
    deviation = Math.sqrt(-2 * Math.log(first)) * Math.sin(2 * Math.PI * second);
  } while (deviation < -parameter || deviation >= parameter);
  return atShare(min, max, (deviation + parameter) / (parameter * 2));
}

/** Zipfian distribution by rejection; `parameter` > 1. @see Devroye, Non-Uniform Random Variate Generation, pages 550-551 */
export function drawZipfian(random: RandomSource, [min, max]: readonly [Int, Int], parameter: number): Int {
  const count = countOf(min, max);
  if (count <= 1) return min;
  const base = 2 ** (parameter - 1);
  for (;;) {
    const first = random.unit();
    const second = random.unit();
    const rank = Math.floor(first ** (-1 / (parameter - 1)));
    const ratio = (1 + 1 / rank) ** (parameter - 1);
    if ((second * rank * (ratio - 1)) / (base - 1) <= ratio / base && rank <= count) {
      if (typeof min === 'number' && Number.isSafeInteger(min + rank)) return min - 1 + rank;
      return intOf(BigInt(min) - 1n + BigInt(rank));
    }
  }
}

/** Gap between two throttled transactions (`pgbench -R`): exponential with this mean, rounded to a whole unit. */
export function drawThrottleGap(random: RandomSource, mean: number): number {
  return Math.trunc(-Math.log(1 - random.unit()) * mean + 0.5);
}
