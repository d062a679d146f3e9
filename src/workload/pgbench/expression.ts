import type { Expression } from './expression-parser.ts';
import { type FunctionName, mostArguments } from './functions.ts';
import { hashFnv1a, hashMurmur2, permute } from './hash.ts';
import * as int64 from './int64.ts';
import { EvaluationError, type Int } from './int64.ts';
import { drawExponential, drawGaussian, drawZipfian, type RandomSource } from './random.ts';
import {
  checkRange,
  Double,
  debugText,
  isTrue,
  toBoolean,
  toDouble,
  toInt,
  type Value,
  withSixDecimals,
} from './value.ts';
import type { VariableNames, VariableStore } from './variables.ts';

/** Whose variables and random stream an expression is evaluated with. */
export interface Scope {
  readonly variables: VariableStore;
  readonly random: RandomSource;
  /** Takes what `debug()` says of a value. */
  debug(text: string): void;
}

/** A compiled expression. @throws EvaluationError where it has no value */
export type Evaluate = (scope: Scope) => Value;

/** Makes a function of an expression, so that nothing of its text or tree is looked at again when it runs. */
export function compileExpression(expression: Expression, names: VariableNames): Evaluate {
  if (expression.type === 'constant') {
    const { value } = expression;
    return () => value;
  }
  if (expression.type === 'variable') {
    const slot = names.slot(expression.name);
    return ({ variables }) => variables.value(slot);
  }
  const parts = expression.arguments.map((part) => compileExpression(part, names));
  const compiled = compileCall(expression.name, parts);
  const isFixed =
    expression.name !== 'debug' &&
    !expression.name.startsWith('random') &&
    expression.arguments.every(({ type }) => type === 'constant');
  return isFixed ? folded(compiled) : compiled;
}

/** The value of a call on constants, found once; a mistake in it is told when it runs, as pgbench does. */
function folded(compiled: Evaluate): Evaluate {
  let value: Value;
  try {
    value = compiled(nowhere);
  } catch (error) {
    if (error instanceof EvaluationError) return compiled;
    throw error;
  }
  return () => value;
}

/** Constants need no scope. */
const nowhere = {} as Scope;

function compileCall(name: FunctionName, parts: readonly Evaluate[]): Evaluate {
  if (name === '!case') return compileCase(parts);
  const [first = none, second = none, third = none] = parts;
  if (name === '!and') return junction(first, second, false);
  if (name === '!or') return junction(first, second, true);
  if (name === '!is') return (scope) => first(scope) === second(scope);
  if (name === 'debug') {
    return (scope) => {
      const value = first(scope);
      scope.debug(debugText(value));
      return value;
    };
  }
  if (name === 'least' || name === 'greatest') return compileExtremum(name, parts);
  if (name === 'pi') return () => new Double(Math.PI);
  if (Object.hasOwn(unary, name)) return strictUnary(unary[name as keyof typeof unary], first);
  if (Object.hasOwn(binary, name)) return strictBinary(binary[name as keyof typeof binary], first, second);
  return strictTernary(ternary[name as keyof typeof ternary], [first, second, third]);
}

const none: Evaluate = () => null;

function compileCase(parts: readonly Evaluate[]): Evaluate {
  const branches: [when: Evaluate, then: Evaluate][] = [];
  for (let index = 0; index + 1 < parts.length; index += 2)
    branches.push([parts[index] as Evaluate, parts[index + 1] as Evaluate]);
  const otherwise = parts.at(-1) ?? none;
  return (scope) => {
    for (const [when, then] of branches) if (isTrue(when(scope))) return then(scope);
    return otherwise(scope);
  };
}

/** AND and OR leave the second operand alone when the first decides; null on either side that counts is null. */
function junction(first: Evaluate, second: Evaluate, deciding: boolean): Evaluate {
  return (scope) => {
    const left = first(scope);
    if (left === null) return null;
    if (toBoolean(left) === deciding) return deciding;
    const right = second(scope);
    return right === null ? null : toBoolean(right);
  };
}

type Unary = (value: Value, scope: Scope) => Value;
type Binary = (left: Value, right: Value, scope: Scope) => Value;
type Ternary = (first: Value, second: Value, third: Value, scope: Scope) => Value;

const strictUnary =
  (apply: Unary, part: Evaluate): Evaluate =>
  (scope) => {
    const value = part(scope);
    return value === null ? null : apply(value, scope);
  };

const strictBinary =
  (apply: Binary, first: Evaluate, second: Evaluate): Evaluate =>
  (scope) => {
    const left = first(scope);
    const right = second(scope);
    return left === null || right === null ? null : apply(left, right, scope);
  };

const strictTernary =
  (apply: Ternary, [first, second, third]: readonly [Evaluate, Evaluate, Evaluate]): Evaluate =>
  (scope) => {
    const one = first(scope);
    const two = second(scope);
    const three = third(scope);
    return one === null || two === null || three === null ? null : apply(one, two, three, scope);
  };

function compileExtremum(name: 'least' | 'greatest', parts: readonly Evaluate[]): Evaluate {
  const evaluated = parts.slice(0, mostArguments);
  return (scope) => {
    const values = evaluated.map((part) => part(scope));
    if (parts.length > mostArguments)
      throw new EvaluationError(`too many function arguments, maximum is ${mostArguments}`);
    if (values.includes(null)) return null;
    if (values.some((value) => value instanceof Double)) {
      return new Double(
        values
          .map(toDouble)
          .reduce((best, value) => (name === 'least' ? least(best, value) : most(best, value))),
      );
    }
    return values
      .map(toInt)
      .reduce((best, value) => (name === 'least' ? least(best, value) : most(best, value)));
  };
}

const least = <T extends Int>(a: T, b: T): T => (a < b ? a : b);
const most = <T extends Int>(a: T, b: T): T => (a > b ? a : b);

/** An operator on two integers, or on two doubles when either operand is one. */
function overloaded(
  onInts: (left: Int, right: Int) => Value,
  onDoubles: (left: number, right: number) => Value,
): Binary {
  return (left, right) => {
    if (typeof left === 'number' && typeof right === 'number') return onInts(left, right);
    if (left instanceof Double || right instanceof Double) {
      const first = toDouble(left);
      return onDoubles(first, toDouble(right));
    }
    const first = toInt(left);
    return onInts(first, toInt(right));
  };
}

const onInts =
  (apply: (left: Int, right: Int) => Value): Binary =>
  (left, right) => {
    const first = toInt(left);
    return apply(first, toInt(right));
  };

const onDouble =
  (apply: (value: number) => number): Unary =>
  (value) =>
    new Double(apply(toDouble(value)));

const unary = {
  '!not': (value) => !toBoolean(value),
  abs: absolute,
  double: onDouble((value) => value),
  exp: onDouble(Math.exp),
  int: (value) => toInt(value),
  ln: onDouble(Math.log),
  sqrt: onDouble(Math.sqrt),
} as const satisfies Partial<Record<FunctionName, Unary>>;

/** Of a boolean pgbench reads bytes that it never wrote; here it is the error that other functions give. */
function absolute(value: Value): Value {
  if (value instanceof Double) return new Double(value.value < 0 ? -value.value : value.value);
  return int64.absolute(toInt(value));
}

const power: Binary = (left, right) => {
  const base = toDouble(left);
  return new Double(cPower(base, toDouble(right)));
};

/** C's pow: 1 to any power is 1, and so is -1 to an infinite one; JavaScript has NaN there. */
function cPower(base: number, exponent: number): number {
  if (base === 1 || (base === -1 && Math.abs(exponent) === Number.POSITIVE_INFINITY)) return 1;
  return base ** exponent;
}

const binary = {
  '+': overloaded(int64.add, (a, b) => new Double(a + b)),
  '-': overloaded(int64.subtract, (a, b) => new Double(a - b)),
  '*': overloaded(int64.multiply, (a, b) => new Double(a * b)),
  '/': overloaded(int64.divide, (a, b) => new Double(a / b)),
  '<': overloaded(
    (a, b) => a < b,
    (a, b) => a < b,
  ),
  '<=': overloaded(
    (a, b) => a <= b,
    (a, b) => a <= b,
  ),
  '=': overloaded(
    (a, b) => a === b,
    (a, b) => a === b,
  ),
  '<>': overloaded(
    (a, b) => a !== b,
    (a, b) => a !== b,
  ),
  mod: onInts(int64.remainder),
  '&': onInts(int64.bitAnd),
  '|': onInts(int64.bitOr),
  '#': onInts(int64.bitXor),
  '<<': onInts(int64.shiftLeft),
  '>>': onInts(int64.shiftRight),
  hash: onInts(hashMurmur2),
  hash_murmur2: onInts(hashMurmur2),
  hash_fnv1a: onInts(hashFnv1a),
  pow: power,
  power,
  random: (left, right, { random }) => {
    const min = toInt(left);
    const max = toInt(right);
    checkRange(min, max);
    return random.uniform(min, max);
  },
} as const satisfies Partial<Record<FunctionName, Binary>>;

/** A distribution over a range with a parameter that is checked first. */
function distribution(
  draw: (random: RandomSource, range: readonly [Int, Int], parameter: number) => Int,
  check: (parameter: number) => string | null,
): Ternary {
  return (first, second, third, { random }) => {
    const min = toInt(first);
    const max = toInt(second);
    checkRange(min, max);
    const parameter = toDouble(third);
    const fault = check(parameter);
    if (fault !== null) throw new EvaluationError(`${fault} (not ${withSixDecimals(parameter)})`);
    return draw(random, [min, max], parameter);
  };
}

const ternary = {
  permute: (first, second, third) => {
    const value = toInt(first);
    const size = toInt(second);
    const seed = toInt(third);
    if (size <= 0) throw new EvaluationError('permute size parameter must be greater than zero');
    return permute(value, size, seed);
  },
  random_exponential: distribution(drawExponential, (parameter) =>
    !(parameter > 0) ? 'exponential parameter must be greater than zero' : null,
  ),
  random_gaussian: distribution(drawGaussian, (parameter) =>
    !(parameter >= 2) ? 'gaussian parameter must be at least 2.000000' : null,
  ),
  random_zipfian: distribution(drawZipfian, (parameter) =>
    !(parameter >= 1.001 && parameter <= 1000) ? 'zipfian parameter must be in range [1.001, 1000]' : null,
  ),
} as const satisfies Partial<Record<FunctionName, Ternary>>;
