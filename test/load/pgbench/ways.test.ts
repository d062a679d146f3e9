// Goal: `pgdrill pgbench` over TLS, through Pgpool-II, and at a server without a primary's rights, as its help says.
// Method: the built program as a person runs it, against a real server; what the server saw of it.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { sleep } from '../../../src/kernel/clock.ts';
import { checkRoom, readServerRoom } from '../../../src/load/room.ts';
import { newClient } from '../../../src/load/target.ts';
import { type RealServer, startRealServer } from '../wire/real-server.ts';
import { bothAgainst, type Running } from './programs.ts';
import { startSmallPgpool } from './small-pgpool.ts';

let server: RealServer;
let both: ReturnType<typeof bothAgainst>;
beforeAll(async () => {
  server = await startRealServer('127.0.91.3');
  both = bothAgainst(server.target, server.folder);
  expect((await both.ours(['-i', '-q', 'postgres']).ended).code).toBe(0);
}, 60_000);
afterAll(() => server.remove());

interface Told {
  transport: { name: string; reason: string };
  outcomes: { due: number; ok: number; failed: number; unknown: number; skipped: number };
  sessions: { lost: number; refused: number };
  errors: Record<string, number>;
  readsByServer: Record<string, number>;
}

async function toldBy(run: Running): Promise<Told> {
  const { code, stdout, stderr } = await run.ended;
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Told;
}

/** Looks until `found` holds something; what it found. */
async function lookedUp<Row>(
  sql: string,
  found: (rows: Record<string, unknown>[]) => Row | null,
): Promise<Row> {
  for (let look = 0; look < 300; look += 1) {
    const row = found(await server.query(sql));
    if (row !== null) return row;
    await sleep(20);
  }
  throw new Error(`not found: ${sql}`);
}

test('sslmode=require: every session is encrypted, on sockets of Node; a ring is refused', async () => {
  if (!server.tls) return;
  const words = ['--json', '-n', '-S', '-c', '3', '-T', '2', '-M', 'prepared'];
  const run = both.ours([...words, 'dbname=postgres sslmode=require']);
  const ssl = await lookedUp(
    `SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'pgdrill'`,
    (rows) => (rows.length === 3 ? rows.map((row) => row.ssl) : null),
  );
  expect(ssl).toEqual([true, true, true]);
  const told = await toldBy(run);
  expect(told.transport).toEqual({ name: 'stream', reason: 'no ring: TLS needs sockets of Node' });
  expect(told.outcomes.ok).toBe(told.outcomes.due);
  const refused = await both.ours([...words, '--transport', 'ring', 'dbname=postgres sslmode=require']).ended;
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('TLS needs sockets of Node')]);
});

test('through Pgpool-II: reads are named by server, and clients beyond its children are counted before', async () => {
  const pgpool = await startSmallPgpool(server.target, { host: '127.0.91.4', children: 6 });
  try {
    const through = bothAgainst(pgpool.target, server.folder);
    for (const transport of ['ring', 'stream']) {
      const words = ['--json', '-n', '--transport', transport, '-c', '6', '-T', '2', '-M', 'prepared'];
      const told = await toldBy(through.ours([...words, '-S', 'postgres']));
      expect(told.outcomes.ok).toBe(told.outcomes.due);
      const { host, port } = server.target;
      expect(told.readsByServer).toEqual({ [`${host}:${port}`]: told.outcomes.ok });
    }
    const each = await toldBy(through.ours(['--json', '-n', '-C', '-c', '4', '-t', '20', 'postgres']));
    expect(each.outcomes).toMatchObject({ due: 80, ok: 80 });
    const servers = [{ server: 'server1', ...server.target }];
    const room = (sessions: number, connect: 'pooled' | 'perTransaction', front = pgpool.target) =>
      checkRoom({ sessions, classes: [], connect }, { pgpool: front, servers });
    await room(6, 'pooled');
    await room(300, 'perTransaction');
    await expect(room(7, 'pooled')).rejects.toThrow(/Pgpool serves 6 at once \(num_init_children 6\)/);
    await expect(room(451, 'pooled', server.target)).rejects.toThrow(
      /451 connections on server1, which has room for \d+ more \(450 by max_connections/,
    );
    const crowded = await through.ours(['-n', '-c', '7', '-T', '1', 'postgres']).ended;
    expect([crowded.code, crowded.stderr]).toEqual([
      1,
      expect.stringContaining(
        '7 clients need as many sessions, and there can be 6 at a time (num_init_children',
      ),
    ]);
  } finally {
    await pgpool.stop();
  }
});

test('connections in use on a server are those of others', async () => {
  const clients = [1, 2, 3].map(() => newClient(server.target, 'others'));
  const [asking, ...others] = clients;
  if (!asking) throw new Error('no client');
  await asking.connect();
  const inUse = async (): Promise<number> => (await readServerRoom(asking)).inUse;
  await vi.waitFor(async () => expect(await inUse()).toBe(0), { timeout: 10_000 });
  for (const other of others) await other.connect();
  expect(await inUse()).toBe(2);
  await Promise.all(clients.map((client) => client.end()));
});

test('25006 fails a transaction, pauses its client, and keeps its session', async () => {
  const readOnly = async (value: 'on' | 'off'): Promise<void> => {
    await server.query(`ALTER SYSTEM SET default_transaction_read_only = ${value}`);
    await server.query('SELECT pg_reload_conf()');
  };
  const run = both.ours(['--json', '-n', '-c', '4', '-T', '4', 'postgres']);
  await lookedUp(`SELECT 1 FROM pg_stat_activity WHERE application_name = 'pgdrill'`, (rows) =>
    rows.length >= 4 ? true : null,
  );
  await sleep(500);
  await readOnly('on');
  await sleep(1200);
  await readOnly('off');
  const told = await toldBy(run);
  const refused = told.errors['25006'] ?? 0;
  expect(refused).toBeGreaterThan(4);
  expect(refused).toBeLessThan(4 * 15);
  expect(told.outcomes).toMatchObject({ failed: refused, unknown: 0 });
  expect(told.sessions).toMatchObject({ lost: 0, refused: 0 });
  expect(told.outcomes.ok).toBeGreaterThan(50);
});

test('a client given up by its script leaves an unknown outcome where a statement was committed, else a failed one', async () => {
  await server.query('CREATE TABLE left_over (a int)');
  const insert = 'INSERT INTO left_over VALUES (1);';
  const fails = ['\\set zero 0', '\\set x 1 / :zero', ''];
  for (const [lines, outcomes, rows] of [
    [[insert], { due: 1, failed: 0, unknown: 1 }, 1],
    [['BEGIN;', insert], { due: 1, failed: 1, unknown: 0 }, 0],
    [['BEGIN;', insert, 'END;'], { due: 1, failed: 0, unknown: 1 }, 1],
    [['SELECT 1;'], { due: 1, failed: 1, unknown: 0 }, 0],
  ] as const) {
    const file = join(server.folder, 'given-up.sql');
    writeFileSync(file, [...lines, ...fails].join('\n'));
    const { code, stdout, stderr } = await both.ours(['--json', '-n', '-t', '1', '-f', file, 'postgres'])
      .ended;
    expect([code, stderr]).toEqual([2, expect.stringContaining('division by zero')]);
    expect((JSON.parse(stdout) as Told).outcomes).toMatchObject(outcomes);
    const [{ count } = { count: -1 }] = await server.query('SELECT count(*)::int AS count FROM left_over');
    expect(count).toBe(rows);
    await server.query('TRUNCATE left_over');
  }
});

test('a transaction that an error ends is unknown where an earlier statement of it, or of an earlier try, was committed', async () => {
  await server.query('CREATE TABLE in_doubt (a int)');
  await server.query('CREATE SEQUENCE tries');
  const insert = 'INSERT INTO in_doubt VALUES (1);';
  const raise = (code: string): string =>
    `DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '${code}'; END $$;`;
  const onceOnly =
    "DO $$ BEGIN IF nextval('tries') > 1 THEN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END IF; END $$;";
  for (const [lines, tries, outcomes] of [
    [[insert, raise('40001')], 1, { due: 1, failed: 0, unknown: 1 }],
    [['BEGIN;', insert, raise('40001'), 'END;'], 1, { due: 1, failed: 1, unknown: 0 }],
    [[raise('40001'), insert], 3, { due: 1, failed: 1, unknown: 0 }],
    [[onceOnly, insert, raise('40001')], 2, { due: 1, failed: 0, unknown: 1 }],
  ] as const) {
    const file = join(server.folder, 'in-doubt.sql');
    writeFileSync(file, [...lines, ''].join('\n'));
    const words = ['--json', '-n', '-t', '1', `--max-tries=${tries}`, '-f', file, 'postgres'];
    expect((await toldBy(both.ours(words))).outcomes).toMatchObject(outcomes);
  }
});

test('--results keeps what a run recorded: slices, latencies and the whole of --json', async () => {
  const folder = join(server.folder, 'kept');
  const words = ['--json', '-n', '-S', '-c', '2', '-T', '2', `--results=${folder}`, 'postgres'];
  const told = await toldBy(both.ours(words));
  expect(JSON.parse(readFileSync(join(folder, 'summary.json'), 'utf8'))).toEqual(told);
  const slices = readFileSync(join(folder, 'intervals.jsonl'), 'utf8').trim().split('\n');
  const ok = slices.reduce((sum, line) => sum + JSON.parse(line).classes['script-1'].ok, 0);
  expect(ok).toBe(told.outcomes.ok);
  expect(readFileSync(join(folder, 'latency.hlog'), 'utf8')).toMatch(/Tag=script-1\/.*\/latency,/);
  const again = await both.ours(words).ended;
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('holds a result already')]);
  expect(existsSync(join(folder, 'summary.json.new'))).toBe(false);
});
