// Goal: what agents look at beside the failures: files, each other's credentials, who is to be told what, and whose settings a
// switchover's old primary gets.
// Method: real statecharts over played servers; notices, commands and exits are read from what they leave.
import { describe, expect, test } from 'vitest';
import { AgentCluster, generations } from './agent-cluster.ts';

describe('files', () => {
  test('a lock file that somebody removed is told of once, until it is there again', () => {
    const cluster = new AgentCluster();
    cluster.played.unlocked.add('b');
    cluster.clock.runUntil(200_000);
    const told = () => cluster.notices().filter((subject) => subject.includes('Lock file'));
    expect(told()).toEqual(['WARNING Lock file for cluster efm has been removed']);
    cluster.played.unlocked.delete('b');
    cluster.clock.runUntil(300_000);
    cluster.played.unlocked.add('b');
    cluster.clock.runUntil(400_000);
    expect(told()).toHaveLength(2);
  });

  test.each(generations)(
    'a recovery file beside a running primary ($name); none beside a standby',
    ({ name, version }) => {
      const cluster = new AgentCluster({}, { version });
      cluster.played.guards.add('a');
      cluster.played.guards.add('b');
      cluster.clock.runUntil(200_000);
      const word = name === '3.9' ? 'master' : 'primary';
      expect(cluster.notices().filter((subject) => subject.includes('recovery file'))).toEqual([
        `WARNING A recovery file for cluster efm has been found on ${word} node`,
      ]);
    },
  );
});

describe('credentials', () => {
  /** Agent c has joined anew, 4 s ago, where the primary's database refuses it so. */
  function joining(refusal: 'credentials' | 'connections'): AgentCluster {
    const cluster = new AgentCluster();
    cluster.agent('c').kill();
    cluster.clock.runUntil(5000);
    cluster.played.refusals.set('a', refusal);
    cluster.startAgent('c');
    cluster.clock.runUntil(9000);
    return cluster;
  }

  test('an agent that joins and is turned away by a database ends with code 1', () => {
    const cluster = joining('credentials');
    expect(cluster.exits).toEqual(['c 1']);
    expect(cluster.notices()).toContain('SEVERE Unable to connect to DB on a');
    expect(cluster.notices()).toContain('WARNING Standby agent exited on c for cluster efm');
    expect(cluster.roles('abw')).toBe('primary standby witness');
  });

  test('one that finds no room is told of, and goes on', () => {
    const cluster = joining('connections');
    expect(cluster.exits).toEqual([]);
    // It tests those that are there once, on its own behalf: none of them has joined.
    expect(cluster.notices(5000)).toEqual([
      'INFO Standby agent running on c for cluster efm',
      'SEVERE Unable to connect to DB on a',
    ]);
  });

  test('who is there already makes sure of a database that joins', () => {
    const cluster = new AgentCluster();
    cluster.agent('c').kill();
    cluster.clock.runUntil(5000);
    cluster.unreachable.add('b>c');
    cluster.startAgent('c');
    cluster.clock.runUntil(20_000);
    const told = cluster.events.flatMap((event) =>
      event.type === 'notice' && event.subject.startsWith('Database connection failure') ? [event.node] : [],
    );
    expect(told).toEqual(['b']);
  });

  test('a quiet start tells nothing', () => {
    const cluster = new AgentCluster();
    cluster.clock.runUntil(20_000);
    expect(cluster.exits).toEqual([]);
    expect(cluster.notices(0).filter((subject) => /connect/.test(subject))).toEqual([]);
  });
});

describe('script.notification', () => {
  const script = { 'script.notification': 'notify.sh', 'db.database': 'shop' };

  test('gets subject and text of every notice', () => {
    const cluster = new AgentCluster({ ...script, 'virtual.ip': '10.0.0.9' });
    const told = cluster.played.words.find((words) => words.includes('Primary agent running')) ?? '';
    expect(told.split('\n')).toEqual([
      'script.notification [INFO] EFM Primary agent running on a for cluster efm EFM node: a',
      'Cluster name: efm',
      'Database name: shop',
      'VIP: 10.0.0.9 (Active)',
      'Primary agent running on a for cluster efm',
    ]);
    expect(cluster.played.words).toHaveLength(cluster.notices(0).length);
  });

  test('hears of nothing below notification.level, and is asked for nothing where it is not set', () => {
    const cluster = new AgentCluster({ ...script, 'notification.level': 'SEVERE' });
    cluster.servers.set('a', 'down');
    cluster.clock.runUntil(40_000);
    const severe = cluster.notices(0).filter((subject) => subject.startsWith('SEVERE'));
    expect(severe.length).toBeGreaterThan(0);
    expect(cluster.played.words).toHaveLength(severe.length);
    expect(new AgentCluster().played.words).toEqual([]);
  });

  test('one that never ends holds nothing up', () => {
    const cluster = new AgentCluster(script);
    cluster.played.endlessScripts.add('script.notification');
    cluster.servers.set('a', 'down');
    cluster.clock.runUntil(40_000);
    expect(cluster.roles('bc')).toBe('primary standby');
  });
});

describe('recovery settings in a switchover', () => {
  test.each([
    [[], 'b'],
    [['-sourcenode', 'c'], 'c'],
  ])('%j: those of %s go to the old primary', (words, source) => {
    const cluster = new AgentCluster();
    expect(cluster.efm('w', 'promote', '-switchover', ...words).exitCode).toBe(0);
    cluster.clock.runUntil(60_000);
    expect(cluster.commands()).toContain(`readRecoverySettings@${source}`);
    expect(cluster.roles('abc')).toBe('standby primary standby');
    expect([...cluster.played.recoversWith]).toEqual([['a', `settings of ${source}`]]);
  });

  test('a node that is no standby is refused', () => {
    const { exitCode, stderr } = new AgentCluster().efm('w', 'promote', '-switchover', '-sourcenode', 'a');
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/-sourcenode names a standby, and "a" is none/);
  });
});

describe('who tells what', () => {
  test.each([
    ['5.4', true],
    ['4.1', true],
    ['4.0', false],
    ['3.9', false],
  ])('EFM %s: a standby that only its own agent does not reach', (version, itself) => {
    const cluster = new AgentCluster({}, { version });
    cluster.unreachable.add('b>b');
    cluster.clock.runUntil(60_000);
    expect(cluster.roles('ab')).toBe('primary idle');
    const told = cluster.events.flatMap((event) =>
      event.type === 'notice' && /cannot (reach|ping)/.test(event.subject)
        ? [`${event.node}: ${event.subject}`]
        : [],
    );
    expect(told).toEqual([
      ...(itself ? ['b: Standby cannot ping local database for cluster efm'] : []),
      'a: Standby agent cannot reach database for cluster efm',
    ]);
  });

  test.each(generations)(
    'a primary cut off ($name): the majority says that it is fenced off, it says that it is isolated',
    ({ name, version }) => {
      const cluster = new AgentCluster({}, { version });
      cluster.network.partition('a', 'bcw');
      cluster.clock.runUntil(80_000);
      const word = name === '3.9' ? 'Master' : 'Primary';
      const told = cluster.events.flatMap((event) =>
        event.type === 'notice' && /fenced off|isolated from/.test(event.subject)
          ? [`${event.node}: ${event.subject}`]
          : [],
      );
      expect(told.sort()).toEqual([
        'a: One or more nodes isolated from network for cluster efm',
        `b: ${word} database being fenced off for cluster efm`,
      ]);
    },
  );

  test('a primary that is told to step down leaves the telling to those who told it', () => {
    const cluster = new AgentCluster();
    cluster.agent('a').receive('b', { type: 'request', id: 0, request: { kind: 'fence' } });
    cluster.clock.runUntil(2000);
    expect(cluster.servers.get('a')).toBe('down');
    expect(cluster.notices()).toContain('SEVERE Isolated primary database shutdown.');
    expect(cluster.notices().filter((subject) => subject.includes('fenced off'))).toEqual([]);
  });
});
