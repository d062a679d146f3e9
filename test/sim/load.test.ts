// Goal: the simulated load is settled against what its scripts write, and only that.
import { expect, test } from 'vitest';
import { parseScript } from '../../src/workload/script.ts';
import { simulateRun } from './simulated-run.ts';

async function settledWith(source: string) {
  const parsed = parseScript(source, 'write.sql');
  if (!('script' in parsed)) throw new Error('no script');
  const { script } = parsed;
  const { settled } = await simulateRun({
    ...{ durationMs: 4000, readsPerSecond: 20, writesPerSecond: 30, drills: [] },
    changeLoad: (load) => ({
      ...load,
      classes: load.classes.map((entry) => (entry.name === 'write' ? { ...entry, script } : entry)),
    }),
  });
  return settled;
}

test('a write script that leaves no operation id has no ledger; one that does has every row', async () => {
  const { ledger, counters } = await settledWith('UPDATE t SET a = 1;');
  expect(ledger).toBeNull();
  expect(counters.find(({ name }) => name.startsWith('writes'))).toMatchObject({
    expected: 120,
    actual: 120,
  });
  const kept = await settledWith("INSERT INTO t VALUES (':operation');");
  expect(kept.ledger).toMatchObject({ ok: 120, found: 120, lostAtMs: [] });
});
