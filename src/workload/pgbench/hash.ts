import { fromHalves, highHalf, type Int, intOf, lowHalf, Register } from './int64.ts';
import { PgRandom } from './random.ts';

const murmur = { high: 0xc6a4a793, low: 0x5bd1e995, timesEightHigh: 0x35253c9a, timesEightLow: 0xde8f4ca8 };
const fnv = { primeHigh: 0x100, primeLow: 0x1b3, basisHigh: 0xcbf29ce4, basisLow: 0x84222325 };

/** MurmurHash2 (64A, by Austin Appleby) of the eight bytes of an integer. */
export function hashMurmur2(value: Int, seed: Int): Int {
  const key = new Register();
  key.set(highHalf(value), lowHalf(value));
  key.multiply(murmur.high, murmur.low);
  key.xorShiftRight(47);
  key.multiply(murmur.high, murmur.low);
  const result = new Register();
  result.set(highHalf(seed) ^ murmur.timesEightHigh, lowHalf(seed) ^ murmur.timesEightLow);
  result.xor(key.high, key.low);
  result.multiply(murmur.high, murmur.low);
  result.xorShiftRight(47);
  result.multiply(murmur.high, murmur.low);
  result.xorShiftRight(47);
  return fromHalves(result.high, result.low);
}

/** FNV-1a (64 bits) of the eight bytes of an integer, lowest first. */
export function hashFnv1a(value: Int, seed: Int): Int {
  const result = new Register();
  result.set(highHalf(seed) ^ fnv.basisHigh, lowHalf(seed) ^ fnv.basisLow);
  for (const half of [lowHalf(value), highHalf(value)]) {
    for (let shift = 0; shift < 32; shift += 8) {
      result.xor(0, (half >>> shift) & 0xff);
      result.multiply(fnv.primeHigh, fnv.primeLow);
    }
  }
  return fromHalves(result.high, result.low);
}

const rounds = 6;
const random = new PgRandom();

/**
 * pgbench's pseudorandom permutation of 0 to `size` - 1: six rounds of multiply, xor and rotate on the two overlapping
 * halves that are powers of two, and a random offset.
 *
 * @param size from 1
 */
export function permute(value: Int, size: Int, seed: Int): Int {
  if (size === 1) return 0;
  random.seed(highHalf(seed), lowHalf(seed));
  return typeof size === 'number' && size <= 2 ** 32
    ? permuteSmall(Number(BigInt.asUintN(64, BigInt(value)) % BigInt(size)), size)
    : permuteWide(BigInt.asUintN(64, BigInt(value)) % BigInt(size), BigInt(size));
}

function permuteSmall(start: number, size: number): number {
  const bits = size === 2 ** 32 ? 32 : 31 - Math.clz32(size);
  const mask = bits === 32 ? 0xffffffff : 2 ** bits - 1;
  let value = start;
  for (let round = 0; round < rounds; round += 1) {
    value = scramble(value, bits, mask);
    value = size - 1 - scramble(size - 1 - value, bits, mask);
    value = (value + Number(random.uniform(0, size - 1))) % size;
  }
  return value;
}

function scramble(value: number, bits: number, mask: number): number {
  const factor = random.lowBits(bits) | 1;
  const flips = random.lowBits(bits);
  if (value > mask) return value;
  const mixed = ((Math.imul(value, factor) ^ flips) & mask) >>> 0;
  return (((mixed << 1) & mask) | (mixed >>> (bits - 1))) >>> 0;
}

function permuteWide(start: bigint, size: bigint): Int {
  const bits = BigInt(size.toString(2).length - 1);
  const mask = (1n << bits) - 1n;
  const scrambleWide = (value: bigint): bigint => {
    const factor = (random.uint64() & mask) | 1n;
    const flips = random.uint64() & mask;
    if (value > mask) return value;
    const mixed = ((value * factor) ^ flips) & mask;
    return ((mixed << 1n) & mask) | (mixed >> (bits - 1n));
  };
  let value = start;
  for (let round = 0; round < rounds; round += 1) {
    value = scrambleWide(value);
    value = size - 1n - scrambleWide(size - 1n - value);
    value = (value + BigInt(random.uniform(0, intOf(size - 1n)))) % size;
  }
  return intOf(value);
}
