// Goal: the Pgpool model does what Pgpool-II 4.3.5 was measured to do.
// Method: the live scenarios L1 to L6 and L9 to L11 of the measurements, on a virtual clock: same steps, same node
// vectors, same instants within the tolerance that a loopback measurement has.
import { describe, expect, test } from 'vitest';
import { primaryMeantBy } from '../../src/roles/pgpool-failover.ts';
import { admitSession } from '../../src/roles/pgpool-sessions.ts';
import { type Bench, bench } from './pgpool-bench.ts';

function server(at: Bench, id: number) {
  const found = at.servers[id];
  if (!found) throw new Error(`no server ${id}`);
  return found;
}

/** Milliseconds from now until Pgpool serves again, in steps of 10 ms. */
function switchingFor({ pgpool, clock, pass }: Bench): number {
  const fromMs = clock.nowMs();
  while (pgpool.switching()) pass(10);
  return clock.nowMs() - fromMs;
}

describe('L1: backend shutdown fails over by itself', () => {
  test('kill, late detach, promotion of the lowest live node, follow runs', () => {
    const at = bench({ settings: { failoverOnBackendShutdown: true } });
    server(at, 0).alive = false;
    at.pgpool.sessionSawShutdown(0);
    expect(at.cuts.map(({ cut }) => cut)).toEqual([{ scope: 'all' }]);
    const tookMs = switchingFor(at);
    expect(tookMs).toBeGreaterThan(3000);
    expect(tookMs).toBeLessThan(3150);
    expect(at.nodes()).toBe('down:s up:s up:s');
    expect(at.pgpool.state()).toMatchObject({ primary: -1, main: 1 });

    expect(at.pgpool.detach(0)).toMatchObject({ ok: false, message: expect.stringContaining('status: [3]') });
    server(at, 1).inRecovery = false;
    at.pass(2000);
    expect(at.nodes()).toBe('down:s up:s up:s');
    expect(primaryMeantBy(at.pgpool.state(), [1, 2])).toBe(1);

    const promotedAtMs = at.clock.nowMs();
    at.pgpool.promote(1);
    expect(switchingFor(at)).toBeLessThan(110);
    expect(at.nodes()).toBe('down:s up:p down:s');
    at.clock.runUntil(promotedAtMs + 10_400);
    expect(at.nodes()).toBe('waiting:s up:p down:s');
    expect(at.pgpool.state().main).toBe(0);
    at.clock.runUntil(promotedAtMs + 20_400);
    expect(at.nodes()).toBe('waiting:s up:p waiting:s');
    expect(at.follows).toEqual(['0 -1', '2 -1']);
  });
});

describe('L2: both switches off, detach before promote', () => {
  test('sessions are refused until the detach, reads come back without a primary, the follow script attaches the dead node', () => {
    const at = bench();
    server(at, 0).alive = false;
    at.pass(5000);
    expect(at.connect()).toMatchObject({
      ok: false,
      error: { code: 'XX000', message: 'failed to create a backend 0 connection' },
    });
    expect(at.nodes()).toBe('up:p up:s up:s');

    expect(at.pgpool.detach(0).ok).toBe(true);
    expect(at.connect()).toMatchObject({ ok: false, error: { code: 'closed' } });
    const tookMs = switchingFor(at);
    expect(tookMs).toBeGreaterThanOrEqual(3000);
    expect(tookMs).toBeLessThan(3150);
    expect(at.nodes()).toBe('down:s up:s up:s');
    expect(at.connect()).toMatchObject({ ok: true, nodes: [1, 2] });

    server(at, 2).inRecovery = false;
    at.pass(2000);
    expect(primaryMeantBy(at.pgpool.state(), [1, 2])).toBe(1);
    const promotedAtMs = at.clock.nowMs();
    at.pgpool.promote(2);
    expect(switchingFor(at)).toBeLessThan(110);
    expect(at.nodes()).toBe('down:s down:s up:p');
    at.clock.runUntil(promotedAtMs + 10_300);
    expect(at.nodes()).toBe('waiting:s down:s up:p');
    expect(at.follows).toEqual(['0 -1', '1 -1']);
    at.clock.runUntil(promotedAtMs + 20_300);
    expect(at.nodes()).toBe('waiting:s waiting:s up:p');
  });
});

test('L3: promotion before the detach is found by the search', () => {
  const at = bench();
  server(at, 0).alive = false;
  server(at, 1).inRecovery = false;
  at.pgpool.detach(0);
  expect(switchingFor(at)).toBeLessThan(100);
  expect(at.nodes()).toBe('down:s up:p down:s');
  at.pass(10_200);
  expect(at.follows).toEqual(['0 0', '2 0']);
  expect(at.nodes()).toBe('down:s up:p waiting:s');
  expect(at.connect(0.9)).toMatchObject({ ok: true, nodes: [1, 2] });
  expect(at.nodes()).toBe('down:s up:p up:s');
  expect(at.pgpool.promote(1)).toEqual({ ok: false, message: 'specified node is already primary node' });
  expect(at.nodes()).toBe('down:s up:p up:s');
});

test('L4: a promotion without any detach sets all others down', () => {
  const at = bench();
  server(at, 0).alive = false;
  server(at, 2).inRecovery = false;
  at.pgpool.promote(2);
  at.pass(100);
  expect(at.nodes()).toBe('down:s down:s up:p');
  at.pass(10_200);
  expect(at.follows).toEqual(['0 0', '1 0']);
  at.connect();
  expect(at.nodes()).toBe('down:s up:s up:p');
});

test('L5: a healthy standby is detached: only its sessions are cut, nothing is searched; it waits after the attach', () => {
  const at = bench();
  at.pgpool.detach(2);
  expect(at.cuts.map(({ cut }) => cut)).toEqual([{ scope: 'balancedTo', node: 2 }]);
  expect(switchingFor(at)).toBeLessThan(70);
  expect(at.nodes()).toBe('up:p up:s down:s');
  at.pass(2000);
  at.pgpool.attach(2);
  at.pass(100);
  expect(at.cuts).toHaveLength(1);
  expect(at.nodes()).toBe('up:p up:s waiting:s');
  at.connect();
  expect(at.nodes()).toBe('up:p up:s up:s');
});

test('an attach cuts nobody while a primary is known, everybody while none is', () => {
  for (const [primary, scopes] of [
    [0, []],
    [-1, ['all']],
  ] as const) {
    const at = bench({ state: { status: ['up', 'up', 'down'], primary, main: 0 } });
    at.pgpool.attach(2);
    at.pass(5000);
    expect(at.cuts.map(({ cut }) => cut.scope)).toEqual(scopes);
  }
});

test('L6: a dead standby is skipped by new sessions and still shown up', () => {
  const at = bench();
  server(at, 2).alive = false;
  for (const unit of [0, 0.3, 0.7, 1]) {
    expect(at.connect(unit)).toMatchObject({ ok: true, nodes: [0, 1], loadBalanceNode: 1 });
  }
  expect(at.nodes()).toBe('up:p up:s up:s');
});

describe('L9: a stale primary is attached', () => {
  function withStalePrimary() {
    const at = bench({ state: { status: ['up', 'up', 'down'], primary: 1, main: 0 } });
    Object.assign(server(at, 0), { inRecovery: true });
    Object.assign(server(at, 1), { inRecovery: false });
    Object.assign(server(at, 2), { inRecovery: false });
    return at;
  }

  test('its higher id takes the role of primary, nobody is cut', () => {
    const at = withStalePrimary();
    at.pgpool.attach(2);
    at.pass(100);
    at.connect();
    expect(at.nodes()).toBe('up:s up:s up:p');
    expect(at.cuts).toEqual([]);
  });

  test('without a visible standby the lowest id stays primary', () => {
    const at = withStalePrimary();
    server(at, 0).alive = false;
    at.pgpool.attach(2);
    at.pass(100);
    expect(at.pgpool.state().primary).toBe(1);
  });

  test('while a follow command runs nothing is searched', () => {
    const at = bench();
    server(at, 0).alive = false;
    server(at, 1).inRecovery = false;
    at.pgpool.detach(0);
    at.pass(2000);
    server(at, 2).inRecovery = false;
    at.pgpool.attach(2);
    at.pass(1000);
    expect(at.pgpool.state().primary).toBe(1);
  });
});

test('L10: a primary that is not the main node is detached without cutting sessions balanced elsewhere', () => {
  const at = bench({ state: { primary: 2 } });
  Object.assign(server(at, 0), { inRecovery: true });
  Object.assign(server(at, 2), { inRecovery: true });
  at.pgpool.detach(2);
  expect(at.cuts.map(({ cut }) => cut)).toEqual([{ scope: 'balancedTo', node: 2 }]);
  const tookMs = switchingFor(at);
  expect(tookMs).toBeGreaterThan(3000);
  expect(tookMs).toBeLessThan(3150);
  expect(at.nodes()).toBe('up:s up:s down:s');
  expect(at.pgpool.state()).toMatchObject({ primary: -1, main: 0 });
});

test('L11: all nodes detached, then attached one by one; no degeneration by an attach', () => {
  const at = bench();
  for (const node of [2, 1, 0]) {
    at.pgpool.detach(node);
    at.pass(1200);
  }
  at.pass(3000);
  expect(at.nodes()).toBe('down:s down:s down:s');
  expect(at.connect()).toMatchObject({ ok: false, error: { code: '08S01' } });
  at.pgpool.attach(1);
  at.pass(4500);
  expect(at.connect()).toMatchObject({ ok: true, nodes: [1] });
  expect(at.nodes()).toBe('down:s up:s down:s');
  at.pgpool.attach(0);
  at.pass(1500);
  at.connect();
  expect(at.nodes()).toBe('up:p up:s down:s');
  expect(at.follows).toEqual([]);
});

test('requests are carried out at least a second apart, and those that come while switching at once after it', () => {
  const at = bench();
  at.pgpool.detach(2);
  at.pass(200);
  at.pgpool.attach(2);
  at.pass(600);
  expect(at.nodes()).toBe('up:p up:s down:s');
  at.pass(300);
  expect(at.nodes()).toBe('up:p up:s waiting:s');
});

test('a starting backend turns sessions away', () => {
  const result = admitSession({
    state: bench().pgpool.state(),
    switching: false,
    greetings: ['accepts', 'accepts', 'rejects'],
    weights: [0, 1, 1],
    failoverOnBackendError: false,
    unit: 0,
  });
  expect(result).toMatchObject({ ok: false, error: { code: 'XX000' } });
});
