// Goal: our script language is pgbench's. Method: the installed pgbench and we read the same generated texts.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runDifferential } from './differential.ts';
import { type Oracle, startOracle } from './oracle.ts';

let oracle: Oracle;
beforeAll(async () => {
  oracle = await startOracle();
}, 60_000);
afterAll(() => oracle.stop());

test('expressions and scripts mean what they mean to the installed pgbench', async () => {
  const counts = await runDifferential(oracle, {
    ...{ seed: 15, expressions: 300, scripts: 8, splittings: 60, streams: 2 },
  });
  expect(counts.mismatches).toEqual([]);
  expect(counts.values).toBeGreaterThan(150);
  expect(counts.failures).toBeGreaterThan(15);
  expect(counts.syntaxErrors).toBe(15);
  expect(counts.splittings.equal).toBeGreaterThan(10);
  expect(counts.splittings.refused).toBeGreaterThan(10);
  expect(counts.statements).toBeGreaterThan(100);
  expect([counts.draws, counts.choices]).toEqual([240, 80]);
}, 60_000);
