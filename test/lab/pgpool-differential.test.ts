import { expect, test } from 'vitest';
import { type Plan, runDifferential, textOfMismatch } from './pgpool-differential.ts';

// Goal: what the Pgpool statecharts predict is what the real Pgpool-II does.
// Method: the same random steps on real clusters and on the statecharts; after each step node states, roles, pcp replies, and what
// new and kept sessions see must be among what the model allows. `npm run verify -- --only pgpool` does many more.

const { PGDRILL_SEED, PGDRILL_SEQUENCE, PGDRILL_PROFILE, PGDRILL_STEPS } = process.env;

function plansOf(): Plan[] {
  const profile = PGDRILL_PROFILE === undefined ? {} : { profile: PGDRILL_PROFILE };
  if (PGDRILL_SEQUENCE !== undefined) {
    const plan = { name: 'by hand', sequence: PGDRILL_SEQUENCE, profile: 'guide', ...profile };
    return [plan];
  }
  if (PGDRILL_SEED !== undefined)
    return [{ seed: Number(PGDRILL_SEED), steps: Number(PGDRILL_STEPS ?? 10), ...profile }];
  return [1, 2, 3, 4, 5, 6].map((seed) => ({ seed, steps: 5 }));
}

test('a real Pgpool-II and the statecharts go the same way', { timeout: 300_000 }, async () => {
  const plans = plansOf();
  const result = await runDifferential({ plans, lanes: 2 });
  expect(result.left).toEqual([]);
  if (result.firstMismatch) expect.fail(textOfMismatch(result.firstMismatch));
  expect(result.sequences).toBe(plans.length);
  expect(result.comparisons).toBeGreaterThan(result.steps * 4);
});
