// Goal: the second between two looks for the primary ends early when a child ends after the time of day has passed a
// whole second, and only then, as pool_sleep() of Pgpool-II 4.3.5 does.
// Method: its statechart on the virtual clock, whose time is the time of day here; a look takes 10 ms.
import { expect, test } from 'vitest';
import { bench } from './pgpool-bench.ts';

/** Detaches the dead primary at `atMs`; node 1 is out of recovery soon after; when is it Pgpool's primary? */
function primaryFoundAtMs(atMs: number, childEndsAtMs: readonly number[]): number {
  const at = bench();
  Object.assign(at.servers[0] ?? {}, { alive: false });
  at.clock.setTimeout(() => at.pgpool.detach(0), atMs);
  at.clock.setTimeout(() => Object.assign(at.servers[1] ?? {}, { inRecovery: false }), atMs + 100);
  for (const endMs of childEndsAtMs) at.clock.setTimeout(() => at.pgpool.childEnded(), endMs);
  for (let nowMs = 0; nowMs < 10_000; nowMs += 1) {
    if (at.pgpool.nodes()[1]?.role === 'primary') return nowMs;
    at.pass(1);
  }
  return Number.POSITIVE_INFINITY;
}

const looked = 10;

test('undisturbed, the next look comes a second after the first', () => {
  const alone = primaryFoundAtMs(5700, []);
  expect(alone).toBeGreaterThanOrEqual(5700 + looked + 1000 + looked);
  expect(alone).toBeLessThan(5700 + looked + 1000 + looked + 60);
});

test('a child that ends before the second of the time of day changes cuts nothing short', () => {
  expect(primaryFoundAtMs(5700, [5800, 5999])).toBe(primaryFoundAtMs(5700, []));
});

test('one that ends after it does, however short the pause was', () => {
  const found = primaryFoundAtMs(5700, [6040]);
  expect(found).toBeGreaterThanOrEqual(6040 + looked);
  expect(found).toBeLessThan(6040 + looked + 60);
});

test('a child that ends while nothing is looked for changes nothing', () => {
  expect(primaryFoundAtMs(5700, [1000, 2500])).toBe(primaryFoundAtMs(5700, []));
});
