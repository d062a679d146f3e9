// Goal: an agent finds its role when it starts, waits idle when it must, and comes back by itself or when told.
// Method: real statecharts on the virtual clock; agents are started beside servers in every state.
import { describe, expect, test } from 'vitest';
import { AgentCluster, generations, withoutVerify } from './agent-cluster.ts';

const vip = { 'virtual.ip': '10.0.0.9' };

/** A cluster in which one agent is gone, and its server in a state of its own. */
function without(node: string, properties: Record<string, string> = vip, version = '5.4') {
  const cluster = new AgentCluster(properties, { version });
  cluster.agent(node).kill();
  cluster.clock.runUntil(40_000);
  return cluster;
}

function started(cluster: AgentCluster, node: string, forMs = 5000) {
  const fromMs = cluster.clock.nowMs();
  cluster.startAgent(node);
  cluster.clock.runUntil(fromMs + forMs);
  return { roles: cluster.roles(), commands: cluster.commands(fromMs), notices: cluster.notices(fromMs) };
}

describe.each(generations)('$name: the role at start', ({ version }) => {
  const old = version === '3.9';

  test('a database out of recovery: primary, with the VIP; in recovery: standby; a witness has none', () => {
    const cluster = new AgentCluster(vip, { version });
    expect(cluster.roles()).toBe('primary standby standby witness');
    expect([...cluster.played.vipHolders]).toEqual(['a']);
    expect(cluster.notices(0)).toContain(
      `INFO ${old ? 'Master' : 'Primary'} agent running on a for cluster efm`,
    );
    expect(cluster.notices(0)).toContain('INFO Witness agent running on w for cluster efm');
  });

  test('a VIP that the node holds already is not taken again', () => {
    const cluster = without('a', vip, version);
    expect(started(cluster, 'a').commands).toEqual(['awaitConnection@a', 'lookForVip@a']);
    cluster.agent('a').kill();
    cluster.played.vipHolders.clear();
    expect(started(cluster, 'a').commands).toEqual(['awaitConnection@a', 'lookForVip@a', 'assignVip@a']);
  });

  test('a database that does not answer: idle, until it is resumed', () => {
    const cluster = without('c', vip, version);
    cluster.servers.set('c', 'down');
    expect(started(cluster, 'c')).toMatchObject({ roles: 'primary standby idle witness' });
    cluster.servers.set('c', 'standby');
    cluster.clock.runUntil(100_000);
    expect(cluster.roles('c')).toBe('idle');
    expect(cluster.efm('c', 'resume').exitCode).toBe(0);
    cluster.clock.runUntil(101_000);
    expect(cluster.roles('c')).toBe('standby');
  });

  test('no standby beside another primary: the agent ends with 1', () => {
    const cluster = without('c', vip, version);
    cluster.servers.set('c', 'primary');
    const { roles, notices } = started(cluster, 'c');
    expect(roles).toBe('primary standby gone witness');
    expect(notices).toContain('WARNING Agent exited for cluster efm');
    expect(cluster.exits).toEqual(['c 1']);
    expect(cluster.servers.get('a')).toBe('primary');
  });

  test('auto resume at start: every period until the database is back', () => {
    const name = old ? 'auto.resume.period' : 'auto.resume.startup.period';
    const cluster = without('c', { [name]: '30' }, version);
    cluster.servers.set('c', 'down');
    started(cluster, 'c', 50_000);
    cluster.servers.set('c', 'standby');
    cluster.clock.runUntil(99_000);
    expect(cluster.roles('c')).toBe('idle');
    cluster.clock.runUntil(101_000);
    expect(cluster.roles('c')).toBe('standby');
    expect(cluster.commands(50_000)).toContain('loadBalancerAttach@c');
    const said = 'INFO Starting auto resume check for cluster efm';
    expect(cluster.notices().filter((notice) => notice === said)).toHaveLength(1);
  });
});

test('the VIP of an agent that ends at start is dropped from 4.10 on', () => {
  const dropped = (version: string): boolean => {
    const cluster = without('c', vip, version);
    cluster.servers.set('c', 'primary');
    return started(cluster, 'c').commands.includes('releaseVip@c');
  };
  expect([dropped('4.9'), dropped('4.10'), dropped('5.4')]).toEqual([false, true, true]);
});

describe('an idle agent', () => {
  test('after a failure comes back by itself only with a period for failures', () => {
    const roleAfter = (properties: Record<string, string>): string => {
      const cluster = new AgentCluster(properties);
      cluster.servers.set('c', 'down');
      cluster.clock.runUntil(20_000);
      cluster.servers.set('c', 'standby');
      cluster.clock.runUntil(60_000);
      return cluster.roles('c');
    };
    expect(roleAfter({ 'auto.resume.startup.period': '10' })).toBe('idle');
    expect(roleAfter({ 'auto.resume.failure.period': '10' })).toBe('standby');
  });

  test('runs its script before it monitors; a failing script is told and changes nothing', () => {
    const cluster = without('c', { 'script.resumed': 'resumed' });
    cluster.failingScripts.add('script.resumed');
    cluster.servers.set('c', 'down');
    started(cluster, 'c');
    cluster.servers.set('c', 'standby');
    const fromMs = cluster.clock.nowMs();
    cluster.efm('c', 'resume');
    cluster.clock.runUntil(fromMs + 1000);
    expect(cluster.commands(fromMs)).toEqual([
      'resumedScript@c',
      'awaitConnection@c',
      'loadBalancerAttach@c',
    ]);
    expect(cluster.notices(fromMs)).toContain('SEVERE Agent resumed script error');
    expect(cluster.roles('c')).toBe('standby');
  });

  test('does not become a second primary', () => {
    const cluster = new AgentCluster();
    cluster.servers.set('a', 'down');
    cluster.clock.runUntil(30_000);
    cluster.servers.set('a', 'primary');
    cluster.efm('a', 'resume');
    cluster.clock.runUntil(31_000);
    expect(cluster.roles('ab')).toBe('idle primary');
    expect(cluster.notices(30_000)).toContain('SEVERE Database in wrong state on a');
  });
});

describe.each(generations)('$name: a database that only its own agent does not reach', ({ version }) => {
  test('primary: idle, nothing is done to it, the VIP stays; its resume may fail and be told', () => {
    const period = version === '3.9' ? 'auto.resume.period' : 'auto.resume.failure.period';
    const cluster = new AgentCluster({ ...vip, [period]: '20' }, { version });
    cluster.unreachable.add('a>a');
    cluster.clock.runUntil(50_000);
    expect(withoutVerify(cluster.commands())[0]).toBe('finalCheck@a');
    expect(cluster.commands().join()).not.toMatch(/stopServer|writeGuard|releaseVip|Detach|promoteServer/);
    expect([...cluster.played.vipHolders]).toEqual(['a']);
    const said = version === '3.9' ? 'SEVERE Master cannot ping' : 'WARNING Primary cannot ping';
    expect(cluster.notices().join()).toContain(`${said} local database for cluster efm`);
    const failed = 'SEVERE Primary cannot resume monitoring local database for cluster efm';
    expect(cluster.notices().includes(failed)).toBe(version !== '3.9');
    cluster.unreachable.clear();
    cluster.clock.runUntil(90_000);
    expect(cluster.roles('a')).toBe('primary');
  });

  test('standby: idle, out of the priority list', () => {
    const cluster = new AgentCluster({}, { version });
    cluster.unreachable.add('b>b');
    cluster.clock.runUntil(50_000);
    expect(withoutVerify(cluster.commands())).toEqual(['finalCheck@b']);
    expect(cluster.agent('a').membership.candidates()).toEqual(['c']);
  });
});

test('a standby found out of recovery is idle at once', () => {
  const cluster = new AgentCluster();
  cluster.servers.set('c', 'primary');
  cluster.clock.runUntil(5000);
  expect(cluster.roles('c')).toBe('idle');
  expect(cluster.notices()).toEqual(['SEVERE Database in wrong state on c']);
});

test.each([
  [{ 'ping.server.ip': '127.0.0.1' }, 'SEVERE Loopback address set for ping.server.ip', 4],
  [{ 'remote.timeout': '11' }, 'WARNING Possible problem with database timeout values', 4],
  [
    { 'primary.shutdown.as.failure': 'true' },
    'WARNING primary.shutdown.as.failure set to true for primary node',
    1,
  ],
])('odd settings %j are told at start', (properties, notice, times) => {
  const told = new AgentCluster(properties as Record<string, string>).notices(0);
  expect(told.filter((each) => each === notice)).toHaveLength(times);
  expect(new AgentCluster().notices(0)).not.toContain(notice);
});
