// Goal: service times are read from the run in which they hold the least waiting.
// Method: runs with known times, some of them held back by a cap.
import { expect, test } from 'vitest';
import { newHistogram, recordMs } from '../../../src/recording/histogram.ts';
import type { RunFacts } from '../../../src/study/calibrate/facts.ts';
import { clearestService } from '../../../src/study/calibrate/service.ts';

/** A slice of so many reads by a standby, all of which took so long. */
function sliceOf(takenMs: number, count: number) {
  const service = newHistogram();
  for (let read = 0; read < count; read += 1) recordMs(service, takenMs);
  return { startMs: 0, lengthMs: 1000, className: 'read', server: 'server2', latency: service, service };
}

interface Reads {
  heldBack?: number;
  count?: number;
  closed?: boolean;
  /** What reads took in a second in which a cap stopped their server; left out: there is no such second. */
  stoppedMs?: number;
  /** Reads of the seconds in which no cap stopped it. */
  calm?: number;
}

/** A run of so many reads by a standby, all of which took so long. */
function runOf(name: string, takenMs: number, options: Reads = {}): RunFacts {
  const { heldBack = 0, count = 400, closed = false, stoppedMs, calm = count } = options;
  const unstopped = [sliceOf(takenMs, calm)];
  const slices = [...unstopped, ...(stoppedMs === undefined ? [] : [sliceOf(stoppedMs, count)])];
  const classes = [
    { name: 'write', closed: closed ? null : {} },
    { name: 'read', closed: closed ? {} : null },
  ];
  const scenario = { classes };
  return { name, heldBack, slices, unstopped, scenario, roleOf: () => 'standby' } as unknown as RunFacts;
}

test('the run of the least median is taken', () => {
  const seen = clearestService([runOf('slow', 3), runOf('quick', 1), runOf('middling', 2)], 'read');
  expect(seen).toMatchObject({ run: 'quick', count: 400 });
  expect(seen?.quantiles(0.5)).toBeCloseTo(1, 1);
  expect(seen?.meanMs).toBeCloseTo(1, 1);
});

test('a run that a cap held back counts only where there is no other', () => {
  const held = runOf('held', 1, { heldBack: 0.5 });
  expect(clearestService([held, runOf('free', 2)], 'read')?.run).toBe('free');
  expect(clearestService([held, runOf('held more', 2, { heldBack: 1.4 })], 'read')?.run).toBe('held');
  const hardly = runOf('hardly', 1, { heldBack: 0.09 });
  const tenth = runOf('a tenth', 0.5, { heldBack: 0.1 });
  expect(clearestService([tenth, hardly, runOf('free', 2)], 'read')?.run).toBe('hardly');
});

test('a run of closed sessions counts only where there is no open one', () => {
  const closed = runOf('closed', 1, { closed: true });
  expect(clearestService([closed, runOf('open', 2)], 'read')?.run).toBe('open');
  expect(clearestService([closed, runOf('held back', 2, { heldBack: 0.5 })], 'read')?.run).toBe('closed');
});

test('seconds in which the cap stopped the server are left out, but of a run that it held back', () => {
  const seen = clearestService([runOf('now and then', 1, { stoppedMs: 40 })], 'read');
  expect([seen?.count, seen?.quantiles(0.99)]).toEqual([400, expect.closeTo(1, 1)]);
  expect(clearestService([runOf('often', 1, { stoppedMs: 40, heldBack: 0.5 })], 'read')?.count).toBe(800);
});

test('a run that a cap stopped in nearly every second counts as one that it held back', () => {
  const stopped = runOf('always', 1, { calm: 10, stoppedMs: 2 });
  expect(clearestService([stopped], 'read')?.count).toBe(410);
  expect(clearestService([stopped, runOf('free', 5)], 'read')?.run).toBe('free');
});

test('too few times tell nothing, nor do those of servers of another role', () => {
  expect(clearestService([runOf('few', 1, { count: 150 })], 'read')).toBeNull();
  expect(clearestService([runOf('standbys', 1)], 'read', 'primary')).toBeNull();
  expect(clearestService([runOf('standbys', 1)], 'write')).toBeNull();
});
