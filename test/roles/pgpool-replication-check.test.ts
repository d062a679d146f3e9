// Goal: the replication check comes round in its period, skips its turn where it may not look, starts anew after a request, and
// holds its lock exactly while it looks.
// Method: the check alone on the virtual clock; looks last as long as the test says.
import { beforeEach, expect, test } from 'vitest';
import { VirtualClock } from '../../src/kernel/clock.ts';
import { ReplicationCheck } from '../../src/roles/pgpool-replication-check.ts';

let clock: VirtualClock;
let looksAtMs: number[];
let locks: string[];
let mayCheck: boolean;
let lookMs: number;

function checkEvery(periodMs: number): ReplicationCheck {
  const check: ReplicationCheck = new ReplicationCheck({
    clock,
    periodMs,
    mayCheck: () => mayCheck,
    check: () => {
      looksAtMs.push(clock.nowMs());
      locks.push(`taken ${clock.nowMs()}`);
      clock.setTimeout(() => check.checked(), lookMs);
    },
    over: () => void locks.push(`free ${clock.nowMs()}`),
  });
  check.start();
  return check;
}

beforeEach(() => {
  clock = new VirtualClock();
  looksAtMs = [];
  locks = [];
  mayCheck = true;
  lookMs = 10;
});

test('a look at the start, then one a period behind the end of the last', () => {
  checkEvery(5000);
  clock.runUntil(11_000);
  expect(looksAtMs).toEqual([0, 5010, 10_020]);
  expect(locks).toEqual(['taken 0', 'free 10', 'taken 5010', 'free 5020', 'taken 10020', 'free 10030']);
});

test('a period of 0 is off', () => {
  expect(checkEvery(0).state).toBe('off');
  clock.runUntil(100_000);
  expect(looksAtMs).toEqual([]);
});

test('a turn in which it may not look is skipped, not made up for', () => {
  mayCheck = false;
  const check = checkEvery(5000);
  clock.runUntil(7000);
  expect(looksAtMs).toEqual([]);
  expect(check.state).toBe('sleeping');
  mayCheck = true;
  clock.runUntil(12_000);
  expect(looksAtMs).toEqual([10_000]);
});

test('a request that is done starts it anew a second later, once', () => {
  const check = checkEvery(5000);
  clock.runUntil(2000);
  check.restart();
  check.restart();
  expect(check.state).toBe('restarting');
  clock.runUntil(4000);
  expect(looksAtMs).toEqual([0, 3000]);
});

test('not while it looks: a look that hangs goes on, and its period counts from its end', () => {
  lookMs = 8000;
  const check = checkEvery(5000);
  clock.runUntil(1000);
  check.restart();
  expect(check.state).toBe('checking');
  clock.runUntil(13_500);
  expect(looksAtMs).toEqual([0, 13_000]);
});

test('one that was stopped looks no more, and an answer that comes late frees nothing', () => {
  lookMs = 2000;
  const check = checkEvery(5000);
  clock.runUntil(1000);
  check.stop();
  clock.runUntil(60_000);
  expect(looksAtMs).toEqual([0]);
  expect(locks).toEqual(['taken 0']);
});
