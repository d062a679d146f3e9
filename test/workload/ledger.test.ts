// Goal: what clients were told is compared with the rows that are there, and every difference is found.
import { expect, test } from 'vitest';
import {
  compareLedger,
  mergeLedgers,
  type Outcome,
  outcomes,
  WriteLedger,
} from '../../src/workload/ledger.ts';

test('the ledger finds every kind of row, and every row that is missing', () => {
  const kept = (numbers: readonly (readonly [number, Outcome])[]) => {
    const ledger = new WriteLedger([1]);
    const end = (classIndex: number, number: number, outcome: Outcome): void =>
      ledger.ended({ classIndex, number, outcome: outcomes.indexOf(outcome), endedMs: 10 * number });
    for (const [number, outcome] of numbers) end(1, number, outcome);
    end(0, 5, 'ok');
    return ledger.take();
  };
  const ledger = mergeLedgers([
    kept([
      [0, 'ok'],
      [2, 'ok'],
      [4, 'unknown'],
      [3000, 'ok'],
    ]),
    kept([
      [1, 'failed'],
      [3, 'unknown'],
      [5, 'skipped'],
      [7, 'ok'],
    ]),
  ]);
  const pad = (id: string): string => id.padEnd(22);
  expect(compareLedger(ledger, ['1.0', '1.2', '1.4', '1.3000'].map(pad))).toEqual({
    ok: 4,
    unknown: 2,
    failed: 1,
    found: 4,
    unknownFound: 1,
    failedFound: 0,
    lostAtMs: [70],
  });
  const lies = compareLedger(ledger, ['1.0', '1.0', '1.1', '1.5', '1.999999', '0.1', 'x']);
  expect([lies.found, lies.failedFound, lies.lostAtMs]).toEqual([7, 2, [20, 70, 30_000]]);
  expect(() =>
    kept([
      [1, 'ok'],
      [1, 'ok'],
    ]),
  ).toThrow(/ended twice/);
});
