// Goal: the efm command does, prints and returns what EDB documents, in both generations.
// Method: real statecharts on the virtual clock; commands are given to one agent, and what follows is compared.
import { describe, expect, test } from 'vitest';
import { AgentCluster, generations } from './agent-cluster.ts';

const vip = { 'virtual.ip': '10.0.0.9' };

describe('promote by hand', () => {
  const byHand = (prepare: (cluster: AgentCluster) => void = () => undefined, properties = {}) => {
    const cluster = new AgentCluster({ ...vip, ...properties });
    prepare(cluster);
    return { cluster, answer: cluster.efm('w', 'promote', '-y') };
  };

  test('the old primary gives up VIP and database and is guarded, in this order; then a standby is promoted', () => {
    const { cluster, answer } = byHand(() => undefined, { 'script.fence': 'fence %p %f' });
    cluster.clock.runUntil(60_000);
    expect(answer.exitCode).toBe(0);
    expect(cluster.commands().slice(0, 9)).toEqual([
      'releaseVip@a',
      'writeGuard@a',
      'stopServer@a',
      'checkVip@b',
      'checkWellKnownHost@b',
      'readPositions@a',
      'readPositions@a',
      'fence@b',
      'promoteServer@b',
    ]);
    expect(cluster.roles()).toBe('idle primary standby witness');
    expect(cluster.played.guards.has('a')).toBe(true);
  });

  test('works without a primary, with lag, and with auto.failover off', () => {
    const { cluster } = byHand(
      (each) => {
        each.servers.set('a', 'down');
        each.played.positions.set('b', [900, 800]).set('c', [700, 700]);
        each.clock.runUntil(40_000);
        expect(each.notices()).toContain('WARNING Potential manual failover required on cluster efm.');
      },
      { 'auto.failover': 'false' },
    );
    cluster.clock.runUntil(80_000);
    expect(cluster.roles('abc')).toBe('idle primary standby');
  });

  test('asks first, and does nothing without an answer', () => {
    const cluster = new AgentCluster(vip);
    const { exitCode, stderr } = cluster.efm('w', 'promote');
    expect([exitCode, cluster.commands()]).toEqual([1, []]);
    expect(stderr).toMatch(/a will be stopped .* -y/);
  });
});

describe('switchover', () => {
  test('is refused while a standby is behind; by hand it is not', () => {
    const cluster = new AgentCluster();
    cluster.played.positions.set('a', [0, 1001]);
    const { exitCode, stderr } = cluster.efm('b', 'promote', '-switchover');
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/not in sync.*b c/s);
  });

  test('goes ahead below minimum.standbys', () => {
    const cluster = new AgentCluster({ 'minimum.standbys': '2' });
    expect(cluster.efm('b', 'promote', '-switchover').exitCode).toBe(0);
    cluster.clock.runUntil(60_000);
    expect(cluster.roles('abc')).toBe('standby primary standby');
  });

  test('and back: set-priority, then switchover again', () => {
    const cluster = new AgentCluster();
    cluster.efm('b', 'promote', '-switchover');
    cluster.clock.runUntil(60_000);
    expect(cluster.efm('c', 'set-priority', 'a', '1').exitCode).toBe(0);
    cluster.clock.runUntil(61_000);
    expect(cluster.efm('c', 'promote', '-switchover').exitCode).toBe(0);
    cluster.clock.runUntil(120_000);
    expect(cluster.roles('abc')).toBe('primary standby standby');
  });

  test.each([
    [['-sourcenode', 'c'], 0],
    [['-sourcenode', 'a'], 1],
    [['-hurry'], 1],
  ] as const)('option %j: exit %i', (words, exitCode) => {
    expect(new AgentCluster().efm('b', 'promote', '-switchover', ...words).exitCode).toBe(exitCode);
  });

  test('a second one at the same time is refused', () => {
    const cluster = new AgentCluster();
    cluster.efm('b', 'promote', '-switchover');
    cluster.clock.runUntil(cluster.clock.nowMs() + 60);
    expect(cluster.efm('c', 'promote', '-y').stderr).toMatch(/at work/);
    expect(cluster.notices()).toContain('WARNING Promotion has not occurred for cluster efm');
  });
});

describe('who is promoted', () => {
  function winner(properties = {}, prepare: (cluster: AgentCluster) => void = () => undefined, own = {}) {
    const cluster = new AgentCluster(properties, { own });
    prepare(cluster);
    cluster.servers.set('a', 'down');
    cluster.clock.runUntil(60_000);
    return cluster.members.find((node) => node !== 'a' && cluster.roles(node) === 'primary');
  }

  test('received position, then replayed, then the list', () => {
    expect(winner()).toBe('b');
    expect(winner({}, (each) => each.played.positions.set('c', [1001, 10]))).toBe('c');
    expect(winner({}, (each) => each.played.positions.set('c', [1000, 1001]))).toBe('c');
    const untied = { 'use.replay.tiebreaker': 'false' };
    expect(winner(untied, (each) => each.played.positions.set('c', [1000, 1001]))).toBe('b');
  });

  test('not one that is not promotable, unless set-priority says so', () => {
    const own = { b: { promotable: 'false' } };
    expect(winner({}, undefined, own)).toBe('c');
    expect(winner({}, (each) => each.efm('w', 'set-priority', 'b', '1'), own)).toBe('b');
    expect(winner({}, (each) => each.efm('w', 'set-priority', 'b', '0'))).toBe('c');
  });

  test('a node that resumes is promotable as its properties say, whatever set-priority said', () => {
    const own = { b: { promotable: 'false' } };
    const cluster = new AgentCluster({}, { own });
    cluster.efm('w', 'set-priority', 'b', '1');
    cluster.efm('w', 'set-priority', 'c', '0');
    cluster.clock.runUntil(2000);
    expect(cluster.agent('w').membership.candidates()).toEqual(['b']);
    for (const node of ['b', 'c']) cluster.servers.set(node, 'down');
    cluster.clock.runUntil(40_000);
    for (const node of ['b', 'c']) {
      cluster.servers.set(node, 'standby');
      cluster.efm(node, 'resume');
    }
    cluster.clock.runUntil(50_000);
    expect(cluster.agent('w').membership.candidates()).toEqual(['c']);
  });

  test('with nobody promotable: nobody, and EFM says so', () => {
    const cluster = new AgentCluster({ promotable: 'false' });
    cluster.servers.set('a', 'down');
    cluster.clock.runUntil(60_000);
    expect(cluster.commands().join()).not.toContain('promoteServer');
    expect(cluster.notices()).toContain('WARNING No promotable standby for cluster efm');
  });

  test('a new primary puts its own standbys first', () => {
    const cluster = new AgentCluster({}, { nodes: 'abcdw', own: { b: { 'priority.standbys': 'd c' } } });
    cluster.efm('w', 'promote', '-switchover');
    cluster.clock.runUntil(60_000);
    expect(cluster.agent('w').membership.candidates()).toEqual(['d', 'c', 'a']);
  });
});

describe('who may join', () => {
  test('a node that is not allowed ends when it starts again; allowed again it joins', () => {
    const cluster = new AgentCluster();
    expect(cluster.efm('a', 'disallow-node', 'c').exitCode).toBe(0);
    cluster.clock.runUntil(5000);
    expect(cluster.roles('c')).toBe('standby');
    cluster.agent('c').leave();
    cluster.clock.runUntil(6000);
    cluster.startAgent('c');
    cluster.clock.runUntil(8000);
    expect(cluster.roles('c')).toBe('gone');
    expect(cluster.exits).toEqual(['c 1']);
    cluster.efm('b', 'allow-node', 'c');
    cluster.startAgent('c');
    cluster.clock.runUntil(10_000);
    expect(cluster.roles('c')).toBe('standby');
  });

  test('stop-cluster ends all agents and nothing else; it can be switched off', () => {
    const cluster = new AgentCluster(vip);
    expect(cluster.efm('b', 'stop-cluster').exitCode).toBe(0);
    cluster.clock.runUntil(60_000);
    expect(cluster.roles()).toBe('gone gone gone gone');
    expect(cluster.commands()).toEqual([]);
    expect(cluster.servers.get('a')).toBe('primary');
    expect(cluster.exits.sort()).toEqual(['a 0', 'b 0', 'c 0', 'w 0']);
    const locked = new AgentCluster({ 'enable.stop.cluster': 'false' });
    expect(locked.efm('b', 'stop-cluster').exitCode).toBe(1);
    expect(locked.roles()).toBe('primary standby standby witness');
  });

  test.each([
    ['set-priority', 'b', 'first'],
    ['set-priority', 'w', '1'],
    ['allow-node', 'z'],
    ['frobnicate'],
  ])('%s %s %s is refused on stderr with 1', (...words) => {
    const { exitCode, stdout, stderr } = new AgentCluster().efm('a', ...words);
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr.length).toBeGreaterThan(10);
  });

  test('commands of later versions are unknown to earlier ones', () => {
    expect(new AgentCluster({}, { version: '4.7' }).efm('a', 'reset-members').exitCode).toBe(1);
    expect(new AgentCluster({}, { version: '3.9' }).efm('a', 'node-status-json').exitCode).toBe(1);
  });
});

describe.each(generations)('$name: status', ({ version }) => {
  const old = version === '3.9';

  test('text: the columns of this EFM, the VIP marked where it is', () => {
    const { exitCode, stdout } = new AgentCluster(vip, { version }).efm('b', 'cluster-status');
    const lines = stdout.split('\n');
    expect(exitCode).toBe(0);
    expect(lines[2]).toBe(
      old
        ? '\tAgent Type  Address              Agent  DB       VIP'
        : '\tAgent Type  Address              DB       VIP',
    );
    expect(lines[4]).toMatch(
      old ? /^\tMaster {6}a {20}UP {5}UP {7}10\.0\.0\.9\*$/ : /^\tPrimary {5}a {20}UP {7}10\.0\.0\.9\*$/,
    );
    expect(lines.at(-2)).toBe(
      `\tStandby database(s) in sync with ${old ? 'master' : 'primary'}. It is safe to promote.`,
    );
  });

  test('json: the keys of this EFM', () => {
    const { stdout } = new AgentCluster(vip, { version }).efm('b', 'cluster-status-json');
    const { nodes } = JSON.parse(stdout) as { nodes: Record<string, object> };
    expect(nodes.a).toEqual(
      old
        ? {
            type: 'Master',
            agent: 'UP',
            db: 'UP',
            vip: '10.0.0.9',
            vip_active: true,
            xlogReceive: '',
            xlog: '0/3E8',
            xloginfo: '',
          }
        : {
            type: 'Primary',
            db: 'UP',
            vip: '10.0.0.9',
            vip_active: true,
            lsnReceive: '',
            lsn: '0/3E8',
            lsnInfo: '',
          },
    );
  });

  test('a lost node: its row is DOWN from 5.0 on, and gone before', () => {
    const cluster = new AgentCluster(vip, { version });
    cluster.loseNode('c');
    cluster.clock.runUntil(60_000);
    const { stdout } = cluster.efm('b', 'cluster-status');
    expect(/^\tDOWN {8}c {20}N\/A/m.test(stdout)).toBe(!old);
    expect(/\tStandby {5}c/.test(stdout)).toBe(false);
  });

  test('an idle node: exit 1, and a section of its own', () => {
    const cluster = new AgentCluster(vip, { version });
    cluster.unreachable.add('c>c');
    cluster.clock.runUntil(40_000);
    const { exitCode, stdout } = cluster.efm('b', 'cluster-status');
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/Idle Node Status .*\n\n.*\n.*-{63}\n\tc /);
  });
});

test('node-status-json: this node, its VIP as text, exit 1 when idle', () => {
  const cluster = new AgentCluster(vip);
  const { exitCode, stdout } = cluster.efm('a', 'node-status-json');
  expect([exitCode, JSON.parse(stdout)]).toEqual([
    0,
    { type: 'Primary', address: 'a', db: 'UP', vip: '10.0.0.9', vip_active: 'true' },
  ]);
  cluster.unreachable.add('c>c');
  cluster.clock.runUntil(40_000);
  expect(cluster.efm('c', 'node-status-json').exitCode).toBe(1);
});
