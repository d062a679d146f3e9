import { Random } from '../../../src/kernel/random.ts';

/** Variables that generated expressions read, as `-D` gives them. */
export const definitions: Readonly<Record<string, string>> = {
  small: '7',
  negative: '-42',
  large: '9223372036854775800',
  least: '-9223372036854775808',
  half: '0.5',
  real: '-1234.56789e3',
  yes: 'YES',
  nope: 'fal',
  nothing: 'NULL',
  hex: '0x1p-3',
};

/** Seeded texts of expressions: of known types with brackets, and flat ones whose meaning hangs on the operators' ranks. */
export class ExpressionMaker {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  next(): string {
    const text = this.#pick([
      () => this.#int(4),
      () => this.#int(3),
      () => this.#double(3),
      () => this.#boolean(3),
      () => this.#flatInt(),
      () => this.#flatBoolean(),
      () => this.#inexact(),
      () => this.#draw(),
      () => this.#hash(),
    ]);
    return this.#chance(0.1) ? text.toUpperCase().replace(/:[A-Z]+/g, (name) => name.toLowerCase()) : text;
  }

  /** Tokens without sense: mostly a syntax error. */
  soup(): string {
    const tokens =
      '1 2.5 ( ) , + - * / % < <= = <> != | & # ~ << >> and or not is null true case when then else end'.split(
        ' ',
      );
    const words = [
      'abs(',
      'sqrt(1)',
      'mod(1,2)',
      'pi()',
      ':small',
      'nosuch(',
      'least(',
      '9223372036854775808',
      '!',
      'isnull',
      'random',
    ];
    const length = this.#random.integer(1, 6);
    return Array.from({ length }, () => this.#of([...tokens, ...words])).join(' ');
  }

  #int(depth: number): string {
    if (depth === 0 || this.#chance(0.15)) return this.#intLeaf();
    const deeper = (): string => (this.#chance(0.02) ? this.#any(depth - 1) : this.#int(depth - 1));
    return this.#pick([
      () => `(${deeper()} ${this.#of(['+', '-', '*'])} ${deeper()})`,
      () => `(${deeper()} ${this.#of(['+', '-', '*', '/', '%', '&', '|', '#'])} ${deeper()})`,
      () =>
        `(${deeper()} ${this.#of(['<<', '>>'])} ${this.#chance(0.9) ? this.#random.integer(0, 63) : deeper()})`,
      () => `(-${deeper()})`,
      () => `(~${deeper()})`,
      () => `abs((${deeper()} + 0))`,
      () => `mod(${deeper()}, ${deeper()})`,
      () => `${this.#of(['least', 'greatest'])}(${this.#list(deeper)})`,
      () => `int(${this.#double(depth - 1)})`,
      () => `case when ${this.#condition(depth - 1)} then ${deeper()} else ${deeper()} end`,
      () =>
        `case when ${this.#condition(depth - 1)} then ${deeper()} when ${this.#condition(depth - 1)} then ${deeper()} end`,
    ]);
  }

  #intLeaf(): string {
    return this.#pick([
      () => String(this.#random.integer(0, 20)),
      () => String(this.#random.integer(0, 2_000_000_000)),
      () =>
        this.#of([
          '9223372036854775807',
          '-9223372036854775808',
          '4611686018427387904',
          '3037000500',
          '9007199254740993',
          '9007199254740991',
          '4294967296',
          '2147483648',
          '-9007199254740992',
        ]),
      () => this.#of([':small', ':negative', ':large', ':least', ':small', ':negative']),
      () => (this.#chance(0.2) ? 'null' : ':negative'),
      () => ':x',
    ]);
  }

  /** Only operations that both sides round alike. */
  #double(depth: number): string {
    if (depth === 0 || this.#chance(0.2)) {
      return this.#pick([
        () =>
          this.#of([
            '0.5',
            '2.5',
            '3.5',
            '-1.5',
            '.25',
            '1e3',
            '1.5E-7',
            '123456789.125',
            '100000000000000.5',
            '1e15',
            '1e22',
            '1e-5',
            '0.0001',
            '12345678901234567890.0',
            '9.2233720368547758e18',
          ]),
        () => `${this.#random.integer(0, 100000)}.${this.#random.integer(0, 999)}`,
        () => this.#of([':half', ':real', ':hex', 'pi()']),
        () => `double(${this.#intLeaf()})`,
      ]);
    }
    const deeper = (): string => (this.#chance(0.3) ? this.#int(depth - 1) : this.#double(depth - 1));
    return this.#pick([
      () => `(${this.#double(depth - 1)} ${this.#of(['+', '-', '*', '/'])} ${deeper()})`,
      () => `(${deeper()} ${this.#of(['+', '-', '*', '/'])} ${this.#double(depth - 1)})`,
      () => `sqrt(${deeper()})`,
      () => `abs((${this.#double(depth - 1)} - 0))`,
      () => `(- ${this.#double(depth - 1)})`,
      () => `${this.#of(['least', 'greatest'])}(${this.#double(depth - 1)}, ${this.#list(deeper)})`,
      () => `case when ${this.#condition(depth - 1)} then ${deeper()} else ${this.#double(depth - 1)} end`,
    ]);
  }

  /** The mathematical functions on arguments that are alike on both sides: they differ in the last digits only. */
  #inexact(): string {
    return this.#pick([
      () => `exp(${this.#random.integer(-40, 40)}.${this.#random.integer(0, 99)})`,
      () => `ln(${this.#double(1)})`,
      () => `ln(${this.#random.integer(1, 1_000_000)})`,
      () => `pow(${this.#random.integer(-20, 20)}, ${this.#random.integer(-12, 12)})`,
      () =>
        `power(${this.#random.integer(0, 50)}.${this.#random.integer(0, 99)}, ${this.#random.integer(-9, 9)}.${this.#random.integer(0, 9)})`,
      () =>
        `pow(${this.#of(['1', '-1', '0', '2.0', '0.0', '-8'])}, ${this.#of(['1.0/0', '0', '-1', '0.5', '-1.0/0', '1.0/3'])})`,
      () => `2 * exp(ln(${this.#random.integer(1, 1000)}))`,
      () => `sqrt(exp(${this.#random.integer(0, 9)})) / 3`,
    ]);
  }

  #boolean(depth: number): string {
    if (depth === 0 || this.#chance(0.15))
      return this.#of(['true', 'false', ':yes', ':nope', 'null is null', 'NULL', '(1 = 1)']);
    const side = (): string => (this.#chance(0.3) ? this.#double(depth - 1) : this.#int(depth - 1));
    const deeper = (): string => (this.#chance(0.02) ? this.#any(depth - 1) : this.#boolean(depth - 1));
    return this.#pick([
      () => `(${side()} ${this.#of(['<', '<=', '>', '>=', '=', '<>', '!='])} ${side()})`,
      () => `(${deeper()} and ${deeper()})`,
      () => `(${deeper()} or ${deeper()})`,
      () => `(not ${deeper()})`,
      () => `(${this.#any(depth - 1)} is ${this.#of(['', 'not '])}${this.#of(['null', 'true', 'false'])})`,
      () => `(${this.#any(depth - 1)} ${this.#of(['isnull', 'notnull'])})`,
      () => `case when ${this.#condition(depth - 1)} then ${deeper()} else ${deeper()} end`,
    ]);
  }

  #condition(depth: number): string {
    return this.#chance(0.2) ? this.#any(depth) : this.#boolean(depth);
  }

  #any(depth: number): string {
    return this.#pick([() => this.#int(depth), () => this.#double(depth), () => this.#boolean(depth)]);
  }

  #flatInt(): string {
    const operand = (): string =>
      `${this.#of(['', '', '', '- ', '+ ', '~ ', '-'])}${this.#random.integer(1, 99)}`;
    const operators = ['+', '-', '*', '/', '%', '&', '|', '#', '<<', '>>'];
    let text = operand();
    for (let count = this.#random.integer(1, 7); count > 0; count -= 1) {
      const operator = this.#of(operators);
      text += ` ${operator} ${operator === '<<' || operator === '>>' ? this.#random.integer(0, 5) : operand()}`;
    }
    return text;
  }

  #flatBoolean(): string {
    const term = (): string => {
      const compared = `${this.#flatInt()} ${this.#of(['<', '<=', '=', '<>', '>', '>=', '!='])} ${this.#flatInt()}`;
      const test = this.#of(['', '', ' is null', ' is not true', ' is false', ' isnull', ' notnull']);
      return `${this.#of(['', '', 'not ', 'not not '])}${this.#chance(0.8) ? compared : this.#of(['true', 'false', 'null'])}${test}`;
    };
    let text = term();
    for (let count = this.#random.integer(0, 4); count > 0; count -= 1)
      text += ` ${this.#of(['and', 'or'])} ${term()}`;
    return text;
  }

  #draw(): string {
    const low = this.#random.integer(-1000, 1000);
    const high = low + this.#of([0, 1, 9, 100, 65535, 1_000_000]);
    return this.#pick([
      () => `random(${low}, ${high})`,
      () => `random(${low}, 100000 * :small)`,
      () => `random(-${this.#random.integer(1, 2 ** 40)}, ${this.#random.integer(1, 2 ** 52)})`,
      () => `random(:least, ${this.#of(['-2', '-5', ':negative'])})`,
      () => `random_exponential(${low}, ${high}, ${this.#of(['10.0', '1', '0.1', '2.5', '50'])})`,
      () => `random_gaussian(${low}, ${high}, ${this.#of(['2', '2.5', '10.0', '100'])})`,
      () => `random_zipfian(${low}, ${high}, ${this.#of(['1.07', '1.3', '2.0', '3.5', '999.9'])})`,
      () => `random(1, 1000) ${this.#of(['<', '>', '<=', '>='])} random(1, 1000)`,
      () => `random(${this.#random.integer(0, 60)}.5, 200)`,
    ]);
  }

  #hash(): string {
    const key = (): string => this.#int(1);
    return this.#pick([
      () => `${this.#of(['hash', 'hash_murmur2', 'hash_fnv1a'])}(${key()}, ${key()})`,
      () => `${this.#of(['hash', 'hash_fnv1a'])}(${key()})`,
      () =>
        `permute(${key()}, ${this.#of(['1', '2', '3', '4', '10', '100000', '4294967296', '4294967297', '9223372036854775797', ':small'])}, ${key()})`,
      () => `permute(${key()}, ${this.#random.integer(1, 10_000_000)})`,
    ]);
  }

  #list(make: () => string): string {
    const length = this.#chance(0.03) ? 17 : this.#random.integer(1, 4);
    return Array.from({ length }, make).join(', ');
  }

  #chance(share: number): boolean {
    return this.#random.unit() < share;
  }

  #of<T>(items: readonly T[]): T {
    return items[this.#random.integer(0, items.length - 1)] as T;
  }

  #pick(makers: readonly (() => string)[]): string {
    return this.#of(makers)();
  }
}
