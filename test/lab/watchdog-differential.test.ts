import { expect, test } from 'vitest';
import {
  runWatchdog,
  textOfMismatch,
  type WatchdogPlan,
  type WatchdogResult,
} from './watchdog-differential.ts';

// Goal: leader, states, quorum, escalation, the virtual IP, and the backends' states of Pgpool's watchdog are what its statechart says.
// Method: the same steps on real Pgpools in network namespaces of their own and on the statecharts; after each step every Pgpool
// that runs is asked (pcp_watchdog_info, pcp_node_info), and its machine looked at. `npm run verify -- --only watchdog` does more.

const { PGDRILL_SEED, PGDRILL_SEQUENCE, PGDRILL_STEPS } = process.env;

/** By hand: seeds with `,` between, or sequences with `;`. */
function plans(): WatchdogPlan[] {
  if (PGDRILL_SEQUENCE !== undefined)
    return PGDRILL_SEQUENCE.split(';').map((sequence) => ({
      name: sequence.trim(),
      sequence: sequence.trim(),
    }));
  if (PGDRILL_SEED !== undefined)
    return PGDRILL_SEED.split(',').map((seed) => ({ seed: Number(seed), steps: Number(PGDRILL_STEPS ?? 5) }));
  return [{ name: 'slice', sequence: 'block 2 1, drop 1, kill 0' }];
}

test('real watchdogs and their statecharts go the same way', { timeout: 900_000 }, async () => {
  const results: WatchdogResult[] = [];
  const { left } = await runWatchdog({ plans: plans(), onSequence: (result) => void results.push(result) });
  expect(left).toEqual([]);
  const differing = results.filter(({ mismatch }) => mismatch !== null);
  if (differing.length > 0) expect.fail(differing.map(textOfMismatch).join('\n'));
  expect(results.map(({ steps, comparisons }) => comparisons > 12 * steps.length)).toEqual(
    plans().map(() => true),
  );
});
