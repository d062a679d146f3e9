// Goal: the simulated load is settled against what its scripts write, and only that.
import { expect, test } from 'vitest';
import { DrillSchedule } from '../../src/drills/schedule.ts';
import { MemoryRecorder } from '../../src/recording/memory.ts';
import { SimWorld } from '../../src/sim/world.ts';
import { parseScript } from '../../src/workload/script.ts';
import { planOf } from './simulated-run.ts';

async function settledWith(source: string) {
  const plan = planOf({ durationMs: 4000, readsPerSecond: 20, writesPerSecond: 30, drills: [] });
  const parsed = parseScript(source, 'write.sql');
  if (!('script' in parsed)) throw new Error('no script');
  const { script } = parsed;
  const classes = plan.load.classes.map((entry) => (entry.name === 'write' ? { ...entry, script } : entry));
  const world = new SimWorld({ ...plan, load: { ...plan.load, classes } });
  const recorder = new MemoryRecorder();
  await world.prepare(recorder);
  const schedule = new DrillSchedule({ world, recorder, plan: [], onDone: () => undefined });
  await world.drive(4000, () => schedule.start());
  const settled = await world.settle();
  await world.close();
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
