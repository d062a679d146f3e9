// Goal: who stays primary, who may promote and who fences itself follows EFM's quorum, in both generations; what comes
// back finds its place.
// Method: real statecharts on the virtual clock; the network between played servers is cut into sides and healed.
import { describe, expect, test } from 'vitest';
import { AgentCluster, generations, takesMs, withoutVerify } from './agent-cluster.ts';

const vip = { 'virtual.ip': '10.0.0.9' };
const faultMs = 4000 + takesMs.message;
const isolatedMs = faultMs + 20_000;

function cutInto(sides: readonly string[], options: { properties?: object; version?: string } = {}) {
  const { properties = {}, version = '5.4' } = options;
  const nodes = [...sides.join('')].sort().join('');
  const cluster = new AgentCluster({ ...vip, ...properties }, { version, nodes });
  cluster.clock.runUntil(faultMs);
  cluster.network.partition(...sides);
  cluster.clock.runUntil(80_000);
  return cluster;
}

describe.each(generations)('$name: a partition', ({ version }) => {
  test.each([
    {
      sides: ['a', 'bcw'],
      a: 'idle',
      promoted: true,
      what: 'a minority fences its primary, the rest promotes',
    },
    { sides: ['aw', 'bc'], a: 'primary', promoted: false, what: 'an even split keeps the primary' },
    { sides: ['abw', 'c'], a: 'primary', promoted: false, what: 'a majority keeps its primary' },
    { sides: ['ab', 'c', 'w'], a: 'primary', promoted: false, what: 'half keeps it against two quarters' },
    { sides: ['a', 'b', 'c', 'w'], a: 'idle', promoted: false, what: 'nobody is a majority' },
    { sides: ['aw', 'bcd'], a: 'idle', promoted: true, what: 'two of five are a minority' },
    { sides: ['abw', 'cd'], a: 'primary', promoted: false, what: 'three of five are not' },
  ])('$sides: $what', ({ sides, a, promoted }) => {
    const cluster = cutInto(sides, { version });
    expect(cluster.roles('a')).toBe(a);
    expect(cluster.commands().some((command) => command.startsWith('promoteServer'))).toBe(promoted);
    expect(cluster.servers.get('a')).toBe(a === 'idle' ? 'down' : 'primary');
  });

  test('the isolated primary stops its database, guards it, gives up the VIP and runs the script, in this order', () => {
    const cluster = cutInto(['a', 'bcw'], { version, properties: isolationScript(version) });
    const own = withoutVerify(cluster.commands()).filter(
      (command) => command.endsWith('@a') && !command.startsWith('loadBalancer'),
    );
    expect(own).toEqual(['stopServer@a', 'writeGuard@a', 'releaseVip@a', 'isolationScript@a']);
    expect(cluster.atMs('stopServer')).toBe(isolatedMs);
    const word = version === '3.9' ? 'master' : 'primary';
    expect(cluster.notices()).toContain('WARNING One or more nodes isolated from network for cluster efm');
    expect(cluster.notices()).toContain(`INFO Executed ${word} isolation script`);
    expect(cluster.notices()).toContain(`SEVERE Isolated ${word} database shutdown.`);
    expect(cluster.noticeAtMs(`Isolated ${word}`)).toBe(
      isolatedMs + takesMs.stop + 2 * takesMs.file + takesMs.script,
    );
  });

  test('fencing is over before the majority promotes', () => {
    const cluster = cutInto(['a', 'bcw'], { version });
    expect(cluster.atMs('releaseVip', 'commandEnded')).toBeLessThan(cluster.atMs('promoteServer'));
  });

  test('stop.isolated off: the database runs on, the VIP is given up all the same', () => {
    const word = version === '3.9' ? 'master' : 'primary';
    const cluster = cutInto(['a', 'bcw'], { version, properties: { [`stop.isolated.${word}`]: 'false' } });
    expect(cluster.servers.get('a')).toBe('primary');
    expect([...cluster.played.vipHolders]).toEqual(['b']);
    expect(cluster.notices()).not.toContain(`SEVERE Isolated ${word} database shutdown.`);
  });

  test('a standby alone only says that it is cut off', () => {
    const cluster = cutInto(['abw', 'c'], { version });
    const word = version === '3.9' ? 'master' : 'primary';
    expect(cluster.notices()).toContain(`WARNING Subset of cluster efm disconnected from ${word}`);
    expect(cluster.roles()).toBe('primary standby standby witness');
  });

  test('healed after a promotion: the old primary is told that it is fenced off, and stays idle', () => {
    const cluster = cutInto(['a', 'bcw'], { version });
    cluster.network.heal();
    cluster.clock.runUntil(100_000);
    const word = version === '3.9' ? 'Master' : 'Primary';
    expect(cluster.notices(80_000)).toEqual([
      'WARNING Node no longer isolated from network for cluster efm.',
      `SEVERE ${word} database being fenced off for cluster efm`,
    ]);
    expect(cluster.roles()).toBe('idle primary standby witness');
    expect(cluster.played.guards.has('a')).toBe(true);
  });

  test('healed without one: from 4.5 on the primary takes its place again by itself', () => {
    const cluster = cutInto(['a', 'b', 'c', 'w'], { version });
    cluster.network.heal();
    cluster.clock.runUntil(100_000);
    const steps = [
      'removeGuard@a',
      'startServer@a',
      'awaitConnection@a',
      'assignVip@a',
      'loadBalancerAttach@a',
    ];
    expect(cluster.commands(80_000)).toEqual(version === '3.9' ? [] : steps);
    expect(cluster.roles('a')).toBe(version === '3.9' ? 'idle' : 'primary');
    expect(cluster.played.guards.has('a')).toBe(version === '3.9');
  });
});

function isolationScript(version: string) {
  return { [version === '3.9' ? 'script.master.isolated' : 'script.primary.isolated']: 'isolated' };
}

describe('members that are down', () => {
  /** Node c, then the witness, go for good one after the other, and last the primary is cut from b. */
  function dwindling(version: string) {
    const cluster = new AgentCluster(vip, { version });
    cluster.clock.runUntil(faultMs);
    cluster.loseNode('c');
    cluster.clock.runUntil(60_000);
    cluster.loseNode('w');
    cluster.clock.runUntil(120_000);
    cluster.network.partition('a', 'b');
    cluster.clock.runUntil(200_000);
    return cluster;
  }

  test('up to 4.x they are forgotten step by step: one of two keeps the primary', () => {
    expect(dwindling('4.10').roles('ab')).toBe('primary standby');
  });

  test('from 5.0 on they count: one of four fences itself', () => {
    expect(dwindling('5.0').roles('ab')).toBe('idle standby');
  });

  test('reset-members forgets them', () => {
    const cluster = new AgentCluster(vip);
    cluster.loseNode('c');
    cluster.loseNode('w');
    cluster.clock.runUntil(60_000);
    expect(cluster.agent('a').membership.quorum()).toEqual({ present: 2, counted: 4 });
    expect(cluster.efm('b', 'reset-members').stdout).toContain('2 members now: a b');
    cluster.clock.runUntil(70_000);
    expect(cluster.agent('a').membership.quorum()).toEqual({ present: 2, counted: 2 });
    expect(cluster.notices()).toContain('INFO Reset members completed for cluster efm');
  });
});

describe('two primaries that see each other', () => {
  test('the one that was promoted last stays, the other fences itself off', () => {
    const cluster = cutInto(['aw', 'bc']);
    expect(cluster.efm('b', 'promote', '-y').exitCode).toBe(0);
    cluster.clock.runUntil(120_000);
    expect(cluster.roles('ab')).toBe('primary primary');
    cluster.network.heal();
    cluster.clock.runUntil(140_000);
    expect(cluster.roles('ab')).toBe('idle primary');
    expect(cluster.servers.get('a')).toBe('down');
    expect([...cluster.played.vipHolders]).toEqual(['b']);
    expect(cluster.notices(120_000)).toContain('SEVERE Primary database being fenced off for cluster efm');
  });

  test('an isolated primary does not come back beside one that was promoted and has lost its agent', () => {
    const cluster = cutInto(['a', 'bcw']);
    expect(cluster.roles('ab')).toBe('idle primary');
    cluster.agent('b').kill();
    cluster.clock.runUntil(120_000);
    cluster.network.heal();
    cluster.clock.runUntil(160_000);
    expect(cluster.servers.get('b')).toBe('primary');
    expect(cluster.servers.get('a')).toBe('down');
    expect(cluster.roles('a')).toBe('idle');
  });

  test('of two that nobody promoted the one whose agent joined first stays', () => {
    const cluster = new AgentCluster(vip);
    cluster.agent('c').kill();
    cluster.servers.set('c', 'primary');
    cluster.network.partition('c', 'abw');
    cluster.startAgent('c');
    cluster.clock.runUntil(60_000);
    expect(cluster.roles('ac')).toBe('primary primary');
    cluster.network.heal();
    cluster.clock.runUntil(90_000);
    expect(cluster.roles('ac')).toBe('primary idle');
    expect([...cluster.played.vipHolders]).toEqual(['a']);
  });

  test('a partition that heals before node.timeout is over changes nothing', () => {
    const cluster = new AgentCluster(vip);
    cluster.clock.runUntil(faultMs);
    cluster.network.partition('a', 'bcw');
    cluster.clock.runUntil(faultMs + 18_500);
    cluster.network.heal();
    cluster.clock.runUntil(80_000);
    expect(cluster.commands()).toEqual([]);
    expect(cluster.notices()).toEqual([]);
  });

  test('a primary that comes back while another is chosen: the promotion does not happen', () => {
    const cluster = new AgentCluster(vip);
    cluster.clock.runUntil(faultMs);
    cluster.agent('a').kill();
    cluster.network.cut.add('b>a').add('c>a').add('w>a');
    cluster.clock.runUntil(isolatedMs + 3000 + takesMs.script + takesMs.pingUnanswered);
    cluster.network.cut.clear();
    cluster.startAgent('a');
    cluster.clock.runUntil(80_000);
    expect(cluster.commands()).not.toContain('promoteServer@b');
    expect(cluster.roles('ab')).toBe('primary standby');
    expect(cluster.notices().join()).toMatch(/primary has rejoined|VIP appears to still be assigned/);
  });
});

test('a standby alone that an operator promotes stays primary, minority or not', () => {
  const cluster = cutInto(['aw', 'b']);
  expect(cluster.efm('b', 'promote', '-y').exitCode).toBe(0);
  cluster.clock.runUntil(200_000);
  expect(cluster.roles('ab')).toBe('primary primary');
  expect(cluster.agent('b').membership.quorum()).toEqual({ present: 1, counted: 3 });
});

test('a primary agent that starts on a small side counts those that others know of (5.0 and later)', () => {
  const cluster = new AgentCluster({}, { nodes: 'abcdw' });
  cluster.network.partition('ac', 'bdw');
  cluster.restart('a');
  cluster.clock.runUntil(60_000);
  expect(cluster.roles('ab')).toBe('idle primary');
});

test('a winner that is alone when its promotion ends fences itself off', () => {
  const cluster = new AgentCluster({ ...vip, 'script.remote.post.promotion': 'post' });
  cluster.played.endlessScripts.add('script.remote.post.promotion');
  cluster.clock.runUntil(faultMs);
  cluster.servers.set('a', 'down');
  cluster.clock.runUntil(40_000);
  expect(cluster.roles('b')).toBe('promoting');
  cluster.network.partition('b', 'acw');
  cluster.clock.runUntil(80_000);
  expect(cluster.roles('b')).toBe('idle');
  expect(cluster.servers.get('b')).toBe('down');
});

test('silent members do not make a majority, though they are not lost yet: asked again, until they are', () => {
  const cluster = new AgentCluster();
  cluster.clock.runUntil(faultMs);
  cluster.agent('a').kill();
  cluster.clock.runUntil(faultMs + 19_500);
  cluster.network.partition('b', 'acw');
  cluster.clock.runUntil(100_000);
  expect(cluster.notices()).toContain(
    'WARNING Standby agent tried to promote, but could not verify primary DB',
  );
  expect(cluster.notices()).toContain('WARNING Subset of cluster efm disconnected from primary');
  expect(cluster.commands()).not.toContain('promoteServer@b');
});

test('a winner that loses the majority before its server is touched gives up', () => {
  const cluster = new AgentCluster({ ...vip, 'script.fence': 'fence %p %f' });
  cluster.played.endlessScripts.add('script.fence');
  cluster.clock.runUntil(faultMs);
  cluster.loseNode('a');
  cluster.clock.runUntil(45_000);
  expect(cluster.roles('b')).toBe('promoting');
  cluster.network.partition('b', 'cw');
  cluster.clock.runUntil(80_000);
  expect(cluster.roles('b')).toBe('standby');
  expect(cluster.commands()).not.toContain('promoteServer@b');
});
