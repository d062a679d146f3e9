// Goal: scripts are read as pgbench reads them, and what is not supported is refused at its place.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatProblem } from '../../src/kernel/errors.ts';
import { Random } from '../../src/kernel/random.ts';
import { builtinNames, builtinScript } from '../../src/workload/builtin.ts';
import { evaluate, parseExpression } from '../../src/workload/expression.ts';
import { drawVariables, parseScript, renderStatements, type Script } from '../../src/workload/script.ts';

function read(text: string): Script {
  const parsed = parseScript(text, 'my.sql');
  if ('problems' in parsed) throw new Error(parsed.problems.map(formatProblem).join('\n'));
  return parsed.script;
}

function problems(text: string): string[] {
  const parsed = parseScript(text, 'my.sql');
  return 'problems' in parsed ? parsed.problems.map(formatProblem) : [];
}

const sqlOf = (script: Script, variables: Record<string, number> = {}): string[] =>
  renderStatements(script, { operationId: '1.7', variables }).map(({ sql }) => sql);

function value(text: string, variables: Record<string, number> = {}): number {
  const parsed = parseExpression(text);
  if ('fault' in parsed) throw new Error(parsed.fault.message);
  return evaluate(parsed.expression, variables, new Random(1));
}

describe('splitting', () => {
  test.each([
    ['SELECT 1; SELECT 2', ['SELECT 1', 'SELECT 2']],
    [`SELECT ';', '''; ', ";" ; SELECT 2;`, [`SELECT ';', '''; ', ";"`, 'SELECT 2']],
    [`SELECT E'\\'; ', 1; SELECT 2;`, [`SELECT E'\\'; ', 1`, 'SELECT 2']],
    ['SELECT $$;$$, $a$ $$; $a$; SELECT 2;', ['SELECT $$;$$, $a$ $$; $a$', 'SELECT 2']],
    ['SELECT a$b, 1; SELECT $1;', ['SELECT a$b, 1', 'SELECT $1']],
    ['/* a /* ; */ ; */ SELECT 1; SELECT 2', ['/* a /* ; */ ; */ SELECT 1', 'SELECT 2']],
    ['-- first; line\n  SELECT 1 -- rest; of it\n + 1;', ['SELECT 1 -- rest; of it\n + 1']],
    [
      'CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2); SELECT 3',
      ['CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)', 'SELECT 3'],
    ],
    [';;; SELECT 1;; -- end', ['SELECT 1']],
    ['SELECT 1\n\\set a 2\nSELECT :a', ['SELECT 1', 'SELECT :a']],
  ])('%s', (text, expected) => {
    expect(sqlOf(read(text))).toEqual(expected);
  });

  test('variables are replaced also inside quotes, casts and unknown names stay', () => {
    const script = read(`\\set a 2\nSELECT ':a', :a::int, now()::text, :nobody, '12:30', ':operation'`);
    expect(sqlOf(script, { a: 17 })).toEqual([`SELECT '17', 17::int, now()::text, :nobody, '12:30', '1.7'`]);
    expect(script.hasLedger).toBe(true);
  });

  test('a text of harmless statements comes back as they were', () => {
    const piece = fc.constantFrom(
      'SELECT 1',
      `INSERT INTO t VALUES ('a;b')`,
      'UPDATE t SET a = $$;$$',
      'DELETE FROM "x;y"',
      'SELECT (1;2)',
    );
    fc.assert(
      fc.property(
        fc.array(piece, { minLength: 1, maxLength: 8 }),
        fc.constantFrom(';', ' ;\n', '; -- c;\n'),
        (pieces, glue) => {
          expect(sqlOf(read(pieces.join(glue)))).toEqual(pieces);
        },
      ),
    );
  });
});

describe('what a script is', () => {
  test.each([
    ['SELECT 1; (SELECT 2)', 'read'],
    ['/* for update */ SELECT 1', 'read'],
    [`SELECT 'into'`, 'read'],
    ['SELECT 1 FOR UPDATE', 'write'],
    ['SELECT 1 FOR NO KEY UPDATE', 'write'],
    ['SELECT a INTO b FROM c', 'write'],
    ['BEGIN; SELECT 1; END', 'write'],
    ['SELECT 1; UPDATE t SET a = 1', 'write'],
  ])('%s is a %s', (text, kind) => {
    expect(read(text).kind).toBe(kind);
  });

  test('the built-in scripts', () => {
    expect(builtinNames).toEqual(['select-only', 'tpcb-like', 'simple-update']);
    const kinds = builtinNames.map((name) => {
      const found = builtinScript(`builtin:${name}`);
      if (!('script' in found)) throw new Error(name);
      const variables = drawVariables(found.script, { scale: 3 }, new Random(1));
      const statements = sqlOf(found.script, variables);
      for (const sql of statements) expect(sql).not.toMatch(/:[a-z]/);
      return [found.script.kind, found.script.hasLedger, statements.length];
    });
    expect(kinds).toEqual([
      ['read', false, 1],
      ['write', true, 7],
      ['write', true, 5],
    ]);
    expect('problems' in builtinScript('builtin:tpcb')).toBe(true);
  });
});

describe('expressions', () => {
  test.each([
    ['1 + 2 * 3', 7],
    ['-(1 + 2) * 3', -9],
    ['7 / 2 - -7 / 2', 6],
    ['-7 % 3', -1],
    ['10 - 4 - 3', 3],
    ['greatest(1, 5, 3) + least(4, 2) + abs(-3) + mod(9, 5)', 14],
    [':a * :a', 49],
    ['RANDOM(4, 4)', 4],
  ])('%s is %i', (text, expected) => {
    expect(value(text, { a: 7 })).toBe(expected);
  });

  test('integer arithmetic agrees with BigInt, or is refused beyond 2^53', () => {
    const small = fc.integer({ min: -1_000_000_000, max: 1_000_000_000 });
    fc.assert(
      fc.property(small, small, fc.constantFrom('+', '-', '*', '/', '%'), (a, b, operator) => {
        fc.pre(!(b === 0 && (operator === '/' || operator === '%')));
        const [x, y] = [BigInt(a), BigInt(b)];
        const exact = {
          '+': () => x + y,
          '-': () => x - y,
          '*': () => x * y,
          '/': () => x / y,
          '%': () => x % y,
        }[operator]();
        const text = `(${a}) ${operator} (${b})`;
        if (Number.isSafeInteger(Number(exact))) expect(BigInt(value(text))).toBe(exact);
        else expect(() => value(text)).toThrow(/2\^53/);
      }),
    );
  });

  test('division by zero and an empty range are told', () => {
    expect(() => value('1 / 0')).toThrow('division by zero');
    expect(() => value('random(2, 1)')).toThrow('empty range');
  });
});

test('all mistakes come at once, each at its place', () => {
  const text = `\\set a 1 +\n\\set b random_zipfian(1, 2, 1.5)\n\\sleep 1 s\nSELECT 1 \\; SELECT 2;\n  \\set c :nobody\nSELECT 'open`;
  expect(problems(text)).toEqual([
    'my.sql:1:11: expected a value, found the end of the line [script]',
    'my.sql:2:8: "random_zipfian" is not supported in an expression yet [script]',
    'my.sql:3:1: \\sleep is not supported yet; a script may hold SQL and \\set [script]',
    'my.sql:4:10: \\; (several statements in one message) is not supported yet [script]',
    'my.sql:5:10: the variable "nobody" is not set before this line [script]',
    'my.sql:6:8: the string that begins here has no end [script]',
  ]);
  expect(problems('-- nothing')).toEqual(['my.sql:1:1: the script holds no SQL statement [script]']);
  expect(problems('\\set a 1.5\nSELECT 1')[0]).toContain('my.sql:1:8: "1.5" is not supported yet');
});
