// Goal: lost sessions cost the transactions they carried and nothing more; every due transaction is accounted for.
// Method: a real server whose sessions are killed, or that is stopped and started, in the middle of a run.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sleep } from '../../../src/kernel/clock.ts';
import { type RealServer, startRealServer } from '../wire/real-server.ts';
import { bothAgainst, type Running } from './programs.ts';

let server: RealServer;
let both: ReturnType<typeof bothAgainst>;

beforeAll(async () => {
  server = await startRealServer('127.0.81.9');
  both = bothAgainst(server.target, server.folder);
  expect((await both.ours(['-i', '-q', 'postgres']).ended).code).toBe(0);
}, 60_000);
afterAll(async () => {
  await server.remove();
});

/** Waits until so many sessions of a program have worked. */
async function working(application: string, sessions: number): Promise<void> {
  const sql = `select count(*)::int as count from pg_stat_activity
    where application_name = $1 and query ~* 'update|begin|end|insert|abalance'`;
  for (let look = 0; look < 200; look += 1) {
    const [row] = await server.query(sql, [application]);
    if (Number(row?.count) >= sessions) return;
    await sleep(50);
  }
  throw new Error(`no ${sessions} sessions of ${application} at work`);
}

async function killTwo(application: string): Promise<void> {
  await working(application, 4);
  const sql = `select pg_terminate_backend(pid) from
    (select pid from pg_stat_activity where application_name = $1 order by pid limit 2) as victims`;
  expect(await server.query(sql, [application])).toHaveLength(2);
}

interface Told {
  outcomes: { due: number; ok: number; failed: number; unknown: number; skipped: number };
  sessions: { lost: number; reopened: number; abortedClients: number };
  errors: Record<string, number>;
  scripts: { outages: { lengthMs: number; lost: number }[] }[];
  transport: { name: string };
}

async function toldBy(run: Running, expectedCode: number): Promise<Told> {
  const { code, stdout, stderr } = await run.ended;
  expect(code, stderr).toBe(expectedCode);
  const told = JSON.parse(stdout) as Told;
  const { due, ok, failed, unknown, skipped } = told.outcomes;
  expect(ok + failed + unknown + skipped).toBe(due);
  return told;
}

/** Rows that committed transactions left. */
async function history(): Promise<number> {
  const [row] = await server.query('select count(*)::int as count from pgbench_history');
  return Number(row?.count);
}

describe.each(['ring', 'stream'])('on %s', (transport) => {
  const words = ['--json', '--transport', transport, '-c', '4', '-T', '4'];

  test('two of four sessions are killed: two transactions fail, all clients go on', async () => {
    const run = both.ours([...words, '-M', 'prepared', 'postgres']);
    await killTwo('pgdrill');
    const told = await toldBy(run, 0);
    expect(told.transport.name).toBe(transport);
    expect(told.sessions).toMatchObject({ lost: 2, reopened: 2, abortedClients: 0 });
    const { ok, failed, unknown } = told.outcomes;
    expect(failed + unknown).toBeLessThanOrEqual(2);
    const rows = await history();
    expect(rows).toBeGreaterThanOrEqual(ok);
    expect(rows).toBeLessThanOrEqual(ok + unknown);
  });

  test('the server is stopped and started: an outage, and work after it', async () => {
    const run = both.ours([...words.slice(0, -1), '8', '-M', 'extended', 'postgres']);
    await working('pgdrill', 4);
    await server.stop();
    await sleep(600);
    await server.start();
    const told = await toldBy(run, 0);
    expect(told.sessions).toMatchObject({ lost: 4, reopened: 4, abortedClients: 0 });
    expect(told.scripts[0]?.outages.some(({ lengthMs }) => lengthMs >= 600)).toBe(true);
    const rows = await history();
    const { ok, unknown } = told.outcomes;
    expect(rows).toBeGreaterThanOrEqual(ok);
    expect(rows).toBeLessThanOrEqual(ok + unknown);
  });

  test('a rate goes on through a kill, late work is sent or skipped', async () => {
    const run = both.ours([...words, '-R', '100', '-L', '300', '-S', 'postgres']);
    await killTwo('pgdrill');
    const told = await toldBy(run, 0);
    expect(told.sessions.lost).toBe(2);
    expect(told.outcomes.due).toBeGreaterThan(200);
  });
});

test('pgbench gives two clients up, and so do we with --abort-on-loss', async () => {
  const theirs = both.theirs(['-c', '4', '-T', '4', 'postgres']);
  await killTwo('pgbench');
  const their = await theirs.ended;
  expect(their.code).toBe(2);
  expect(their.stdout).toContain('number of failed transactions: 0 (0.000%)');
  const run = both.ours(['--abort-on-loss', '--json', '-c', '4', '-T', '4', 'postgres']);
  await killTwo('pgdrill');
  const told = await toldBy(run, 2);
  expect(told.sessions).toMatchObject({ lost: 2, reopened: 0, abortedClients: 2 });
});

test('a statement that is not answered is cancelled, and its client goes on', async () => {
  const file = join(server.folder, 'slow.sql');
  await writeFile(file, 'SELECT pg_sleep(CASE WHEN :client_id = 0 THEN 60 ELSE 0.01 END);\n');
  const words = ['-n', '-c', '2', '-T', '3', '--answer-timeout=1', '-f', file];
  const told = await toldBy(both.ours(['--json', ...words, 'postgres']), 0);
  expect(told.errors).toEqual({ timeout: told.sessions.lost });
  expect(told.sessions.lost).toBeGreaterThanOrEqual(2);
  expect(told.outcomes.ok).toBeGreaterThan(10);
  await sleep(500);
  const sleeping = await server.query("select 1 from pg_stat_activity where query like 'SELECT pg_sleep%'");
  expect(sleeping).toEqual([]);
});

test('Ctrl-C ends a run in order, with its results', async () => {
  const run = both.ours(['--json', '-c', '4', '-T', '60', 'postgres']);
  await working('pgdrill', 4);
  run.child.kill('SIGINT');
  const told = await toldBy(run, 130);
  expect(told.outcomes.ok).toBeGreaterThan(0);
});
