// Goal: the agents do what EDB documents, in its order and at its instants.
// Method: real statecharts on the virtual clock over servers that are only a state; equality on commands and instants.
import { describe, expect, test } from 'vitest';
import { AgentCluster, takesMs, withoutVerify } from './agent-cluster.ts';

describe('the primary database goes down', () => {
  function failover(properties: Record<string, string> = {}) {
    const cluster = new AgentCluster(properties);
    cluster.clock.setTimeout(() => cluster.servers.set('a', 'down'), 2500);
    cluster.clock.runUntil(60_000);
    return cluster;
  }

  test('the steps come in the order of EFM 4', () => {
    expect(withoutVerify(failover().commands())).toEqual([
      'finalCheck@a',
      'stopServer@a',
      'loadBalancerDetach@a',
      'writeGuard@a',
      'readPositions@a',
      'readPositions@a',
      'promoteServer@b',
      'awaitRecoveryEnd@b',
      'loadBalancerDetach@c',
      'stopServer@c',
      'followPrimary@c',
      'startServer@c',
      'awaitConnection@c',
      'loadBalancerAttach@c',
      'postPromotion@b',
      'loadBalancerAttach@b',
    ]);
  });

  test('all three other agents are asked before anything is done to the server', () => {
    const cluster = failover();
    const asked = cluster.commands().filter((command) => command.startsWith('verifyDatabase'));
    expect(asked.sort()).toEqual(['verifyDatabase@b', 'verifyDatabase@c', 'verifyDatabase@w']);
    expect(cluster.atMs('stopServer')).toBeGreaterThan(cluster.atMs('verifyDatabase', 'commandEnded'));
  });

  test('it is declared local.timeout after the last good check, to the millisecond', () => {
    // Monitoring starts with a check at 2 ms; the last good one before 3500 ms was sent at 2002 ms.
    expect(failover().atMs('finalCheck')).toBe(2002 + takesMs.query + 10_000);
  });

  test('local.timeout raised by 3 s moves the verdict by 3 s', () => {
    const laterMs = failover({ 'local.timeout': '13' }).atMs('finalCheck') - failover().atMs('finalCheck');
    expect(laterMs).toBe(3000);
  });

  test('a hung database costs the final and the remote time limit more', () => {
    const cluster = new AgentCluster();
    cluster.clock.setTimeout(() => cluster.servers.set('a', 'hung'), 2500);
    cluster.clock.runUntil(60_000);
    expect(cluster.atMs('stopServer') - cluster.atMs('finalCheck')).toBe(5000 + 3000 + 2 * takesMs.message);
  });

  test('no failover while any agent reaches it', () => {
    const cluster = new AgentCluster();
    cluster.unreachable.add('a>a');
    cluster.clock.runUntil(60_000);
    expect(withoutVerify(cluster.commands())).toEqual(['finalCheck@a']);
    expect(cluster.agent('a').role).toBe('idle');
  });

  test('the roles after it: the winner primary, the failed node idle', () => {
    const cluster = failover();
    expect(['a', 'b', 'c', 'w'].map((node) => cluster.agent(node).role)).toEqual([
      'idle',
      'primary',
      'standby',
      'witness',
    ]);
  });

  test('a winner that dies while it is promoted is given up after local.timeout, and the coordinator is free again', () => {
    const cluster = failover();
    const startMs = cluster.atMs('promoteServer');
    const doomed = new AgentCluster();
    doomed.clock.setTimeout(() => doomed.servers.set('a', 'down'), 2500);
    doomed.clock.setTimeout(() => doomed.servers.set('b', 'down'), startMs + takesMs.promote - 1000 + 1);
    doomed.clock.runUntil(60_000);
    expect(doomed.agent('b').role).toBe('idle');
    // Ten looks of recovery.check.period each are local.timeout.
    expect(doomed.noticeAtMs('Could not promote') - startMs).toBe(
      takesMs.promote + 10 * (1000 + takesMs.query),
    );
    expect(doomed.notices()).toContain('WARNING Promotion has not occurred for cluster efm');
  });

  test('auto.failover=false only notifies', () => {
    const cluster = failover({ 'auto.failover': 'false' });
    expect(cluster.commands()).not.toContain('promoteServer@b');
    expect(cluster.notices()).toContain('WARNING Potential manual failover required on cluster efm.');
  });

  test('minimum.standbys keeps the last standbys from promotion', () => {
    expect(failover({ 'minimum.standbys': '2' }).commands()).not.toContain('promoteServer@b');
    expect(failover({ 'minimum.standbys': '1' }).commands()).toContain('promoteServer@b');
  });

  test('a failing fence script aborts the promotion', () => {
    const cluster = new AgentCluster({ 'script.fence': 'fence %p' });
    cluster.failingScripts.add('script.fence');
    cluster.servers.set('a', 'down');
    cluster.clock.runUntil(60_000);
    expect(cluster.commands()).toContain('fence@b');
    expect(cluster.commands()).not.toContain('promoteServer@b');
    expect(cluster.agent('b').role).toBe('standby');
  });

  test('after its rebuild the failed server resumes and is attached as a standby', () => {
    const cluster = failover();
    cluster.servers.set('a', 'standby');
    let printed = '';
    cluster.agent('a').command(['resume', 'efm'], ({ stdout }) => {
      printed = stdout;
    });
    cluster.clock.runUntil(70_000);
    expect(printed).toContain('accepted');
    expect(cluster.commands(60_000)).toEqual(['awaitConnection@a', 'loadBalancerAttach@a']);
    expect(cluster.agent('a').role).toBe('standby');
  });
});

describe('a standby database goes down', () => {
  test('it is detached, and nobody is promoted', () => {
    const cluster = new AgentCluster();
    cluster.servers.set('c', 'down');
    cluster.clock.runUntil(60_000);
    expect(withoutVerify(cluster.commands())).toEqual(['finalCheck@c', 'loadBalancerDetach@c']);
    expect(cluster.agent('c').role).toBe('idle');
    expect(cluster.notices()).toContain('SEVERE Standby database failure for cluster efm');
  });
});

describe('switchover', () => {
  test('detach, stop, promote, reconfigure, post-promotion, and the old primary comes back last', () => {
    const cluster = new AgentCluster();
    let exitCode = -1;
    cluster.agent('w').command(['promote', 'efm', '-switchover'], (answer) => {
      exitCode = answer.exitCode;
    });
    cluster.clock.runUntil(60_000);
    expect(exitCode).toBe(0);
    expect(cluster.commands()).toEqual([
      'readRecoverySettings@b',
      'loadBalancerDetach@a',
      'stopServer@a',
      'readPositions@a',
      'readPositions@a',
      'promoteServer@b',
      'awaitRecoveryEnd@b',
      'loadBalancerDetach@c',
      'stopServer@c',
      'followPrimary@c',
      'startServer@c',
      'awaitConnection@c',
      'loadBalancerAttach@c',
      'postPromotion@b',
      'loadBalancerAttach@b',
      'followPrimary@a',
      'startServer@a',
      'awaitConnection@a',
      'loadBalancerAttach@a',
    ]);
    expect(['a', 'b', 'c'].map((node) => cluster.agent(node).role)).toEqual([
      'standby',
      'primary',
      'standby',
    ]);
  });

  test('is refused without a primary, and says why', () => {
    const cluster = new AgentCluster();
    cluster.servers.set('a', 'down');
    cluster.clock.runUntil(60_000);
    cluster.servers.set('b', 'down');
    cluster.clock.runUntil(120_000);
    let answer = { exitCode: 0, stderr: '' };
    cluster.agent('w').command(['promote', 'efm', '-switchover'], (given) => {
      answer = given;
    });
    cluster.clock.runUntil(121_000);
    expect(answer.exitCode).toBe(1);
    expect(answer.stderr).toMatch(/No (primary|standby) database/);
  });
});

describe('a primary that dies while the coordinator is at work', () => {
  test('is failed over when the coordinator is at rest again, from the standbys of that moment', () => {
    const cluster = new AgentCluster({ 'restart.connection.timeout': '60' });
    cluster.unreachable.add('a>a');
    cluster.agent('w').command(['promote', 'efm', '-switchover'], () => undefined);
    cluster.clock.runUntil(4000);
    expect(cluster.agent('b').role).toBe('primary');
    cluster.servers.set('b', 'down');
    cluster.clock.runUntil(40_000);
    expect(cluster.commands()).toContain('writeGuard@b');
    expect(cluster.commands()).not.toContain('promoteServer@c');
    cluster.clock.runUntil(120_000);
    expect(cluster.commands().filter((command) => command === 'promoteServer@c')).toHaveLength(1);
    expect(['b', 'c'].map((node) => cluster.agent(node).role)).toEqual(['idle', 'primary']);
  });

  test('is not failed over when it is the primary again by then', () => {
    const cluster = new AgentCluster({ 'restart.connection.timeout': '60' });
    cluster.unreachable.add('a>a');
    cluster.agent('w').command(['promote', 'efm', '-switchover'], () => undefined);
    cluster.clock.runUntil(4000);
    cluster.servers.set('b', 'down');
    cluster.clock.runUntil(40_000);
    cluster.servers.set('b', 'primary');
    expect(cluster.agent('b').resume()).toBe(true);
    cluster.clock.runUntil(120_000);
    expect(cluster.commands()).not.toContain('promoteServer@c');
    expect(cluster.agent('b').role).toBe('primary');
  });
});

test('a switchover without scripts leaves the scripts of later failures alone', () => {
  const cluster = new AgentCluster({ 'script.db.failure': 'failed' });
  cluster.agent('w').command(['promote', 'efm', '-switchover', '-noscripts'], () => undefined);
  cluster.clock.runUntil(20_000);
  expect(cluster.agent('b').role).toBe('primary');
  expect(cluster.commands()).not.toContain('postPromotion@b');
  cluster.servers.set('b', 'down');
  cluster.clock.runUntil(60_000);
  expect(cluster.commands()).toContain('databaseFailureScript@b');
});

test.each(['attach', 'detach'])('a failing %s script is told, and the work goes on', (what) => {
  const cluster = new AgentCluster();
  cluster.failingScripts.add(`script.load.balancer.${what}`);
  cluster.agent('w').command(['promote', 'efm', '-switchover'], () => undefined);
  cluster.clock.runUntil(20_000);
  const told = cluster.notices().filter((notice) => notice === `SEVERE Load balancer ${what} script error`);
  expect(told).toHaveLength(what === 'attach' ? 3 : 2);
  expect(['a', 'b', 'c'].map((node) => cluster.agent(node).role)).toEqual(['standby', 'primary', 'standby']);
});

test('a standby that cannot follow the new primary is named', () => {
  const cluster = new AgentCluster();
  cluster.clock.setTimeout(() => cluster.servers.set('a', 'down').set('c', 'hung'), 1500);
  cluster.clock.runUntil(100_000);
  expect(cluster.notices()).toContainEqual(
    expect.stringMatching(/^WARNING Standby c does not follow the new primary: /),
  );
});

test('an order to an agent that is started anew is given up at once, not waited for until node.timeout', () => {
  const cluster = new AgentCluster();
  cluster.agent('w').command(['promote', 'efm', '-switchover'], () => undefined);
  const startMs = 1000;
  cluster.clock.runUntil(startMs + 400);
  expect(cluster.commands()).toContain('promoteServer@b');
  cluster.restart('b');
  cluster.clock.runUntil(startMs + 1000);
  expect(cluster.notices()).toContain('WARNING Promotion has not occurred for cluster efm');
});
