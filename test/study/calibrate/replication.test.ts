// Goal: a delay of the standbys is told where positions once a second can tell it, and its doubt where they cannot.
// Method: positions of a primary that writes by chance, and of standbys that follow a known time later.
import { expect, test } from 'vitest';
import { Random } from '../../../src/kernel/random.ts';
import type { RecordedEvent } from '../../../src/recording/events.ts';
import type { RunFacts } from '../../../src/study/calibrate/facts.ts';
import { replicationLag } from '../../../src/study/calibrate/replication.ts';

const bytesPerWrite = 600;

/** A minute of so many writes a second; positions are looked at once a second, the standbys' so long after the primary's. */
function runOf({
  perSecond,
  lagMs,
  lookMs = 13,
}: {
  perSecond: number;
  lagMs: number;
  lookMs?: number;
}): RunFacts {
  const random = new Random(7);
  const writes: number[] = [];
  for (let atMs = 0; perSecond > 0 && atMs < 61_000; atMs -= (Math.log(1 - random.unit()) * 1000) / perSecond)
    writes.push(atMs);
  const position = (atMs: number): string => {
    const bytes = 2 ** 32 - 5000 + bytesPerWrite * writes.filter((doneMs) => doneMs <= atMs).length;
    return `${Math.floor(bytes / 2 ** 32).toString(16)}/${(bytes % 2 ** 32).toString(16)}`.toUpperCase();
  };
  const events = Array.from({ length: 60 }, (_, second): RecordedEvent[] => {
    const atMs = 1000 * second;
    const look = (
      server: string,
      role: 'primary' | 'standby',
      at: number,
      seenMs: number,
    ): RecordedEvent => ({
      ...{ type: 'walPosition', server, role, atMs: at, position: position(seenMs) },
    });
    return [
      look('a', 'primary', atMs, atMs),
      look('b', 'standby', atMs + lookMs, atMs + lookMs - lagMs),
      look('c', 'standby', atMs + 2 * lookMs, atMs + 2 * lookMs - lagMs),
    ];
  }).flat();
  const roleOf = (server: string) => (server === 'a' ? 'primary' : 'standby');
  return { events, roleOf, steady: { startMs: 0, endMs: 60_000 } } as unknown as RunFacts;
}

test('a delay that is long beside the gaps between writes comes back', () => {
  const found = replicationLag([runOf({ perSecond: 500, lagMs: 80 })]);
  expect(found?.count).toBeGreaterThan(100);
  expect(Math.abs((found?.meanMs ?? 0) - 80)).toBeLessThan(found?.halfWidthMs ?? 0);
  expect(found?.halfWidthMs).toBeLessThan(8);
});

test('none, and one that few writes hide, are told with a doubt that is larger', () => {
  const none = replicationLag([runOf({ perSecond: 500, lagMs: 0 })]);
  expect(Math.abs(none?.meanMs ?? 99)).toBeLessThan(none?.halfWidthMs ?? 0);
  const few = replicationLag([runOf({ perSecond: 3, lagMs: 5 })]);
  expect(few?.halfWidthMs).toBeGreaterThan(5);
});

test('without writes, or without a standby, there is nothing to tell', () => {
  expect(replicationLag([runOf({ perSecond: 0, lagMs: 5 })])).toBeNull();
  const run = runOf({ perSecond: 500, lagMs: 5 });
  expect(replicationLag([{ ...run, roleOf: (server) => (server === 'a' ? 'primary' : null) }])).toBeNull();
});
