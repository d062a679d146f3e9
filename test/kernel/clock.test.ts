// Goal: virtual time fires every timer at its own instant, in order, also those set by others.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RealClock, VirtualClock } from '../../src/kernel/clock.ts';
import { EventQueue } from '../../src/kernel/event-queue.ts';

describe('VirtualClock', () => {
  test('chained timers fire at their own instants, not at the end of the jump', () => {
    const clock = new VirtualClock();
    const firedMs: number[] = [];
    const again = (): void => {
      firedMs.push(clock.nowMs());
      if (firedMs.length < 4) clock.setTimeout(again, 100);
    };
    clock.setTimeout(again, 100);
    clock.runUntil(1000);
    expect(firedMs).toEqual([100, 200, 300, 400]);
    expect(clock.nowMs()).toBe(1000);
  });

  test('ties fire in creation order', () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    for (const name of ['a', 'b', 'c']) clock.setTimeout(() => log.push(name), 5);
    clock.runUntil(5);
    expect(log).toEqual(['a', 'b', 'c']);
  });

  test('a forgotten timer does not fire, also when forgotten by one of the same instant', () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    clock.setTimeout(() => clock.clearTimeout(second), 5);
    const second = clock.setTimeout(() => log.push('second'), 5);
    clock.runUntil(10);
    expect(log).toEqual([]);
  });

  test('a delay of 0 and a negative one fire at this instant, later than the caller', () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    clock.setTimeout(() => {
      clock.setTimeout(() => log.push(`zero at ${clock.nowMs()}`), 0);
      clock.setTimeout(() => log.push(`negative at ${clock.nowMs()}`), -7);
      log.push('caller');
    }, 3);
    clock.runUntil(3);
    expect(log).toEqual(['caller', 'zero at 3', 'negative at 3']);
  });

  test('a timer that is set again until its instant is reached needs no more than two turns', () => {
    const instants = fc.double({ min: 0, max: 1e5, noNaN: true });
    fc.assert(
      fc.property(instants, instants, (firstMs, targetMs) => {
        const clock = new VirtualClock(-20_000);
        let turns = 0;
        const until = (): void => {
          if (clock.nowMs() >= targetMs) return;
          turns += 1;
          if (turns < 10) clock.setTimeout(until, targetMs - clock.nowMs());
        };
        clock.setTimeout(until, firstMs);
        clock.runUntil(3e5);
        expect(turns).toBeLessThanOrEqual(2);
      }),
      { numRuns: 2000 },
    );
  });

  test('it may begin before its zero; whole milliseconds stay whole', () => {
    const clock = new VirtualClock(-20_000);
    const firedMs: number[] = [];
    expect(clock.nowMs()).toBe(-20_000);
    for (const delayMs of [1, 20_000, 20_250]) clock.setTimeout(() => firedMs.push(clock.nowMs()), delayMs);
    const forgotten = clock.setTimeout(() => firedMs.push(Number.NaN), 5);
    clock.clearTimeout(forgotten);
    clock.runUntil(0);
    expect(firedMs).toEqual([-19_999, 0]);
    clock.runUntil(1000);
    expect(firedMs).toEqual([-19_999, 0, 250]);
  });
});

test('the queue gives any set of timers back in order of time, then of insertion, less the removed ones', () => {
  const timer = fc.record({ dueMs: fc.integer({ min: 0, max: 20 }), removed: fc.boolean() });
  fc.assert(
    fc.property(fc.array(timer, { maxLength: 300 }), (timers) => {
      const queue = new EventQueue<number>();
      const handles = timers.map(({ dueMs }, index) => queue.push(dueMs, index));
      for (const [index, { removed }] of timers.entries())
        if (removed) queue.remove(handles[index] as number);
      const kept = timers
        .map(({ dueMs, removed }, index) => ({ dueMs, removed, index }))
        .filter(({ removed }) => !removed);
      const expected = kept.sort((a, b) => a.dueMs - b.dueMs || a.index - b.index).map(({ index }) => index);
      const given: number[] = [];
      while (queue.nextDueMs() !== Number.POSITIVE_INFINITY) given.push(queue.pop());
      expect(given).toEqual(expected);
      expect(queue.size).toBe(0);
    }),
  );
});

test('a handle of an item that is gone does nothing to a later one in its place', () => {
  const queue = new EventQueue<string>();
  const first = queue.push(1, 'first');
  expect(queue.pop()).toBe('first');
  queue.push(2, 'second');
  queue.remove(first);
  expect([queue.size, queue.pop()]).toEqual([1, 'second']);
});

test('items that are put in and removed over and over use the same few slots', () => {
  const queue = new EventQueue<string>();
  queue.push(1e9, 'kept');
  const slots = new Set<number>();
  for (let turn = 0; turn < 10_000; turn += 1) {
    const handle = queue.push(turn, 'removed');
    slots.add(handle % 2 ** 22);
    queue.remove(handle);
  }
  expect(slots.size).toBeLessThan(200);
  expect(queue.pop()).toBe('kept');
});

test('the real clock counts from its origin and keeps its timers', async () => {
  const clock = new RealClock();
  const startMs = clock.nowMs();
  await new Promise<void>((resolve) => {
    clock.setTimeout(resolve, 20);
  });
  expect(startMs).toBeLessThan(20);
  expect(clock.nowMs() - startMs).toBeGreaterThanOrEqual(19);
});
