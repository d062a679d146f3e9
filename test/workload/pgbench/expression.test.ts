// Goal: values, prints and refusals of expressions, without a server: the numbers below are pgbench's.
import { describe, expect, test } from 'vitest';
import { DrillError } from '../../../src/kernel/errors.ts';
import { builtins, findBuiltin } from '../../../src/workload/pgbench/builtin.ts';
import { ScriptCompiler } from '../../../src/workload/pgbench/compile.ts';
import { drawThrottleGap, PgRandom } from '../../../src/workload/pgbench/random.ts';
import { ScriptRun } from '../../../src/workload/pgbench/run.ts';
import { parseWeighted, setAutomaticVariables } from '../../../src/workload/pgbench/selection.ts';
import { debugText, textOf, valueOfText } from '../../../src/workload/pgbench/value.ts';
import { VariableStore } from '../../../src/workload/pgbench/variables.ts';
import { compiled, firstClient } from './play.ts';

/** What debug() prints of an expression, or the first message of its failure. */
function value(text: string, seed = 5432): string {
  const compiler = new ScriptCompiler();
  const script = compiled(compiler, `\\set it ${text}\n`);
  const { variables, random } = firstClient(seed, compiler.names);
  const run = new ScriptRun({ client: 0, variables, random, protocol: 'simple' });
  run.start(script);
  return run.next() === 'done'
    ? debugText(variables.value(compiler.names.slot('it')))
    : (run.messages[0] ?? '');
}

test('draws of the first client with seed 5432, one after the other', () => {
  const compiler = new ScriptCompiler();
  const calls = [
    'random(10, 19)',
    'random_exponential(100, 199, 10.0)',
    'random_gaussian(1000, 1999, 10.0)',
    'random_zipfian(1, 9, 1.3)',
  ];
  const source = calls.map((call, index) => `\\set v${index} ${call}\n`).join('');
  const { variables, random } = firstClient(5432, compiler.names);
  const run = new ScriptRun({ client: 0, variables, random, protocol: 'simple' });
  run.start(compiled(compiler, source));
  expect(run.next()).toBe('done');
  expect(calls.map((_, index) => variables.value(compiler.names.slot(`v${index}`)))).toEqual([
    17, 104, 1498, 3,
  ]);
});

const large = '9223372036854775797';
test.each([
  ['hash(10, 5432)', 'int -5817877081768721676'],
  ['hash_murmur2(10, 5432)', 'int -5817877081768721676'],
  ['hash_fnv1a(10, 5432)', 'int -7793829335365542153'],
  [`permute(${large} - 1, ${large}, 5432)`, 'int 520382784483822430'],
  [`permute(${large} - 2, ${large}, 5432)`, 'int 1143715004660802862'],
  [`permute(${large} - 3, ${large}, 5432)`, 'int 447293596416496998'],
  [`permute(${large} - 4, ${large}, 5432)`, 'int 916527772266572956'],
  ['permute(0, 2, 5431) + 2 * permute(1, 2, 5431)', 'int 2'],
  ['permute(0, 2, 5433) + 2 * permute(1, 2, 5433)', 'int 1'],
  ['pow(-3, 3)', 'double -27'],
  ['pow(2.0, 10)', 'double 1024'],
  ['pow(-2, -3)', 'double -0.125'],
  ['pow(1, 1.0 / 0)', 'double 1'],
  ['int(2.5) * 10 + int(3.5)', 'int 24'],
  ['7 / -2', 'int -3'],
  ['-7 % 3', 'int -1'],
  ['5 % -1', 'int 0'],
  ['1.0 / (-4 % 2) + 1.0 / (0 * -1) + 1.0 / (0 / -5)', 'double Infinity'],
  ['-9223372036854775808', 'int -9223372036854775808'],
  ['-9223372036854775807 - 1', 'int -9223372036854775808'],
  ['9007199254740991 + 2', 'int 9007199254740993'],
  ['9007199254740993 - 2', 'int 9007199254740991'],
  ['9223372036854775807.0 * 9223372036854775807', 'double 8.50705917302346e+37'],
  ['1e30', 'double 1e+30'],
  ['100000000000000.5', 'double 100000000000000'],
  ['1.0 / 0', 'double Infinity'],
  ['0.0001 / 10', 'double 1e-05'],
  ['NULL + NULL * exp(NULL)', 'null'],
  ['false AND 1 / 0 = 1', 'boolean false'],
  ['true OR 1 / 0 = 1', 'boolean true'],
  ['CASE WHEN NULL THEN 1 / 0 WHEN 1.0 THEN 2 ELSE 3 END', 'int 2'],
  ['NOT 1 = 2 AND 3 IS NOT NULL', 'boolean true'],
  ['1 << 65', 'int 2'],
])('%s is %s', (text, expected) => {
  expect(value(text)).toBe(expected);
});

test.each([
  ['1 / 0', 'division by zero'],
  ['2 * 4611686018427387904', 'bigint mul out of range'],
  ['-9223372036854775808 / -1', 'bigint div out of range'],
  ['int(1E32)', 'double to int overflow for 100000000000000005366162204393472.000000'],
  ['1 + true', 'cannot coerce boolean to int'],
  ['not 1', 'cannot coerce int to boolean'],
  ['random(2, 1)', 'empty range given to random'],
  ['random(-9223372036854775807, 9223372036854775807)', 'random range is too large'],
  ['random_gaussian(1, 2, 1)', 'gaussian parameter must be at least 2.000000 (not 1.000000)'],
  ['random_zipfian(1, 2, 1)', 'zipfian parameter must be in range [1.001, 1000] (not 1.000000)'],
  ['random_zipfian(1, 2, 0.0 / 0)', 'zipfian parameter must be in range [1.001, 1000] (not NaN)'],
  ['permute(1, 0)', 'permute size parameter must be greater than zero'],
  [':nobody', 'undefined variable "nobody"'],
  [`least(${'1, '.repeat(16)}1)`, 'too many function arguments, maximum is 16'],
])('%s fails: %s', (text, message) => {
  expect(value(text)).toBe(message);
});

test.each([
  ['nUlL', 'null'],
  ['y', 'boolean true'],
  ['TRU', 'boolean true'],
  ['of', 'boolean false'],
  ['n', 'boolean false'],
  [' 12', 'int 12'],
  ['1', 'int 1'],
  ['1e3', 'double 1000'],
  ['0x10', 'double 16'],
  ['-inf', 'double -Infinity'],
])('the text "%s" is %s', (text, expected) => {
  expect(debugText(valueOfText('v', text))).toBe(expected);
});

test.each(['o', '', '1x', '9223372036854775808', '1e400', '1e-400', '+'])(
  'the text "%s" is no value',
  (text) => {
    expect(() => valueOfText('v', text)).toThrow(DrillError);
  },
);

describe('random streams', () => {
  test('a state that is put back gives the same draws', () => {
    const random = new PgRandom(9n);
    random.uniform(1, 100);
    const { state } = random;
    const draws = [random.uniform(1, 2 ** 40), random.unit(), random.uint64()];
    random.state = state;
    expect([random.uniform(1, 2 ** 40), random.unit(), random.uint64()]).toEqual(draws);
  });

  test('gaps between throttled transactions have their mean', () => {
    const random = new PgRandom(9n);
    const gaps = Array.from({ length: 20_000 }, () => drawThrottleGap(random, 5000));
    expect(gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length / 5000).toBeCloseTo(1, 1);
    expect(gaps.every((gap) => Number.isInteger(gap) && gap >= 0)).toBe(true);
  });

  test('a range of one number takes no draw', () => {
    const random = new PgRandom(9n);
    const { state } = random;
    expect([random.uniform(4, 4), random.state]).toEqual([4, state]);
  });
});

test('a variable that was defined keeps its value beside the automatic ones', () => {
  const compiler = new ScriptCompiler();
  const variables = new VariableStore(compiler.names);
  variables.setText(compiler.names.slot('scale'), '7');
  setAutomaticVariables(variables, { scale: 1, client: 2, seed: 2n ** 64n - 1n, defaultSeed: null });
  const text = (name: string): string | null => variables.text(compiler.names.slot(name));
  expect(['scale', 'client_id', 'random_seed', 'default_seed'].map(text)).toEqual(['7', '2', '-1', null]);
});

test('names and weights of scripts', () => {
  expect(parseWeighted('a@b.sql@12')).toEqual({ name: 'a@b.sql', weight: 12 });
  expect(parseWeighted('a.sql')).toEqual({ name: 'a.sql', weight: 1 });
  expect(() => parseWeighted('a@x')).toThrow('invalid weight specification: @x');
  expect(() => parseWeighted('a@-1')).toThrow('weight specification out of range (0 .. 2147483647): -1');
  expect(['t', 'si', 'se'].map((prefix) => findBuiltin(prefix))).toEqual(builtins);
  expect(() => findBuiltin('s')).toThrow('ambiguous builtin name: 2 builtin scripts found for prefix "s"');
  expect(() => findBuiltin('x')).toThrow('no builtin script found for name "x"');
  expect(textOf(null)).toBe('NULL');
});
