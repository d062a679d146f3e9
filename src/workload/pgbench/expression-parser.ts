import { FaultError, type Token, tokensOf } from './expression-tokens.ts';
import { type FunctionName, functionOf, seeded, signatures } from './functions.ts';
import { Double, type Value } from './value.ts';

/** An expression as a tree; `height` bounds the depth of what is made of it. */
export type Expression =
  | { type: 'constant'; value: Value; height: number }
  | { type: 'variable'; name: string; offset: number; height: number }
  | { type: 'call'; name: FunctionName; arguments: readonly Expression[]; height: number };

/** Expressions nested deeper are refused: each level costs stack when it is evaluated. */
const mostLevels = 500;

/** How tightly operators bind, loosest first. */
const Rank = { or: 1, and: 2, not: 3, is: 4, compare: 5, bits: 6, sum: 7, product: 8, sign: 9 } as const;

const binary: Readonly<Record<string, { rank: number; name: FunctionName; swapped?: true }>> = {
  or: { rank: Rank.or, name: '!or' },
  and: { rank: Rank.and, name: '!and' },
  '<': { rank: Rank.compare, name: '<' },
  '<=': { rank: Rank.compare, name: '<=' },
  '>': { rank: Rank.compare, name: '<', swapped: true },
  '>=': { rank: Rank.compare, name: '<=', swapped: true },
  '=': { rank: Rank.compare, name: '=' },
  '<>': { rank: Rank.compare, name: '<>' },
  '!=': { rank: Rank.compare, name: '<>' },
  '|': { rank: Rank.bits, name: '|' },
  '#': { rank: Rank.bits, name: '#' },
  '&': { rank: Rank.bits, name: '&' },
  '<<': { rank: Rank.bits, name: '<<' },
  '>>': { rank: Rank.bits, name: '>>' },
  '+': { rank: Rank.sum, name: '+' },
  '-': { rank: Rank.sum, name: '-' },
  '*': { rank: Rank.product, name: '*' },
  '/': { rank: Rank.product, name: '/' },
  '%': { rank: Rank.product, name: 'mod' },
};

const constant = (value: Value): Expression => ({ type: 'constant', value, height: 1 });

/**
 * Reads the expression of a meta command, to the end of its line.
 *
 * @param from where in `text` it begins
 * @throws FaultError at the first mistake
 * @see PostgreSQL 15, src/bin/pgbench/exprparse.y for the ranks of operators
 */
export function parseExpression(text: string, from: number): Expression {
  const tokens = tokensOf(text, from);
  // pgbench reads on to the end of the line to show it, and then tells what is no token there instead.
  const unreadable = tokens.find((token) => token.kind === 'fault');
  try {
    return new ExpressionReader(tokens).whole();
  } catch (error) {
    throw error instanceof FaultError && unreadable ? new FaultError(unreadable.fault) : error;
  }
}

/** Reads by precedence climbing; comparisons do not chain, as in SQL. */
class ExpressionReader {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Expression {
    const expression = this.#expression(Rank.or);
    if (this.#peek().kind !== 'end') this.#unexpected('an operator');
    return expression;
  }

  /** An expression whose operators bind at least as tightly as `loosest`. */
  #expression(loosest: number): Expression {
    this.#depth += 1;
    if (this.#depth > mostLevels) this.#tooDeep();
    let left = this.#operand();
    for (;;) {
      const word = this.#operator();
      const operator = Object.hasOwn(binary, word) ? binary[word] : undefined;
      if (operator && operator.rank >= loosest) {
        this.#at += 1;
        const right = this.#expression(operator.rank + 1);
        left = this.#call(operator.name, operator.swapped ? [right, left] : [left, right]);
        const next = this.#operator();
        if (operator.rank === Rank.compare && binary[next]?.rank === Rank.compare)
          this.#unexpected('no second comparison');
      } else if (Rank.is >= loosest && /^(is|isnull|notnull)$/.test(word)) {
        left = this.#test(left, word);
      } else {
        this.#depth -= 1;
        return left;
      }
    }
  }

  #test(left: Expression, word: string): Expression {
    this.#at += 1;
    let negated = word === 'notnull';
    let wanted: Value = null;
    if (word === 'is') {
      negated = this.#takes('not');
      if (this.#takes('true')) wanted = true;
      else if (this.#takes('false')) wanted = false;
      else if (!this.#takes('null')) this.#unexpected('NULL, TRUE or FALSE');
    }
    const test = this.#call('!is', [left, constant(wanted)]);
    return negated ? this.#call('!not', [test]) : test;
  }

  #operand(): Expression {
    const token = this.#peek();
    this.#at += 1;
    switch (token.kind) {
      case 'integer':
        return constant(token.value);
      case 'double':
        return constant(new Double(token.value));
      case 'variable':
        return { type: 'variable', name: token.text.slice(1), offset: token.offset, height: 1 };
      case 'function':
        return this.#named(token);
      case 'keyword':
        return this.#word(token.text.toLowerCase());
      case 'symbol':
        return this.#signed(token.text);
      default:
        return this.#refuse();
    }
  }

  #word(word: string): Expression {
    if (word === 'null') return constant(null);
    if (word === 'true' || word === 'false') return constant(word === 'true');
    if (word === 'not') return this.#call('!not', [this.#expression(Rank.not)]);
    return word === 'case' ? this.#case() : this.#refuse();
  }

  #signed(sign: string): Expression {
    if (sign === '+') return this.#expression(Rank.sign);
    if (sign === '~') return this.#call('#', [constant(-1), this.#expression(Rank.bits + 1)]);
    if (sign === '-') {
      if (this.#peek().kind === 'largest') {
        this.#at += 1;
        return constant(-(2n ** 63n));
      }
      return this.#call('-', [constant(0), this.#expression(Rank.sign)]);
    }
    if (sign !== '(') return this.#refuse();
    const inner = this.#expression(Rank.or);
    if (!this.#takes(')')) this.#unexpected('")"');
    return inner;
  }

  #case(): Expression {
    const parts: Expression[] = [];
    if (!this.#is('when')) this.#unexpected('WHEN');
    while (this.#takes('when')) {
      parts.push(this.#expression(Rank.or));
      if (!this.#takes('then')) this.#unexpected('THEN');
      parts.push(this.#expression(Rank.or));
    }
    parts.push(this.#takes('else') ? this.#expression(Rank.or) : constant(null));
    if (!this.#takes('end')) this.#unexpected('END');
    return this.#call('!case', parts);
  }

  #named({ text, offset }: Token): Expression {
    const name = functionOf(text);
    if (name === null) throw new FaultError({ offset, message: 'unexpected function name', detail: text });
    if (!this.#takes('(')) this.#unexpected('"("');
    const given: Expression[] = [];
    if (!this.#is(')')) {
      if (!this.#is(',')) given.push(this.#expression(Rank.or));
      while (this.#takes(',')) given.push(this.#expression(Rank.or));
    }
    if (!this.#takes(')')) this.#unexpected('")"');
    const [least, most] = signatures[name];
    if (given.length < least || given.length > most) {
      const message =
        most === Number.POSITIVE_INFINITY
          ? 'at least one argument expected'
          : 'unexpected number of arguments';
      throw new FaultError({ offset, message, detail: name });
    }
    if (seeded.has(name) && given.length < most)
      given.push({ type: 'variable', name: 'default_seed', offset, height: 1 });
    return this.#call(name, given);
  }

  #call(name: FunctionName, given: readonly Expression[]): Expression {
    let height = 0;
    for (const part of given) height = Math.max(height, part.height);
    if (height >= mostLevels) this.#tooDeep();
    return { type: 'call', name, arguments: given, height: height + 1 };
  }

  #takes(word: string): boolean {
    if (!this.#is(word)) return false;
    this.#at += 1;
    return true;
  }

  #is(word: string): boolean {
    return this.#operator() === word;
  }

  /** The sign or keyword that stands here, in lower case; empty for anything else. */
  #operator(): string {
    const { kind, text } = this.#peek();
    return kind === 'symbol' || kind === 'keyword' ? text.toLowerCase() : '';
  }

  #peek(): Token {
    return this.#tokens[Math.min(this.#at, this.#tokens.length - 1)] as Token;
  }

  #refuse(): never {
    this.#at -= 1;
    return this.#unexpected('a value');
  }

  #unexpected(wanted: string): never {
    const token = this.#peek();
    const found = token.kind === 'end' ? 'the end of the line' : token.text;
    const { offset } = token;
    throw new FaultError({ offset, message: 'syntax error', hint: `expected ${wanted}, found ${found}` });
  }

  #tooDeep(): never {
    const { offset } = this.#peek();
    throw new FaultError({ offset, message: `an expression of more than ${mostLevels} levels` });
  }
}
