import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { losses, normalState, type ServiceState, statesAfter } from '../../../src/study/plan/states.ts';
import { capacityCluster } from './clusters.ts';

// Goal: who serves what after each loss, by Pgpool's own rule: weights stay with node ids.

function shares(states: readonly ServiceState[]): Record<string, Record<string, number>> {
  return Object.fromEntries(states.map(({ variant, readShare }) => [variant, Object.fromEntries(readShare)]));
}

const guide = capacityCluster();

test('as it starts: standbys by weight, nothing for a primary of weight 0', () => {
  const { readShare, primary, standbys } = normalState(guide);
  expect(Object.fromEntries(readShare)).toEqual({ server1: 0, server2: 0.5, server3: 0.5 });
  expect([primary.server, ...standbys.map(({ server }) => server)]).toEqual([
    'server1',
    'server2',
    'server3',
  ]);
});

test('after a failover the new primary keeps its weight and its reads', () => {
  expect(shares(statesAfter('failover', guide))).toEqual({
    'server2 promoted': { server2: 0.5, server3: 0.5 },
    'server3 promoted': { server2: 0.5, server3: 0.5 },
  });
  expect(statesAfter('failover', guide)[1]?.standbys.map(({ server }) => server)).toEqual(['server2']);
});

test('after a switchover the old primary is a standby without reads', () => {
  const [first] = statesAfter('switchover', guide);
  expect(first?.standbys.map(({ server }) => server)).toEqual(['server1', 'server3']);
  expect(first?.readShare.get('server1')).toBe(0);
});

test('a lost standby leaves its reads to the others, and the last one to the primary', () => {
  expect(shares(statesAfter('standby-loss', guide))).toEqual({
    'server2 lost': { server1: 0, server3: 1 },
    'server3 lost': { server1: 0, server2: 1 },
  });
  const single = { backends: guide.backends.slice(0, 2) };
  expect(shares(statesAfter('standby-loss', single))).toEqual({ 'server2 lost': { server1: 1 } });
});

test('two losses need two standbys', () => {
  expect(shares(statesAfter('double-loss', guide))).toEqual({
    'server2 promoted, server3 lost': { server2: 1 },
    'server3 promoted, server2 lost': { server3: 1 },
  });
  expect(statesAfter('double-loss', { backends: guide.backends.slice(0, 2) })).toEqual([]);
});

test('without any weight Pgpool reads from the primary', () => {
  const weightless = capacityCluster(({ servers }) => {
    for (const { postgres } of servers) if (postgres) postgres.weight = 0;
  });
  expect(Object.fromEntries(normalState(weightless).readShare)).toEqual({
    server1: 1,
    server2: 0,
    server3: 0,
  });
});

test('docs/planning.md explains every loss', () => {
  const documented = readFileSync('docs/planning.md', 'utf8');
  for (const loss of Object.keys(losses)) expect(documented).toContain(`| \`${loss}\` |`);
});
