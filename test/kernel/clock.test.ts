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

test('the real clock counts from its origin and keeps its timers', async () => {
  const clock = new RealClock();
  const startMs = clock.nowMs();
  await new Promise<void>((resolve) => {
    clock.setTimeout(resolve, 20);
  });
  expect(startMs).toBeLessThan(20);
  expect(clock.nowMs() - startMs).toBeGreaterThanOrEqual(19);
});
