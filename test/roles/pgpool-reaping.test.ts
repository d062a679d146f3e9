// Goal: when Pgpool's main process replaces children that have ended by themselves.
// Method: its statechart on the virtual clock; a search takes 10 ms, an iteration that finds nothing 1 s more.
import { expect, test } from 'vitest';
import { bench } from './pgpool-bench.ts';

/** Instants, ms from now and in steps of 5 ms, at which it begins and ceases to replace them. */
function changesOf(at: ReturnType<typeof bench>, spanMs: number): [number, boolean][] {
  const changes: [number, boolean][] = [];
  let reaps = true;
  for (let nowMs = 0; nowMs <= spanMs; nowMs += 5) {
    if (at.pgpool.reaps() !== reaps) {
      reaps = !reaps;
      changes.push([nowMs, reaps]);
    }
    at.pass(5);
  }
  return changes;
}

const attachable = { status: ['up', 'up', 'down'], primary: 0, main: 0 } as const;

test('an attach: not during its search, nor in the second of rest after it, though sessions are served then', () => {
  const at = bench({ state: attachable });
  at.pgpool.attach(2);
  expect(at.pgpool.switching()).toBe(true);
  at.pass(11);
  expect([at.pgpool.switching(), at.pgpool.reaps()]).toEqual([false, false]);
  expect(changesOf(at, 3000)).toEqual([
    [0, false],
    [1000, true],
  ]);
});

test('a request that came in the rest is carried out first, with a rest of its own', () => {
  const at = bench({ state: attachable });
  at.pgpool.attach(2);
  at.pass(500);
  at.pgpool.detach(1);
  const [, second] = changesOf(at, 4000);
  expect(second?.[0]).toBeGreaterThan(1500);
  expect(second?.[0]).toBeLessThan(1600);
});

test('a request that comes while children are forked anew is carried out with no rest between, one that comes after it waits', () => {
  const servesAt = (attachMs: number): number => {
    const at = bench({ settings: { hasFollowCommand: false }, state: { status: ['up', 'up', 'down'] } });
    Object.assign(at.servers[0] ?? {}, { alive: false });
    Object.assign(at.servers[1] ?? {}, { inRecovery: false });
    at.pgpool.detach(0);
    at.pass(attachMs);
    at.pgpool.attach(2);
    let nowMs = attachMs;
    while (at.nodes().endsWith('down:s')) {
      at.pass(1);
      nowMs += 1;
    }
    return nowMs;
  };
  expect(servesAt(30)).toBeLessThan(100);
  expect(servesAt(60)).toBeGreaterThan(1000);
});

test('after a search of several iterations they are replaced before the next request', () => {
  const at = bench({ state: { status: ['up', 'up', 'up'], primary: 0, main: 0 } });
  Object.assign(at.servers[0] ?? {}, { alive: false });
  at.pgpool.detach(0);
  at.pass(3500);
  at.pgpool.attach(0);
  const changes = changesOf(at, 8000);
  const forkedMs = changes.find(([, reaps]) => reaps)?.[0] ?? 0;
  const taken = changes.find(([nowMs, reaps]) => !reaps && nowMs > forkedMs);
  expect(forkedMs).toBeGreaterThan(400);
  expect(forkedMs).toBeLessThan(700);
  expect(taken?.[0]).toBeLessThanOrEqual(forkedMs + 45);
});
