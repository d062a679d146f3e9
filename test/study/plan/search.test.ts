import { expect, test } from 'vitest';
import { parseThresholds } from '../../../src/scenario/threshold.ts';
import { assess, isFutile } from '../../../src/study/plan/search.ts';
import { capacityCluster, demandOf } from './clusters.ts';

// Goal: what is said of one number of standbys: weights, the worst variant of each state, and whether more would help.

const question = {
  demand: demandOf(6000, 100),
  thresholds: parseThresholds(['read.p99 < 20ms', 'write.p99 < 100ms']),
  survive: ['failover', 'standby-loss'] as const,
  children: 64,
};

test('standbys of unlike processors get reads in their proportion, and the worst loss is that of the strongest', () => {
  const unlike = capacityCluster(({ servers }) => {
    const third = servers[2];
    if (third) third.cpu = 4;
  });
  const { weights, states } = assess(unlike, question);
  expect(weights).toEqual({ server1: 0, server2: 1, server3: 2 });
  expect(states.map(({ state, variant }) => [state, variant])).toEqual([
    ['normal', 'every server up'],
    ['failover', 'server2 promoted'],
    ['standby-loss', 'server3 lost'],
  ]);
});

test('like standbys are looked at once', () => {
  const { states, standbys } = assess(capacityCluster(), question);
  expect(states).toHaveLength(3);
  expect(standbys).toBe(2);
});

test('a state that misses and gained nothing by the last standby is beyond help', () => {
  const heavy = { ...question, demand: demandOf(500, 700) };
  const smaller = capacityCluster(({ servers }) => {
    servers.splice(2, 1);
  });
  const [one, two] = [assess(smaller, heavy), assess(capacityCluster(), heavy)];
  expect([one.meets, two.meets, isFutile(two, one)]).toEqual([false, false, true]);
  const light = { ...question, demand: demandOf(9000, 10) };
  expect(isFutile(assess(capacityCluster(), light), assess(smaller, light))).toBe(false);
});
