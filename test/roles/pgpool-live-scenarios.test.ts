// Goal: the rest of the scenarios that were measured on Pgpool-II 4.3.5: hung and unreachable nodes, the status file, graceful commands,
// a PCP client that stays, and the dead node that the guide's follow script attaches.
// Method: live scenarios L7, L8, L11 to L14 on the virtual clock; `pgpool-scenarios.test.ts` has L1 to L6 and L9 to L11.
import { describe, expect, test } from 'vitest';
import { kernelConnectMs } from '../../src/roles/pgpool-sessions.ts';
import { startState, statusFileOf } from '../../src/roles/pgpool-status-file.ts';
import { bench, everyNode } from './pgpool-bench.ts';

describe('L7: the primary is stopped (SIGSTOP)', () => {
  test('new sessions hang; the detach waits for the replication check that hangs in it, until the node goes on', () => {
    const at = bench({ settings: { srCheckPeriodMs: 10_000 } });
    at.pass(5000);
    at.server(0).hung = true;
    expect(at.connect()).toMatchObject({ ok: false, afterMs: Number.POSITIVE_INFINITY });
    at.pass(17_000);
    at.pgpool.detach(0);
    at.pass(13_000);
    expect(at.pgpool.switching()).toBe(true);
    expect(at.nodes()).toBe('down:p up:s up:s');
    const resumedMs = at.clock.nowMs();
    at.resume(0);
    while (at.pgpool.switching()) at.pass(10);
    const tookMs = at.clock.nowMs() - resumedMs;
    expect(tookMs).toBeGreaterThan(2000);
    expect(tookMs).toBeLessThan(4200);
    expect(at.nodes()).toBe('down:s up:s up:s');
  });

  test('without the replication check the detach takes the search alone, 3.0 s', () => {
    const at = bench({ settings: { srCheckPeriodMs: 0 } });
    at.server(0).hung = true;
    at.pass(17_000);
    at.pgpool.detach(0);
    const fromMs = at.clock.nowMs();
    while (at.pgpool.switching()) at.pass(10);
    expect(at.clock.nowMs() - fromMs).toBeGreaterThan(3000);
    expect(at.clock.nowMs() - fromMs).toBeLessThan(3150);
  });

  test('a follow run holds the lock: no replication check, no search', () => {
    const at = bench({ settings: { srCheckPeriodMs: 1000 } });
    at.server(0).alive = false;
    at.server(1).inRecovery = false;
    at.pgpool.detach(0);
    at.pass(2000);
    expect(at.pgpool.following()).toBe(true);
    const view = at.pgpool.replication();
    at.pass(5000);
    expect(at.pgpool.replication()).toBe(view);
    at.pass(8000);
    expect(at.pgpool.following()).toBe(false);
    expect(at.pgpool.replication()).not.toBe(view);
  });
});

describe('L8: the host of a standby is gone', () => {
  test('new sessions hang for over two minutes and fail, until the node is detached', () => {
    const at = bench();
    at.server(2).gone = true;
    const result = at.connect();
    expect(result).toMatchObject({ ok: false, error: { code: 'XX000' }, afterMs: kernelConnectMs });
    at.pgpool.detach(2);
    at.pass(100);
    expect(at.connect()).toMatchObject({ ok: true, nodes: [0, 1] });
  });

  test('of the lowest node: the session begins late, where nobody waited for it', () => {
    const at = bench({ state: { primary: 1 } });
    at.server(0).gone = true;
    expect(at.connect()).toMatchObject({ ok: true, nodes: [1, 2], afterMs: kernelConnectMs });
  });

  test('of the primary: refused after the wait', () => {
    const at = bench();
    at.server(0).gone = true;
    expect(at.connect()).toMatchObject({
      ok: false,
      error: { message: 'failed to create a backend 0 connection' },
      afterMs: kernelConnectMs,
    });
  });
});

describe('L11, L12: the status file', () => {
  test('keeps the last survivors', () => {
    const at = bench();
    for (const node of [2, 1, 0]) {
      at.pgpool.detach(node);
      at.pass(5000);
    }
    expect(at.nodes()).toBe('down:s down:s down:s');
    expect(at.statusFile).toEqual(['up', 'down', 'down']);
  });

  test('a restart with up,up,down keeps the node down; with -D all wait', () => {
    const kept = bench({ settings: { searchAtStart: true }, state: startState(3, ['up', 'up', 'down']) });
    kept.pass(100);
    kept.connect();
    expect(kept.nodes()).toBe('up:p up:s down:s');
    const fresh = bench({ settings: { searchAtStart: true }, state: startState(3, null) });
    fresh.pass(100);
    expect(fresh.nodes()).toBe('waiting:p waiting:s waiting:s');
    fresh.connect();
    expect(fresh.nodes()).toBe('up:p up:s up:s');
  });

  test('PCP is there only after the search of the start', () => {
    const at = bench({ settings: { searchAtStart: true }, state: startState(3, null) });
    for (const server of at.servers) server.inRecovery = true;
    at.pass(2000);
    expect(at.pgpool.detach(1).ok).toBe(false);
    expect(at.connect().ok).toBe(true);
    at.pass(2000);
    expect(at.pgpool.detach(1).ok).toBe(true);
  });

  test('a file without any node up counts as none; a node that it does not name is unused', () => {
    expect(startState(2, ['down', 'down']).status).toEqual(['waiting', 'waiting']);
    expect(startState(3, ['up', 'down'])).toEqual({ status: ['up', 'down', 'unused'], primary: -1, main: 0 });
    expect(statusFileOf(['waiting', 'quarantine', 'unused'])).toEqual(['up', 'down', 'unused']);
    expect(statusFileOf(['down', 'quarantine'])).toBeNull();
  });

  test('is written when a waiting node is first used', () => {
    const at = bench({ state: { status: ['waiting', 'waiting', 'down'] } });
    at.connect();
    expect(at.statusFile).toEqual(['up', 'up', 'down']);
  });
});

describe('L13: detach -g with sessions open, recovery_timeout 6', () => {
  const settings = { recoveryTimeoutMs: 6000 };

  test('returns after 9 s with success and nothing done; new sessions are let in meanwhile', () => {
    const at = bench({ settings });
    at.sessions.count = 3;
    const replies: { atMs: number; ok: boolean }[] = [];
    at.pgpool.graceful({ kind: 'detach', node: 2 }, ({ ok }) => replies.push({ atMs: at.clock.nowMs(), ok }));
    at.pass(4000);
    expect(at.connect()).toMatchObject({ ok: true });
    at.pass(6000);
    expect(replies).toEqual([{ atMs: 9000, ok: true }]);
    expect(at.nodes()).toBe('up:p up:s up:s');
  });

  test('detaches at the first look at which the last client has left, and answers when that is done', () => {
    const at = bench({ settings });
    at.sessions.count = 1;
    at.clock.setTimeout(() => {
      at.sessions.count = 0;
    }, 1000);
    let repliedMs = 0;
    at.pgpool.graceful({ kind: 'detach', node: 2 }, () => {
      repliedMs = at.clock.nowMs();
    });
    at.pass(2900);
    expect(at.nodes()).toBe('up:p up:s up:s');
    at.pass(1000);
    expect(at.nodes()).toBe('up:p up:s down:s');
    expect(repliedMs).toBeGreaterThanOrEqual(3000);
    expect(repliedMs).toBeLessThan(3200);
  });

  test('with client_idle_limit_in_recovery -1 the sessions are ended and it is done after 3 s', () => {
    const at = bench({ settings: { ...settings, clientIdleLimitInRecoveryMs: -1 } });
    at.sessions.count = 3;
    at.pgpool.graceful({ kind: 'detach', node: 2 }, () => {});
    at.pass(3200);
    expect(at.nodes()).toBe('up:p up:s down:s');
  });

  test('an invalid node is refused at once', () => {
    const at = bench({ state: { status: ['up', 'up', 'down'] } });
    const replies: boolean[] = [];
    at.pgpool.graceful({ kind: 'detach', node: 2 }, ({ ok }) => replies.push(ok));
    at.pgpool.graceful({ kind: 'promote', node: 0 }, ({ ok }) => replies.push(ok));
    at.pass(10);
    expect(replies).toEqual([false, false]);
  });
});

describe('L14: a PCP client keeps its connection', () => {
  test('after a request the main process waits for it: no child is forked, no request taken', () => {
    const at = bench();
    const release = at.pgpool.holdPcp();
    at.pgpool.detach(2);
    at.pass(60_000);
    expect([at.pgpool.switching(), at.pgpool.reaps()]).toEqual([false, false]);
    at.pgpool.attach(2);
    at.pass(60_000);
    expect(at.nodes()).toBe('up:p up:s down:s');
    release();
    at.pass(100);
    expect(at.nodes()).toBe('up:p up:s waiting:s');
  });

  test('from 4.5 on it does not wait', () => {
    const at = bench({ settings: { version: '4.5.0' } });
    at.pgpool.holdPcp();
    at.pgpool.detach(2);
    at.pass(1200);
    expect(at.pgpool.reaps()).toBe(true);
  });
});

describe('versions', () => {
  test('the search counts looks before 4.3.7, and seconds from then on', () => {
    const lookMs = 2500;
    const searched = (version: string): number => {
      const at = bench({ settings: { version, searchPrimaryNodeTimeout: 4, hasFollowCommand: false } });
      for (const server of at.servers) server.inRecovery = true;
      at.pgpool.detach(0);
      const fromMs = at.clock.nowMs();
      at.server(1).hung = true;
      while (at.pgpool.switching()) {
        at.pass(lookMs);
        at.resume(1);
        at.server(1).hung = true;
      }
      return at.clock.nowMs() - fromMs;
    };
    expect(searched('4.3.5')).toBeGreaterThan(4 * lookMs - 100);
    expect(searched('4.3.7')).toBeLessThan(3 * lookMs + 100);
  });

  test('before 4.3 an idle session that sees its backend end takes the node down, whatever is set', () => {
    for (const [version, down] of [
      ['4.2.0', true],
      ['4.3.5', false],
    ] as const) {
      const at = bench({ settings: { version } });
      at.pgpool.sessionSawShutdown(2);
      at.pass(100);
      expect(at.nodes().endsWith('down:s')).toBe(down);
    }
  });

  test('from 4.5 on a session waits for the end of a switch, at most 30 s', () => {
    const at = bench({ settings: { version: '4.5.0' } });
    at.server(0).alive = false;
    at.pgpool.detach(0);
    expect(at.connect()).toMatchObject({ ok: false, afterMs: 30_000 });
    const before = bench();
    before.server(0).alive = false;
    before.pgpool.detach(0);
    expect(before.connect()).toMatchObject({ ok: false, afterMs: 0 });
  });

  test('pcp_promote_node -s is known from 4.3 on', () => {
    const at = bench({ settings: { version: '4.2.0' } });
    expect(at.pgpool.promote(1, { switchover: true }).ok).toBe(false);
  });
});

test('what PCP refuses, and what it calls a success without doing anything', () => {
  const at = bench({
    settings: { nodes: everyNode({}, ['ALLOW_TO_FAILOVER', 'DISALLOW_TO_FAILOVER']) },
    state: { status: ['up', 'up', 'down'] },
  });
  expect(at.pgpool.detach(1)).toMatchObject({
    ok: false,
    message: expect.stringContaining('failover is disallowed'),
  });
  expect(at.pgpool.detach(2)).toMatchObject({ ok: false, message: expect.stringContaining('status: [3]') });
  expect(at.pgpool.detach(200)).toMatchObject({
    ok: false,
    message: expect.stringContaining('out of range'),
  });
  expect(at.pgpool.promote(0)).toMatchObject({ ok: false });
  expect(at.pgpool.promote(7)).toMatchObject({ ok: false });
  expect(at.pgpool.promote(2)).toEqual({ ok: true, message: 'Command Successful' });
  expect(at.pgpool.attach(1)).toEqual({ ok: true, message: 'Command Successful' });
  at.pass(2000);
  expect(at.nodes()).toBe('up:p up:s down:s');
  expect(at.cuts).toEqual([]);
});

test('ten requests wait while one is carried out; an eleventh is dropped in silence', () => {
  const servers = 13;
  const status = Array.from({ length: servers }, (_, id) => (id === 0 ? ('up' as const) : ('down' as const)));
  const at = bench({ servers, state: { status }, commandMs: 500, settings: { hasFailbackCommand: true } });
  for (let node = 1; node < servers; node += 1) expect(at.pgpool.attach(node).ok).toBe(true);
  at.pass(60_000);
  expect(at.commands.map(({ node }) => node)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  expect(at.nodes().endsWith('waiting:s down:s')).toBe(true);
});

test('failover_command and failback_command hold everything up while they run', () => {
  const at = bench({ commandMs: 5000, settings: { hasFailoverCommand: true, hasFailbackCommand: true } });
  at.pgpool.detach(2);
  at.pass(4900);
  expect(at.pgpool.switching()).toBe(true);
  at.pass(200);
  expect(at.pgpool.switching()).toBe(false);
  at.pass(1000);
  at.pgpool.attach(2);
  at.pass(4900);
  expect(at.pgpool.switching()).toBe(true);
  expect(at.commands).toEqual([
    { kind: 'failover', node: 2, oldMain: 0, newMain: 0, oldPrimary: 0 },
    { kind: 'failback', node: 2, oldMain: 0, newMain: 0, oldPrimary: 0 },
  ]);
});

test('sessions are cut before failover_command begins, and after failback_command has ended', () => {
  const at = bench({ commandMs: 5000, settings: { hasFailoverCommand: true, hasFailbackCommand: true } });
  at.server(0).alive = false;
  at.pgpool.detach(0);
  at.pass(4900);
  expect(at.cuts.length).toBe(1);
  at.pass(10_000);
  expect(at.nodes()).toBe('down:s up:s up:s');
  const beganMs = at.clock.nowMs();
  at.pgpool.attach(0);
  at.pass(10_000);
  expect(at.cuts.map(({ cut, atMs }) => [cut.scope, Math.max(0, atMs - beganMs)])).toEqual([
    ['all', 0],
    ['all', 5000],
  ]);
});

test('a node flagged ALWAYS_PRIMARY is found without asking, also when it is down', () => {
  const nodes = everyNode({}, ['ALWAYS_PRIMARY']);
  const at = bench({ settings: { nodes, hasFollowCommand: false } });
  at.pgpool.detach(0);
  at.pass(200);
  expect(at.nodes()).toBe('down:p up:s up:s');
  expect(at.pgpool.switching()).toBe(false);
});

test('the primary goes down while a follow run is under way: nothing is searched, and every other node goes down with it', () => {
  const at = bench();
  at.server(0).alive = false;
  at.server(1).inRecovery = false;
  at.pgpool.detach(0);
  at.pass(2000);
  expect(at.nodes()).toBe('down:s up:p down:s');
  at.pgpool.detach(1);
  at.pass(1000);
  expect(at.nodes()).toBe('down:s down:p down:s');
});
