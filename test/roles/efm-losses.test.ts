// Goal: a lost or ended agent, node or witness leads to what EDB documents for it, in its order, in both generations.
// Method: real statecharts on the virtual clock; hosts vanish, agents die or say goodbye; equality on commands and notices.
import { describe, expect, test } from 'vitest';
import { AgentCluster, generations, takesMs, verifiers, withoutVerify } from './agent-cluster.ts';

const vip = { 'virtual.ip': '10.0.0.9' };
const nodeTimeoutMs = 20_000;
/** remote.timeout, and the way of the question and its answer. */
const verifiedMs = 3000 + 2 * takesMs.message;
/** Just after a heartbeat of every agent, which come at every full second. */
const faultMs = 4000 + takesMs.message;
const lostMs = faultMs + nodeTimeoutMs;

function lostIn(fault: (cluster: AgentCluster) => void, properties = {}, version = '5.4', nodes = 'abcw') {
  const cluster = new AgentCluster(properties, { version, nodes });
  cluster.clock.runUntil(faultMs);
  fault(cluster);
  cluster.clock.runUntil(80_000);
  return cluster;
}

const promotion = [
  'promoteServer@b',
  'awaitRecoveryEnd@b',
  'assignVip@b',
  'loadBalancerDetach@c',
  'stopServer@c',
  'followPrimary@c',
  'startServer@c',
  'awaitConnection@c',
  'loadBalancerAttach@c',
  'postPromotion@b',
  'loadBalancerAttach@b',
];

describe.each(generations)('$name: the primary node is lost', ({ version }) => {
  const lost = () => lostIn((cluster) => cluster.loseNode('a'), vip, version);

  test('verified by all, detached by another, VIP and well-known host looked at, then promoted', () => {
    const cluster = lost();
    expect(verifiers(cluster.commands())).toBe('bcw');
    const pause = version === '3.9' ? ['pauseReplay@b', 'pauseReplay@c'] : [];
    const resume = version === '3.9' ? ['resumeReplay@b', 'resumeReplay@c'] : [];
    expect(withoutVerify(cluster.commands())).toEqual([
      'loadBalancerDetach@b',
      'checkVip@b',
      'checkWellKnownHost@b',
      ...pause,
      'readPositions@b',
      'readPositions@b',
      ...resume,
      ...promotion,
    ]);
    expect(cluster.roles('bcw')).toBe('primary standby witness');
    expect([...cluster.played.vipHolders]).toEqual(['b']);
  });

  test('node.timeout after its last heartbeat, remote.timeout for a host that is silent, then the rest', () => {
    const cluster = lost();
    expect(cluster.atMs('verifyDatabase')).toBe(lostMs);
    const detachMs = lostMs + verifiedMs;
    expect(cluster.atMs('loadBalancerDetach')).toBe(detachMs);
    const vipMs = detachMs + takesMs.script;
    expect(cluster.atMs('checkVip')).toBe(vipMs);
    const positionsMs = vipMs + takesMs.pingUnanswered + takesMs.pingAnswered;
    const replayMs = version === '3.9' ? 2 * (2 * takesMs.message + takesMs.file) : 0;
    expect(cluster.atMs('promoteServer')).toBe(positionsMs + takesMs.query + replayMs);
  });

  test('the detach names the lost node, not the one that does it', () => {
    const detach = lost().events.find(
      (event) => event.type === 'command' && event.name === 'loadBalancerDetach',
    );
    expect(detach).toMatchObject({ node: 'b', target: 'a' });
  });

  test('a fault right before a heartbeat is found one heartbeat period sooner', () => {
    const cluster = new AgentCluster(vip, { version });
    cluster.clock.runUntil(4999);
    cluster.loseNode('a');
    cluster.clock.runUntil(80_000);
    expect(cluster.atMs('verifyDatabase') - 4999).toBe(nodeTimeoutMs - 1000 + 2);
  });

  test('without a standby left there is nobody to promote, and EFM says so', () => {
    const cluster = lostIn((each) => each.loseNode('a'), vip, version, 'aw');
    expect(cluster.commands()).not.toContain('checkVip@w');
    expect(cluster.notices().join()).toMatch(/Subset of cluster|Failover has not occurred/);
  });

  test('of two nodes one is no majority: nobody is promoted', () => {
    const cluster = lostIn((each) => each.loseNode('a'), vip, version, 'ab');
    expect(cluster.commands()).not.toContain('promoteServer@b');
    expect(cluster.notices()).toContain(
      `WARNING Subset of cluster efm disconnected from ${version === '3.9' ? 'master' : 'primary'}`,
    );
  });

  test('two lost at once, the coordinator among them: the next one sees to both', () => {
    const cluster = lostIn(
      (each) => {
        each.loseNode('a');
        each.loseNode('b');
      },
      vip,
      version,
      'abcdw',
    );
    expect(cluster.commands()).toContain('promoteServer@c');
    expect(cluster.commands().filter((command) => command === 'loadBalancerDetach@c')).toHaveLength(2);
  });

  test('its return: nothing happens but that its agent is idle', () => {
    const cluster = lost();
    cluster.returnNode('a');
    cluster.clock.runUntil(100_000);
    expect(cluster.roles()).toBe('idle primary standby witness');
    expect(cluster.played.guards.has('a')).toBe(version !== '3.9');
  });
});

describe.each(generations)('$name: the agent of the primary is killed', ({ version }) => {
  const killed = (properties = {}) => lostIn((cluster) => cluster.agent('a').kill(), properties, version);

  test('its database answers: no failover, and no protection until the agent is back', () => {
    const cluster = killed();
    expect(verifiers(cluster.commands())).toBe('bcw');
    expect(cluster.commands()).not.toContain('promoteServer@b');
    const old = version === '3.9';
    expect(cluster.notices()).toEqual(
      old
        ? ['WARNING Standby agent tried to promote, but master DB is still running']
        : [
            'WARNING Failover Manager tried to promote, but primary DB is still running',
            'WARNING Primary agent missing for cluster efm',
          ],
    );
    cluster.servers.set('a', 'down');
    cluster.clock.runUntil(200_000);
    expect(cluster.commands()).not.toContain('promoteServer@b');
  });

  test('the load balancer is told where that is asked for', () => {
    const cluster = killed({ 'detach.on.agent.failure': 'true' });
    expect(withoutVerify(cluster.commands())).toEqual(['loadBalancerDetach@b']);
    const said = 'WARNING Primary agent left the cluster and node detached from load balancer';
    expect(cluster.notices().includes(said)).toBe(version !== '3.9');
  });

  test('back again it is the primary, and a failure is acted upon again', () => {
    const cluster = killed();
    cluster.startAgent('a');
    cluster.clock.runUntil(90_000);
    expect(cluster.roles()).toBe('primary standby standby witness');
    cluster.servers.set('a', 'down');
    cluster.clock.runUntil(130_000);
    expect(cluster.roles()).toBe('idle primary standby witness');
  });
});

test('the missing primary agent is named again and again until it is back (4.2 and later)', () => {
  const cluster = lostIn((each) => each.agent('a').kill());
  cluster.clock.runUntil(1_000_000);
  const missing = cluster.notices().filter((notice) => notice.includes('Primary agent missing'));
  expect(missing).toHaveLength(4);
  cluster.startAgent('a');
  cluster.clock.runUntil(2_000_000);
  expect(cluster.notices().filter((notice) => notice.includes('Primary agent missing'))).toHaveLength(4);
});

describe.each(generations)('$name: the agent of the primary is stopped in good order', ({ version }) => {
  const left = (properties = {}) => lostIn((cluster) => cluster.agent('a').leave(), properties, version);
  const word = version === '3.9' ? 'master' : 'primary';
  const asFailure = { [`${word}.shutdown.as.failure`]: 'true' };

  test('nothing is looked at and nothing done; the cluster is told at once', () => {
    const cluster = left(vip);
    expect(cluster.commands()).toEqual([]);
    expect(cluster.notices()).toEqual([
      `WARNING ${version === '3.9' ? 'Master' : 'Primary'} agent exited on a for cluster efm`,
      `WARNING Cluster efm notified that ${version === '3.9' ? 'master node' : 'primary agent'} has left`,
    ]);
    expect(cluster.servers.get('a')).toBe('primary');
    expect([...cluster.played.vipHolders]).toEqual(['a']);
  });

  test('as a failure: verified at once, and with its database running there is no failover', () => {
    const cluster = left(asFailure);
    expect(cluster.atMs('verifyDatabase')).toBe(faultMs + takesMs.message);
    expect(cluster.commands()).not.toContain('promoteServer@b');
    expect(cluster.notices().join()).toMatch(/tried to promote, but (master|primary) DB is still running/);
  });

  test('as a failure, with its database down: a failover without node.timeout', () => {
    const cluster = lostIn(
      (each) => {
        each.servers.set('a', 'down');
        each.agent('a').leave();
      },
      asFailure,
      version,
    );
    expect(cluster.atMs('promoteServer') - faultMs).toBeLessThan(1000);
    expect(cluster.roles('bcw')).toBe('primary standby witness');
  });
});

describe.each(generations)('$name: a standby or the witness is lost', ({ version }) => {
  test('standby node: verified, told, detached by the coordinator', () => {
    const cluster = lostIn((each) => each.loseNode('c'), {}, version);
    expect(verifiers(cluster.commands())).toBe('abw');
    expect(withoutVerify(cluster.commands())).toEqual(['loadBalancerDetach@a']);
    expect(cluster.notices()).toEqual([
      version === '3.9'
        ? 'WARNING No standby agent in cluster for cluster efm'
        : 'WARNING Standby failed in cluster efm',
    ]);
    expect(cluster.atMs('loadBalancerDetach')).toBe(lostMs + verifiedMs);
  });

  test('standby agent: its database runs, which is another notice', () => {
    const cluster = lostIn((each) => each.agent('c').kill(), {}, version);
    expect(cluster.notices()).toEqual(['WARNING Standby agent failed for cluster efm']);
  });

  test('standby agent ended in good order: no test, no script', () => {
    const cluster = lostIn((each) => each.agent('c').leave(), {}, version);
    expect(cluster.commands()).toEqual([]);
    expect(cluster.notices()).toEqual(['WARNING Standby agent exited on c for cluster efm']);
  });

  test('the last standby: nobody is left to promote, and fewer than three nodes', () => {
    const cluster = lostIn((each) => each.loseNode('b'), {}, version, 'abw');
    expect(cluster.notices()).toContain('WARNING No standbys available for promotion in cluster efm');
    expect(cluster.notices()).toContain('WARNING Cluster efm has dropped below three nodes');
  });

  test('down to minimum.standbys: nobody can be promoted, and EFM says so before it matters', () => {
    const told = (least: string): boolean =>
      lostIn((each) => each.loseNode('c'), { 'minimum.standbys': least }, version)
        .notices()
        .includes('WARNING No standbys available for promotion in cluster efm');
    expect([told('0'), told('1')]).toEqual([false, true]);
  });

  test('witness: a notice and nothing else', () => {
    const cluster = lostIn((each) => each.loseNode('w'), {}, version);
    expect(cluster.commands()).toEqual([]);
    expect(cluster.notices()).toEqual(['WARNING Witness failure for cluster efm']);
    const left = lostIn((each) => each.agent('w').leave(), {}, version);
    expect(left.notices()).toEqual(['WARNING Witness agent exited on w for cluster efm']);
  });

  test('with the witness lost, the primary database still fails over; its node does not where down nodes count', () => {
    const database = lostIn((each) => each.loseNode('w'), {}, version, 'abw');
    database.servers.set('a', 'down');
    database.clock.runUntil(160_000);
    expect(database.commands()).toContain('promoteServer@b');
    const node = lostIn((each) => each.loseNode('w'), {}, version, 'abw');
    node.loseNode('a');
    node.clock.runUntil(160_000);
    expect(node.commands()).not.toContain('promoteServer@b');
  });
});

test('two standbys lost one after the other are seen to once each', () => {
  const cluster = new AgentCluster({}, { nodes: 'abcdw' });
  cluster.clock.runUntil(faultMs);
  cluster.loseNode('c');
  cluster.clock.runUntil(faultMs + 3000);
  cluster.loseNode('d');
  cluster.clock.runUntil(80_000);
  const told = cluster.notices().filter((notice) => notice === 'WARNING Standby failed in cluster efm');
  expect(told).toHaveLength(2);
});

test('a standby that the coordinator has seen to is not seen to again by the next one', () => {
  const cluster = lostIn((each) => each.loseNode('c'), {}, '5.4', 'abcdw');
  cluster.loseNode('a');
  cluster.clock.runUntil(160_000);
  expect(cluster.roles('bdw')).toBe('primary standby witness');
  const told = cluster.notices().filter((notice) => notice === 'WARNING Standby failed in cluster efm');
  expect(told).toHaveLength(1);
});

test('a failure reported to a coordinator that is lost is reported to the next one', () => {
  const cluster = new AgentCluster();
  cluster.efm('w', 'promote', '-switchover');
  cluster.clock.runUntil(20_000);
  expect(cluster.roles('ab')).toBe('standby primary');
  cluster.servers.set('b', 'down');
  cluster.clock.runUntil(25_000);
  cluster.loseNode('a');
  cluster.clock.runUntil(120_000);
  expect(cluster.notices()).toContain('SEVERE Primary database failure for cluster efm');
  expect(cluster.roles('bcw')).toBe('idle primary witness');
});

test('a failure that another was promoted for is over, though both agents that saw to it are lost', () => {
  const cluster = new AgentCluster({}, { nodes: 'abcdw', own: { a: { promotable: 'false' } } });
  cluster.efm('w', 'promote', '-switchover');
  cluster.clock.runUntil(20_000);
  expect(cluster.roles('abc')).toBe('standby primary standby');
  cluster.servers.set('b', 'down');
  const promoted = () => cluster.servers.get('c') === 'primary';
  while (!promoted() && cluster.clock.nowMs() < 60_000) cluster.clock.runUntil(cluster.clock.nowMs() + 10);
  cluster.agent('a').kill();
  cluster.agent('c').kill();
  cluster.clock.runUntil(160_000);
  expect(cluster.notices()).toContain(
    'WARNING Failover Manager tried to promote, but primary DB is still running',
  );
  expect(cluster.commands()).toContain('promoteServer@c');
  expect(cluster.commands()).not.toContain('promoteServer@d');
});
