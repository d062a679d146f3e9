// Goal: events happen in order of time, then of their scheduling, with no delay last of their instant, and cancelled calls never.
// Method: random programs of events that schedule and cancel others, beside a list that is sorted anew for every step.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventKernel } from '../../src/kernel/event-kernel.ts';
import { TimeHeap } from '../../src/kernel/time-heap.ts';

/** What an event does when it happens: schedules others after these delays, and cancels a call by its number. */
interface Act {
  delays: readonly number[];
  cancels: number | null;
}

const act: fc.Arbitrary<Act> = fc.record({
  delays: fc.array(fc.integer({ min: -1, max: 6 }), { maxLength: 3 }),
  cancels: fc.option(fc.nat(40), { nil: null }),
});

/** The numbers of the events in the order in which they happen, and when; events past the last act do nothing. */
function played(acts: readonly Act[]): { number: number; atMs: number }[] {
  const kernel = new EventKernel(-3);
  const log: { number: number; atMs: number }[] = [];
  const handles = new Map<number, number>();
  let made = 0;
  const happens = (number: number): void => {
    log.push({ number, atMs: kernel.nowMs });
    const { delays, cancels } = acts[number] ?? { delays: [], cancels: null };
    if (cancels !== null) kernel.cancel(handles.get(cancels) ?? Number.NaN);
    for (const delay of delays) schedule(delay);
  };
  const plain = kernel.kind((number) => happens(number));
  const schedule = (delay: number): void => {
    const number = made++;
    if (number % 2 === 0) kernel.schedule(delay, plain, number, 0);
    else
      handles.set(
        number,
        kernel.callAfter(delay, () => happens(number)),
      );
  };
  for (const delay of acts[0]?.delays ?? []) schedule(delay);
  kernel.runUntil(50);
  return log;
}

function expected(acts: readonly Act[]): { number: number; atMs: number }[] {
  const log: { number: number; atMs: number }[] = [];
  let waiting: { number: number; atMs: number; isCall: boolean }[] = [];
  let made = 0;
  let nowMs = -3;
  const schedule = (delay: number): void => {
    const number = made++;
    waiting.push({ number, atMs: nowMs + Math.max(0, delay), isCall: number % 2 === 1 });
  };
  for (const delay of acts[0]?.delays ?? []) schedule(delay);
  for (;;) {
    const [next] = waiting.toSorted((a, b) => a.atMs - b.atMs || a.number - b.number);
    if (!next || next.atMs > 50) return log;
    waiting = waiting.filter((event) => event !== next);
    nowMs = next.atMs;
    log.push({ number: next.number, atMs: nowMs });
    const { delays, cancels } = acts[next.number] ?? { delays: [], cancels: null };
    waiting = waiting.filter(({ number, isCall }) => !(isCall && number === cancels));
    for (const delay of delays) schedule(delay);
  }
}

describe('EventKernel', () => {
  test('plays any program of events as a sorted list does', () => {
    fc.assert(
      fc.property(fc.array(act, { minLength: 1, maxLength: 60 }), (acts) => {
        expect(played(acts)).toEqual(expected(acts));
      }),
      { numRuns: 500 },
    );
  });

  test('calls that are set and cancelled over and over leave nothing behind', () => {
    const kernel = new EventKernel();
    const kept = kernel.callAfter(1e6, () => undefined);
    for (let turn = 0; turn < 100_000; turn += 1)
      kernel.cancel(kernel.callAfter(1000 + turn, () => undefined));
    expect(kernel.pendingCalls).toBe(1);
    kernel.cancel(kept);
    kernel.cancel(kept);
    expect(kernel.pendingCalls).toBe(0);
    kernel.runUntil(2e6);
    expect(kernel.pendingCalls).toBe(0);
  });

  test('cancelled calls leave, whatever else is under way stays', () => {
    const kernel = new EventKernel();
    const seen: number[] = [];
    const notes = kernel.kind((number) => seen.push(number));
    for (let number = 0; number < 200; number += 1) {
      kernel.cancel(kernel.callAfter(500, () => seen.push(Number.NaN)));
      kernel.schedule(1000 - number, notes, number, 0);
    }
    kernel.runUntil(2000);
    expect(seen).toEqual(Array.from({ length: 200 }, (_, index) => 199 - index));
    expect(kernel.pendingCalls).toBe(0);
  });

  test('a handle of a call that was made does nothing to a later one in its place', () => {
    const kernel = new EventKernel();
    const log: string[] = [];
    const first = kernel.callAfter(1, () => log.push('first'));
    kernel.runUntil(1);
    kernel.callAfter(1, () => log.push('second'));
    kernel.cancel(first);
    kernel.runUntil(2);
    expect(log).toEqual(['first', 'second']);
  });

  test('hundreds of events without delay in one instant keep their order', () => {
    const kernel = new EventKernel();
    const seen: number[] = [];
    const notes = kernel.kind((number) => seen.push(number));
    const floods = kernel.kind(() => {
      for (let number = 0; number < 500; number += 1) kernel.schedule(0, notes, number, 0);
    });
    kernel.schedule(1, floods, 0, 0);
    kernel.schedule(1, notes, 1000, 0);
    kernel.runUntil(1);
    expect(seen).toEqual([1000, ...Array.from({ length: 500 }, (_, index) => index)]);
  });

  test('what is no number of milliseconds is a bug', () => {
    const kernel = new EventKernel();
    const kind = kernel.kind(() => undefined);
    expect(() => kernel.schedule(Number.NaN, kind, 0, 0)).toThrow('a delay must be a number');
  });
});

test('the heap gives any number of entries back sorted, few or many, also after some were taken out', () => {
  const entries = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 200 });
  fc.assert(
    fc.property(entries, fc.integer({ min: 1, max: 5 }), (times, dropEvery) => {
      const heap = new TimeHeap();
      for (const [index, time] of times.entries()) heap.push(time, index, index + 7);
      heap.retain((item) => item % dropEvery !== 1);
      const kept = times
        .map((time, index) => ({ time, index }))
        .filter(({ index }) => index % dropEvery !== 1);
      const sorted = kept.toSorted((a, b) => a.time - b.time || a.index - b.index);
      for (const { time, index } of sorted) {
        expect([heap.top[0], heap.topItem, heap.topExtra]).toEqual([time, index, index + 7]);
        heap.drop();
      }
      expect([heap.size, heap.top[0]]).toEqual([0, Number.POSITIVE_INFINITY]);
    }),
  );
});
