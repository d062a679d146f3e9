// Goal: scripts are cut and understood as pgbench does, and every mistake comes at once, at its place, in its words.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatProblem, type Problem } from '../../../src/kernel/errors.ts';
import { ScriptCompiler } from '../../../src/workload/pgbench/compile.ts';
import { checkProtocol, protocolWarnings } from '../../../src/workload/pgbench/protocol.ts';
import { compiled } from './play.ts';

const sqlOf = (text: string): string[] =>
  compiled(new ScriptCompiler(), text).statements.map(({ sql }) => sql);

function problems(text: string): string[] {
  const read = new ScriptCompiler().compile(text, 'my.sql');
  return 'problems' in read ? read.problems.map(formatProblem) : [];
}

describe('splitting', () => {
  test.each([
    ['SELECT 1; SELECT 2', ['SELECT 1;', 'SELECT 2']],
    [`SELECT ';', '''; ', ";" ; SELECT 2;`, [`SELECT ';', '''; ', ";" ;`, 'SELECT 2;']],
    [`SELECT E'\\'; ', 1; SELECT 2;`, [`SELECT E'\\'; ', 1;`, 'SELECT 2;']],
    [`SELECT E'a'\n 'b\\';'; SELECT 2;`, [`SELECT E'a'\n 'b\\';';`, 'SELECT 2;']],
    [`SELECT E'a''\\'; '; SELECT 2;`, [`SELECT E'a''\\'; ';`, 'SELECT 2;']],
    ['\\set a 1 \\\r\n + 2\r\nSELECT 1', ['SELECT 1']],
    [`SELECT '\\'; SELECT 2;`, [`SELECT '\\';`, 'SELECT 2;']],
    ['SELECT $$;$$, $a$ $$; $a$; SELECT 2;', ['SELECT $$;$$, $a$ $$; $a$;', 'SELECT 2;']],
    ['SELECT a$b, 1; SELECT $1;', ['SELECT a$b, 1;', 'SELECT $1;']],
    ['/* a /* ; */ ; */ SELECT 1; SELECT 2', ['/* a /* ; */ ; */ SELECT 1;', 'SELECT 2']],
    ['-- first; line\n  SELECT 1 -- rest; of it\n + 1;', ['SELECT 1 -- rest; of it\n + 1;']],
    ['SELECT (1; 2); SELECT 3', ['SELECT (1; 2);', 'SELECT 3']],
    [';; SELECT 1; -- end', [';', ';', 'SELECT 1;']],
    ['SELECT 1\n\\set a 2\nSELECT :a', ['SELECT 1\n', 'SELECT :a']],
    ['SELECT 1 \\; SELECT 2; SELECT 3', ['SELECT 1 ; SELECT 2;', 'SELECT 3']],
    ['SELECT 1\\\nSELECT 2', ['SELECT 1', 'SELECT 2']],
    ['SELECT (1\n\\set a 2\n; SELECT 2); SELECT 3', ['SELECT (1\n', '; SELECT 2);', 'SELECT 3']],
    [
      'CREATE OR REPLACE FUNCTION f() BEGIN ATOMIC SELECT CASE WHEN a THEN b END; SELECT 2; END; SELECT 3',
      [
        'CREATE OR REPLACE FUNCTION f() BEGIN ATOMIC SELECT CASE WHEN a THEN b END; SELECT 2; END;',
        'SELECT 3',
      ],
    ],
    ['SELECT :{?a}, x::{?a}', ['SELECT FALSE, x::{?a}']],
  ])('%s', (text, expected) => {
    expect(sqlOf(text)).toEqual(expected);
  });

  test('statements without semicolons inside come back as they were, whatever stands between', () => {
    const piece = fc.constantFrom(
      'SELECT 1;',
      `INSERT INTO t VALUES ('a;b');`,
      'UPDATE t SET a = $$;$$;',
      'DELETE FROM "x;y";',
    );
    const glue = fc.constantFrom(' ', '\n', '-- c;\n', '\\set a 1\n', '\\if true\n\\endif\n');
    fc.assert(
      fc.property(fc.array(fc.tuple(piece, glue), { minLength: 1, maxLength: 8 }), (pieces) => {
        expect(sqlOf(pieces.map((pair) => pair.join('')).join(''))).toEqual(pieces.map(([sql]) => sql));
      }),
    );
  });
});

describe('variables', () => {
  test('each place is one more parameter; casts and numbers are none', () => {
    const script = compiled(new ScriptCompiler(), `SELECT ':a', :a::int, now()::text, '12:30', :b:b, :::c`);
    expect(script.statements[0]?.parameterSql).toBe(`SELECT '$1', $2::int, now()::text, '12:30', $3$4, :::c`);
  });

  test('prepared statements are counted over all scripts', () => {
    const compiler = new ScriptCompiler();
    const names = ['SELECT 1; SELECT 2', '\\set a 1\nSELECT 3'].map((text) =>
      compiled(compiler, text).statements.map(({ preparedName }) => preparedName),
    );
    expect(names).toEqual([['P_0', 'P_1'], ['P_2']]);
  });
});

describe('protocols', () => {
  const text = `SELECT ':a' /* :b */, :c::int;\n\\startpipeline\nSELECT :a, ':'::x;\n\\endpipeline\nSELECT ${':a, '.repeat(256)}1;`;
  const script = compiled(new ScriptCompiler(), text);
  const at = (found: Problem[]): string[] => found.map(({ place, message }) => `${place?.line} ${message}`);

  test('what one of them cannot do is told before', () => {
    expect(at(checkProtocol(script, text, 'simple'))).toEqual([
      '2 cannot use pipeline mode with the simple query protocol',
    ]);
    expect(at(checkProtocol(script, text, 'prepared'))).toEqual([
      '5 statement has too many arguments (maximum is 255)',
    ]);
  });

  test('hidden variables are warned of where they are parameters', () => {
    expect(protocolWarnings(script, text, 'simple')).toEqual([]);
    expect(at(protocolWarnings(script, text, 'extended'))).toEqual([
      '1 a variable in quotes or in a comment is no parameter: the server will refuse the extended statement',
    ]);
  });
});

test.each([
  ['SELECT 1; (SELECT 2)', 'read', ['read', 'read']],
  [`/* for update */ SELECT 'into'; ;`, 'read', ['read', 'read']],
  ['SELECT 1 FOR UPDATE', 'write', ['write']],
  ['SELECT 1 FOR NO KEY UPDATE', 'write', ['write']],
  ['SELECT 1 FOR SHARE', 'write', ['write']],
  ['SELECT 1 FOR KEY SHARE', 'write', ['write']],
  ['SELECT a INTO b FROM c', 'write', ['write']],
  ['BEGIN; SELECT 1; ROLLBACK TO s; END', 'write', ['begin', 'read', 'write', 'commit']],
  ['start transaction; abort', 'write', ['begin', 'rollback']],
  ['BEGIN \\; UPDATE t SET a = 1 \\; COMMIT;', 'write', ['commit']],
  ['BEGIN \\; SELECT 1;', 'write', ['begin']],
  ['SELECT 1 \\; UPDATE t SET a = 1;', 'write', ['write']],
  ['\\set a 1', 'write', []],
])('%s is a %s', (text, kind, effects) => {
  const script = compiled(new ScriptCompiler(), text);
  expect([script.kind, script.statements.map(({ effect }) => effect)]).toEqual([kind, effects]);
});

test('all mistakes come at once, each at its place', () => {
  const text = `\\set a 1 +
\\set b nosuch(1, 2)
  \\sleep 1 min
\\set c 1 ! 2
\\shell ls
\\gset
SELECT 1;
\\gset p q
\\set 1a 2
\\else
\\set d (1 \\
  = 2 = 3)
\\setrandom a 1 2
\\set e sqrt(1, 2)
\\if 1
SELECT 'open`;
  expect(problems(text)).toEqual([
    'my.sql:1:11: syntax error in command "set" [script]\n  hint: expected a value, found the end of the line',
    'my.sql:2:8: unexpected function name (nosuch) in command "set" [script]',
    'my.sql:3:12: unrecognized time unit, must be us, ms or s (min) in command "sleep" [script]',
    'my.sql:4:10: unexpected character (!) in command "set" [script]',
    'my.sql:5:1: scripts do not run shell commands here in command "shell" [script]\n  hint: compute the value with \\set, or give it with -D',
    'my.sql:6:1: \\gset must follow an SQL command [script]',
    'my.sql:8:9: too many arguments (q) in command "gset" [script]',
    'my.sql:9:6: invalid variable name (1a) in command "set" [script]',
    'my.sql:10:1: \\else without matching \\if [script]',
    'my.sql:12:7: syntax error in command "set" [script]\n  hint: expected no second comparison, found =',
    'my.sql:13:1: invalid command in command "setrandom" [script]\n  hint: write \\set name random(least, most)',
    'my.sql:14:8: unexpected number of arguments (sqrt) in command "set" [script]',
    'my.sql:15:1: \\if without matching \\endif [script]',
    'my.sql:16:8: the string that begins here has no end [script]',
  ]);
  expect(problems('-- nothing')).toEqual(['my.sql:1:1: empty command list for script "my.sql" [script]']);
  expect(problems('\\if 1\n\\else\n\\elif 2\n\\else\n\\endif')).toEqual([
    'my.sql:3:1: \\elif after \\else [script]',
    'my.sql:4:1: \\else after \\else [script]',
  ]);
});

describe('whatever is in a file', () => {
  const bit = fc.constantFrom(
    ...`\\set \\if \\elif \\else \\endif \\gset \\aset \\sleep \\ \\; \\: :a :{?a} ' " $$ $a$ E' ( ) ; /* */ -- := :: case when end 1 2.5 1e9 + ~ < not is null random( , \n \r\n é 😀 \u0000`.split(
      ' ',
    ),
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.array(bit, { maxLength: 30 }).map((bits) => bits.join(' ')),
    fc.array(bit, { maxLength: 30 }).map((bits) => bits.join('')),
  );

  test('it is a script or a list of problems with places', () => {
    fc.assert(
      fc.property(text, (source) => {
        const read = new ScriptCompiler().compile(source, 'any.sql');
        if ('script' in read) expect(read.script.steps.length).toBeGreaterThan(0);
        else for (const { place } of read.problems) expect(place?.line).toBeGreaterThan(0);
      }),
      { numRuns: 3000 },
    );
  });

  test('expressions as deep as a file can make them are refused', () => {
    for (const source of [
      `${'('.repeat(50_000)}1`,
      `${'-'.repeat(50_000)}1`,
      `1${' + 1'.repeat(50_000)}`,
      `${'not '.repeat(50_000)}1`,
    ])
      expect(problems(`\\set a ${source}\n`)[0]).toContain('an expression of more than 500 levels');
  });
});
