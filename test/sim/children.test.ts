// Goal: a child that ends is missing until Pgpool's main process forks again, and an attach under load is an outage.
// Method: children with a host driven by hand; then 24 clients, three servers and Pgpool on two cores in virtual time.
import { describe, expect, test } from 'vitest';
import { type Child, type ChildLimits, Children, type ChildrenHost } from '../../src/sim/children.ts';
import { childLimitsOf } from '../../src/sim/pgpool-settings.ts';
import { SimSession } from '../../src/sim/session.ts';
import { planOf } from './simulated-run.ts';
import { frontBefore, threeServers } from './small-servers.ts';

function bench(count: number, limits?: Partial<ChildLimits>) {
  const host = { forks: true, pending: [] as (() => void)[], ended: 0, discarded: 0 };
  const childHost: ChildrenHost = {
    mayFork: () => host.forks,
    fork: (done) => host.pending.push(done),
    closed: (_, ended) => {
      if (ended) host.ended += 1;
      else host.discarded += 1;
    },
  };
  const usual = { mostClients: 0, keepsConnections: true, reserved: 0 };
  const children = new Children(count, childHost, { ...usual, ...limits });
  const served: string[] = [];
  const admit = (name: string) => children.admit(() => served.push(name));
  return { host, children, served, admit };
}

describe('Children', () => {
  test('one that ended serves nobody until it is forked again, and no fork begins while the main process rests', () => {
    const { host, children, served, admit } = bench(1);
    admit('first');
    host.forks = false;
    children.died(null);
    admit('second');
    expect([children.dead, host.pending.length, served]).toEqual([1, 0, ['first']]);
    children.forkDead();
    expect(served).toEqual(['first']);
    host.pending.shift()?.();
    expect([children.dead, served]).toEqual([0, ['first', 'second']]);
  });

  test('a flagged child ends after its client; one without a client drops its connections and serves', () => {
    const { host, children, served } = bench(2);
    const backends = new Map([[0, 1]]);
    const taken: Parameters<typeof children.release>[0][] = [];
    children.admit((child) => taken.push(child));
    children.admit((child) => taken.push(child));
    children.release(taken[0] as (typeof taken)[0], backends);
    children.renew();
    children.release(taken[1] as (typeof taken)[0], backends);
    expect([host.ended, children.dead]).toEqual([1, 1]);
    children.admit((child) => served.push(child.cached === null ? 'fresh' : 'kept'));
    expect([served, host.discarded]).toEqual([['fresh'], 1]);
  });

  test('child_max_connections: a child ends after so many clients, with its connections', () => {
    const { host, children } = bench(1, { mostClients: 3 });
    const backends = new Map([[0, 1]]);
    for (const ended of [0, 0, 1]) {
      children.admit((child) => children.release(child, backends));
      expect([host.ended, children.dead]).toEqual([ended, ended]);
    }
    host.pending.shift()?.();
    children.admit((child) => children.release(child, backends));
    expect([host.ended, children.dead]).toEqual([1, 0]);
  });

  test('connection_cache off: a child keeps no connection for the next client', () => {
    const { host, children } = bench(1, { keepsConnections: false });
    children.admit((child) => children.release(child, new Map([[0, 1]])));
    expect([host.discarded, host.ended]).toEqual([1, 0]);
    let kept: unknown = 'nobody came';
    children.admit((child) => {
      kept = child.cached;
    });
    expect(kept).toBeNull();
  });

  test('reserved_connections: with fewer children left clients are told to go, until one leaves', () => {
    const { children } = bench(3, { reserved: 1 });
    const taken: Child[] = [];
    for (const turnsAway of [false, false, true]) {
      expect(children.turnsAway).toBe(turnsAway);
      if (!turnsAway) children.admit((child) => taken.push(child));
    }
    children.release(taken[0] as Child, null);
    expect(children.turnsAway).toBe(false);
  });

  test('reserved_connections counts clients: a child that has ended takes nobody’s place', () => {
    const { host, children } = bench(3, { reserved: 1 });
    host.forks = false;
    children.admit(() => undefined);
    children.admit((child) => children.release(child, null));
    children.renew();
    children.admit(() => children.died(null));
    expect([children.dead, children.turnsAway]).toEqual([1, false]);
  });

  test('at most as many are forked as asked', () => {
    const { host, children } = bench(3);
    host.forks = false;
    for (let ended = 0; ended < 3; ended += 1) children.died(null);
    children.forkDead(2);
    while (host.pending.length > 0) host.pending.shift()?.();
    expect(children.dead).toBe(1);
  });

  test('fewer that are asked for later take nothing off those that are asked for', () => {
    const { host, children } = bench(3);
    host.forks = false;
    for (let ended = 0; ended < 3; ended += 1) children.died(null);
    children.forkDead(3);
    children.forkDead(1);
    while (host.pending.length > 0) host.pending.shift()?.();
    expect(children.dead).toBe(0);
  });
});

test('a model’s pgpool.conf says how many clients a child serves, what it keeps and who is told to go', () => {
  const { cluster } = planOf({});
  const limitsWith = (pgpoolSettings: Record<string, string>) =>
    childLimitsOf({ ...cluster, pgpoolSettings });
  expect(limitsWith({})).toEqual({ mostClients: 0, keepsConnections: true, reserved: 0 });
  expect(
    limitsWith({ child_max_connections: '7', connection_cache: 'off', reserved_connections: '3' }),
  ).toEqual({ mostClients: 7, keepsConnections: false, reserved: 3 });
  expect(limitsWith({ connection_cache: 'on' }).keepsConnections).toBe(true);
});

describe('children that are killed for a request', () => {
  test('are forked one after the other, and the main process goes on when the last is there', () => {
    const { host, children, served, admit } = bench(3);
    host.forks = false;
    children.killFree();
    expect([children.dead, host.ended]).toEqual([3, 3]);
    admit('first');
    let forked = 0;
    children.forkDead(3, () => {
      forked += 1;
    });
    host.pending.shift()?.();
    expect([served, children.dead, forked]).toEqual([['first'], 2, 0]);
    while (host.pending.length > 0) host.pending.shift()?.();
    expect([children.dead, forked]).toEqual([0, 1]);
  });

  test('with none missing the main process goes on at once', () => {
    const { children } = bench(3);
    let forked = 0;
    children.forkDead(3, () => {
      forked += 1;
    });
    expect(forked).toBe(1);
  });
});

/** Forty children of Pgpool on two cores at rest; `connect` gives some a client, which stays away once it is dropped. */
function atRest(sessions = 0) {
  const at = threeServers({ connect: 12, read: 0.35, network: 0.05 }, 2);
  const { front, parts } = frontBefore(at, { station: at.shared, numInitChildren: 40 });
  const connect = (count: number): void => {
    for (let index = 0; index < count; index += 1) {
      const session = new SimSession({ ...parts, answered: () => {} }, `s${index}`);
      session.handler = { onAnswer: () => {}, onLost: () => {} };
      session.connect(() => {});
    }
    at.pass(2000);
  };
  connect(sessions);
  return { ...at, front, connect };
}

describe('children that a request of Pgpool kills', () => {
  test('are as much work each to end, and again to fork, as the request draws; others 0.9 and 1 ms', () => {
    const { front, shared, servers, pass } = atRest(10);
    const workOf = (act: () => void, spanMs = 10_000, station = shared): number => {
      const beforeMs = station.usedMs();
      act();
      pass(spanMs);
      return station.usedMs() - beforeMs;
    };
    const primaryMs = servers[0].station.usedMs();
    const ends = [workOf(() => front.pgpool.detach(0), 500) / 40];
    expect((servers[0].station.usedMs() - primaryMs) / 10).toBeCloseTo(2 * (ends[0] as number), 6);
    const forks = [workOf(() => {}) / 40];
    const both = workOf(() => front.pgpool.promote(1), 5000) / 40;
    for (const [drawnMs, usualMs] of [
      [ends[0], 0.9],
      [forks[0], 1],
      [both, 1.9],
      [both, (ends[0] as number) + (forks[0] as number)],
    ] as const) {
      expect(drawnMs).toBeGreaterThan(usualMs / 3);
      expect(drawnMs).toBeLessThan(usualMs * 3);
      expect(Math.abs((drawnMs as number) - usualMs)).toBeGreaterThan(0.001);
    }
    expect(workOf(() => front.children.admit(() => front.children.died(null)))).toBeCloseTo(1.9, 6);
  });

  const leaderTells = ({ front, pass }: ReturnType<typeof atRest>): void => {
    front.pgpool.sync(['up', 'up', 'up'], 1);
    pass(3000);
  };
  const killedAmidRequest = ({ front, pass }: ReturnType<typeof atRest>): void => {
    front.pgpool.detach(0);
    pass(100);
    expect(front.pgpool.switching()).toBe(true);
    front.kill();
    front.restart();
    pass(10_000);
  };
  test.each([
    ['a watchdog’s leader tells of another primary', leaderTells],
    ['after a kill amid a request', killedAmidRequest],
  ])('are 0.9 and 1 ms each where no request ends them: %s', (_, happens) => {
    const at = atRest();
    const { front, shared, pass } = at;
    const beforeMs = shared.usedMs();
    happens(at);
    if (happens === leaderTells) expect(shared.usedMs() - beforeMs).toBeCloseTo(40 * 1.9, 6);
    expect(front.children.dead).toBe(0);
    const restedMs = shared.usedMs();
    front.children.admit(() => front.children.died(null));
    pass(3000);
    expect(shared.usedMs() - restedMs).toBeCloseTo(1.9, 6);
  });

  test('with a client leave it when the others are forked already, and have one in their place at once', () => {
    const { front, pass } = atRest(10);
    front.pgpool.promote(1);
    pass(200);
    expect([front.pgpool.switching(), front.pgpool.reaps(), front.sessions.size]).toEqual([false, false, 0]);
    expect(front.children.dead).toBe(0);
  });

  test('are all that a request forks: one that ended by itself meanwhile waits until the rest is over', () => {
    const { front, pass } = atRest();
    front.pgpool.promote(1);
    pass(10);
    for (let ended = 0; ended < 3; ended += 1) front.children.admit(() => front.children.died(null));
    pass(200);
    expect([front.pgpool.switching(), front.children.dead]).toEqual([false, 3]);
    pass(2000);
    expect(front.children.dead).toBe(0);
  });

  test('with a client are missing as the others are, while the request looks for a primary', () => {
    const { front, pass, connect } = atRest();
    front.pgpool.detach(2);
    pass(3000);
    connect(10);
    front.pgpool.detach(0);
    pass(500);
    expect([front.pgpool.switching(), front.sessions.size, front.children.dead]).toEqual([true, 0, 40]);
    pass(10_000);
    expect([front.pgpool.switching(), front.children.dead]).toEqual([false, 0]);
  });

  test('hold the switch up until they are there, and who listens hears at once that it is over', () => {
    const { front, pass } = atRest();
    let heard: boolean | null = null;
    front.onChange(() => {
      heard = front.pgpool.switching();
    });
    front.pgpool.promote(1);
    expect([front.pgpool.switching(), heard]).toEqual([true, true]);
    while (front.pgpool.switching()) pass(1);
    expect(heard).toBe(false);
  });
});

/** Eight clients that come back at once whenever they are dropped, over a detach of the dead primary whose heir is there; how an attach `afterMs` later ends. */
function comingBackOver(attachAfterMs: number) {
  const at = threeServers({ connect: 12, read: 0.35, network: 0.05 }, 2);
  const { clock, shared } = at;
  const { front, parts } = frontBefore(at, { station: shared, numInitChildren: 40 });
  for (let index = 0; index < 8; index += 1) {
    const session = new SimSession({ ...parts, answered: () => {} }, `s${index}`);
    const connect = (): void =>
      session.connect(({ ok }) => {
        if (!ok) clock.setTimeout(connect, 20);
      });
    session.handler = { onAnswer: () => {}, onLost: () => clock.setTimeout(connect, 20) };
    connect();
  }
  at.pass(500);
  front.pgpool.detach(2);
  at.pass(3000);
  at.servers[0].send({ type: 'crash' });
  at.servers[1].send({ type: 'promote' });
  at.pass(1000);
  front.pgpool.detach(0);
  let servedAfterMs = 0;
  let missing = 0;
  clock.setTimeout(() => front.pgpool.attach(2), attachAfterMs);
  while (front.pgpool.switching()) {
    at.pass(1);
    servedAfterMs += 1;
  }
  missing = front.children.dead;
  at.pass(500);
  return { servedAfterMs, missing, stillMissing: front.children.dead };
}

describe('children that are forked while Pgpool is still switching', () => {
  test('take who waits and end: they are missing until the rest is over', () => {
    const { missing, stillMissing } = comingBackOver(5000);
    expect(missing).toBeGreaterThanOrEqual(8);
    expect(missing).toBeLessThan(40);
    expect(stillMissing).toBeGreaterThanOrEqual(missing);
  });

  test('an attach that comes meanwhile is carried out without a rest between, and costs more of them', () => {
    const alone = comingBackOver(5000);
    const both = comingBackOver(60);
    expect(both.servedAfterMs).toBeGreaterThan(alone.servedAfterMs);
    expect(both.servedAfterMs).toBeLessThan(alone.servedAfterMs + 900);
    expect(both.missing).toBeGreaterThan(alone.missing);
  });
});

/** Reads over an attach: the longest silence after it, ms, and the least number of living children. */
function attachUnder({ sessions, perSecond }: { sessions: number; perSecond: number }) {
  const numInitChildren = 40;
  const at = threeServers({ connect: 12, read: 0.35, network: 0.05 }, 2);
  const { clock, shared } = at;
  const { front, parts } = frontBefore(at, { station: shared, numInitChildren });
  const oksMs: number[] = [];
  const call = { classIndex: 0, number: 0, kind: 'read' } as const;
  for (let index = 0; index < sessions; index += 1) {
    const session = new SimSession({ ...parts, answered: () => {} }, `s${index}`);
    const everyMs = (1000 * sessions) / perSecond;
    let isLost = false;
    const ask = (): void => {
      if (!isLost) session.execute(call);
    };
    session.handler = {
      onAnswer: ({ ok }) => {
        if (ok) oksMs.push(clock.nowMs());
        clock.setTimeout(ok ? ask : connect, ok ? everyMs : 0);
      },
      onLost: () => {
        isLost = true;
      },
    };
    const connect = (): void => {
      session.close();
      session.connect(({ ok }) => {
        clock.setTimeout(ok ? ask : connect, ok ? (everyMs * index) / sessions : 75);
      });
    };
    clock.setTimeout(connect, index * 20);
  }
  at.pass(5000);
  front.pgpool.detach(2);
  at.pass(6000);
  const attachMs = clock.nowMs();
  front.pgpool.attach(2);
  let least = numInitChildren;
  for (let step = 0; step < 1000; step += 1) {
    at.pass(5);
    least = Math.min(least, numInitChildren - front.children.dead);
  }
  const after = oksMs.filter((okMs) => okMs > attachMs - 100);
  const gaps = after.slice(1).map((okMs, index) => okMs - (after[index] as number));
  return { silentMs: Math.max(...gaps), least };
}

describe('an attach', () => {
  test('under load takes every child, and nobody is served until the rest after it is over', () => {
    const { silentMs, least } = attachUnder({ sessions: 24, perSecond: 1200 });
    expect(least).toBe(0);
    expect(silentMs).toBeGreaterThan(1000);
    expect(silentMs).toBeLessThan(1600);
  });

  test('with few queries in its window leaves most children alive: no outage', () => {
    const { silentMs, least } = attachUnder({ sessions: 24, perSecond: 50 });
    expect(least).toBeGreaterThan(30);
    expect(silentMs).toBeLessThan(200);
  });

  test('with 8 sessions for 40 children costs connections but no outage, whatever the rate', () => {
    const { silentMs, least } = attachUnder({ sessions: 8, perSecond: 300 });
    expect(least).toBeGreaterThan(0);
    expect(least).toBeLessThan(40);
    expect(silentMs).toBeLessThan(300);
  });
});
