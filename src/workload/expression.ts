import { DrillError } from '../kernel/errors.ts';
import type { Random } from '../kernel/random.ts';

/** An integer expression of a script's `\set`, as a tree of plain data. */
export type Expression =
  | { type: 'integer'; value: number }
  | { type: 'variable'; name: string }
  | { type: 'negate'; operand: Expression }
  | { type: 'binary'; operator: BinaryOperator; left: Expression; right: Expression }
  | { type: 'call'; function: FunctionName; arguments: Expression[] };

type BinaryOperator = '+' | '-' | '*' | '/' | '%';

/** Number of arguments of every function of pgbench's that is supported: least and most. */
const functions = {
  abs: [1, 1],
  greatest: [1, 16],
  least: [1, 16],
  mod: [2, 2],
  random: [2, 2],
} as const satisfies Record<string, readonly [number, number]>;
type FunctionName = keyof typeof functions;

/** A mistake in an expression; `offset` counts characters from the start of its text. */
export interface ExpressionFault {
  offset: number;
  message: string;
}

interface Token {
  offset: number;
  kind: 'integer' | 'variable' | 'name' | 'symbol' | 'end';
  text: string;
}

class FaultError extends Error {
  readonly fault: ExpressionFault;

  constructor(fault: ExpressionFault) {
    super(fault.message);
    this.fault = fault;
  }
}

/** Reads an expression: integers, `:variables`, + - * / %, parentheses, unary + and -, and the functions above. */
export function parseExpression(text: string): { expression: Expression } | { fault: ExpressionFault } {
  try {
    const reader = new ExpressionReader(tokensOf(text));
    return { expression: reader.whole() };
  } catch (error) {
    if (error instanceof FaultError) return { fault: error.fault };
    throw error;
  }
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const pattern = /\s+|(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)|:([A-Za-z_]\w*)|([A-Za-z_]\w*)|([-+*/%(),])/gy;
  while (pattern.lastIndex < text.length) {
    const offset = pattern.lastIndex;
    const match = pattern.exec(text);
    if (!match)
      throw new FaultError({
        offset,
        message: `"${text.slice(offset, offset + 10)}" is not supported in an expression yet`,
      });
    const [, integer, variable, name, symbol] = match;
    if (integer !== undefined) tokens.push({ offset, kind: 'integer', text: integer });
    else if (variable !== undefined) tokens.push({ offset, kind: 'variable', text: variable });
    else if (name !== undefined) tokens.push({ offset, kind: 'name', text: name });
    else if (symbol !== undefined) tokens.push({ offset, kind: 'symbol', text: symbol });
  }
  tokens.push({ offset: text.length, kind: 'end', text: 'the end of the line' });
  return tokens;
}

/** Recursive descent over the tokens: sums of products of signed terms, as pgbench's grammar ranks them. */
class ExpressionReader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Expression {
    const expression = this.#sum();
    if (this.#peek().kind !== 'end') this.#unexpected('an operator');
    return expression;
  }

  #sum(): Expression {
    let left = this.#product();
    for (let sign = this.#symbol('+', '-'); sign; sign = this.#symbol('+', '-')) {
      left = { type: 'binary', operator: sign as BinaryOperator, left, right: this.#product() };
    }
    return left;
  }

  #product(): Expression {
    let left = this.#signed();
    for (let sign = this.#symbol('*', '/', '%'); sign; sign = this.#symbol('*', '/', '%')) {
      left = { type: 'binary', operator: sign as BinaryOperator, left, right: this.#signed() };
    }
    return left;
  }

  #signed(): Expression {
    if (this.#symbol('-')) return { type: 'negate', operand: this.#signed() };
    if (this.#symbol('+')) return this.#signed();
    return this.#term();
  }

  #term(): Expression {
    const token = this.#peek();
    this.#at += 1;
    if (token.kind === 'integer') return integerOf(token);
    if (token.kind === 'variable') return { type: 'variable', name: token.text };
    if (token.kind === 'name') return this.#call(token);
    if (token.text !== '(' || token.kind !== 'symbol') {
      this.#at -= 1;
      this.#unexpected('a value');
    }
    const inner = this.#sum();
    if (!this.#symbol(')')) this.#unexpected('")"');
    return inner;
  }

  #call({ text, offset }: Token): Expression {
    const name = text.toLowerCase();
    if (!isFunction(name))
      throw new FaultError({ offset, message: `"${text}" is not supported in an expression yet` });
    if (!this.#symbol('(')) this.#unexpected('"("');
    const list = [this.#sum()];
    while (this.#symbol(',')) list.push(this.#sum());
    if (!this.#symbol(')')) this.#unexpected('")"');
    const [least, most] = functions[name];
    if (list.length < least || list.length > most) {
      throw new FaultError({
        offset,
        message: `${name}() takes ${least === most ? least : `${least} to ${most}`} arguments, not ${list.length}`,
      });
    }
    return { type: 'call', function: name, arguments: list };
  }

  #symbol(...wanted: string[]): string | null {
    const { kind, text } = this.#peek();
    if (kind !== 'symbol' || !wanted.includes(text)) return null;
    this.#at += 1;
    return text;
  }

  #peek(): Token {
    return this.#tokens[Math.min(this.#at, this.#tokens.length - 1)] as Token;
  }

  #unexpected(wanted: string): never {
    const { offset, text } = this.#peek();
    throw new FaultError({ offset, message: `expected ${wanted}, found ${text}` });
  }
}

function integerOf({ text, offset }: Token): Expression {
  if (!/^\d+$/.test(text))
    throw new FaultError({ offset, message: `"${text}" is not supported yet: numbers are integers` });
  const value = Number(text);
  if (!Number.isSafeInteger(value))
    throw new FaultError({ offset, message: `${text} is not supported yet: integers end at 2^53` });
  return { type: 'integer', value };
}

function isFunction(name: string): name is FunctionName {
  return Object.hasOwn(functions, name);
}

/** Names of the variables that an expression reads. */
export function variablesOf(expression: Expression): string[] {
  switch (expression.type) {
    case 'integer':
      return [];
    case 'variable':
      return [expression.name];
    case 'negate':
      return variablesOf(expression.operand);
    case 'binary':
      return [...variablesOf(expression.left), ...variablesOf(expression.right)];
    case 'call':
      return expression.arguments.flatMap(variablesOf);
  }
}

/**
 * Value of an expression. Division truncates towards 0 and the remainder has the dividend's sign, as in C.
 *
 * @throws DrillError on a division by 0, an empty `random` range, or a result beyond ±2^53
 */
export function evaluate(
  expression: Expression,
  variables: Readonly<Record<string, number>>,
  random: Random,
): number {
  const value = (part: Expression): number => evaluate(part, variables, random);
  switch (expression.type) {
    case 'integer':
      return expression.value;
    case 'variable': {
      const found = variables[expression.name];
      if (found === undefined)
        throw new DrillError(`the script's variable "${expression.name}" has no value`);
      return found;
    }
    case 'negate':
      return 0 - value(expression.operand);
    case 'binary':
      return calculate(expression.operator, value(expression.left), value(expression.right));
    case 'call':
      return callFunction(expression.function, expression.arguments.map(value), random);
  }
}

function calculate(operator: BinaryOperator, left: number, right: number): number {
  if ((operator === '/' || operator === '%') && right === 0)
    throw new DrillError('division by zero in a script');
  const result = {
    '+': () => left + right,
    '-': () => left - right,
    '*': () => left * right,
    '/': () => Math.trunc(left / right),
    '%': () => left % right,
  }[operator]();
  if (!Number.isSafeInteger(result)) {
    throw new DrillError(
      `${left} ${operator} ${right} in a script is beyond 2^53, which is not supported yet`,
    );
  }
  return result + 0;
}

function callFunction(name: FunctionName, values: readonly number[], random: Random): number {
  const [first = 0, second = 0] = values;
  switch (name) {
    case 'abs':
      return Math.abs(first);
    case 'greatest':
      return Math.max(...values);
    case 'least':
      return Math.min(...values);
    case 'mod':
      return calculate('%', first, second);
    case 'random':
      if (first > second) throw new DrillError(`random(${first}, ${second}) in a script is an empty range`);
      return random.integer(first, second);
  }
}
