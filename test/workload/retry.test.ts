// Goal: an error is read as the client must read it: who keeps the session, and what is known of the write.
import { describe, expect, test } from 'vitest';
import { Random } from '../../src/kernel/random.ts';
import { backOffMs, isDefinite, leavesTransactionOpen, reactionTo } from '../../src/workload/retry.ts';
import { parseScript, type RenderedStatement, statementMaker } from '../../src/workload/script.ts';

function statements(text: string): RenderedStatement[] {
  const parsed = parseScript(text, 'test.sql');
  if (!('script' in parsed)) throw new Error(text);
  return statementMaker(parsed.script, { scale: 1, seed: 1 })({ operationId: '0.0', seed: [0, 0] });
}

const error = (code: string): { code: string; message: string } => ({ code, message: '' });

test.each([
  [
    'reconnect',
    ['XX000', '08006', '08S01', '57P01', '57P02', '57P03', '57000', 'closed', 'timeout', '53300'],
  ],
  ['backOffWrites', ['25006']],
  ['keep', ['40001', '40P01', '23505', '57014', '25P02', '42601']],
] as const)('%s', (reaction, codes) => {
  for (const code of codes) expect([code, reactionTo(error(code))]).toEqual([code, reaction]);
});

describe('what is known of a write', () => {
  const block = statements('BEGIN; UPDATE t SET a = 1; SELECT 1; COMMIT');
  test.each([
    ['lost before COMMIT was sent', block, 1, 'closed', true],
    ['lost at a read before COMMIT', block, 2, 'closed', true],
    ['lost at COMMIT', block, 3, 'closed', false],
    ['COMMIT answered by the proxy', block, 3, 'XX000', false],
    ['COMMIT met a dying server', block, 3, '57P01', false],
    ['COMMIT refused', block, 3, '40001', true],
    ['a single write, lost', statements('INSERT INTO t VALUES (1)'), 0, 'closed', false],
    ['a single write, refused', statements('INSERT INTO t VALUES (1)'), 0, '23505', true],
    [
      'a second write after one that committed',
      statements('INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)'),
      1,
      '23505',
      false,
    ],
    ['a read, lost', statements('SELECT 1'), 0, 'closed', true],
    ['after a rollback', statements('BEGIN; DELETE FROM t; ROLLBACK; SELECT 1'), 3, 'closed', true],
  ])('%s', (_, script, at, code, definite) => {
    expect(isDefinite(script, at, error(code))).toBe(definite);
  });

  test('an open block is known', () => {
    expect([0, 1, 2, 3].map((at) => leavesTransactionOpen(block, at))).toEqual([false, true, true, true]);
    expect(leavesTransactionOpen(statements('SELECT 1; SELECT 2'), 1)).toBe(false);
  });
});

test('the back-off stays between 50 and 500 ms and differs between sessions', () => {
  const random = new Random(1);
  const waits = Array.from({ length: 400 }, (_, index) => backOffMs(1 + (index % 8), random));
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(50);
  expect(Math.max(...waits)).toBeLessThanOrEqual(500);
  expect(new Set(waits.map(Math.round)).size).toBeGreaterThan(200);
});
