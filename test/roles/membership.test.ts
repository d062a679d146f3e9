// Goal: an agent knows who is there, who coordinates, who may be promoted in which order, and who is gone.
import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../../src/kernel/clock.ts';
import { firstSharedState } from '../../src/roles/efm-shared-state.ts';
import type { MemberStatus } from '../../src/roles/host.ts';
import { Membership } from '../../src/roles/membership.ts';

const status = (node: string, more: Partial<MemberStatus> = {}): MemberStatus => ({
  node,
  role: 'standby',
  database: 'UP',
  joinedAtMs: 100,
  promotable: true,
  vipActive: false,
  primaryEpoch: 0,
  shared: { ...firstSharedState(['a', 'b', 'c']), known: [node] },
  ...more,
});

const listed = (priority: string[], version: number) => ({
  shared: { ...firstSharedState(['a', 'b', 'c']), priority, version },
});

function member(own: Partial<MemberStatus> = {}, countsDown = true) {
  const clock = new VirtualClock();
  const sent: string[] = [];
  const lost: string[] = [];
  const restarted: string[] = [];
  const membership = new Membership({
    clock,
    nodes: ['a', 'b', 'c'],
    nodeTimeoutMs: 5000,
    countsDown,
    agreementMs: 1000,
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
  membership.hear(status('b', listed(['c', 'b', 'a'], 3)));
  membership.hear(status('c', listed(['b', 'c', 'a'], 2)));
  expect(membership.candidates()).toEqual(['c', 'b', 'a']);
  membership.hear(status('c', { promotable: false }));
  membership.hear(status('b', { ...listed([], 4), role: 'idle' }));
  expect(membership.candidates()).toEqual(['a']);
});

test('a member silent for node.timeout is lost once, with what it last was', () => {
  const { clock, membership, lost } = member();
  clock.runUntil(1500);
  membership.hear(status('b', { role: 'primary' }));
  clock.runUntil(6000);
  expect(lost).toEqual([]);
  clock.runUntil(60_000);
  expect(lost).toEqual(['b primary 6500']);
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

describe('where down members are forgotten', () => {
  /** Members b and c are heard until an instant each; the own one is a standby. */
  function lastHeard(untilMs: Record<string, number>, own: Partial<MemberStatus> = {}) {
    const { clock, membership } = member(own, false);
    for (let atMs = 0; atMs <= Math.max(...Object.values(untilMs)); atMs += 1000) {
      clock.runUntil(atMs);
      for (const [node, endMs] of Object.entries(untilMs)) if (atMs <= endMs) membership.hear(status(node));
    }
    clock.runUntil(60_000);
    return membership.quorum();
  }

  test('a majority goes on without the lost one, and then without the next', () => {
    expect(lastHeard({ b: 1000, c: 50_000 })).toEqual({ present: 1, counted: 2 });
  });

  test('two lost at once leave a minority, for ever', () => {
    expect(lastHeard({ b: 1000, c: 1000 })).toEqual({ present: 1, counted: 3 });
  });

  test('half of it is enough for a side with the primary', () => {
    expect(lastHeard({ b: 1000 }, { role: 'primary' })).toEqual({ present: 1, counted: 1 });
    expect(lastHeard({ b: 1000 })).toEqual({ present: 1, counted: 2 });
  });
});

test('where they are remembered a lost member counts, and one that left too', () => {
  const { clock, membership } = member();
  membership.hear(status('b'));
  membership.hear(status('c'));
  membership.leave('c');
  clock.runUntil(60_000);
  expect(membership.quorum()).toEqual({ present: 1, counted: 3 });
});
