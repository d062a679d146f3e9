// Goal: the outcomes of Pgpool-II's own regression tests on our statecharts.
// Method: the same clusters and steps on the virtual clock, with scripts like theirs: failover_command promotes the new main node (or
// the one that was asked for), the follow script makes every other node a standby of the new primary and attaches it. Numbers are
// theirs; 011 to 015 and 131 are in watchdog-failover.test.ts, 028 in watchdog.test.ts, 001, 032 and 033 in test/topology.
import { describe, expect, test } from 'vitest';
import { primaryMeantBy } from '../../src/roles/pgpool-failover.ts';
import { startState } from '../../src/roles/pgpool-status-file.ts';
import { type Bench, type BenchOptions, bench, everyNode } from './pgpool-bench.ts';

/** A cluster as pgpool_setup makes it. */
function cluster(options: BenchOptions): Bench {
  const { settings = {}, ...rest } = options;
  return bench({
    commandMs: 500,
    followMs: 2000,
    followsOldPrimary: true,
    onCommand: ({ kind, node, newMain, oldPrimary }, at) => {
      if (kind !== 'failover' || node !== oldPrimary || newMain < 0) return;
      at.server(newMain).inRecovery = false;
      for (const [id, server] of at.servers.entries()) {
        if (id !== newMain) Object.assign(server, { inRecovery: true, upstream: newMain });
      }
    },
    ...rest,
    settings: {
      hasFailoverCommand: true,
      failoverOnBackendError: true,
      srCheckPeriodMs: 0,
      nodes: everyNode({ periodMs: 2000 }),
      ...settings,
    },
  });
}

function used(at: Bench): string {
  at.connect();
  return at.nodes();
}

test('003 failover: the standby, then the primary is stopped', () => {
  const at = cluster({ servers: 2, settings: { hasFollowCommand: false } });
  at.server(1).alive = false;
  at.pass(5000);
  expect(at.nodes()).toBe('up:p down:s');
  at.server(1).alive = true;
  at.pgpool.attach(1);
  at.pass(3000);
  at.server(0).alive = false;
  at.pass(5000);
  expect(used(at)).toBe('down:s up:p');
  expect(at.commands.map(({ kind, node }) => `${kind} ${node}`)).toEqual(['failover 1', 'failover 0']);
});

test('016 node 0 is not the primary: after its recovery as a standby node 1 stays primary and takes writes', () => {
  const at = cluster({ servers: 2, settings: { hasFollowCommand: false } });
  at.server(0).alive = false;
  at.pass(5000);
  Object.assign(at.server(0), { alive: true, inRecovery: true, upstream: 1 });
  at.pgpool.attach(0);
  at.pass(3000);
  expect(used(at)).toBe('up:s up:p');
  expect(primaryMeantBy(at.pgpool.state(), [0, 1])).toBe(1);
});

describe('017 node 0 is down', () => {
  test('from the status file: writes meet a server in recovery', () => {
    const at = cluster({
      servers: 2,
      settings: { searchAtStart: true },
      state: startState(2, ['down', 'up']),
    });
    at.pass(10_000);
    expect(used(at)).toBe('down:s up:s');
    const meant = primaryMeantBy(at.pgpool.state(), [1]);
    expect(at.server(meant ?? -1).inRecovery).toBe(true);
  });

  test('stopped while running: node 1 is promoted and takes writes', () => {
    const at = cluster({ servers: 2, settings: { hasFollowCommand: false } });
    at.server(0).alive = false;
    at.pass(5000);
    expect(used(at)).toBe('down:s up:p');
  });

  test('with DISALLOW_TO_FAILOVER it stays, and sessions end with an error', () => {
    const nodes = everyNode({ periodMs: 2000 }, ['DISALLOW_TO_FAILOVER']);
    const at = cluster({ servers: 2, settings: { nodes } });
    at.server(0).alive = false;
    at.pass(5000);
    expect(at.connect()).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining('executing failover on backend') },
    });
    at.pass(5000);
    expect(at.nodes()).toBe('up:p up:s');
  });
});

test('018 detach_primary: a standby promoted by hand is a false primary and goes down', () => {
  const at = cluster({ settings: { detachFalsePrimary: true, srCheckPeriodMs: 1000 } });
  at.pass(2000);
  Object.assign(at.server(2), { inRecovery: false, upstream: null });
  at.pass(3000);
  expect(at.nodes()).toBe('up:p up:s down:s');
});

test('027 auto_failback: at once the first time, then only after its interval', () => {
  const at = cluster({
    servers: 2,
    settings: {
      autoFailback: true,
      autoFailbackIntervalMs: 60_000,
      srCheckPeriodMs: 2000,
      hasFollowCommand: false,
    },
  });
  const stopAndStart = (): void => {
    at.server(1).alive = false;
    at.pass(5000);
    expect(at.nodes()).toBe('up:p down:s');
    at.server(1).alive = true;
  };
  at.pass(61_000);
  stopAndStart();
  at.pass(10_000);
  expect(used(at)).toBe('up:p up:s');
  stopAndStart();
  at.pass(20_000);
  expect(at.nodes()).toBe('up:p down:s');
  at.pass(40_000);
  expect(used(at)).toBe('up:p up:s');
});

test('034 promote_node -s: the asked one is the primary, and no node stays down', () => {
  const at = cluster({ servers: 4 });
  expect(at.pgpool.promote(3, { switchover: true }).ok).toBe(true);
  at.pass(60_000);
  expect(used(at)).toBe('up:s up:s up:s up:p');
  expect(at.commands[0]).toEqual({ kind: 'failover', node: 0, oldMain: 0, newMain: 3, oldPrimary: 0 });
});

describe('037 failover_session (4.5): clients come and go while node 2, which serves none, goes down', () => {
  test.each(['detach', 'stop'] as const)('%s: nobody else is cut, and who comes meanwhile waits', (how) => {
    const at = cluster({
      settings: { version: '4.5.0', nodes: everyNode({ periodMs: 1000 }), hasFollowCommand: false },
    });
    if (how === 'detach') at.pgpool.detach(2);
    else at.server(2).alive = false;
    let waited = 0;
    for (let ms = 0; ms < 5000; ms += 10) {
      at.pass(10);
      if (!at.pgpool.switching()) continue;
      expect(at.connect()).toMatchObject({ ok: false, afterMs: 30_000 });
      waited += 10;
    }
    expect(waited).toBeLessThan(30_000);
    expect(at.cuts.map(({ cut }) => cut)).toEqual([{ scope: 'balancedTo', node: 2 }]);
    expect(at.connect(0)).toMatchObject({ ok: true, nodes: [0, 1] });
  });
});

test('105 (055) all backends down at the start: the search can be stopped in its midst', () => {
  const at = cluster({
    settings: { searchAtStart: true, searchPrimaryNodeTimeout: 5 },
    state: startState(3, null),
  });
  for (const server of at.servers) server.alive = false;
  at.pass(2500);
  expect(at.pgpool.switching()).toBe(false);
  at.pgpool.stop();
  at.pass(60_000);
  expect(at.clock.pendingTimers).toBe(0);
  expect(at.nodes()).toBe('waiting:s waiting:s waiting:s');
});

test('125 (075) pcp_detach_node of the primary: the follow script brings every node back', () => {
  const at = cluster({ servers: 4 });
  at.pgpool.detach(0);
  at.pass(60_000);
  expect(used(at)).toBe('up:s up:p up:s up:s');
});

test('127 (077) a node that was down at the start gets its health check with its attach, and goes down with it', () => {
  const at = cluster({ settings: { searchAtStart: true }, state: startState(3, ['up', 'down', 'up']) });
  at.pass(1000);
  expect(at.pgpool.checked()).toEqual([0, 2]);
  at.pgpool.promote(2, { switchover: true });
  at.pass(20_000);
  expect(at.nodes()).toMatch(/waiting:s$|waiting:s up:p$/);
  expect(at.pgpool.checked()).toContain(1);
  at.server(1).alive = false;
  at.pass(5000);
  expect(at.nodes()).toMatch(/^\w+:s down:s/);
});
