// Goal: how many clients a Pgpool takes, what it keeps of their connections, and what a lost backend does to a session.
// Method: pure rules with the numbers measured on 4.3.5, and properties of the pool under random clients.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backendDemand, entranceOf } from '../../src/roles/pgpool-capacity.ts';
import {
  arrive,
  type ChildPool,
  emptyPool,
  endOfChildMs,
  expire,
  leave,
  type PoolKey,
} from '../../src/roles/pgpool-pool-cache.ts';
import {
  type Admission,
  admitSession,
  openSession,
  sessionAfterLoss,
} from '../../src/roles/pgpool-sessions.ts';

describe('capacity', () => {
  const three = { numInitChildren: 3, reservedConnections: 0, listenBacklogMultiplier: 2 };

  test('three children: the fourth client waits unanswered; with a backlog of 6 seven wait, the next gets no answer', () => {
    expect(entranceOf({ connected: 2, queued: 0 }, three)).toBe('served');
    expect(entranceOf({ connected: 3, queued: 0 }, three)).toBe('queued');
    expect(entranceOf({ connected: 3, queued: 6 }, three)).toBe('queued');
    expect(entranceOf({ connected: 3, queued: 7 }, three)).toBe('unanswered');
  });

  test('with one reserved connection the third client is turned away', () => {
    const reserved = { ...three, reservedConnections: 1 };
    expect(entranceOf({ connected: 1, queued: 0 }, reserved)).toBe('served');
    expect(entranceOf({ connected: 2, queued: 0 }, reserved)).toBe('rejected');
  });

  test('each node needs children × pool connections', () => {
    expect(backendDemand({ numInitChildren: 32, maxPool: 4 })).toBe(128);
  });
});

const app: PoolKey = { user: 'u', database: 'app', startupPacket: '' };
const limits = { maxPool: 2, childMaxConnections: 0, childLifeTimeMs: 0, connectionLifeTimeMs: 0 };

function visit(pool: ChildPool, key: PoolKey, nowMs: number, terminated = true) {
  const arrival = arrive(pool, key, limits);
  return { ...arrival, pool: leave(arrival.pool, key, { nodes: [0, 1, 2], terminated, nowMs }) };
}

describe('the cache of a child', () => {
  test('equal user, database and startup packet reuse the connections; another packet replaces them', () => {
    const first = visit(emptyPool, app, 1);
    expect(first.reused).toBeNull();
    expect(visit(first.pool, app, 2)).toMatchObject({ reused: { database: 'app' }, closed: [] });
    const other = visit(first.pool, { ...app, startupPacket: 'application_name=x' }, 2);
    expect(other).toMatchObject({ reused: null, closed: [{ startupPacket: '' }] });
    expect(other.pool.entries).toHaveLength(1);
  });

  test.each(['postgres', 'template0', 'template1', 'regression'])('database %s is never kept', (database) => {
    expect(visit(emptyPool, { ...app, database }, 1).pool.entries).toEqual([]);
  });

  test('a client that vanishes leaves nothing', () => {
    expect(visit(emptyPool, app, 1, false).pool.entries).toEqual([]);
  });

  test('beyond max_pool the set that rested longest goes', () => {
    let { pool } = visit(emptyPool, { ...app, database: 'a' }, 1);
    ({ pool } = visit(pool, { ...app, database: 'b' }, 2));
    ({ pool } = visit(pool, { ...app, database: 'a' }, 3));
    const third = visit(pool, { ...app, database: 'c' }, 4);
    expect(third.closed.map(({ database }) => database)).toEqual(['b']);
  });

  test('connection_life_time, child_life_time and child_max_connections', () => {
    const { pool } = visit(emptyPool, app, 1000);
    expect(expire(pool, { connectionLifeTimeMs: 5000 }, 5999).entries).toHaveLength(1);
    expect(expire(pool, { connectionLifeTimeMs: 5000 }, 6000).entries).toEqual([]);
    expect(expire(pool, { connectionLifeTimeMs: 0 }, 1e9).entries).toHaveLength(1);
    const life = { childMaxConnections: 0, childLifeTimeMs: 300_000 };
    expect(endOfChildMs(pool, life)).toBe(301_000);
    expect(endOfChildMs(emptyPool, life)).toBe(Number.POSITIVE_INFINITY);
    expect(endOfChildMs(pool, { childMaxConnections: 1, childLifeTimeMs: 0 })).toBe(1000);
    expect(endOfChildMs(pool, { childMaxConnections: 2, childLifeTimeMs: 0 })).toBe(Number.POSITIVE_INFINITY);
  });

  test('never more than max_pool sets, never two of one user and database', () => {
    const key = fc.record({
      user: fc.constantFrom('u', 'v'),
      database: fc.constantFrom('a', 'b', 'postgres'),
      startupPacket: fc.constantFrom('', 'x'),
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(key, fc.boolean()), { maxLength: 30 }), (visits) => {
        let pool = emptyPool;
        for (const [nowMs, [wanted, terminated]] of visits.entries()) {
          ({ pool } = visit(pool, wanted, nowMs, terminated));
          expect(pool.entries.length).toBeLessThanOrEqual(limits.maxPool);
          const names = pool.entries.map(({ user, database }) => `${user} ${database}`);
          expect(new Set(names).size).toBe(names.length);
        }
        expect(pool.clients).toBe(visits.length);
      }),
      { seed: 3 },
    );
  });
});

describe('a lost backend', () => {
  const state = { status: ['up', 'up', 'up'], primary: 0, main: 0 } as const;
  const session = { nodes: [0, 1, 2], loadBalanceNode: 1 };
  const loss = { state, end: 'announced', failoverOnBackendShutdown: false } as const;

  test('one that says so ends the sessions that use it, as primary or for their reads', () => {
    expect(sessionAfterLoss(session, { ...loss, node: 0 })).toMatchObject({
      error: { code: 'XX000' },
      afterMs: 0,
    });
    expect(sessionAfterLoss(session, { ...loss, node: 1 })).toMatchObject({ error: { code: 'XX000' } });
    expect(sessionAfterLoss(session, { ...loss, node: 2 })).toBeNull();
  });

  test('one that vanishes ends all that are connected to it', () => {
    expect(sessionAfterLoss(session, { ...loss, node: 2, end: 'vanished' })).not.toBeNull();
    expect(sessionAfterLoss({ ...session, nodes: [0, 1] }, { ...loss, node: 2, end: 'vanished' })).toBeNull();
  });

  test('with failover_on_backend_shutdown the child sleeps before it gives the error', () => {
    const shutdown = { ...loss, failoverOnBackendShutdown: true };
    expect(sessionAfterLoss(session, { ...shutdown, node: 1 })).toMatchObject({ afterMs: 5000 });
  });
});

test('a child whose main node was skipped crashes at the first statement', () => {
  const admission = {
    state: { status: ['up', 'up', 'up'], primary: 1, main: 0 } as const,
    switching: false,
    greetings: ['refuses', 'accepts', 'accepts'] as const,
    weights: [0, 1, 1],
    failoverOnBackendError: false,
    unit: 0,
  };
  expect(admitSession({ ...admission, childMain: 0 })).toMatchObject({
    ok: true,
    crashes: true,
    skippedMain: true,
  });
  expect(admitSession({ ...admission, childMain: 1 })).toMatchObject({ ok: true, crashes: false });
});

test('a lowest node that was passed by and lives again has every new session refused, kept connections excepted', () => {
  const admission: Admission = {
    state: { status: ['waiting', 'up', 'up'], primary: 1, main: 1 },
    switching: false,
    greetings: ['accepts', 'accepts', 'accepts'],
    weights: [0, 1, 1],
    failoverOnBackendError: false,
    unit: 0,
  };
  expect(admitSession(admission)).toMatchObject({
    ok: false,
    error: { code: 'XX000' },
    degenerate: null,
    connected: [0, 1, 2],
  });
  expect(admitSession({ ...admission, reused: true })).toMatchObject({ ok: true });
  expect(admitSession({ ...admission, greetings: ['refuses', 'accepts', 'accepts'] })).toMatchObject({
    ok: true,
  });
});

test('what a session reached before the node that ends it is up, whether or not that node fails over', () => {
  const admission: Admission = {
    state: { status: ['waiting', 'waiting', 'up'], primary: 2, main: 0 },
    switching: false,
    greetings: ['accepts', 'accepts', 'refuses'],
    weights: [0, 1, 1],
    failoverOnBackendError: false,
    unit: 0,
  };
  expect(admitSession(admission)).toMatchObject({ ok: false, degenerate: null, reached: [0, 1] });
  const failingOver = { ...admission, failoverOnBackendError: true };
  expect(admitSession(failingOver)).toMatchObject({ ok: false, degenerate: 2, reached: [0, 1] });
  const middle = { ...failingOver, greetings: ['accepts', 'refuses', 'accepts'] as const };
  expect(admitSession(middle)).toMatchObject({ ok: false, degenerate: 1, reached: [0] });
});

describe('a session at a child with a cache', () => {
  const admission: Admission = {
    state: { status: ['up', 'up', 'up'], primary: 0, main: 0 },
    switching: false,
    greetings: ['accepts', 'accepts', 'drops'],
    weights: [0, 1, 1],
    failoverOnBackendError: false,
    unit: 1,
  };
  const { pool } = visit(emptyPool, app, 1);

  test('with a set for the client nobody is connected to, so the unreachable node is not noticed', () => {
    const { result, arrival } = openSession({ pool, key: app, limits, stands: () => true }, admission);
    expect(result).toMatchObject({ ok: true, nodes: [0, 1, 2], loadBalanceNode: 2, afterMs: 0 });
    expect(arrival.reused).not.toBeNull();
  });

  test('with a broken connection in the set all are made anew', () => {
    const { result, arrival } = openSession({ pool, key: app, limits, stands: () => false }, admission);
    expect(result.ok).toBe(false);
    expect(arrival.reused).toBeNull();
    expect(arrival.pool.entries).toEqual([]);
  });

  test('all children busy: no answer; with reserved connections 53300', () => {
    const capacity = { numInitChildren: 3, reservedConnections: 0, listenBacklogMultiplier: 2 };
    const full = { connected: 3, queued: 0 };
    expect(admitSession({ ...admission, clients: { ...full, capacity } })).toMatchObject({
      ok: false,
      afterMs: Number.POSITIVE_INFINITY,
    });
    const reserved = { ...capacity, reservedConnections: 1 };
    expect(admitSession({ ...admission, clients: { ...full, capacity: reserved } })).toMatchObject({
      error: { code: '53300' },
    });
  });
});
