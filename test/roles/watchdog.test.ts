// Goal: Pgpool's watchdog elects, finds losses and takes over when Pgpool-II 4.3.5 does.
// Method: several Pgpools on the virtual clock, 1 ms apart; instants measured on the real one with three nodes, and the formulas
// of its source.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  detectionRangeMs,
  quorumOf,
  takeoverMs,
  votesNeeded,
  voteWindowMs,
} from '../../src/roles/watchdog-quorum.ts';
import { WatchdogBench, watchdogDefaults } from './watchdog-bench.ts';

/** A cluster that has come to rest: one leader with quorum and its VIP, life checks running. */
function settled(options: ConstructorParameters<typeof WatchdogBench>[0] = {}): WatchdogBench {
  const at = new WatchdogBench(options);
  at.startAll();
  at.pass(60_000);
  return at;
}

function enteredMs(at: WatchdogBench, id: number, state: string, afterMs = 0): number {
  return (
    at.node(id).states.find((entry) => entry.state === state && entry.atMs >= afterMs)?.atMs ?? Number.NaN
  );
}

function theLeader(at: WatchdogBench): number {
  const [leader, ...others] = at.leaders();
  expect(others).toEqual([]);
  return leader ?? -1;
}

describe('start', () => {
  test('three together: a leader after 6 s, its quorum and VIP a second later (measured 6.0 and 7.1)', () => {
    const at = new WatchdogBench();
    at.startAll();
    at.pass(20_000);
    const leader = theLeader(at);
    expect(enteredMs(at, leader, 'LEADER')).toBeGreaterThanOrEqual(6000);
    expect(enteredMs(at, leader, 'LEADER')).toBeLessThan(6300);
    const [up] = at.node(leader).vip;
    expect(up?.up).toBe(true);
    expect(up?.atMs).toBeGreaterThan(7000);
    expect(up?.atMs).toBeLessThan(7400);
    expect(at.states().filter((state) => state === 'STANDBY')).toHaveLength(2);
    for (const id of [0, 1, 2]) expect(at.view(id)).toBe('waiting:p waiting:s');
  });

  test('alone: 14 s until clients are taken, no quorum, no VIP', () => {
    const at = new WatchdogBench();
    at.start(0);
    at.pass(13_990);
    expect(at.node(0).running?.accepts()).toBe(false);
    at.pass(20);
    expect(at.node(0).running?.accepts()).toBe(true);
    at.pass(60_000);
    expect(at.watchdog(0).quorum()).toBe('absent');
    expect(at.node(0).vip).toEqual([]);
  });

  test('the highest wd_priority leads', () => {
    const at = settled({ priorities: [1, 5, 3] });
    expect(theLeader(at)).toBe(1);
  });

  test('one that comes later follows within some seconds, and takes the nodes’ states from the leader', () => {
    const at = new WatchdogBench();
    at.start(0, 1);
    at.pass(30_000);
    at.node(theLeader(at)).running?.pgpool.detach(1);
    at.pass(3000);
    const fromMs = at.clock.nowMs();
    at.start(2);
    at.pass(3000);
    expect(enteredMs(at, 2, 'STANDBY', fromMs) - fromMs).toBeLessThan(1500);
    expect(at.view(2)).toBe('waiting:p down:s');
  });
});

describe('loss of the leader', () => {
  test('its processes die: the next leads after 1 s, with quorum and VIP after 2 s (measured)', () => {
    const at = settled();
    const fromMs = at.clock.nowMs();
    at.kill(theLeader(at));
    at.pass(15_000);
    const next = theLeader(at);
    expect(enteredMs(at, next, 'LEADER', fromMs) - fromMs).toBeGreaterThanOrEqual(1000);
    expect(enteredMs(at, next, 'LEADER', fromMs) - fromMs).toBeLessThan(1100);
    const up = at.node(next).vip.find(({ atMs }) => atMs > fromMs);
    expect(up?.up).toBe(true);
    expect((up?.atMs ?? 0) - fromMs).toBeGreaterThan(takeoverMs({ silentPeer: false }));
    expect((up?.atMs ?? 0) - fromMs).toBeLessThan(2200);
  });

  test('two of three left without the third: quorum stays; one of three left: the leader gives the VIP up and stays leader', () => {
    const at = settled();
    const leader = theLeader(at);
    const [first, second] = [0, 1, 2].filter((id) => id !== leader);
    at.kill(first ?? -1);
    at.pass(5000);
    expect(at.watchdog(leader).quorum()).toBe('exists');
    at.kill(second ?? -1);
    at.pass(100);
    expect(at.watchdog(leader).state()).toBe('LEADER');
    expect(at.watchdog(leader).quorum()).toBe('absent');
    expect(at.node(leader).vip.at(-1)?.up).toBe(false);
  });

  test('stopped processes: found by heartbeat within the formula, election waits 4 s for the silent one, one VIP after all', () => {
    const at = settled();
    const old = theLeader(at);
    const fromMs = at.clock.nowMs();
    at.hang(old);
    at.pass(40_000);
    const others = [0, 1, 2].filter((id) => id !== old);
    const { bestMs, worstMs } = detectionRangeMs(watchdogDefaults);
    const foundMs = others.map((id) => enteredMs(at, id, 'JOINING', fromMs) - fromMs);
    for (const ms of foundMs) {
      expect(ms).toBeGreaterThanOrEqual(bestMs - 10);
      expect(ms).toBeLessThanOrEqual(worstMs + 10);
    }
    const leader = at.leaders().find((id) => id !== old) ?? -1;
    const ledMs = enteredMs(at, leader, 'LEADER', fromMs) - fromMs;
    expect(ledMs - (enteredMs(at, leader, 'JOINING', fromMs) - fromMs)).toBeGreaterThanOrEqual(5000);
    expect(at.leaders()).toHaveLength(2);

    const resumedMs = at.clock.nowMs();
    at.resume(old);
    at.pass(20_000);
    expect(theLeader(at)).toBe(leader);
    expect(at.node(old).vip.at(-1)).toMatchObject({ up: false });
    expect((at.node(old).vip.at(-1)?.atMs ?? 0) - resumedMs).toBeLessThan(100);
    expect(enteredMs(at, old, 'STANDBY', resumedMs) - resumedMs).toBeLessThan(4000);
    expect(at.node(leader).vip.at(-1)).toMatchObject({ up: true });
  });

  test('a clean stop is told to the others', () => {
    const at = settled();
    const old = theLeader(at);
    at.stop(old);
    expect(at.node(old).vip.at(-1)?.up).toBe(false);
    at.pass(5000);
    expect(theLeader(at)).not.toBe(old);
  });

  test('a node cut off from everybody keeps no VIP, the others elect, and the reunited cluster has one leader', () => {
    const at = settled();
    const old = theLeader(at);
    const others = [0, 1, 2].filter((id) => id !== old);
    at.partition([old], others);
    at.pass(60_000);
    expect(at.watchdog(old).quorum()).toBe('absent');
    expect(at.node(old).vip.at(-1)?.up).toBe(false);
    expect(at.leaders().filter((id) => others.includes(id))).toHaveLength(1);
    at.cut.clear();
    at.pass(60_000);
    expect(at.leaders()).toHaveLength(1);
    expect(at.states().filter((state) => state === 'STANDBY')).toHaveLength(2);
  });
});

describe('the life check by query', () => {
  const byQuery = (checkPeriodMs: number): WatchdogBench => {
    const at = settled({
      settings: { lifecheck: 'query', lifePoint: 3, intervalMs: 10_000 },
      healthCheck: { periodMs: checkPeriodMs },
    });
    at.pass(200_000);
    return at;
  };

  test('asks the own Pgpool too: a primary that is dead and still attached takes every Pgpool along, wd_life_point intervals later', () => {
    const at = byQuery(0);
    const { backends } = at;
    Object.assign(backends[0] ?? {}, { alive: false });
    at.pass(19_000);
    expect(at.states().every((state) => state === 'LEADER' || state === 'STANDBY')).toBe(true);
    at.pass(12_000);
    for (const { id } of at.nodes) {
      expect(at.node(id).running?.accepts() ?? false, `Pgpool ${id}`).toBe(false);
      expect(at.node(id).vip.at(-1)?.up ?? false, `address of ${id}`).toBe(false);
    }
    expect(at.leaders()).toEqual([]);
    Object.assign(backends[0] ?? {}, { alive: true });
    at.pass(100_000);
    expect(at.leaders()).toEqual([]);
  });

  test('lives while the primary is set down before the points are used up, and after the loss of a standby', () => {
    const quick = byQuery(5000);
    Object.assign(quick.backends[0] ?? {}, { alive: false });
    quick.pass(100_000);
    expect(quick.leaders()).toHaveLength(1);
    const standby = byQuery(0);
    Object.assign(standby.backends[1] ?? {}, { alive: false });
    standby.pass(100_000);
    expect(standby.leaders()).toHaveLength(1);
  });
});

test('a leader that loses its network ends with its whole Pgpool and drops the VIP; the network alone brings nothing back, a start does', () => {
  const at = settled();
  const lost = theLeader(at);
  at.partition(
    [lost],
    [0, 1, 2].filter((id) => id !== lost),
  );
  const { running } = at.node(lost);
  running?.watchdog.network(false);
  at.pass(100);
  expect(running?.watchdog.state()).toBe('IN NETWORK TROUBLE');
  expect(running?.accepts()).toBe(false);
  expect(at.node(lost).vip.at(-1)?.up).toBe(false);
  at.pass(60_000);
  at.join(lost);
  running?.watchdog.network(true);
  at.pass(60_000);
  expect(running?.watchdog.state()).toBe('IN NETWORK TROUBLE');
  const next = at.leaders().find((id) => id !== lost) ?? -1;
  expect(at.watchdog(next).leader()).toBe(next);
  at.start(lost);
  at.pass(60_000);
  expect(theLeader(at)).toBe(next);
  expect(at.watchdog(lost).state()).toBe('STANDBY');
});

test.each([
  [
    'stops and goes on',
    (at: WatchdogBench, id: number) => at.hang(id),
    (at: WatchdogBench, id: number) => at.resume(id),
  ],
  [
    'is killed and started',
    (at: WatchdogBench, id: number) => at.kill(id),
    (at: WatchdogBench, id: number) => at.start(id),
  ],
])('life check by query: one that %s is back with the others by its new connection', (_, lose, bringBack) => {
  const at = settled({ settings: { lifecheck: 'query', intervalMs: 1000 } });
  const old = theLeader(at);
  lose(at, old);
  at.pass(60_000);
  const next = at.leaders().find((id) => id !== old) ?? -1;
  bringBack(at, old);
  at.pass(60_000);
  expect(theLeader(at)).toBe(next);
  expect(at.watchdog(old).state()).toBe('STANDBY');
  for (const id of [0, 1, 2]) expect(at.watchdog(id).peers()).toHaveLength(2);
});

test('one that is killed and back within the deadtime joins, is found dead for the beats that it has not yet sent, and joins again', () => {
  const settings = { intervalMs: 1000, heartbeatDeadtimeMs: 3000 };
  const at = settled({ members: 2, settings, priorities: [2, 1] });
  at.kill(1);
  at.pass(2500);
  at.start(1);
  at.pass(60_000);
  expect(at.node(0).vip.map(({ up }) => up)).toEqual([true, false, true, false, true]);
  at.kill(1);
  at.pass(10_000);
  at.start(1);
  at.pass(60_000);
  expect(
    at
      .node(0)
      .vip.slice(5)
      .map(({ up }) => up),
  ).toEqual([false, true]);
});

test('two standbys of which one started while the other was cut off see each other when it is back', () => {
  const short = { intervalMs: 1000, heartbeatKeepaliveMs: 1000, heartbeatDeadtimeMs: 3000 };
  const at = settled({ priorities: [3, 2, 1], settings: short });
  for (const act of [
    () => at.partition([1], [0, 2]),
    () => at.stop(2),
    () => at.start(2),
    () => at.join(1),
  ]) {
    act();
    at.pass(120_000);
  }
  expect([0, 1, 2].map((id) => [...at.watchdog(id).peers()].sort())).toEqual([
    [1, 2],
    [0, 2],
    [0, 1],
  ]);
});

describe('formulas', () => {
  test('detection with the defaults: 29 to 41 s by heartbeat, 20 to 30 s by query', () => {
    const times = {
      intervalMs: 10_000,
      heartbeatKeepaliveMs: 2000,
      heartbeatDeadtimeMs: 30_000,
      lifePoint: 3,
    };
    expect(detectionRangeMs({ ...times, lifecheck: 'heartbeat' })).toEqual({
      bestMs: 29_000,
      worstMs: 41_000,
    });
    expect(detectionRangeMs({ ...times, lifecheck: 'query' })).toEqual({ bestMs: 20_000, worstMs: 30_000 });
  });

  test('by query a silent leader is found after wd_life_point failures', () => {
    const at = settled({ settings: { lifecheck: 'query' } });
    const old = theLeader(at);
    const fromMs = at.clock.nowMs();
    at.hang(old);
    at.pass(30_000);
    const { bestMs, worstMs } = detectionRangeMs({ ...watchdogDefaults, lifecheck: 'query' });
    for (const id of [0, 1, 2].filter((other) => other !== old)) {
      const foundMs = enteredMs(at, id, 'JOINING', fromMs) - fromMs;
      expect(foundMs).toBeGreaterThanOrEqual(bestMs - 10);
      expect(foundMs).toBeLessThanOrEqual(worstMs + 10);
    }
  });

  test('the life check that has not heard every peer finds nobody dead', () => {
    const at = new WatchdogBench();
    at.start(0, 1);
    at.pass(30_000);
    const leader = theLeader(at);
    at.hang(leader);
    at.pass(15_000);
    expect(at.watchdog(1 - leader).state()).toBe('STANDBY');
    at.pass(30_000);
    expect(at.watchdog(1 - leader).leader()).not.toBe(leader);
  });

  test.each([
    [2, 1, false, 'absent'],
    [2, 1, true, 'edge'],
    [3, 2, false, 'exists'],
    [3, 1, true, 'absent'],
    [4, 2, false, 'absent'],
    [4, 2, true, 'edge'],
    [4, 3, false, 'exists'],
    [5, 3, false, 'exists'],
  ] as const)('%i members, %i there, half votes %s: %s', (members, alive, half, quorum) => {
    expect(quorumOf(members, alive, half)).toBe(quorum);
  });

  test('votes: a majority, or half of an even number with half votes; the window covers a health check', () => {
    expect([2, 3, 4, 5].map((members) => votesNeeded(members, false))).toEqual([2, 2, 3, 3]);
    expect([2, 3, 4, 5].map((members) => votesNeeded(members, true))).toEqual([1, 2, 2, 3]);
    const check = { periodMs: 30_000, timeoutMs: 0, maxRetries: 3, retryDelayMs: 2000, connectTimeoutMs: 0 };
    expect(voteWindowMs(check)).toBe(36_000);
    expect(voteWindowMs({ ...check, periodMs: 1000 })).toBe(15_000);
  });
});

test('regression test 028: stopping half of the members', () => {
  for (const members of [2, 3, 4]) {
    for (const half of [false, true]) {
      const at = settled({ members, settings: { enableConsensusWithHalfVotes: half } });
      const leader = theLeader(at);
      const stopped = at.nodes.filter(({ id }) => id !== leader).slice(0, Math.floor((members + 1) / 2));
      for (const { id } of stopped) at.stop(id);
      at.pass(10_000);
      expect(at.watchdog(leader).quorum() !== 'absent').toBe(half && members % 2 === 0);
    }
  }
});

test('whatever is killed, stopped, hung and started: no two nodes hold the VIP with quorum, and it comes back', {
  timeout: 60_000,
}, () => {
  const step = fc.record({
    what: fc.constantFrom('kill', 'start', 'hang', 'resume', 'wait' as const),
    id: fc.integer({ min: 0, max: 2 }),
    waitMs: fc.integer({ min: 0, max: 20_000 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
      const at = settled();
      for (const { what, id, waitMs } of steps) {
        const { running, hung } = at.node(id);
        if (what === 'kill' && running && !hung) at.kill(id);
        if (what === 'start' && !running) at.start(id);
        if (what === 'hang' && running) at.hang(id);
        if (what === 'resume') at.resume(id);
        at.pass(waitMs);
        const holders = at.nodes.filter(
          ({ running: node, hung: asleep }) =>
            !asleep && node?.watchdog.leadsWithQuorum() && node.watchdog.holdsVip(),
        );
        expect(holders.length).toBeLessThanOrEqual(1);
      }
      for (const { id, running } of at.nodes) {
        at.resume(id);
        if (!running) at.start(id);
      }
      at.pass(120_000);
      expect(at.leaders()).toHaveLength(1);
      expect(at.watchdog(theLeader(at)).quorum()).toBe('exists');
      expect(at.watchdog(theLeader(at)).holdsVip()).toBe(true);
    }),
    { seed: 5, numRuns: 60 },
  );
});
