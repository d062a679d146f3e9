// Goal: whatever a network does to the bytes, every batch ends exactly once: answered right, or lost with its session.
// Method: a real server behind a proxy that fragments, stalls, cuts and damages; on `ring` and `stream` alike.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { compileQuery, compileStatement } from '../../../src/load/wire/templates.ts';
import { CuttingProxy } from './cutting-proxy.ts';
import { type RealServer, startRealServer } from './real-server.ts';
import { openStage, type Stage, type Talker, transportsHere } from './talker.ts';

let server: RealServer;
let proxy: CuttingProxy;
let stage: Stage;
beforeAll(async () => {
  server = await startRealServer('127.0.84.2');
}, 60_000);
afterAll(() => server.remove());
beforeEach(() => {
  proxy = new CuttingProxy(server.target);
});
afterEach(async () => {
  await stage.io.close();
  await proxy.close();
});

const rows = compileQuery(['SELECT i, repeat(chr(90), i) FROM generate_series(1, ', ') AS i'], [0]);
const sum = compileStatement({ id: 0, name: 'P0', sql: 'SELECT $1::int + 1', slots: [0] });
const expected = Array.from({ length: 12 }, (_, index) => [String(index + 1), 'Z'.repeat(index + 1)]);

async function talkThrough(count: number): Promise<Talker[]> {
  const target = await proxy.listen();
  const talkers: Talker[] = [];
  for (let index = 0; index < count; index += 1) talkers.push(await stage.talker(target));
  return talkers;
}

for (const name of await transportsHere()) {
  describe(name, () => {
    beforeEach(async () => {
      stage = await openStage(name);
    });

    test('answers in single bytes, log-in included, are read as whole ones are', async () => {
      proxy.mischief.single = true;
      const [talker] = await talkThrough(1);
      if (!talker) throw new Error('no talker');
      talker.wire.sendQuery(rows, [12], true);
      await stage.until(() => talker.heard.length === 1);
      expect(talker.last.kept[0]?.rows).toEqual(expected);
      talker.wire.sendStatement(sum, [41], true);
      await stage.until(() => talker.heard.length === 2);
      expect(talker.last.kept[0]?.rows).toEqual([['42']]);
      expect((await stage.ask(talker, 'SELECT 1/0')).error).toMatchObject({ code: '22012' });
    });

    test('a stall delays what passes through it and nothing else', async () => {
      const [held] = await talkThrough(1);
      const free = await stage.talker(server.target);
      if (!held) throw new Error('no talker');
      proxy.mischief.stall = true;
      held.wire.sendQuery(rows, [12], true);
      free.wire.sendQuery(rows, [12], true);
      await stage.until(() => free.heard.length === 1);
      expect(held.heard).toEqual([]);
      proxy.release();
      await stage.until(() => held.heard.length === 1);
      expect(held.last.kept[0]?.rows).toEqual(expected);
    });

    test.each(['close', 'reset'] as const)(
      'a cut (%s) loses each session once, busy and idle',
      async (how) => {
        const talkers = await talkThrough(4);
        const [first, second, third] = talkers;
        if (!first || !second || !third) throw new Error('no talkers');
        expect((await stage.ask(third, 'SELECT 1/0')).error).toMatchObject({ code: '22012' });
        first.wire.sendQuery(compileQuery(['SELECT pg_sleep(60)'], []), []);
        second.wire.sendQuery(rows, [12]);
        await stage.until(() => second.heard.length === 1);
        proxy.cut(how);
        await stage.until(() => talkers.every(({ lost }) => lost.length > 0));
        for (const { lost, wire } of talkers) {
          expect(lost).toEqual([{ code: 'closed', message: expect.any(String) }]);
          expect(wire.isOpen).toBe(false);
        }
        expect(first.heard).toEqual([]);
        expect(stage.io.size).toBe(0);
      },
    );

    test('a cut in the middle of an answer is a loss, not an answer', async () => {
      const [talker] = await talkThrough(1);
      if (!talker) throw new Error('no talker');
      proxy.mischief.corrupt = (chunk) => chunk.subarray(0, chunk.length - 3);
      talker.wire.sendQuery(rows, [12]);
      await stage.until(() => talker.heard.length + talker.lost.length > 0, 400).catch(() => undefined);
      expect(talker.heard).toEqual([]);
      proxy.cut('close');
      await stage.until(() => talker.lost.length === 1);
    });

    test('damage in a frame is a loss that says so', async () => {
      const talkers = await talkThrough(3);
      const damages: [RegExp, (chunk: Buffer) => Buffer][] = [
        [/type 0x00/, (chunk) => Buffer.concat([Buffer.from([0]), chunk.subarray(1)])],
        [/length -/, (chunk) => Buffer.concat([chunk.subarray(0, 1), Buffer.from([255]), chunk.subarray(2)])],
        [/what was not asked/, (chunk) => Buffer.concat([chunk, chunk.subarray(-6)])],
      ];
      for (const [at, [reason, corrupt]] of damages.entries()) {
        const talker = talkers[at];
        if (!talker) throw new Error('no talker');
        proxy.mischief.corrupt = corrupt;
        talker.wire.sendQuery(rows, [1]);
        await stage.until(() => talker.lost.length > 0);
        expect(talker.lost).toEqual([{ code: '08P01', message: expect.stringMatching(reason) }]);
        expect(talker.heard.length).toBe(at === 2 ? 1 : 0);
      }
      expect(stage.io.size).toBe(0);
    });

    test('a server that falls silent while a session is opened: the attempt ends as a timeout', async () => {
      proxy.mischief.stall = true;
      const target = await proxy.listen();
      const outcome = await stage.attempt(target);
      expect(outcome).toMatchObject({ ok: false, error: { code: 'timeout' } });
      proxy.release();
    });

    test('an attempt that is given up ends at once', async () => {
      proxy.mischief.stall = true;
      const target = await proxy.listen();
      const giveUp = new AbortController();
      const attempt = stage.attempt(target, { signal: giveUp.signal });
      giveUp.abort();
      expect(await attempt).toMatchObject({ ok: false, error: { code: 'closed' } });
      proxy.release();
    });
  });
}
