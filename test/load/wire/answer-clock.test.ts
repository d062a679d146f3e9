// Goal: answers of one wait bear one instant, but not many of them; after another wait it is a new one.
// Method: the real clock, with a millisecond of work between answers.
import { expect, test } from 'vitest';
import { monotonicMs } from '../../../src/kernel/clock.ts';
import { AnswerClock } from '../../../src/load/wire/answer-clock.ts';

/** The next answers' instants, each after a millisecond of work on the one before it. */
function instants(clock: AnswerClock, count: number): number[] {
  return Array.from({ length: count }, () => {
    const atMs = clock.answerMs();
    for (const untilMs = monotonicMs() + 1; monotonicMs() < untilMs; );
    return atMs;
  });
}

test('eight answers share a reading, the ninth has one of its own', () => {
  const clock = new AnswerClock();
  clock.read();
  const readMs = clock.nowMs;
  const [first = 0, ...rest] = instants(clock, 9);
  expect(first).toBe(readMs);
  expect(rest.slice(0, 7).every((atMs) => atMs === first)).toBe(true);
  expect(rest[7]).toBeGreaterThanOrEqual(first + 8);
});

test('the first answer after a turn, or ever, is read for', () => {
  const clock = new AnswerClock();
  const beforeMs = monotonicMs();
  const [first = 0] = instants(clock, 1);
  expect(first).toBeGreaterThanOrEqual(beforeMs);
  clock.expire();
  expect(clock.answerMs()).toBeGreaterThanOrEqual(first + 1);
});

test('it is read anew where an answer was handled since the last reading, and only there', () => {
  const clock = new AnswerClock();
  clock.read();
  const readMs = clock.nowMs;
  for (const untilMs = monotonicMs() + 1; monotonicMs() < untilMs; );
  clock.refresh();
  expect(clock.nowMs).toBe(readMs);
  instants(clock, 1);
  clock.refresh();
  expect(clock.nowMs).toBeGreaterThanOrEqual(readMs + 1);
});
