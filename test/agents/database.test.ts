// Goal: what an agent asks and tells its database is what PostgreSQL means by it.
// Method: one real server, as a primary and then, restarted with standby.signal, as a standby that nobody feeds.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DatabasePlace, queryDatabase, setReplay, setSynchronous } from '../../src/agents/database.ts';
import type { CommandOutcome } from '../../src/roles/host.ts';
import { type RealServer, startRealServer } from '../load/wire/real-server.ts';

let server: RealServer;
beforeAll(async () => {
  server = await startRealServer('127.0.85.7');
}, 60_000);
afterAll(() => server.remove());

const place = (more: Partial<DatabasePlace> = {}): DatabasePlace => ({
  ...server.target,
  localAddress: '127.0.85.8',
  timeoutMs: 5000,
  ...more,
});
const ask = (more?: Partial<DatabasePlace>) =>
  new Promise<CommandOutcome>((resolve) => queryDatabase(place(more), resolve));

test('a primary: out of recovery, nothing received, nothing synchronous until it is set', async () => {
  const outcome = await ask();
  expect(outcome).toMatchObject({ ok: true, inRecovery: false, synchronous: null });
  expect(outcome.positions?.receivedBytes).toBeNull();
  expect(outcome.positions?.replayedBytes).toBeGreaterThan(0);
});

test('num_sync is changed with a reload, and cleared', async () => {
  await server.query(`ALTER SYSTEM SET synchronous_standby_names = 'ANY 2 (b, "c d")'`);
  await server.query('SELECT pg_reload_conf()');
  expect((await ask()).synchronous).toEqual({ numSync: 2, connected: 0 });
  const set = (numSync: number | null) =>
    new Promise<CommandOutcome>((resolve) => setSynchronous(place(), numSync, resolve));
  expect(await set(1)).toEqual({ ok: true, detail: 'ANY 1 (b, "c d")' });
  await expect.poll(async () => (await ask()).synchronous).toEqual({ numSync: 1, connected: 0 });
  expect((await set(null)).ok).toBe(true);
  await expect.poll(async () => (await ask()).synchronous).toBeNull();
});

test('a port where nobody listens is refused at once; a wrong database is told', async () => {
  expect(await ask({ port: 1 })).toMatchObject({
    ok: false,
    detail: expect.stringContaining('ECONNREFUSED'),
  });
  expect(await ask({ database: 'nowhere' })).toMatchObject({ ok: false });
});

test('why a server lets nobody in is told: credentials, or connections', async () => {
  const refusal = async (user: string) => (await ask({ user })).refusal;
  expect(await refusal('nobody')).toBe('credentials');
  const before = process.env.PGPASSWORD;
  try {
    process.env.PGPASSWORD = 'wrong';
    expect(await refusal('scram')).toBe('credentials');
    process.env.PGPASSWORD = 'geheim';
    expect(await ask({ user: 'scram' })).toMatchObject({ ok: true });
    await server.query('ALTER ROLE scram CONNECTION LIMIT 0');
    expect(await refusal('scram')).toBe('connections');
  } finally {
    if (before === undefined) delete process.env.PGPASSWORD;
    else process.env.PGPASSWORD = before;
  }
  expect((await ask({ port: 1 })).refusal).toBeUndefined();
});

test('replay is held and let go on a standby, and refused by a primary', async () => {
  const hold = (paused: boolean) =>
    new Promise<CommandOutcome>((resolve) => setReplay(place(), paused, resolve));
  expect((await hold(true)).ok).toBe(false);
  await server.stop();
  writeFileSync(join(server.folder, 'data', 'standby.signal'), '');
  await server.start();
  const paused = async () =>
    (await server.query('SELECT pg_get_wal_replay_pause_state() AS state'))[0]?.state;
  expect((await hold(true)).ok).toBe(true);
  await expect.poll(paused).toMatch(/^paused|^pause requested/);
  expect((await hold(false)).ok).toBe(true);
  await expect.poll(paused).toBe('not paused');
  expect(await ask()).toMatchObject({ inRecovery: true, synchronous: null });
}, 60_000);
