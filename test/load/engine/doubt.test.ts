// Goal: what an operation came to follows from what its script had done; its parameters follow from the operation alone.
// Method: one worker of the load in this thread, on `ring` and `stream`, against a real server; scripts that tell by rows.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sleep } from '../../../src/kernel/clock.ts';
import { loadSchema } from '../../../src/load/schema.ts';
import type { LoadPlan } from '../../../src/workload/plan.ts';
import { CuttingProxy } from '../wire/cutting-proxy.ts';
import { type RealServer, startRealServer } from '../wire/real-server.ts';
import { transportsHere } from '../wire/talker.ts';
import { errorsOf, openClass, runLoad, scriptOf, usualLoad } from './engine-run.ts';

let server: RealServer;
beforeAll(async () => {
  server = await startRealServer('127.0.91.5');
  await loadSchema(server.target, 1);
}, 60_000);
afterAll(() => server.remove());
beforeEach(async () => {
  await server.query('DROP TABLE IF EXISTS notes');
  await server.query('CREATE TABLE notes (operation text, a int, b int)');
});

/** So many operations of each class, one after the other. */
function shortLoad(transport: LoadPlan['transport'], classes: LoadPlan['classes'], each: number): LoadPlan {
  return {
    ...usualLoad('extended', transport),
    arrivals: 'constant',
    ...{ durationMs: each * 50, classes, sessionLifetimeMs: null, patienceMs: 10_000 },
  };
}

describe.each(await transportsHere())('on %s', (transport) => {
  test('random numbers and variables are those of the operation, whichever session carries it out', async () => {
    const text = `\\set v random(1, 1000000000)
INSERT INTO notes VALUES (:operation, :v, :left_over);
\\set left_over 1
`;
    const classes = [openClass('write', scriptOf(text, 'extended'), 20)];
    const rowsOf = async (sessions: number, seed: number): Promise<Record<string, unknown>[]> => {
      await server.query('TRUNCATE notes');
      const { result } = await runLoad(server.target, {
        ...shortLoad(transport, classes, 20),
        ...{ sessions, seed },
      });
      expect(result.totals.write).toMatchObject({ due: 20, ok: 20 });
      return server.query('SELECT operation, a, b FROM notes ORDER BY operation');
    };
    const rows = await rowsOf(1, 7);
    expect(new Set(rows.map(({ a }) => a)).size).toBe(20);
    expect(rows.every(({ b }) => b === null)).toBe(true);
    expect(await rowsOf(5, 7)).toEqual(rows);
    expect(await rowsOf(5, 8)).not.toEqual(rows);
  });

  test('a write that its session was lost with is in doubt; one within a transaction is known not to be done', async () => {
    const insert = 'INSERT INTO notes SELECT :operation, 1, 1 FROM pg_sleep(60);\n';
    const classes = [
      openClass('alone', scriptOf(insert, 'extended'), 20, 30_000),
      openClass('within', scriptOf(`BEGIN;\n${insert}END;\n`, 'extended'), 20, 30_000),
      openClass('piped', scriptOf(`\\startpipeline\n${insert}\\endpipeline\n`, 'extended'), 20, 30_000),
    ];
    const asleep = "FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    const meanwhile = async (): Promise<void> => {
      let count = 0;
      for (let look = 0; look < 200 && count !== 9; look += 1) {
        await sleep(50);
        count = (await server.query(`SELECT 1 ${asleep}`)).length;
      }
      await server.query(`SELECT pg_terminate_backend(pid) ${asleep}`);
    };
    const { result, recording } = await runLoad(
      server.target,
      { ...shortLoad(transport, classes, 3), sessions: 9 },
      { meanwhile },
    );
    expect(result.totals.alone).toMatchObject({ due: 3, ok: 0, failed: 0, unknown: 3 });
    expect(result.totals.piped).toMatchObject({ due: 3, ok: 0, failed: 0, unknown: 3 });
    expect(result.totals.within).toMatchObject({ due: 3, ok: 0, failed: 3, unknown: 0 });
    for (const name of ['alone', 'within', 'piped'])
      expect(errorsOf(recording, name)).toEqual({ '57P01': 3 });
  });

  test('at most 16 sessions of a worker are being opened at once, the others after them', async () => {
    const proxy = new CuttingProxy(server.target);
    proxy.mischief.stall = true;
    const countMost = async (): Promise<number> => {
      let most = 0;
      for (let look = 0, atMost = 0; look < 200 && atMost < 10; look += 1) {
        await sleep(50);
        most = Math.max(most, proxy.size);
        if (proxy.size >= 16) atMost += 1;
      }
      proxy.release();
      return most;
    };
    const counted = countMost();
    const classes = [openClass('read', scriptOf('builtin:select-only', 'extended'), 20)];
    const plan = { ...shortLoad(transport, classes, 3), sessions: 40 };
    const { result } = await runLoad(server.target, plan, { through: await proxy.listen() });
    await proxy.close();
    expect(await counted).toBe(16);
    expect(result.sessionProbes).toEqual({ server1: 40 });
  });

  test('what a script put into its pipeline before it failed, or its time was over, is not sent by the next', async () => {
    const insert = "INSERT INTO notes VALUES ('sent', 1, 1);\n";
    const fails = '\\set x 1 / 0';
    const inPipeline = (step: string): string =>
      `\\startpipeline\nINSERT INTO notes VALUES ('queued', 1, 1);\n${step}\n\\endpipeline\n`;
    const classes = [
      openClass('broken', scriptOf(inPipeline(fails), 'prepared'), 20),
      openClass('late', scriptOf(inPipeline('\\sleep 5 s'), 'prepared'), 20, 100),
      openClass('partly', scriptOf(`${insert}${inPipeline(fails)}`, 'prepared'), 20),
      openClass('synced', scriptOf(`\\startpipeline\n${insert}\\endpipeline\n${fails}\n`, 'prepared'), 20),
      openClass('read', scriptOf('SELECT 1;', 'prepared'), 20),
    ];
    const plan: LoadPlan = { ...shortLoad(transport, classes, 5), protocol: 'prepared', sessions: 1 };
    const { result, recording } = await runLoad(server.target, plan);
    expect(errorsOf(recording, 'broken')).toEqual({ script: 5 });
    expect(errorsOf(recording, 'late')).toEqual({ timeout: 5 });
    // Nothing of it can have been done, but what went out before it.
    for (const name of ['broken', 'late'])
      expect(result.totals[name]).toMatchObject({ due: 5, failed: 5, unknown: 0 });
    for (const name of ['partly', 'synced'])
      expect(result.totals[name]).toMatchObject({ due: 5, failed: 0, unknown: 5 });
    expect(result.totals.read).toMatchObject({ due: 5, ok: 5 });
    const operations = (await server.query('SELECT operation FROM notes')).map(({ operation }) => operation);
    expect(operations).toEqual(Array.from({ length: 10 }, () => 'sent'));
    expect(result.sessionProbes).toEqual({ server1: 1 });
  });

  test('a statement that survives its cancel is the last of its script', async () => {
    const text = `BEGIN;
DO $$ BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END $$;
INSERT INTO notes VALUES ('done', 1, 1);
END;
`;
    const classes = [openClass('write', scriptOf(text, 'extended'), 20, 300)];
    const plan = shortLoad(transport, classes, 3);
    const { result, recording } = await runLoad(server.target, plan);
    expect(result.totals.write).toMatchObject({ due: 3, ok: 0, failed: 3, unknown: 0 });
    expect(errorsOf(recording, 'write')).toEqual({ timeout: 3 });
    expect(await server.query('SELECT * FROM notes')).toEqual([]);
    expect(result.sessionProbes).toEqual({ server1: plan.sessions });
  });
});
