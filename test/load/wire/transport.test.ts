// Goal: both transports carry every kind of talk with a real PostgreSQL, whole and in order, and tell every loss.
// Method: a server of this file's own; the same tests on `ring` and `stream`; what was heard against what SQL says.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { monotonicMs } from '../../../src/kernel/clock.ts';
import { cancel } from '../../../src/load/wire/cancel.ts';
import { loadKernelCalls } from '../../../src/load/wire/kernel-calls.ts';
import { openWire } from '../../../src/load/wire/open-wire.ts';
import { RingIo } from '../../../src/load/wire/ring-io.ts';
import { compileQuery, compileStatement } from '../../../src/load/wire/templates.ts';
import type { WireAgenda } from '../../../src/load/wire/wire-io.ts';
import { type RealServer, startRealServer } from './real-server.ts';
import { openStage, Stage, type Talker, transportsHere } from './talker.ts';

let server: RealServer;
let stage: Stage;
beforeAll(async () => {
  server = await startRealServer('127.0.84.1');
}, 60_000);
afterAll(() => server.remove());
afterEach(() => stage.io.close());

const select = compileQuery(['SELECT ', ' + ', ''], [1, 0]);
const prepared = compileStatement({
  id: 0,
  name: 'P0_1',
  sql: 'SELECT $1::int + $2::int AS sum',
  slots: [1, 0],
});
const unnamed = compileStatement({ id: 1, name: '', sql: 'SELECT $1::text AS word', slots: [2] });
const failing = compileStatement({ id: 2, name: 'P0_2', sql: 'SELECT 1 / $1::int', slots: [0] });
const misspelt = compileStatement({ id: 3, name: 'P0_3', sql: 'SELEKT 1', slots: [] });

for (const name of await transportsHere()) {
  describe(name, () => {
    const set = async (): Promise<Stage> => {
      stage = await openStage(name);
      return stage;
    };

    test('simple, extended and prepared statements bring their rows', async () => {
      const { io } = await set();
      expect(io.name).toBe(name);
      const talker = await stage.talker(server.target);
      expect(talker.servedBy).toBe(`${server.target.host}:${server.target.port}`);
      const values = [40, 2, 'süß'];
      const sends = [
        () => talker.wire.sendQuery(select, values, true),
        () => talker.wire.sendStatement(unnamed, values, true),
        () => talker.wire.sendStatement(prepared, values, true),
        () => talker.wire.sendStatement(prepared, values, true),
      ];
      for (const [at, send] of sends.entries()) {
        send();
        await stage.until(() => talker.heard.length > at);
      }
      expect(talker.heard.map(({ kept }) => kept)).toEqual([
        [{ columns: ['?column?'], rows: [['42']], tag: 'SELECT 1' }],
        [{ columns: ['word'], rows: [['süß']], tag: 'SELECT 1' }],
        [{ columns: ['sum'], rows: [['42']], tag: 'SELECT 1' }],
        [{ columns: ['sum'], rows: [['42']], tag: 'SELECT 1' }],
      ]);
      expect(talker.heard.map(({ parsed }) => parsed)).toEqual([0, 1, 1, 0]);
    });

    test('several statements in one query, notices, transaction status, changed parameters', async () => {
      await set();
      const talker = await stage.talker(server.target);
      const heard = await stage.ask(
        talker,
        "BEGIN; DO $$ BEGIN RAISE WARNING 'mind the gap'; END $$; SELECT 1 AS a, NULL AS b; SELECT 2 AS c; SET application_name = 'other'",
      );
      expect(heard).toMatchObject({ rows: 2, completed: 5, notices: 1, status: 'T', error: null });
      expect(heard.lastNotice).toMatchObject({ severity: 'WARNING', message: 'mind the gap' });
      expect(heard.kept.map(({ rows }) => rows)).toEqual([[], [], [['1', null]], [['2']], []]);
      expect(talker.wire.parameters.get('application_name')).toBe('other');
      expect((await stage.ask(talker, 'SELECT 1/0')).status).toBe('E');
      expect((await stage.ask(talker, 'ROLLBACK')).status).toBe('I');
    });

    test('an error in the middle of a pipeline fails its Sync and no other', async () => {
      await set();
      const talker = await stage.talker(server.target);
      const { wire } = talker;
      wire.addStatement(prepared, [1, 2]);
      wire.addStatement(failing, [0]);
      wire.addStatement(misspelt, []);
      wire.addSync();
      wire.addStatement(prepared, [3, 4]);
      wire.addStatement(failing, [1]);
      wire.addSync();
      wire.flush(true);
      await stage.until(() => talker.heard.length === 2);
      expect(talker.heard[0]).toMatchObject({ completed: 1, error: { code: '22012', severity: 'ERROR' } });
      expect(talker.heard[1]).toMatchObject({ completed: 2, rows: 2, error: null });
      expect(talker.heard[1]?.kept.map(({ rows }) => rows)).toEqual([[['7']], [['1']]]);
      wire.sendStatement(misspelt, []);
      await stage.until(() => talker.heard.length === 3);
      expect(talker.last.error).toMatchObject({ code: '42601', position: 1 });
      wire.sendStatement(failing, [1]);
      await stage.until(() => talker.heard.length === 4);
      expect(talker.last).toMatchObject({ parsed: 0, rows: 1, error: null });
    });

    test('a batch that is discarded is not sent; what it would have parsed is parsed by the next', async () => {
      await set();
      const talker = await stage.talker(server.target);
      const { wire } = talker;
      wire.addStatement(prepared, [1, 2]);
      wire.addStatement(unnamed, [0, 0, 'x']);
      wire.discard();
      wire.sendStatement(prepared, [20, 22], true);
      await stage.until(() => talker.heard.length === 1);
      expect(talker.last).toMatchObject({ parsed: 1, kept: [{ rows: [['42']] }] });
      wire.addStatement(failing, [1]);
      wire.discard();
      wire.sendStatement(prepared, [30, 22], true);
      await stage.until(() => talker.heard.length === 2);
      expect(talker.last).toMatchObject({ parsed: 0, rows: 1, kept: [{ rows: [['52']] }] });
    });

    test('megabytes in either direction, and many small rows', async () => {
      await set();
      const talker = await stage.talker(server.target);
      const megabytes = 'x'.repeat(5_000_000);
      talker.wire.sendStatement(unnamed, [0, 0, megabytes], true);
      await stage.until(() => talker.heard.length === 1);
      expect(talker.last.kept[0]?.rows[0]?.[0] === megabytes).toBe(true);
      const heard = await stage.ask(talker, 'SELECT generate_series(1, 200000)');
      expect(heard.rows).toBe(200_000);
      expect(heard.kept[0]?.rows.at(-1)).toEqual(['200000']);
      talker.wire.sendQuery(select, [1, 2], true);
      await stage.until(() => talker.heard.length === 3);
      expect(talker.last.kept[0]?.rows).toEqual([['3']]);
    });

    test('a pipeline far larger than all buffers, both ways, does not lock up', async () => {
      await set();
      const talker = await stage.talker(server.target);
      const word = 'y'.repeat(100_000);
      for (let at = 0; at < 200; at += 1) talker.wire.addStatement(unnamed, [0, 0, word]);
      talker.wire.addSync();
      talker.wire.flush();
      await stage.until(() => talker.heard.length === 1);
      expect(talker.last).toMatchObject({ rows: 200, completed: 200, error: null });
    });

    test('COPY is refused in both directions, simple and extended, and the session lives on', async () => {
      await set();
      const talker = await stage.talker(server.target);
      await stage.ask(talker, 'CREATE TEMP TABLE t (a int)');
      let id = 10;
      for (const sql of ['COPY t FROM STDIN', 'COPY (SELECT generate_series(1, 1000)) TO STDOUT']) {
        expect((await stage.ask(talker, sql)).error).toMatchObject({ code: '0A000' });
        const named = compileStatement({ id: id++, name: `copy${id}`, sql, slots: [] });
        // The second time by name it is parsed already.
        for (const statement of [compileStatement({ id: 9, name: '', sql, slots: [] }), named, named]) {
          talker.wire.sendStatement(statement, []);
          const before = talker.heard.length;
          await stage.until(() => talker.heard.length > before);
          expect(talker.last.error).toMatchObject({ code: '0A000' });
          expect((await stage.ask(talker, 'SELECT 1')).kept[0]?.rows).toEqual([['1']]);
        }
        expect((await stage.ask(talker, 'SELECT count(*) FROM t')).kept[0]?.rows).toEqual([['0']]);
      }
    });

    test('an answer bears an instant after its statement was done, of however many in one wait each', async () => {
      await set();
      const talkers = await Promise.all(Array.from({ length: 12 }, () => stage.talker(server.target)));
      for (const spanMs of [30, 0, 60]) {
        const sentMs = monotonicMs();
        const counts = talkers.map(({ heard }) => heard.length);
        const sleep = compileQuery([`SELECT pg_sleep(${spanMs / 1000})`], []);
        for (const { wire } of talkers) wire.sendQuery(sleep, []);
        await stage.until(() => talkers.every(({ heard }, at) => heard.length > (counts[at] ?? 0)));
        const nowMs = monotonicMs();
        for (const { last } of talkers) {
          expect(last.atMs).toBeGreaterThanOrEqual(sentMs + spanMs);
          expect(last.atMs).toBeLessThanOrEqual(nowMs);
        }
      }
    });

    test.runIf(name === 'stream')('so does one that comes while nobody drives', async () => {
      await set();
      const [first, second] = [await stage.talker(server.target), await stage.talker(server.target)];
      const heard = [first, second].map(
        (talker) => new Promise<void>((resolve) => Object.assign(talker, { onHeard: () => resolve() })),
      );
      const sentMs = monotonicMs();
      first.wire.sendQuery(select, [1, 1]);
      second.wire.sendQuery(compileQuery(['SELECT pg_sleep(0.05)'], []), []);
      await Promise.all(heard);
      expect(first.last.atMs).toBeGreaterThanOrEqual(sentMs);
      expect(second.last.atMs).toBeGreaterThanOrEqual(sentMs + 50);
    });

    test('COPY FROM in a pipeline ends the session with a reason', async () => {
      await set();
      const talker = await stage.talker(server.target);
      await stage.ask(talker, 'CREATE TEMP TABLE t (a int)');
      const copy = compileStatement({ id: 9, name: '', sql: 'COPY t FROM STDIN', slots: [] });
      talker.wire.addStatement(copy, []);
      talker.wire.addStatement(unnamed, [0, 0, 'x']);
      talker.wire.addSync();
      talker.wire.flush();
      await stage.until(() => talker.lost.length === 1);
      expect(talker.lost).toMatchObject([{ code: '0A000', message: expect.stringContaining('COPY') }]);
    });

    test('a terminated backend is a loss with the reason the server gave; the others go on', async () => {
      await set();
      const talkers = [await stage.talker(server.target), await stage.talker(server.target)];
      const [victim, other] = talkers;
      if (!victim || !other) throw new Error('no talkers');
      victim.wire.sendQuery(compileQuery(['SELECT pg_sleep(60)'], []), []);
      other.onHeard = (wire) => {
        if (victim.lost.length === 0) wire.sendQuery(select, [1, 1]);
      };
      other.wire.sendQuery(select, [1, 1]);
      const killed = server.query('SELECT pg_terminate_backend($1)', [victim.wire.key.processId]);
      await stage.until(() => victim.lost.length > 0 && other.wire.pending === 0);
      await killed;
      expect(victim.lost).toEqual([{ code: '57P01', message: expect.stringContaining('administrator') }]);
      expect(victim.wire.isOpen).toBe(false);
      expect(other.heard.every(({ rows }) => rows === 1)).toBe(true);
      expect(stage.io.size).toBe(1);
    });

    test('an idle session that is terminated is lost, too', async () => {
      await set();
      const talker = await stage.talker(server.target);
      await server.query('SELECT pg_terminate_backend($1)', [talker.wire.key.processId]);
      await stage.until(() => talker.lost.length > 0);
      expect(talker.lost).toMatchObject([{ code: '57P01' }]);
    });

    test('a cancel ends the statement and leaves the session', async () => {
      await set();
      const talker = await stage.talker(server.target);
      talker.wire.sendQuery(compileQuery(['SELECT pg_sleep(60)'], []), []);
      const started = server.query('SELECT pg_sleep(0.2)');
      void started.then(() => cancel(server.target, talker.wire.key));
      await stage.until(() => talker.heard.length === 1);
      expect(talker.last.error).toMatchObject({ code: '57014' });
      expect((await stage.ask(talker, 'SELECT 1')).rows).toBe(1);
    });

    test('a server that stops loses all; sessions opened while it runs again prepare anew', async () => {
      await set();
      const talkers = [await stage.talker(server.target), await stage.talker(server.target)];
      for (const talker of talkers) talker.wire.sendStatement(prepared, [1, 1]);
      await stage.until(() => talkers.every(({ heard }) => heard.length === 1));
      const stopped = server.stop();
      await stage.until(() => talkers.every(({ lost }) => lost.length === 1));
      await stopped;
      const refused = await stage.attempt(server.target);
      expect(refused).toMatchObject({
        ok: false,
        error: { code: 'closed', message: expect.stringContaining('ECONNREFUSED') },
      });
      await server.start();
      const again = await stage.talker(server.target);
      again.wire.sendStatement(prepared, [20, 22], true);
      await stage.until(() => again.heard.length === 1);
      expect(again.last).toMatchObject({ parsed: 1, kept: [{ rows: [['42']] }] });
    });

    test('sessions open and close while others work; places are used again', async () => {
      await set();
      const worker = await stage.talker(server.target);
      let going = true;
      worker.onHeard = (wire) => {
        if (going) wire.sendQuery(select, [1, 1]);
      };
      worker.wire.sendQuery(select, [1, 1]);
      let rounds = 0;
      const comeAndGo = async (): Promise<void> => {
        for (; rounds < 30; rounds += 1) {
          const guest = await stage.talker(server.target);
          guest.wire.sendStatement(prepared, [rounds, 1], true);
          if (rounds % 3 === 0) guest.wire.close();
          else guest.onHeard = (wire) => wire.close();
        }
        going = false;
      };
      const coming = comeAndGo();
      await stage.until(() => !going && worker.wire.pending === 0 && stage.io.size === 1);
      await coming;
      expect(worker.heard.every(({ rows, error }) => rows === 1 && error === null)).toBe(true);
      const guests = stage.talkers.slice(1);
      expect(guests.flatMap(({ lost }) => lost)).toEqual([]);
      expect(guests.filter(({ heard }) => heard.length === 1)).toHaveLength(20);
      await untilAlone(worker.wire.key.processId);
    });

    test('a session that is still being opened when the transport closes does not come about', async () => {
      await set();
      const attempt = stage.attempt(server.target);
      await stage.io.close();
      expect(await attempt).toMatchObject({ ok: false, error: { code: 'closed' } });
    });

    test('two hundred sessions', async () => {
      await set();
      const talkers: Talker[] = [];
      while (talkers.length < 200) {
        const opening = Array.from({ length: 25 }, (_, at) =>
          stage.talker(server.target, { index: talkers.length + at, withoutProbe: true }),
        );
        talkers.push(...(await Promise.all(opening)));
      }
      for (const talker of talkers) {
        talker.onHeard = (wire) => {
          if (talker.heard.length < 20) wire.sendStatement(prepared, [wire.index, talker.heard.length], true);
        };
        talker.wire.sendStatement(prepared, [talker.wire.index, 0], true);
      }
      await stage.until(() => talkers.every(({ heard }) => heard.length === 20));
      for (const { wire, heard } of talkers)
        expect(heard.map(({ kept }) => kept[0]?.rows[0]?.[0])).toEqual(
          heard.map((_, at) => String(wire.index + at)),
        );
    });

    test('SCRAM lets the right password in and tells a wrong one', async () => {
      await set();
      const scram = { ...server.target, user: 'scram' };
      const talker = await stage.talker({ ...scram, password: 'geheim' });
      expect((await stage.ask(talker, 'SELECT current_user')).kept[0]?.rows).toEqual([['scram']]);
      expect(await stage.attempt({ ...scram, password: 'falsch' })).toMatchObject({
        ok: false,
        error: { code: '28P01' },
      });
    });

    test('an agenda is met on time and a batch that stands open is answered meanwhile', async () => {
      await set();
      const talker = await stage.talker(server.target);
      const startMs = performance.now();
      const dueMs = [startMs + 3, startMs + 3.5, startMs + 40];
      const metMs: number[] = [];
      talker.wire.sendQuery(select, [1, 1]);
      await stage.io.drive({
        nextDueMs: () => dueMs[metMs.length] ?? Number.POSITIVE_INFINITY,
        due: (nowMs) => metMs.push(nowMs),
        finished: () => metMs.length === dueMs.length,
      });
      expect(metMs.every((met, at) => met >= (dueMs[at] as number))).toBe(true);
      expect(talker.heard).toHaveLength(1);
    });

    test.each(['at an instant', 'in the event loop', 'between two drives'] as const)(
      'work %s is not added to the wait that follows it',
      async (where) => {
        await set();
        const workMs = 30;
        const lateMs: number[] = [];
        for (let round = 0; round < 9; round += 1) {
          let dueMs = monotonicMs();
          let [begun, ended] = [false, false];
          const work = (): void => {
            for (const untilMs = monotonicMs() + workMs; monotonicMs() < untilMs; );
            dueMs = monotonicMs() + 3;
            stage.io.stir();
          };
          const agenda: WireAgenda = {
            nextDueMs: () => dueMs,
            due: (nowMs) => {
              if (begun) lateMs.push(nowMs - dueMs);
              ended = begun || where === 'between two drives';
              begun = true;
              dueMs = Number.POSITIVE_INFINITY;
              if (ended) return;
              if (where === 'at an instant') work();
              else void stage.io.accompany(new Promise<void>((resolve) => setImmediate(resolve)).then(work));
            },
            finished: () => ended,
          };
          await stage.io.drive(agenda);
          if (where !== 'between two drives') continue;
          work();
          ended = false;
          await stage.io.drive(agenda);
        }
        expect(lateMs).toHaveLength(9);
        // The median: other work of the machine may come between.
        expect(lateMs.sort((a, b) => a - b)[4]).toBeLessThan(workMs / 2);
      },
    );

    test.runIf(name === 'ring')(
      'nor is work on an answer: no wait is set to end after the instant',
      async () => {
        const io = new RingIo(await loadKernelCalls(), 16);
        stage = new Stage(io);
        const talker = await stage.talker(server.target);
        const workMs = 30;
        let dueMs = Number.POSITIVE_INFINITY;
        talker.onHeard = () => {
          for (const untilMs = monotonicMs() + workMs; monotonicMs() < untilMs; );
          dueMs = monotonicMs() + 3;
        };
        const lateMs: number[] = [];
        const enter = io.ring.enter.bind(io.ring);
        io.ring.enter = (waitMs) => {
          if (waitMs < Number.POSITIVE_INFINITY) lateMs.push(monotonicMs() + waitMs - dueMs);
          enter(waitMs);
        };
        for (let round = 0; round < 5; round += 1) {
          dueMs = Number.POSITIVE_INFINITY;
          talker.wire.sendQuery(select, [1, 1]);
          let ended = false;
          await io.drive({
            nextDueMs: () => dueMs,
            due: () => {
              ended = true;
            },
            finished: () => ended,
          });
        }
        expect(lateMs.filter((spanMs) => spanMs > workMs / 2)).toEqual([]);
      },
    );

    test('an agenda with no instant is asked all the same whether it has finished', async () => {
      await set();
      let asked = 0;
      await stage.io.drive({
        nextDueMs: () => Number.POSITIVE_INFINITY,
        due: () => undefined,
        finished: () => {
          asked += 1;
          return asked === 4;
        },
      });
      expect(asked).toBe(4);
    }, 20_000);

    /** Waits until the server has no session of this test but one. */
    async function untilAlone(processId: number): Promise<void> {
      for (let attempt = 0; attempt < 100; attempt += 1) {
        const rows = await server.query(
          "SELECT pid FROM pg_stat_activity WHERE application_name = 'wire-test' AND pid <> $1",
          [processId],
        );
        if (rows.length === 0) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error('closed sessions are still there');
    }
  });
}

test('TLS is carried by stream, and the choice says why', async ({ skip }) => {
  stage = new Stage(await openWire({ prefer: 'auto', expectedConnections: 1, tls: true }));
  expect(stage.io).toMatchObject({ name: 'stream', reason: expect.stringContaining('TLS') });
  if (!server.tls) skip();
  const talker = await stage.talker(server.target, { tls: { rejectUnauthorized: false } });
  const heard = await stage.ask(talker, 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
  expect(heard.kept[0]?.rows).toEqual([['t']]);
  const large = await stage.ask(talker, 'SELECT generate_series(1, 100000)');
  expect(large.rows).toBe(100_000);
  await server.query('SELECT pg_terminate_backend($1)', [talker.wire.key.processId]);
  await stage.until(() => talker.lost.length > 0);
  expect(talker.lost).toMatchObject([{ code: '57P01' }]);
});
