// Goal: every notification has a severity and a subject as EFM of the generation words it, and hooks tell what they should.
import { describe, expect, test } from 'vitest';
import { hookNotice, notice } from '../../src/roles/efm-notices.ts';
import { AgentCluster, generations } from './agent-cluster.ts';

const at = { cluster: 'efm', node: '10.0.0.1' };

test('the old generation says Master and is severe where the newest warns', () => {
  expect(notice('primaryCannotPing', { generation: 'newest', ...at })).toEqual({
    severity: 'WARNING',
    subject: 'Primary cannot ping local database for cluster efm',
  });
  expect(notice('primaryCannotPing', { generation: '3.9', ...at })).toEqual({
    severity: 'SEVERE',
    subject: 'Master cannot ping local database for cluster efm',
  });
});

test('a notice without an old wording is worded alike; a node is named where it belongs', () => {
  const worded = (generation: 'newest' | '3.9') => notice('wrongState', { generation, ...at });
  expect(worded('newest')).toEqual({ severity: 'SEVERE', subject: 'Database in wrong state on 10.0.0.1' });
  expect(worded('3.9')).toEqual(worded('newest'));
});

test.each([
  [
    'primaryLeft',
    'Cluster efm notified that primary agent has left',
    'Cluster efm notified that master node has left',
  ],
  ['remotePrePromotionError', 'Remote pre-promotion script failed', 'Remote-pre-promotion script failed'],
  [
    'standbyNotReconfigured',
    'Standby will not be reconfigured after failover in cluster efm',
    'Standby not reconfigured after failover in cluster efm',
  ],
  [
    'notEnoughSyncStandbys',
    'Not enough synchronous standbys available in cluster efm',
    'Not enough synchronous standbys available in cluster efm.',
  ],
  [
    'guardError',
    'Error creating recovery.conf file on 10.0.0.1 for cluster efm',
    'Error creating recovery.conf file on 10.0.0.1 for cluster efm',
  ],
  [
    'standbyNotStopped',
    'Standby database in cluster efm not stopped before primary is promoted',
    'Standby database in cluster efm not stopped before primary is promoted',
  ],
] as const)('%s is worded as EDB lists it for 5 and for 3.9', (id, newest, old) => {
  expect(notice(id, { generation: 'newest', ...at }).subject).toBe(newest);
  expect(notice(id, { generation: '3.9', ...at }).subject).toBe(old);
});

test('with EFM’s own way to Pgpool a failing attach is Pgpool’s, not a script’s', () => {
  const failed = { ok: false, nativePgpool: true };
  expect(hookNotice('script.load.balancer.attach', failed)).toBe('pgpoolAttachError');
  expect(hookNotice('script.load.balancer.attach', { ...failed, nativePgpool: false })).toBe('attachError');
  expect(hookNotice('script.load.balancer.attach', { ...failed, ok: true })).toBeNull();
});

describe.each(generations)('$name: every hook of a failover', ({ version }) => {
  const hooks = {
    'script.db.failure': ['Executed post-database failure script', 'Post-database failure script error'],
    'script.remote.pre.promotion': [
      'Executed remote pre-promotion script',
      'Remote pre-promotion script failed',
    ],
    'script.fence': ['Executed fencing script', 'Fencing script error'],
    'script.post.promotion': ['Executed post-promotion script', 'Post-promotion script failed'],
    'script.remote.post.promotion': [
      'Executed remote post-promotion script',
      'Remote post-promotion script failed',
    ],
  } as const;
  const properties = Object.fromEntries(Object.keys(hooks).map((hook) => [hook, 'run']));
  const failover = (failing: string | null) => {
    const cluster = new AgentCluster(properties, { version });
    if (failing) cluster.failingScripts.add(failing);
    cluster.servers.set('a', 'down');
    cluster.clock.runUntil(60_000);
    return cluster;
  };

  test('that succeeds is told with INFO, by everyone who ran it', () => {
    const notices = failover(null).notices();
    const told = (subject: string) => notices.filter((each) => each === `INFO ${subject}`).length;
    expect(Object.values(hooks).map(([done]) => told(done))).toEqual([1, 3, 1, 1, 3]);
  });

  test.each(Object.entries(hooks))(
    '%s that fails is told with SEVERE; only a fence stops the promotion',
    (hook, [, failed]) => {
      const cluster = failover(hook);
      const worded = version === '3.9' ? failed.replace('Remote p', 'Remote-p') : failed;
      expect(cluster.notices()).toContain(`SEVERE ${worded}`);
      expect(cluster.commands().includes('promoteServer@b')).toBe(hook !== 'script.fence');
    },
  );

  test.each(Object.keys(hooks))('%s that never ends stalls the failover where it stands', (hook) => {
    const cluster = new AgentCluster(properties, { version });
    cluster.played.endlessScripts.add(hook);
    cluster.servers.set('a', 'down');
    cluster.clock.runUntil(600_000);
    expect(cluster.notices()).not.toContain('WARNING Failover has completed on cluster efm');
  });
});
