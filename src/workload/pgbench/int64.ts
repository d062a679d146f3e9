import { DrillError } from '../../kernel/errors.ts';

/**
 * A 64-bit integer in one shape only: a number where it is safe (|n| < 2^53, never -0), a bigint beyond. Two equal
 * integers are therefore equal by `===`, and the common ones cost no allocation.
 */
export type Int = number | bigint;

/** An expression that has no value, in pgbench's words. */
export class EvaluationError extends DrillError {}

const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n } as const;
const safest = BigInt(Number.MAX_SAFE_INTEGER);
const twoTo32 = 4294967296;

/** The one shape of an integer that is known to fit in 64 bits. */
export function intOf(value: bigint): Int {
  return value >= -safest && value <= safest ? Number(value) : value;
}

/** Reads decimal digits with a sign; null when they do not fit in 64 bits. */
export function parseInt64(digits: string): Int | null {
  const value = BigInt(digits.startsWith('+') ? digits.slice(1) : digits);
  return value < int64.min || value > int64.max ? null : intOf(value);
}

function checked(value: bigint, operation: string): Int {
  if (value < int64.min || value > int64.max) throw new EvaluationError(`bigint ${operation} out of range`);
  return intOf(value);
}

export function add(left: Int, right: Int): Int {
  if (typeof left === 'number' && typeof right === 'number') {
    const sum = left + right;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return checked(BigInt(left) + BigInt(right), 'add');
}

export function subtract(left: Int, right: Int): Int {
  if (typeof left === 'number' && typeof right === 'number') {
    const difference = left - right;
    if (Number.isSafeInteger(difference)) return difference;
  }
  return checked(BigInt(left) - BigInt(right), 'sub');
}

export function multiply(left: Int, right: Int): Int {
  if (typeof left === 'number' && typeof right === 'number') {
    const product = left * right;
    if (Number.isSafeInteger(product)) return product + 0;
  }
  return checked(BigInt(left) * BigInt(right), 'mul');
}

/** Truncates towards zero, as C does. */
export function divide(left: Int, right: Int): Int {
  if (right === 0) throw new EvaluationError('division by zero');
  if (typeof left === 'number' && typeof right === 'number') return (left - (left % right)) / right + 0;
  return checked(BigInt(left) / BigInt(right), 'div');
}

/** Has the dividend's sign, as in C. */
export function remainder(left: Int, right: Int): Int {
  if (right === 0) throw new EvaluationError('division by zero');
  if (typeof left === 'number' && typeof right === 'number') return (left % right) + 0;
  return intOf(BigInt(left) % BigInt(right));
}

/** The absolute value; that of the smallest integer is itself, as pgbench leaves it. */
export function absolute(value: Int): Int {
  if (typeof value === 'number') return Math.abs(value);
  return value < 0n && value !== int64.min ? -value : value;
}

const isInt32 = (value: Int): value is number => typeof value === 'number' && (value | 0) === value;

export function bitAnd(left: Int, right: Int): Int {
  if (isInt32(left) && isInt32(right)) return left & right;
  return intOf(BigInt(left) & BigInt(right));
}

export function bitOr(left: Int, right: Int): Int {
  if (isInt32(left) && isInt32(right)) return left | right;
  return intOf(BigInt(left) | BigInt(right));
}

export function bitXor(left: Int, right: Int): Int {
  if (isInt32(left) && isInt32(right)) return left ^ right;
  return intOf(BigInt(left) ^ BigInt(right));
}

/** Only the lowest six bits of `by` count, as on the machines that pgbench runs on; what leaves at the top is lost. */
export function shiftLeft(value: Int, by: Int): Int {
  return intOf(BigInt.asIntN(64, BigInt(value) << (BigInt(by) & 63n)));
}

/** Keeps the sign; only the lowest six bits of `by` count. */
export function shiftRight(value: Int, by: Int): Int {
  return intOf(BigInt(value) >> (BigInt(by) & 63n));
}

/** Upper 32 bits of the two's complement, as a signed number. */
export function highHalf(value: Int): number {
  return typeof value === 'number'
    ? Math.floor(value / twoTo32) | 0
    : Number(BigInt.asIntN(32, value >> 32n));
}

/** Lower 32 bits of the two's complement, as a signed number. */
export function lowHalf(value: Int): number {
  return typeof value === 'number' ? value | 0 : Number(BigInt.asIntN(32, value));
}

/** The signed integer of two halves. */
export function fromHalves(high: number, low: number): Int {
  const whole = high * twoTo32 + (low >>> 0);
  if (Number.isSafeInteger(whole)) return whole;
  return BigInt.asIntN(64, (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0));
}

/** A register of 64 bits in two signed halves: what hashes and random streams work on without allocating. */
export class Register {
  high = 0;
  low = 0;

  set(high: number, low: number): void {
    this.high = high;
    this.low = low;
  }

  xor(high: number, low: number): void {
    this.high ^= high;
    this.low ^= low;
  }

  /** Adds modulo 2^64. */
  add(high: number, low: number): void {
    const sum = (this.low >>> 0) + (low >>> 0);
    this.high = (this.high + high + (sum >= twoTo32 ? 1 : 0)) | 0;
    this.low = sum | 0;
  }

  /** Multiplies modulo 2^64. */
  multiply(high: number, low: number): void {
    const own = this.low >>> 0;
    const first = own * (low & 0xffff);
    const second = own * (low >>> 16) + Math.floor(first / 65536);
    this.high = (Math.floor(second / 65536) + Math.imul(this.high, low) + Math.imul(this.low, high)) | 0;
    this.low = ((second & 0xffff) << 16) | (first & 0xffff);
  }

  /** Folds the upper bits into the lower ones: x ^= x >>> `by`, 1 to 63. */
  xorShiftRight(by: number): void {
    if (by >= 32) {
      this.low ^= this.high >>> (by - 32);
      return;
    }
    this.low ^= (this.low >>> by) | (this.high << (32 - by));
    this.high ^= this.high >>> by;
  }
}
