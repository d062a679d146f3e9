// Goal: what a client sees of its connection: who is served, who waits, what a loss leaves in doubt.
// Method: three servers with fixed times, Pgpool's statechart, sessions driven by hand on the virtual clock.
import { describe, expect, test } from 'vitest';
import type { ChildLimits } from '../../src/sim/children.ts';
import { Processor } from '../../src/sim/processor.ts';
import { SimSession } from '../../src/sim/session.ts';
import type { ConnectOutcome, ExecutionOutcome, WireError } from '../../src/workload/transport.ts';
import { frontBefore, rowsOf, threeServers } from './small-servers.ts';

function frontWith(
  numInitChildren: number,
  more: Parameters<typeof threeServers>[0] = {},
  childLimits: ChildLimits = { mostClients: 0, keepsConnections: true, reserved: 0 },
) {
  const at = threeServers({ connect: 8, read: 1, write: 70, network: 0.5, ...more });
  const { clock } = at;
  const { front, parts } = frontBefore(at, {
    station: new Processor(clock, 2).station(),
    ...{ numInitChildren, childLimits },
  });
  const answered: string[] = [];
  const open = (name: string) => {
    const note = (kind: string, server: string) => answered.push(`${kind} ${server}`);
    const session = new SimSession({ ...parts, answered: note }, name);
    const lost: WireError[] = [];
    const connects: { outcome: ConnectOutcome; atMs: number }[] = [];
    const ends: { outcome: ExecutionOutcome; atMs: number }[] = [];
    session.handler = {
      onAnswer: (outcome) => ends.push({ outcome, atMs: clock.nowMs() }),
      onLost: (error) => lost.push(error),
    };
    const connect = (): void => session.connect((outcome) => connects.push({ outcome, atMs: clock.nowMs() }));
    const execute = (kind: 'read' | 'write', number: number): void =>
      session.execute({ classIndex: kind === 'read' ? 0 : 1, number, kind });
    return { session, lost, connects, ends, connect, execute };
  };
  return { ...at, front, open, answered };
}

describe('SimSession', () => {
  test('a first session costs a connection to every server; one at a child that kept them is cheap', () => {
    const at = frontWith(1);
    const first = at.open('first');
    first.connect();
    at.pass(100);
    expect(first.connects[0]).toMatchObject({ outcome: { ok: true }, atMs: 10_000 + 0.5 + 8 + 2 });
    first.session.close();
    const second = at.open('second');
    second.connect();
    at.pass(100);
    expect(second.connects[0]).toMatchObject({ outcome: { ok: true }, atMs: 10_100 + 0.5 + 2 + 2 });
  });

  test('with reserved_connections a client too many is told so; without a connection cache every session connects anew', () => {
    const at = frontWith(2, { reset: 3 }, { mostClients: 0, keepsConnections: false, reserved: 1 });
    const [first, second] = [at.open('1'), at.open('2')];
    first.connect();
    at.pass(100);
    second.connect();
    at.pass(100);
    expect(second.connects[0]).toMatchObject({
      outcome: { ok: false, error: { code: '53300' } },
      atMs: 10_101,
    });
    const usedMs = at.servers.map(({ station }) => station.usedMs());
    first.session.close();
    at.pass(100);
    for (const [id, { station }] of at.servers.entries())
      expect(station.usedMs() - (usedMs[id] as number)).toBeCloseTo(1.8, 6);
    second.session.close();
    second.connect();
    at.pass(100);
    expect(second.connects[1]).toMatchObject({ outcome: { ok: true }, atMs: 10_300 + 0.5 + 8 + 2 });
  });

  test('the end of a child is work on its server and on those that it was connected to, and so is the next one’s start', () => {
    const at = frontWith(1);
    const session = at.open('1');
    session.connect();
    at.pass(100);
    const stations = [at.front.station, ...at.servers.map(({ station }) => station)];
    const usedMs = (): number[] => stations.map((station) => station.usedMs());
    const before = usedMs();
    at.front.children.renew();
    session.session.close();
    at.pass(100);
    expect(at.front.children.dead).toBe(0);
    for (const [index, expected] of [0.9 + 1, 1.8, 1.8, 1.8].entries())
      expect((usedMs()[index] as number) - (before[index] as number)).toBeCloseTo(expected, 6);
  });

  test('with all children busy the next client waits in silence, until one is free or it gives up', () => {
    const at = frontWith(1);
    const [first, second, third] = [at.open('1'), at.open('2'), at.open('3')];
    first.connect();
    at.pass(100);
    second.connect();
    third.connect();
    at.pass(2000);
    expect(second.connects).toEqual([]);
    first.session.close();
    at.pass(2000);
    expect(second.connects[0]?.outcome.ok).toBe(true);
    expect(third.connects[0]).toMatchObject({
      outcome: { ok: false, error: { code: 'timeout' } },
      atMs: 13_100,
    });
  });

  test('a write is durable on the primary and answered; a read is answered by the session’s own server', () => {
    const at = frontWith(2);
    const session = at.open('1');
    session.connect();
    at.pass(100);
    session.execute('write', 0);
    at.pass(100);
    session.execute('read', 0);
    at.pass(100);
    expect(session.ends.map(({ outcome }) => outcome.ok)).toEqual([true, true]);
    expect(session.ends[0]?.atMs).toBeCloseTo(10_100 + 7 * (10 + 1) + 2 * (0.5 + 0.25), 5);
    expect(rowsOf(at.servers[0])).toEqual(['1.0']);
    const [connect] = session.connects;
    expect(at.answered).toEqual(['write a', `read ${connect?.outcome.ok && connect.outcome.server}`]);
  });

  test('Pgpool’s own work, a read on a standby and a COMMIT cost what the model says of each', () => {
    const at = frontWith(2, { pgpoolStatement: 3, readOnStandby: 2, commit: 20 });
    const session = at.open('1');
    session.connect();
    at.pass(100);
    const usedMs = at.front.station.usedMs();
    session.execute('read', 0);
    at.pass(100);
    expect(session.ends[0]?.atMs).toBeCloseTo(10_100 + 0.5 + 3 + 2 + 0.5, 5);
    expect(at.front.station.usedMs() - usedMs).toBeCloseTo(3, 5);
    session.execute('write', 0);
    at.pass(200);
    const brackets = 2 * (0.5 + 0.25 * 2);
    expect(session.ends[1]?.atMs).toBeCloseTo(10_200 + 70 + 20 + 7 * (3 + 1) + brackets, 5);
    expect(at.front.station.usedMs() - usedMs).toBeCloseTo(8 * 3, 5);
  });

  test.each([
    [{}, 10],
    [{ wakeAfter: 20 }, 20],
  ])(
    'a process that has rested costs `wake` more, the more the longer: of each server, and of Pgpool; %j',
    (model, afterMs) => {
      const at = frontWith(1, { wake: 4, wakePgpool: 2, ...model });
      const session = at.open('1');
      session.connect();
      at.pass(100);
      const read = (): number => {
        const fromMs = at.clock.nowMs();
        session.execute('read', 0);
        at.pass(50);
        return (session.ends.at(-1)?.atMs ?? 0) - fromMs;
      };
      const aloneMs = 1 + 2 * 0.5;
      expect(read()).toBeCloseTo(aloneMs + 4 + 2, 5);
      const restedMs = 50 - (aloneMs + 4 + 2 - 0.5);
      const share = (gapMs: number): number => 1 - Math.exp(-gapMs / afterMs);
      const pgpoolMs = 2 * share(restedMs + 0.5);
      expect(read()).toBeCloseTo(aloneMs + pgpoolMs + 4 * share(restedMs + 0.5 + pgpoolMs), 5);
      const usedMs = at.servers.map(({ station }) => station.usedMs());
      session.execute('write', 0);
      at.pass(200);
      const moreMs = at.servers.map(({ station }, id) => station.usedMs() - (usedMs[id] as number));
      // Seven statements on the primary, one way after the other: only the first finds it rested.
      expect(moreMs[0]).toBeGreaterThan(70 + 4);
      expect(moreMs[0]).toBeLessThan(70 + 4 + 6 * 4 * share(3));
      session.execute('read', 0);
      at.pass(8.5);
      expect(session.ends).toHaveLength(4);
      session.session.close();
      session.connect();
      at.pass(5);
      expect(session.connects).toHaveLength(2);
      expect(read()).toBeCloseTo(aloneMs + 4 + 2, 5);
    },
  );

  test('connections that are kept at the end of a session are made ready: `reset` on every server', () => {
    const at = frontWith(1, { reset: 3 });
    const session = at.open('1');
    session.connect();
    at.pass(100);
    const usedMs = at.servers.map(({ station }) => station.usedMs());
    session.session.close();
    at.pass(100);
    for (const [id, { station }] of at.servers.entries())
      expect(station.usedMs() - (usedMs[id] as number)).toBeCloseTo(3, 6);
  });

  test.each([
    ['before COMMIT was sent, it is known not to be done', 30, true, []],
    ['while COMMIT runs, nobody knows', 72, false, []],
  ])('primary killed in a write: %s', (_, killAfterMs, definite, rows) => {
    const at = frontWith(2);
    const session = at.open('1');
    session.connect();
    at.pass(100);
    session.execute('write', 0);
    at.pass(killAfterMs);
    at.servers[0].send({ type: 'crash' });
    at.pass(200);
    expect(session.ends[0]?.outcome).toMatchObject({
      ok: false,
      definite,
      lost: true,
      error: { code: 'XX000' },
    });
    expect(rowsOf(at.servers[0])).toEqual(rows);
    session.session.close();
    session.connect();
    at.pass(100);
    expect(session.connects[1]?.outcome).toMatchObject({ ok: false, error: { code: 'XX000' } });
  });

  test('cut by Pgpool while COMMIT runs: in doubt for the client, done on the server', () => {
    const at = frontWith(2);
    const session = at.open('1');
    session.connect();
    at.pass(100);
    session.execute('write', 0);
    at.pass(72);
    at.front.pgpool.detach(0);
    at.pass(200);
    expect(rowsOf(at.servers[0])).toEqual(['1.0']);
    const [end] = session.ends;
    expect(end?.outcome.ok === true || end?.outcome.definite === false).toBe(true);
  });

  test.each([
    ['before COMMIT was sent', 30],
    ['while COMMIT runs', 72],
  ])(
    'primary hung in a write %s: done and answered when it wakes; gone when its processes end',
    (_, afterMs) => {
      for (const [wakes, rows] of [
        [true, ['1.0']],
        [false, []],
      ] as const) {
        const at = frontWith(2);
        const [primary] = at.servers;
        const session = at.open('1');
        session.connect();
        at.pass(100);
        session.execute('write', 0);
        at.pass(afterMs);
        primary.hang();
        at.pass(1000);
        expect([session.ends, rowsOf(primary)]).toEqual([[], []]);
        if (wakes) primary.wake();
        else {
          primary.send({ type: 'crash' });
          primary.send({ type: 'start' });
        }
        at.pass(1000);
        expect(session.ends.map(({ outcome }) => outcome.ok)).toEqual([wakes]);
        expect(rowsOf(primary)).toEqual(rows);
      }
    },
  );

  test('a read on a hung standby, or sent to one, is answered when that wakes; its child is missing until then', () => {
    const at = frontWith(1);
    const [session, second] = [at.open('1'), at.open('2')];
    session.connect();
    at.pass(100);
    const [connect] = session.connects;
    const server = at.servers.find(({ name }) => connect?.outcome.ok && name === connect.outcome.server);
    session.execute('read', 0);
    at.pass(1);
    server?.hang();
    at.pass(1000);
    expect(session.ends).toEqual([]);
    server?.wake();
    at.pass(10);
    expect(session.ends.map(({ outcome }) => outcome.ok)).toEqual([true]);

    const readWhileHung = (): void => {
      server?.hang();
      session.execute('read', 0);
      at.pass(1000);
    };
    readWhileHung();
    expect(session.ends).toHaveLength(1);
    server?.wake();
    at.pass(10);
    expect(session.ends.map(({ outcome }) => outcome.ok)).toEqual([true, true]);

    readWhileHung();
    session.session.close();
    second.connect();
    at.pass(1000);
    expect(second.connects).toEqual([]);
    server?.wake();
    at.pass(100);
    expect(second.connects[0]?.outcome.ok).toBe(true);
  });

  test('a session that is about to end carries out nothing more', () => {
    const at = frontWith(2, { write: 1 });
    const session = at.open('1');
    session.connect();
    at.pass(100);
    const [connect] = session.connects;
    const server = at.servers.find(({ name }) => connect?.outcome.ok && name === connect.outcome.server);
    server?.send({ type: 'crash' });
    session.execute('write', 0);
    at.pass(200);
    expect(session.ends.map(({ outcome }) => outcome.ok)).toEqual([false]);
    expect(rowsOf(at.servers[0])).toEqual([]);
  });

  test('idle sessions are told of a dead primary within 0.1 s; while Pgpool switches the next ones wait and are dropped', () => {
    const at = frontWith(40);
    const session = at.open('1');
    session.connect();
    at.pass(100);
    at.servers[0].send({ type: 'crash' });
    at.pass(100);
    expect(session.lost).toMatchObject([{ code: 'XX000' }]);
    at.front.pgpool.detach(0);
    at.pass(1000);
    session.connect();
    at.pass(1900);
    expect(session.connects).toHaveLength(1);
    at.pass(300);
    expect(session.connects[1]?.outcome).toMatchObject({ ok: false, error: { code: 'closed' } });
    session.connect();
    at.pass(100);
    expect(session.connects[2]?.outcome.ok).toBe(true);
    session.execute('write', 0);
    at.pass(100);
    expect(session.ends[0]?.outcome).toMatchObject({ definite: true, lost: false, error: { code: '25006' } });
  });
});
