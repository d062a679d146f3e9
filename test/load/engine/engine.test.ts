// Goal: what the clients of a scenario count is what the server did, whatever happens to their sessions; scripts run whole.
// Method: one worker of the load in this thread, on `ring` and `stream`, against a real server, straight or through a
// proxy; its ledger against the rows.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sleep } from '../../../src/kernel/clock.ts';
import { loadSchema } from '../../../src/load/schema.ts';
import type { LoadPlan } from '../../../src/workload/plan.ts';
import { CuttingProxy } from '../wire/cutting-proxy.ts';
import { type RealServer, startRealServer } from '../wire/real-server.ts';
import { transportsHere } from '../wire/talker.ts';
import { type EngineRun, errorsOf, openClass, runLoad, scriptOf, usualLoad } from './engine-run.ts';

let server: RealServer;
beforeAll(async () => {
  server = await startRealServer('127.0.91.1');
  await loadSchema(server.target, 1);
}, 60_000);
afterAll(() => server.remove());

/** Every due operation ended once, and the rows are those that were acknowledged or left in doubt. */
function expectConserved({ result, finding }: EngineRun): void {
  for (const { due, ok, failed, unknown, skipped } of Object.values(result.totals))
    expect(ok + failed + unknown + skipped).toBe(due);
  expect(result.invalid).toEqual([]);
  const { ok, unknown, found, unknownFound, failedFound, lostAtMs } = finding;
  expect([failedFound, lostAtMs]).toEqual([0, []]);
  expect(found).toBe(ok + unknownFound);
  expect(unknownFound).toBeLessThanOrEqual(unknown);
}

const terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgdrill'";

describe.each(await transportsHere())('on %s', (transport) => {
  test.each(['simple', 'extended', 'prepared'] as const)(
    'a quiet run, %s: every operation is done and every row is there',
    async (protocol) => {
      const plan = { ...usualLoad(protocol, transport), patienceMs: 10_000 };
      const run = await runLoad(server.target, plan);
      expectConserved(run);
      const { read, write } = run.result.totals;
      expect([read?.ok, write?.ok]).toEqual([read?.due, write?.due]);
      expect(run.finding.found).toBe(write?.due);
      expect(run.result.workers.map(({ transport: used }) => used.split(' ')[0])).toEqual([transport]);
      expect(run.result.sessionProbes.server1).toBeGreaterThanOrEqual(16);
      expect(run.result.workers[0]?.eventLoopDelayMs?.max).toBeGreaterThanOrEqual(0);
    },
  );

  test('sessions terminated and a server killed and started: statements are prepared again, the ledger fits', async () => {
    const plan = { ...usualLoad('prepared', transport), durationMs: 8000 };
    const meanwhile = async (): Promise<void> => {
      for (let round = 0; round < 3; round += 1) {
        await sleep(400);
        await server.query(terminate);
      }
      await server.stop();
      await sleep(800);
      await server.start();
    };
    const run = await runLoad(server.target, plan, { meanwhile });
    expectConserved(run);
    expect(run.result.totals.write?.skipped).toBeGreaterThan(5);
    const last = run.recording.intervals.filter(({ startMs }) => startMs >= 7500 && startMs < 8000);
    const sum = (key: 'due' | 'ok'): number =>
      last.reduce((total, { classes }) => total + (classes.read?.[key] ?? 0), 0);
    expect(sum('due')).toBeGreaterThan(20);
    expect(sum('ok')).toBe(sum('due'));
  });

  test('a network that cuts, stalls and damages costs operations, and never a count', async () => {
    const proxy = new CuttingProxy(server.target);
    const through = await proxy.listen();
    const plan = { ...usualLoad('prepared', transport), durationMs: 4500 };
    plan.classes = plan.classes.map((entry) => ({ ...entry, timeoutMs: 400 }));
    const meanwhile = async (): Promise<void> => {
      await sleep(600);
      proxy.cut('reset');
      await sleep(400);
      proxy.mischief.stall = true;
      await sleep(1200);
      proxy.release();
      await sleep(400);
      proxy.mischief.corrupt = (chunk) => Buffer.concat([Buffer.from([0]), chunk.subarray(1)]);
      await sleep(100);
      proxy.mischief.corrupt = (chunk) => chunk;
      proxy.cut('close');
    };
    const run = await runLoad(server.target, plan, { through, meanwhile });
    await proxy.close();
    expectConserved(run);
    const errors = errorsOf(run.recording, 'read');
    expect(errors.timeout).toBeGreaterThan(0);
    const { ok = 0, due = 0 } = run.result.totals.read ?? {};
    expect(ok).toBeGreaterThan(due / 3);
  });

  test('results, branches, pauses and pipelines of a script are carried out', async () => {
    await server.query('CREATE TABLE IF NOT EXISTS notes (operation text, a int, b int); ');
    await server.query('TRUNCATE notes');
    const script = scriptOf(
      `SELECT 20 + 1 AS half, 5 AS five \\gset x_
\\if :x_half > 20
\\sleep 30 ms
\\startpipeline
INSERT INTO notes VALUES (:operation, :x_half * 2, :x_five);
INSERT INTO notes VALUES (:operation, 1, 1);
\\endpipeline
\\else
SELECT 1 / 0;
\\endif
`,
      'extended',
    );
    const plan: LoadPlan = {
      ...usualLoad('extended', transport),
      arrivals: 'constant',
      durationMs: 1000,
      classes: [openClass('write', script, 20)],
    };
    const { result } = await runLoad(server.target, plan);
    expect(result.totals.write).toMatchObject({ due: 20, ok: 20 });
    const rows = await server.query(
      'SELECT count(*)::int AS count, sum(a)::int AS a, sum(b)::int AS b FROM notes',
    );
    expect(rows).toEqual([{ count: 40, a: 20 * 43, b: 20 * 6 }]);
  });

  test('a statement over its time limit is cancelled: known not to be done, and its session goes on', async () => {
    const slow = (verb: string): string => `BEGIN;\n${verb} pg_sleep(30);\nEND;\n`;
    const plan: LoadPlan = {
      ...usualLoad('simple', transport),
      arrivals: 'constant',
      durationMs: 1000,
      sessionLifetimeMs: null,
      classes: [
        openClass('read', scriptOf('builtin:select-only'), 100),
        openClass('write', scriptOf(slow('SELECT 1 FROM')), 4, 300),
      ],
    };
    const run = await runLoad(server.target, plan);
    expectConserved(run);
    const { read, write } = run.result.totals;
    expect(write).toMatchObject({ ok: 0, failed: 4, unknown: 0 });
    expect(errorsOf(run.recording, 'write')).toEqual({ timeout: 4 });
    expect(read?.ok).toBe(read?.due);
    expect(run.result.sessionProbes).toEqual({ server1: plan.sessions });
    expect(
      await server.query(
        "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%' AND state = 'active' AND pid <> pg_backend_pid()",
      ),
    ).toEqual([]);
  });

  test('a script that waits when its time is over ends so, and one that leaves its transaction open fails', async () => {
    const plan: LoadPlan = {
      ...usualLoad('simple', transport),
      arrivals: 'constant',
      durationMs: 1000,
      sessionLifetimeMs: null,
      classes: [
        openClass('read', scriptOf('SELECT 1;\n\\sleep 5 s\nSELECT 2;'), 4, 200),
        openClass('write', scriptOf('BEGIN;\nUPDATE pgbench_accounts SET abalance = 1 WHERE aid = 1;'), 4),
      ],
    };
    const run = await runLoad(server.target, plan);
    expectConserved(run);
    expect(run.result.totals.read).toMatchObject({ due: 4, failed: 4 });
    expect(errorsOf(run.recording, 'read')).toEqual({ timeout: 4 });
    expect(run.result.totals.write).toMatchObject({ due: 4, failed: 4, unknown: 0 });
    expect(errorsOf(run.recording, 'write')).toEqual({ script: 4 });
    expect(run.result.sessionProbes).toEqual({ server1: plan.sessions });
  });

  test('with a connection per transaction each operation has its own session, and none stays', async () => {
    const plan: LoadPlan = {
      ...usualLoad('prepared', transport),
      durationMs: 1000,
      connect: 'perTransaction',
      patienceMs: 10_000,
    };
    const before = await server.query(
      "SELECT sessions::int FROM pg_stat_database WHERE datname = 'postgres'",
    );
    const run = await runLoad(server.target, plan);
    expectConserved(run);
    const { read, write } = run.result.totals;
    for (const totals of [read, write])
      expect(totals).toMatchObject({ ok: totals?.due, failed: 0, unknown: 0, skipped: 0 });
    expect(run.result.sessionProbes).toEqual({});
    expect([
      ...new Set(run.recording.intervals.flatMap((slice) => Object.keys(slice.readsByServer))),
    ]).toEqual(['?']);
    await sleep(1500);
    const after = await server.query("SELECT sessions::int FROM pg_stat_database WHERE datname = 'postgres'");
    const opened = Number(after[0]?.sessions) - Number(before[0]?.sessions);
    expect(opened).toBeGreaterThanOrEqual((read?.due ?? 0) + (write?.due ?? 0));
  });

  test('four hundred sessions: a storm is paced, and all come back after a kill', async () => {
    const plan: LoadPlan = {
      ...usualLoad('simple', transport),
      durationMs: 60_000,
      classes: [openClass('read', scriptOf('builtin:select-only'), 50)],
      sessions: 400,
      sessionLifetimeMs: null,
    };
    const connected = async (): Promise<number> => {
      const sql = "SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = 'pgdrill'";
      const [row] = await server.query(sql);
      return Number(row?.count);
    };
    const counts: number[] = [];
    const run = await runLoad(server.target, plan, {
      meanwhile: async (driver) => {
        counts.push(await connected());
        await server.query(terminate);
        do {
          await sleep(200);
          counts.push(await connected());
        } while (counts.at(-1) !== plan.sessions && counts.length < 150);
        driver.stop();
      },
    });
    expectConserved(run);
    expect([counts[0], counts.at(-1)]).toEqual([400, 400]);
    expect(run.result.sessionProbes.server1).toBeGreaterThanOrEqual(800);
  });

  test('an hour of think time does not keep a run from being called off', async () => {
    const closed = { sessions: 3, thinkTimeMs: 3_600_000, think: 'fixed' } as const;
    const plan: LoadPlan = {
      ...usualLoad('simple', transport),
      arrivals: 'constant',
      durationMs: 800,
      classes: [
        openClass('read', scriptOf('builtin:select-only'), 50),
        { name: 'write', script: scriptOf('builtin:tpcb-like'), perSecond: null, closed, timeoutMs: 1000 },
      ],
    };
    const run = await runLoad(server.target, plan);
    expectConserved(run);
    expect(run.result.totals.read?.ok).toBe(40);
  });
});
