import { add, EvaluationError, type Int, intOf, parseInt64, subtract } from './int64.ts';

/** A floating-point number of the script language: set apart from integers, which are plain numbers. */
export class Double {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** What an expression can be: pgbench's null, boolean, int and double. */
export type Value = null | boolean | Int | Double;

const digitsShown = 15;

function typeName(value: Value): string {
  if (value === null) return 'null';
  if (typeof value === 'boolean') return 'boolean';
  return value instanceof Double ? 'double' : 'int';
}

/** @throws EvaluationError unless it is a boolean */
export function toBoolean(value: Value): boolean {
  if (typeof value === 'boolean') return value;
  throw new EvaluationError(`cannot coerce ${typeName(value)} to boolean`);
}

/** Doubles are rounded, halves to even. @throws EvaluationError for null, booleans, and doubles beyond 64 bits */
export function toInt(value: Value): Int {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  if (!(value instanceof Double)) throw new EvaluationError(`cannot coerce ${typeName(value)} to int`);
  const rounded = roundToEven(value.value);
  if (!(rounded >= -(2 ** 63) && rounded < 2 ** 63))
    throw new EvaluationError(`double to int overflow for ${withSixDecimals(rounded)}`);
  return Number.isSafeInteger(rounded) ? rounded + 0 : intOf(BigInt(rounded));
}

/** @throws EvaluationError for null and booleans */
export function toDouble(value: Value): number {
  if (typeof value === 'number') return value;
  if (value instanceof Double) return value.value;
  if (typeof value === 'bigint') return Number(value);
  throw new EvaluationError(`cannot coerce ${typeName(value)} to double`);
}

/** Whether a condition holds: null and zero do not. */
export function isTrue(value: Value): boolean {
  if (value instanceof Double) return value.value !== 0;
  return value !== null && value !== false && value !== 0;
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** As C's %f prints it. */
export function withSixDecimals(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return Math.abs(value) < 1e21 ? value.toFixed(6) : `${BigInt(value)}.000000`;
}

/** The text that stands for a value in a statement. */
export function textOf(value: Value): string {
  if (value === null) return 'NULL';
  return value instanceof Double ? doubleText(value.value) : String(value);
}

/** What `debug()` prints of a value. */
export function debugText(value: Value): string {
  return value === null ? 'null' : `${typeName(value)} ${textOf(value)}`;
}

/** A double with 15 significant digits, as C's %.15g prints it. */
function doubleText(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [mantissa = '', exponentText = ''] = roundedDigits(value).split('e');
  const exponent = Number(exponentText);
  if (exponent >= -4 && exponent < digitsShown) return trimmed(fixed(mantissa, exponent));
  const size = Math.abs(exponent) < 10 ? `0${Math.abs(exponent)}` : String(Math.abs(exponent));
  return `${trimmed(mantissa)}e${exponent < 0 ? '-' : '+'}${size}`;
}

/** Fifteen digits; where the double lies exactly in the middle C takes the even neighbour, JavaScript the larger one. */
function roundedDigits(value: number): string {
  const rounded = value.toExponential(digitsShown - 1);
  if (!/5e/.test(value.toExponential(digitsShown))) return rounded;
  const [digits = '', exponent = ''] = value.toExponential(60).split('e');
  const sign = digits.startsWith('-') ? 1 : 0;
  const kept = digits.slice(0, sign + digitsShown + 1);
  const inMiddle = /^50*$/.test(digits.slice(kept.length));
  return inMiddle && /[02468]$/.test(kept) ? `${kept}e${exponent}` : rounded;
}

function fixed(mantissa: string, exponent: number): string {
  const negative = mantissa.startsWith('-');
  const digits = mantissa.replace(/[-.]/g, '');
  const whole = exponent < 0 ? '0' : digits.slice(0, exponent + 1);
  const rest = exponent < 0 ? '0'.repeat(-exponent - 1) + digits : digits.slice(exponent + 1);
  return `${negative ? '-' : ''}${whole}.${rest}`;
}

const trimmed = (text: string): string => (text.includes('.') ? text.replace(/\.?0*$/, '') : text);

const isPrefixOf = (text: string, ...words: string[]): boolean => words.some((word) => word.startsWith(text));

/**
 * The value that a variable's text stands for: null, a boolean or the beginning of its name, an integer, else a double.
 *
 * @throws EvaluationError when it is none of these
 * @see PostgreSQL 15 documentation, pgbench, option -D and \gset
 */
export function valueOfText(name: string, text: string): Value {
  const word = text.toLowerCase();
  if (word === 'null') return null;
  if (word !== '' && (isPrefixOf(word, 'true', 'yes') || word === 'on')) return true;
  if (word !== '' && (isPrefixOf(word, 'false', 'no') || word === 'off' || word === 'of')) return false;
  if (word !== '' && /^[ \t\n\v\f\r]*[-+]?\d*$/.test(text)) return intOfText(text);
  const double = parseDouble(text);
  if (double === null) throw new EvaluationError(`malformed variable "${name}" value: "${text}"`);
  return new Double(double);
}

function intOfText(text: string): Int {
  const digits = text.trim();
  if (!/\d/.test(digits)) throw new EvaluationError(`invalid input syntax for type bigint: "${text}"`);
  const value = parseInt64(digits);
  if (value === null) throw new EvaluationError(`value "${text}" is out of range for type bigint`);
  return value;
}

/** Smallest double that has all its digits; what is smaller counts as out of range. */
const smallestNormal = 2.2250738585072014e-308;

/** Reads a double as C's strtod does; null where it is none, or out of range. */
export function parseDouble(text: string): number | null {
  const match =
    /^[ \t\n\v\f\r]*([-+]?)(?:(inf|infinity)|(nan)(?:\(\w*\))?|(0x(?:[\da-f]+\.?[\da-f]*|\.[\da-f]+)(?:p[-+]?\d+)?)|((?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?))$/i.exec(
      text,
    );
  if (!match) return null;
  const [, sign, infinite, notANumber, hex, decimal = ''] = match;
  if (notANumber) return Number.NaN;
  const negate = sign === '-' ? -1 : 1;
  if (infinite) return negate * Number.POSITIVE_INFINITY;
  const size = hex === undefined ? Number(decimal) : parseHex(hex);
  const isZero = hex === undefined ? /^[0.]+(e|$)/i.test(decimal) : size === 0;
  if (size === Number.POSITIVE_INFINITY || (size < smallestNormal && !isZero)) return null;
  return negate * size;
}

function parseHex(text: string): number {
  const [, whole = '', rest = '', power = '0'] =
    /^0x([\da-f]*)\.?([\da-f]*)(?:p([-+]?\d+))?$/i.exec(text) ?? [];
  return Number(BigInt(`0x0${whole}${rest}`)) * 2 ** (Number(power) - 4 * rest.length);
}

/** Whether the integers of a random function's range can be counted in 64 bits, and there is one. @throws EvaluationError */
export function checkRange(min: Int, max: Int): void {
  if (min > max) throw new EvaluationError('empty range given to random');
  if (typeof min === 'number' && typeof max === 'number' && Number.isSafeInteger(max - min + 1)) return;
  try {
    add(subtract(max, min), 1);
  } catch {
    throw new EvaluationError('random range is too large');
  }
}
