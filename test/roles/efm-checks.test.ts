// Goal: the virtual IP, the custom monitor and synchronous replication are looked after as EDB documents it.
// Method: real statecharts on the virtual clock over played servers; equality on commands, notices and instants.
import { describe, expect, test } from 'vitest';
import { AgentCluster, takesMs, withoutVerify } from './agent-cluster.ts';

const vip = { 'virtual.ip': '10.0.0.9' };

describe('the virtual IP before a promotion', () => {
  const failover = (prepare: (cluster: AgentCluster) => void, properties = {}, version = '5.4') => {
    const cluster = new AgentCluster({ ...vip, ...properties }, { version });
    prepare(cluster);
    cluster.servers.set('a', 'down');
    cluster.clock.runUntil(150_000);
    return cluster;
  };

  test('answers still: looked at until check.vip.timeout is over, then no promotion', () => {
    const cluster = failover((each) => {
      each.played.strayVip = true;
    });
    const asked = cluster.commands().filter((command) => command === 'checkVip@b');
    expect(asked).toHaveLength(21);
    expect(cluster.commands()).not.toContain('promoteServer@b');
    expect(cluster.notices()).toContain(
      'WARNING Standby agent tried to promote, but VIP appears to still be assigned',
    );
    expect(cluster.noticeAtMs('still be assigned') - cluster.atMs('checkVip')).toBe(
      21 * takesMs.pingAnswered + 20 * 1000,
    );
  });

  test('the budget is node.timeout before 5.1', () => {
    const cluster = failover(
      (each) => {
        each.played.strayVip = true;
      },
      {},
      '4.10',
    );
    expect(cluster.noticeAtMs('still be assigned') - cluster.atMs('checkVip')).toBeLessThan(25_000);
  });

  test('is free later: the promotion goes on then', () => {
    const cluster = failover((each) => {
      each.played.strayVip = true;
      each.clock.setTimeout(() => {
        each.played.strayVip = false;
      }, 20_000);
    });
    expect(cluster.commands()).toContain('promoteServer@b');
  });

  test('a standby that does not see the well-known host does not go on', () => {
    const cluster = failover((each) => each.network.orphans.add('b'));
    expect(cluster.commands()).not.toContain('promoteServer@b');
    expect(cluster.notices()).toContain('WARNING Standby agent tried to promote, but appears to be orphaned');
  });

  test('check.vip.before.promotion=false leaves both out', () => {
    const cluster = failover(
      (each) => {
        each.played.strayVip = true;
      },
      { 'check.vip.before.promotion': 'false' },
    );
    expect(cluster.commands()).not.toContain('checkVip@b');
    expect(cluster.roles('ab')).toBe('idle primary');
  });
});

describe('the virtual IP in quiet times', () => {
  test('lost by the primary: told and taken again; found on a standby: told and dropped', () => {
    const cluster = new AgentCluster(vip);
    cluster.played.vipHolders.clear();
    cluster.played.vipHolders.add('c');
    cluster.clock.runUntil(5000);
    expect([...cluster.played.vipHolders]).toEqual(['a']);
    expect(cluster.notices()).toEqual([
      'WARNING Virtual IP address not assigned to primary node.',
      'INFO Assigning VIP to node a',
      'WARNING Virtual IP address assigned to non-primary node',
      'INFO Releasing VIP from node c',
    ]);
  });

  test('a switchover moves it, released before the stop and taken before the standbys follow', () => {
    const cluster = new AgentCluster(vip);
    expect(cluster.efm('w', 'promote', '-switchover').exitCode).toBe(0);
    cluster.clock.runUntil(60_000);
    expect(cluster.commands().slice(0, 11)).toEqual([
      'readRecoverySettings@b',
      'loadBalancerDetach@a',
      'releaseVip@a',
      'stopServer@a',
      'checkVip@b',
      'checkWellKnownHost@b',
      'readPositions@a',
      'readPositions@a',
      'promoteServer@b',
      'awaitRecoveryEnd@b',
      'assignVip@b',
    ]);
    expect([...cluster.played.vipHolders]).toEqual(['b']);
    expect(cluster.played.guards.size).toBe(0);
  });
});

describe('the custom monitor', () => {
  const monitor = {
    'script.custom.monitor': 'monitor',
    'custom.monitor.interval': '5',
    'custom.monitor.timeout': '3',
  };
  const failing = (properties = {}, forMs = 60_000) => {
    const cluster = new AgentCluster({ ...monitor, ...properties });
    cluster.failingScripts.add('script.custom.monitor');
    cluster.clock.runUntil(forMs);
    return cluster;
  };

  test('a failure is one of the database: stopped without asking anybody, then failed over', () => {
    const cluster = failing({}, 6000);
    expect(cluster.notices()).toContain('SEVERE Primary custom monitor failure for cluster efm');
    expect(cluster.notices()).toContain('SEVERE Standby custom monitor failure for cluster efm');
    expect(cluster.commands()[0]).toBe('stopServer@a');
    expect(cluster.atMs('stopServer')).toBe(2 + 5000 + takesMs.script);
  });

  test('in safe mode it is only told', () => {
    const cluster = failing({ 'custom.monitor.safe.mode': 'true' });
    expect(cluster.commands()).toEqual([]);
    expect(cluster.notices()).toContain("WARNING Custom monitor 'safe mode' failure for cluster efm");
  });

  test('one that does not end is killed at its limit, and only told', () => {
    const cluster = new AgentCluster(monitor);
    cluster.played.endlessScripts.add('script.custom.monitor');
    cluster.clock.runUntil(9000);
    expect(cluster.notices()).toEqual(
      Array.from({ length: 3 }, () => 'WARNING Custom monitor timeout for cluster efm'),
    );
    expect(cluster.roles()).toBe('primary standby standby witness');
  });
});

describe('synchronous replication', () => {
  const settings = { 'reconfigure.num.sync': 'true', 'reconfigure.num.sync.max': '3' };
  function watched(properties: Record<string, string>, numSync: number, connected: number, version = '5.4') {
    const cluster = new AgentCluster(properties, { version });
    cluster.played.synchronous.set('a', { numSync, connected });
    return cluster;
  }

  test('num_sync goes down with the standbys that are there, and up to its ceiling again', () => {
    const cluster = watched(settings, 3, 1);
    cluster.clock.runUntil(40_000);
    expect(cluster.played.synchronous.get('a')).toEqual({ numSync: 1, connected: 1 });
    cluster.played.synchronous.set('a', { numSync: 1, connected: 5 });
    cluster.clock.runUntil(80_000);
    expect(cluster.played.synchronous.get('a')).toEqual({ numSync: 3, connected: 5 });
    expect(cluster.notices()).toContain(
      'WARNING Synchronous replication has been reconfigured for cluster efm',
    );
    expect(cluster.atMs('setSynchronous') - 2).toBe(30_000 + takesMs.query);
  });

  test('without a ceiling it is never raised', () => {
    const cluster = watched({ 'reconfigure.num.sync': 'true' }, 1, 2);
    cluster.clock.runUntil(80_000);
    expect(cluster.commands()).toEqual([]);
  });

  test('with none left the list is cleared where that is allowed, else only told', () => {
    const cleared = watched({ 'reconfigure.sync.primary': 'true' }, 1, 0);
    cleared.clock.runUntil(40_000);
    expect(cleared.played.synchronous.get('a')).toBeNull();
    const told = watched(settings, 2, 0);
    told.clock.runUntil(100_000);
    expect(told.commands()).toEqual([]);
    expect(told.notices()).toEqual(['SEVERE Not enough synchronous standbys available in cluster efm']);
  });

  test('too few of them are told of once, and once more after there were enough', () => {
    const cluster = watched({ 'reconfigure.sync.primary': 'true' }, 2, 1);
    const told = () => cluster.notices().filter((notice) => notice.includes('Not enough synchronous'));
    cluster.clock.runUntil(200_000);
    expect(told()).toHaveLength(1);
    cluster.played.synchronous.set('a', { numSync: 2, connected: 2 });
    cluster.clock.runUntil(300_000);
    cluster.played.synchronous.set('a', { numSync: 2, connected: 1 });
    cluster.clock.runUntil(400_000);
    expect(told()).toHaveLength(2);
    expect(cluster.commands()).toEqual([]);
  });

  test('before 5.0 it is looked at when a member is lost', () => {
    const cluster = watched(settings, 2, 2, '4.10');
    cluster.clock.runUntil(60_000);
    expect(cluster.commands()).toEqual([]);
    cluster.played.synchronous.set('a', { numSync: 2, connected: 1 });
    cluster.loseNode('c');
    cluster.clock.runUntil(90_000);
    expect(withoutVerify(cluster.commands())).toContain('setSynchronous@a');
  });
});
