// Goal: a client takes the steps that pgbench takes, in the order in which it takes them.
import { describe, expect, test } from 'vitest';
import { ScriptCompiler } from '../../../src/workload/pgbench/compile.ts';
import { ScriptRun, type StatementResult } from '../../../src/workload/pgbench/run.ts';
import { type Protocol, parameterTexts, simpleText } from '../../../src/workload/pgbench/statement.ts';
import { compiled, firstClient } from './play.ts';

function start(source: string, protocol: Protocol = 'simple') {
  const compiler = new ScriptCompiler();
  const script = compiled(compiler, source);
  const printed: string[] = [];
  const client = firstClient(1, compiler.names);
  const run = new ScriptRun({ client: 3, ...client, protocol, debug: (line) => printed.push(line) });
  run.start(script, 2);
  return { run, script, printed, ...client };
}

/** Every step up to the end, as words. */
function steps(source: string, protocol: Protocol = 'simple'): string[] {
  const { run, variables } = start(source, protocol);
  const taken: string[] = [];
  for (;;) {
    const step = run.next();
    if (step === 'send') taken.push(simpleText(run.statement, variables));
    else if (step === 'queue')
      taken.push(`queue ${run.statement.parameterSql} ${parameterTexts(run.statement, variables)}`);
    else if (step === 'sleep') taken.push(`sleep ${run.sleepMicroseconds}`);
    else if (step === 'failed') return [...taken, ...run.messages];
    else if (step === 'done') return taken;
    else taken.push(step);
  }
}

test('a statement holds the value that is set when it is sent', () => {
  expect(steps('\\set a 1\nSELECT :a;\n\\set a :a + 1\nSELECT :a;')).toEqual(['SELECT 1;', 'SELECT 2;']);
});

describe('\\if', () => {
  const chain = (value: string): string[] =>
    steps(`\\set v ${value}
\\if :v = 1
  SELECT 1;
\\elif :v = 2
  \\if false
    SELECT 20;
  \\elif null
    SELECT 21;
  \\endif
  SELECT 2;
\\else
  \\if 0.5
    SELECT 30;
  \\else
    SELECT 31;
  \\endif
\\endif
SELECT 4;`);
  test.each([
    ['1', ['SELECT 1;', 'SELECT 4;']],
    ['2', ['SELECT 2;', 'SELECT 4;']],
    ['3', ['SELECT 30;', 'SELECT 4;']],
  ])('of %s', (value, expected) => {
    expect(chain(value)).toEqual(expected);
  });

  test('conditions that are not reached are not evaluated', () => {
    expect(
      steps('\\if true\n\\elif 1 / 0\n\\endif\n\\if false\n\\if 1 / 0\n\\endif\n\\endif\nSELECT 1;'),
    ).toEqual(['SELECT 1;']);
  });
});

test('simple statements hold the values as text, an unset variable stays', () => {
  const source = `\\set i 3\n\\set d 1 / 4.0\n\\set b 1 < 2\n\\set n null\nSELECT ':i', :d, :b, :n, :nobody, :half;`;
  expect(steps(source)).toEqual([`SELECT '3', 0.25, true, NULL, :nobody, 0.5;`]);
});

test('\\sleep', () => {
  expect(steps('\\set t 4\n\\sleep 2\n\\sleep 3 ms\n\\sleep 5us\n\\sleep :t ms\nSELECT 1')).toEqual([
    'sleep 2000000',
    'sleep 3000',
    'sleep 5',
    'sleep 4000',
    'SELECT 1',
  ]);
  expect(steps('\\sleep :nobody')).toEqual([
    'sleep: undefined variable "nobody"',
    'client 3 aborted in command 0 (sleep) of script 2; execution of meta-command failed',
  ]);
});

describe('results', () => {
  const row = (columns: string[], ...rows: (string | null)[][]): StatementResult => ({ columns, rows });
  const command: StatementResult = { columns: null, rows: [] };

  function given(capture: string, results: StatementResult[]) {
    const { run, variables } = start(`SELECT 1 ${capture}\nSELECT :a, :p_a, :b;`);
    expect(run.next()).toBe('send');
    if (!run.accept(results)) return run.messages;
    expect(run.next()).toBe('send');
    return simpleText(run.statement, variables);
  }

  test('\\gset takes the one row of the last result', () => {
    expect(given('\\gset', [row(['a'], ['1']), row(['a', 'b'], ['2', null])])).toBe('SELECT 2, :p_a, ;');
    expect(given('\\gset p_', [row(['a'], ['x'])])).toBe('SELECT :a, x, :b;');
  });

  test('\\aset takes the last row of each result that has one', () => {
    const results = [row(['a'], ['1'], ['2']), row(['b']), command, row(['b'], ['3'])];
    expect(given('\\aset', results)).toBe('SELECT 2, :p_a, 3;');
  });

  test.each([
    [[row(['a'])], 'client 3 script 2 command 0 query 0: expected one row, got 0'],
    [[row(['a'], ['1'], ['2'])], 'client 3 script 2 command 0 query 0: expected one row, got 2'],
    [[row(['a'], ['1']), command], 'client 3 script 2 command 0 query 1: expected one row, got 0'],
    [[row(['a b'], ['1'])], 'gset: invalid variable name: "a b"'],
  ])('a result that \\gset cannot take', (results, message) => {
    expect(given('\\gset', results)[0]).toBe(message);
  });

  test('a result decides what comes next', () => {
    const { run, script, variables } = start(
      "SELECT n \\gset\n\\if :n > 5\nSELECT 'big';\n\\else\nSELECT 'small';\n\\endif",
    );
    for (const [n, expected] of [
      ['9', "SELECT 'big';"],
      ['2', "SELECT 'small';"],
    ] as const) {
      run.start(script);
      run.next();
      expect(run.accept([row(['n'], [n])])).toBe(true);
      run.next();
      expect(simpleText(run.statement, variables)).toBe(expected);
    }
  });
});

describe('pipelines', () => {
  const source = '\\set a 1\n\\startpipeline\nSELECT :a;\nSELECT :nobody;\n\\endpipeline\nSELECT 2;';
  test('statements are queued up to the end, which waits', () => {
    expect(steps(source, 'extended')).toEqual([
      'queue SELECT $1; 1',
      'queue SELECT $1; ',
      'sync',
      'SELECT 2;',
    ]);
  });

  test.each([
    [
      'simple',
      '\\startpipeline\n\\endpipeline',
      'client 3 aborted in command 0 (startpipeline) of script 2; cannot use pipeline mode with the simple query protocol',
    ],
    [
      'extended',
      '\\startpipeline\n\\startpipeline',
      'client 3 aborted in command 1 (startpipeline) of script 2; already in pipeline mode',
    ],
    [
      'extended',
      '\\endpipeline',
      'client 3 aborted in command 0 (endpipeline) of script 2; not in pipeline mode',
    ],
    [
      'extended',
      '\\startpipeline\nSELECT 1 \\gset\n\\endpipeline',
      'client 3 aborted in command 1 (gset) of script 2; \\gset is not allowed in pipeline mode',
    ],
    ['prepared', '\\startpipeline\n', 'client 3 aborted: end of script reached with pipeline open'],
  ] as const)('%s: a mistake in the use', (protocol, text, message) => {
    expect(steps(text, protocol).at(-1)).toBe(message);
  });
});

test('debug() says script and command, a failure too', () => {
  const { run, printed } = start(
    '\\set a debug(1)\nSELECT 1 \\gset\n\\if debug(:a + 0.5) > 9\n\\elif 1 / 0\n\\endif',
  );
  run.next();
  expect(run.next()).toBe('failed');
  expect(printed).toEqual(['debug(script=2,command=1): int 1', 'debug(script=2,command=3): double 1.5']);
  expect(run.messages).toEqual([
    'division by zero',
    'client 3 aborted in command 3 (elif) of script 2; evaluation of meta-command failed',
  ]);
});
