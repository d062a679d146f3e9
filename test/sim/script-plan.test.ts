// Goal: a simulated script goes where Pgpool sends its statements, and commits where it does.
import { expect, test } from 'vitest';
import { Destination, planScript, routingRulesOf } from '../../src/sim/script-plan.ts';
import { builtinScript } from '../../src/workload/builtin.ts';
import { parseScript } from '../../src/workload/script.ts';

function planned(text: string, settings: Record<string, string> = {}) {
  const parsed = text.startsWith('builtin:') ? builtinScript(text) : parseScript(text, 'test.sql');
  if (!('script' in parsed)) throw new Error('no script');
  const { destinations, commits, writes, lastCommit } = planScript(parsed.script, routingRulesOf(settings));
  const names = Object.keys(Destination);
  return {
    goes: [...destinations].map((value) => names[value]),
    commits: commits.join(''),
    writes: writes.join(''),
    lastCommit,
  };
}

test('pgbench: its SELECT is balanced; its transaction begins at the primary first and ends there last', () => {
  expect(planned('builtin:select-only')).toEqual({
    ...{ goes: ['balanced'], commits: '0', writes: '0', lastCommit: -1 },
  });
  expect(planned('builtin:tpcb-like')).toEqual({
    goes: ['primaryThenBalanced', ...Array.from({ length: 5 }, () => 'primary'), 'balancedThenPrimary'],
    commits: '0000001',
    writes: '0101110',
    lastCommit: 6,
  });
});

test('a SELECT in a transaction is balanced until something was written', () => {
  const text = 'BEGIN;\nSELECT 1;\nUPDATE t SET a = 1;\nSELECT 2;\nEND;';
  expect(planned(text).goes.slice(1, 4)).toEqual(['balanced', 'primary', 'primary']);
  expect(planned(text, { disable_load_balance_on_write: 'off' }).goes.slice(1, 4)).toEqual([
    ...['balanced', 'primary', 'balanced'],
  ]);
});

test('each write outside a transaction commits; a rollback does not', () => {
  const { commits, lastCommit } = planned('INSERT INTO t VALUES (1);\nUPDATE t SET a = 1;\nSELECT 1;');
  expect([commits, lastCommit]).toEqual(['110', 1]);
  expect(planned('BEGIN;\nUPDATE t SET a = 1;\nROLLBACK;')).toMatchObject({ commits: '000', lastCommit: -1 });
});

test('functions and patterns of the settings count', () => {
  expect(planned('SELECT random();').goes).toEqual(['primary']);
  expect(planned('SELECT mine(1);').goes).toEqual(['balanced']);
  expect(planned('SELECT mine(1);', { write_function_list: 'other, mi.*' }).goes).toEqual(['primary']);
  expect(planned('SELECT mine(1);', { primary_routing_query_pattern_list: '.*mine.*' }).goes).toEqual([
    'primary',
  ]);
});
