// Goal: scenarios take pgbench's language, refuse at its place what they cannot carry out, and give the same statements
// for the same operation.
import { expect, test } from 'vitest';
import { formatProblem } from '../../src/kernel/errors.ts';
import { builtinScript } from '../../src/workload/builtin.ts';
import { parseScript, type Script, statementMaker } from '../../src/workload/script.ts';

function read(text: string): Script {
  const parsed = parseScript(text, 'my.sql');
  if ('problems' in parsed) throw new Error(parsed.problems.map(formatProblem).join('\n'));
  return parsed.script;
}

function problems(text: string): string[] {
  const parsed = parseScript(text, 'my.sql');
  return 'problems' in parsed ? parsed.problems.map(formatProblem) : [];
}

const presets = { scale: 3, seed: 1 };
const sqlOf = (script: Script): string[] =>
  statementMaker(script, presets)({ operationId: '1.7', seed: [1, 7] }).map(({ sql }) => sql);

test('the whole language: branches, functions, types, several statements in a message', () => {
  const script = read(`\\set a permute(4, 10 * :scale, 5) - hash(1) * 0
\\if :a < 0 or :default_seed is null
  SELECT 'never';
\\elif :random_seed = 1
  SELECT ':a', ':operation', :nobody \\; SELECT (:a > 1.5);
\\endif`);
  expect(sqlOf(script)).toEqual([
    expect.stringMatching(/^SELECT '\d+', '1\.7', :nobody ; SELECT \(\d+ > 1\.5\);$/),
  ]);
  expect([script.hasLedger, script.isUniform, script.kind]).toEqual([true, false, 'read']);
});

test('an execution depends on its seed alone', () => {
  const script = read('\\set a random(1, 1000000)\n\\set b :a + 1\nSELECT :a, :b;');
  const [one, two] = [statementMaker(script, presets), statementMaker(script, presets)];
  const at = (low: number) => ({ operationId: '0.0', seed: [5, low] as const });
  two(at(1));
  two(at(2));
  expect(one(at(3))).toEqual(two(at(3)));
  expect(one(at(3))).not.toEqual(one(at(4)));
});

test('what an execution has set is unknown to the next one', () => {
  const script = read("\\if random(1, 2) = 1\n\\set left 1\n\\endif\nSELECT ':left';");
  const make = statementMaker(script, presets);
  const said = Array.from({ length: 20 }, (_, low) => {
    const execution = { operationId: '0.0', seed: [5, low] as const };
    expect(make(execution)).toEqual(statementMaker(script, presets)(execution));
    return make(execution)[0]?.sql;
  });
  expect(new Set(said)).toEqual(new Set(["SELECT '1';", "SELECT ':left';"]));
});

test('the built-in scripts keep a ledger of their writes', () => {
  const found = ['select-only', 'tpcb-like', 'simple-update'].map((name) => {
    const parsed = builtinScript(`builtin:${name}`);
    if (!('script' in parsed)) throw new Error(name);
    const statements = sqlOf(parsed.script);
    for (const sql of statements) expect(sql).not.toMatch(/:[a-z]/);
    const { kind, hasLedger, isUniform } = parsed.script;
    return [kind, hasLedger, isUniform, statements.length, statements.join('').includes(', 1.7)')];
  });
  expect(found).toEqual([
    ['read', false, true, 1, false],
    ['write', true, true, 7, true],
    ['write', true, true, 5, true],
  ]);
  expect(builtinScript('builtin:tpcb')).toMatchObject({
    problems: [{ message: 'there is no built-in script "builtin:tpcb"' }],
  });
});

test('results, pauses and pipelines are taken; what a protocol cannot do is refused at its place', () => {
  const captured = read('SELECT 1 AS a \\gset x_\n\\sleep 1 ms\n\\set b :x_a + 1\nSELECT :b;');
  expect(sqlOf(captured)).toEqual([expect.stringMatching(/^SELECT 1 AS a/)]);
  const pipeline = '\\startpipeline\nSELECT 1;\n\\endpipeline';
  expect(problems(pipeline)).toEqual([
    'my.sql:1:1: cannot use pipeline mode with the simple query protocol [script]',
  ]);
  expect(parseScript(pipeline, 'my.sql', 'extended')).toHaveProperty('script');
  const quoted = parseScript("SELECT\n ':operation'", 'my.sql', 'prepared');
  expect('problems' in quoted && quoted.problems.map(formatProblem)).toEqual([
    expect.stringMatching(
      /^my.sql:1:1: a variable in quotes .* prepared statement \[script\]\n {2}hint: write load.protocol: simple/,
    ),
  ]);
});

test('unknown variables and a script without statements are refused', () => {
  expect(problems('\\set b :a\nSELECT 1 AS a \\gset\n\\set c :a')).toEqual([
    'my.sql:1:1: the variable "a" is not set before this line [script]',
  ]);
  expect(problems('\\set a :nobody + :client_id\n\\set operation 1\nSELECT :a;')).toEqual([
    'my.sql:1:1: the variable "nobody" is not set before this line [script]',
    'my.sql:1:1: the variable "client_id" is not set before this line [script]',
    'my.sql:2:1: the variable "operation" is set by pgdrill and cannot be set by a script [script]',
  ]);
  expect(problems('\\set a 1')).toEqual(['my.sql:1:1: the script holds no SQL statement [script]']);
});
