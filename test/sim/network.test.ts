// Goal: who reaches whom, with hosts gone and partitions, and how the lack of an answer differs from a refusal.
// Method: the network alone, and a property over random partitions.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Network, outside } from '../../src/sim/network.ts';
import { VirtualIp } from '../../src/sim/virtual-ip.ts';

const servers = ['a', 'b', 'c', 'd'];

test('a lost host reaches nobody and is not reached; repaired it is there again', () => {
  const network = new Network(servers);
  network.lose('a');
  expect(network.reaches('a', 'b')).toBe(false);
  expect(network.reaches('b', 'a')).toBe(false);
  expect(network.reaches('b', 'c')).toBe(true);
  expect(network.isSilent('b', 'a')).toBe(true);
  network.repair('a');
  expect(network.reaches('b', 'a')).toBe(true);
});

test('where hosts share a machine its kernel refuses for a lost one, but nothing crosses a partition', () => {
  const network = new Network(servers, 'refused');
  network.lose('a');
  network.partition([['b']]);
  expect(network.isSilent('c', 'a')).toBe(false);
  expect(network.reaches('c', 'a')).toBe(false);
  expect(network.isSilent('c', 'b')).toBe(true);
});

test('the world outside is with those that no side names, else with the last side', () => {
  const network = new Network(servers);
  network.partition([['a']]);
  expect(network.reaches('a', outside)).toBe(false);
  expect(network.reaches('b', outside)).toBe(true);
  network.partition([['a'], ['b', 'c', 'd']]);
  expect(network.reaches('d', outside)).toBe(true);
  network.heal();
  expect(network.reaches('a', outside)).toBe(true);
});

test('whatever the sides, reaching is mutual, of oneself certain, and passes on within a side', () => {
  fc.assert(
    fc.property(fc.array(fc.subarray(servers), { maxLength: 3 }), (drawn) => {
      const taken = new Set<string>();
      const sides = drawn.map((side) => side.filter((server) => !taken.has(server) && taken.add(server)));
      const network = new Network(servers);
      network.partition(sides);
      for (const a of servers) {
        expect(network.reaches(a, a)).toBe(true);
        for (const b of servers) {
          expect(network.reaches(a, b)).toBe(network.reaches(b, a));
          for (const c of servers) {
            if (network.reaches(a, b) && network.reaches(b, c)) expect(network.reaches(a, c)).toBe(true);
          }
        }
      }
    }),
  );
});

test('a virtual IP answers from its holder, is absent with its host, and is beyond a partition', () => {
  const network = new Network(servers);
  const vip = new VirtualIp(network);
  expect(vip.pingFrom('b')).toBe('absent');
  vip.assign('a');
  expect(vip.pingFrom('b')).toBe('reachable');
  network.partition([['a']]);
  expect(vip.pingFrom('b')).toBe('dropped');
  network.lose('a');
  expect(vip.pingFrom('b')).toBe('absent');
});
