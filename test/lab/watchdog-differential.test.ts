import { expect, test } from 'vitest';
import {
  runWatchdog,
  textOfMismatch,
  type WatchdogPlan,
  type WatchdogResult,
} from './watchdog-differential.ts';

// Goal: leader, states, quorum and escalation of Pgpool's watchdog are what its statechart says.
// Method: the same steps on three real Pgpools in network namespaces of their own and on the statecharts; after each step every Pgpool
// that runs is asked (pcp_watchdog_info). `npm run verify -- --only watchdog` does more, with frozen nodes and partitions.

const { PGDRILL_SEED, PGDRILL_SEQUENCE, PGDRILL_STEPS } = process.env;

function plans(): WatchdogPlan[] {
  if (PGDRILL_SEQUENCE !== undefined) return [{ name: 'by hand', sequence: PGDRILL_SEQUENCE }];
  if (PGDRILL_SEED !== undefined) return [{ seed: Number(PGDRILL_SEED), steps: Number(PGDRILL_STEPS ?? 5) }];
  return [{ name: 'slice', sequence: 'kill 0, start 0' }];
}

test('three real watchdogs and their statecharts go the same way', { timeout: 900_000 }, async () => {
  const results: WatchdogResult[] = [];
  const { left } = await runWatchdog({ plans: plans(), onSequence: (result) => void results.push(result) });
  expect(left).toEqual([]);
  for (const result of results) if (result.mismatch) expect.fail(textOfMismatch(result));
  expect(results.map(({ steps, comparisons }) => comparisons > 8 * steps.length)).toEqual(
    plans().map(() => true),
  );
});
