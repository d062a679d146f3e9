// Goal: every question ends exactly once: by all answers, by its time limit, or by the loss of those that owe one.
import { expect, test } from 'vitest';
import { VirtualClock } from '../../src/kernel/clock.ts';
import { type Answer, Requests, silence } from '../../src/roles/requests.ts';

function asking(nodes: string[], timeoutMs: number | null) {
  const clock = new VirtualClock();
  const requests = new Requests(clock);
  const ended: { atMs: number; answers: string[] }[] = [];
  let id = 0;
  requests.ask({
    nodes,
    timeoutMs,
    send: (_, given) => {
      id = given;
    },
    done: (answers: Answer[]) =>
      ended.push({
        atMs: clock.nowMs(),
        answers: answers.map(({ node, ok, detail }) => `${node} ${ok} ${detail}`),
      }),
  });
  const answer = (node: string, ok = true) => requests.take(id, { node, ok, detail: null });
  return { clock, requests, ended, answer };
}

test('it ends with the last answer, in order of arrival, and hears no second one', () => {
  const { clock, ended, answer } = asking(['a', 'b'], 1000);
  answer('b');
  answer('b', false);
  expect(ended).toEqual([]);
  answer('a', false);
  answer('a');
  clock.runUntil(5000);
  expect(ended).toEqual([{ atMs: 0, answers: ['b true null', 'a false null'] }]);
});

test('silence ends it at its limit', () => {
  const { clock, ended, answer } = asking(['a', 'b'], 1000);
  answer('a');
  clock.runUntil(5000);
  answer('b');
  expect(ended).toEqual([{ atMs: 1000, answers: ['a true null', `b false ${silence}`] }]);
});

test('without a limit only answers and losses end it', () => {
  const { clock, requests, ended, answer } = asking(['a', 'b'], null);
  clock.runUntil(1e9);
  requests.lose('c');
  requests.lose('a');
  expect(ended).toEqual([]);
  answer('b');
  expect(ended[0]?.answers).toEqual(['a false the agent is gone', 'b true null']);
});

test('asked of nobody it ends at once, but later', () => {
  const { clock, ended } = asking([], null);
  expect(ended).toEqual([]);
  clock.runUntil(0);
  expect(ended).toEqual([{ atMs: 0, answers: [] }]);
});

test('an agent’s numbers are others in its next life, so that late answers find nobody', () => {
  const clock = new VirtualClock();
  const ids: number[] = [];
  const ask = (requests: Requests) =>
    requests.ask({ nodes: ['a'], timeoutMs: null, send: (_, id) => ids.push(id), done: () => undefined });
  const first = new Requests(clock);
  for (let count = 0; count < 500; count += 1) ask(first);
  clock.runUntil(1);
  const second = new Requests(clock);
  for (let count = 0; count < 500; count += 1) ask(second);
  expect(new Set(ids).size).toBe(1000);
});
