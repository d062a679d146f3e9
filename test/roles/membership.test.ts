// Goal: an agent knows who is there, who coordinates, who may be promoted in which order, and who is gone.
import { expect, test } from 'vitest';
import { VirtualClock } from '../../src/kernel/clock.ts';
import type { MemberStatus } from '../../src/roles/host.ts';
import { Membership } from '../../src/roles/membership.ts';

const status = (node: string, more: Partial<MemberStatus> = {}): MemberStatus => ({
  node,
  role: 'standby',
  database: 'UP',
  joinedAtMs: 100,
  priority: ['a', 'b', 'c'],
  priorityVersion: 0,
  promotable: true,
  ...more,
});

function member(own: Partial<MemberStatus> = {}) {
  const clock = new VirtualClock();
  const sent: string[] = [];
  const lost: string[] = [];
  const restarted: string[] = [];
  const membership = new Membership({
    clock,
    nodes: ['a', 'b', 'c'],
    nodeTimeoutMs: 5000,
    self: () => status('a', own),
    send: (toNode) => sent.push(toNode),
    onLost: (node, last) => lost.push(`${node} ${last.role} ${clock.nowMs()}`),
    onRestarted: (node) => restarted.push(node),
  });
  membership.start();
  return { clock, membership, sent, lost, restarted };
}

test('the first to join coordinates; the node list decides between equals', () => {
  const { membership } = member({ joinedAtMs: 50 });
  membership.hear(status('b', { joinedAtMs: 50 }));
  expect(membership.coordinator()).toBe('a');
  membership.hear(status('c', { joinedAtMs: 10 }));
  expect(membership.coordinator()).toBe('c');
});

test('candidates are promotable standbys in the order of the newest list', () => {
  const { membership } = member();
  membership.hear(status('b', { priority: ['c', 'b', 'a'], priorityVersion: 3 }));
  membership.hear(status('c', { priority: ['b', 'c', 'a'], priorityVersion: 2 }));
  expect(membership.candidates()).toEqual(['c', 'b', 'a']);
  membership.hear(status('c', { promotable: false }));
  membership.hear(status('b', { priority: [], priorityVersion: 4, role: 'idle' }));
  expect(membership.candidates()).toEqual(['a']);
});

test('a member silent for node.timeout is lost once, with what it last was', () => {
  const { clock, membership, lost } = member();
  clock.runUntil(1500);
  membership.hear(status('b', { role: 'primary' }));
  clock.runUntil(6000);
  expect(lost).toEqual([]);
  clock.runUntil(60_000);
  expect(lost).toEqual(['b primary 7000']);
  expect(membership.all().map(({ node }) => node)).toEqual(['a']);
});

test('a newcomer hears of us at once, a known member only at the next beat', () => {
  const { membership, sent } = member();
  sent.length = 0;
  membership.hear(status('b'));
  membership.hear(status('b'));
  expect(sent).toEqual(['b']);
});

test('another time of joining means that the agent was restarted', () => {
  const { membership, sent, restarted, lost } = member();
  membership.hear(status('b'));
  membership.hear(status('b'));
  expect(restarted).toEqual([]);
  sent.length = 0;
  membership.hear(status('b', { joinedAtMs: 900, role: 'starting' }));
  expect(restarted).toEqual(['b']);
  expect(sent).toEqual(['b']);
  expect(lost).toEqual([]);
});
