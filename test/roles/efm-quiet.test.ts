// Goal: `efm promote -quiet` mutes the notifications of that change of primary, and of nothing else.
// Method: the same change with and without it on real statecharts and the virtual clock; equal commands, no notices.
import { describe, expect, test } from 'vitest';
import { AgentCluster, generations } from './agent-cluster.ts';

const vip = { 'virtual.ip': '10.0.0.9' };

describe.each(generations)('$name: a change of primary by hand with -quiet', ({ version }) => {
  const hooks = [
    'script.fence',
    'script.post.promotion',
    'script.remote.pre.promotion',
    'script.remote.post.promotion',
  ];
  const changed = (words: readonly string[], failing: string | null = null) => {
    const cluster = new AgentCluster(
      { ...vip, ...Object.fromEntries(hooks.map((hook) => [hook, 'run'])) },
      { version },
    );
    if (failing) cluster.failingScripts.add(failing);
    expect(cluster.efm('w', 'promote', ...words).exitCode).toBe(0);
    cluster.clock.runUntil(60_000);
    return cluster;
  };

  test.each([
    ['-switchover', null],
    ['-switchover', 'script.fence'],
    ['-switchover', 'script.remote.post.promotion'],
    ['-switchover', 'script.load.balancer.attach'],
    ['-y', null],
  ])('%s, failing %s: does the same and tells of nothing', (kind, failing) => {
    const told = changed([kind], failing);
    const quiet = changed([kind, '-quiet'], failing);
    expect(told.notices().length).toBeGreaterThan(5);
    expect(quiet.notices()).toEqual([]);
    expect(quiet.commands()).toEqual(told.commands());
  });

  test('what fails after it is told again', () => {
    const cluster = changed(['-switchover', '-quiet']);
    cluster.servers.set('b', 'down');
    cluster.clock.runUntil(120_000);
    expect(cluster.notices()).toEqual(
      expect.arrayContaining([
        `SEVERE ${version === '3.9' ? 'Master' : 'Primary'} database failure for cluster efm`,
        'WARNING Promotion has started on cluster efm.',
        'INFO Executed remote pre-promotion script',
        'WARNING Failover has completed on cluster efm',
      ]),
    );
    expect(cluster.roles()).toBe('primary idle standby witness');
  });

  test('a primary agent that leaves after it is told again', () => {
    const cluster = changed(['-switchover', '-quiet']);
    cluster.agent('b').leave();
    cluster.clock.runUntil(61_000);
    const subject = version === '3.9' ? 'master node has left' : 'primary agent has left';
    expect(cluster.notices()).toContain(`WARNING Cluster efm notified that ${subject}`);
  });
});
