// A PostgreSQL of the bench's own: its folder, its address, tuned so that nothing but the work itself takes time.
import { execFileSync, spawn } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { built } from './built.mjs';

const { findBinaries } = await built('lab/binaries');
const { findRunUser } = await built('lab/run-user');

const settings = {
  listen_addresses: '127.0.83.1',
  port: 6432,
  unix_socket_directories: '',
  max_connections: 300,
  shared_buffers: '512MB',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  autovacuum: 'off',
  max_wal_size: '4GB',
  jit: 'off',
};

/** Starts a server, on an address of 127/8, and fills it by `pgbench -i`. @returns its target, pgbench's path and a way to stop it */
export async function startServer({ scale = 10, extra = {}, address = settings.listen_addresses } = {}) {
  const bin = findBinaries().binaries?.postgresBin;
  const user = findRunUser();
  if (!bin || !user) throw new Error('PostgreSQL and a user to run it as are needed; see `pgdrill doctor`');
  const folder = mkdtempSync(join(tmpdir(), 'pgdrill-bench-'));
  const identity = user.switched ? { uid: user.uid, gid: user.gid } : {};
  if (user.switched) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const asUser = { ...identity, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] };
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'bench', '-A', 'trust', '--no-sync'], asUser);
  const all = { ...settings, ...extra, listen_addresses: address };
  const options = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = spawn(join(bin, 'postgres'), ['-D', data, ...options], { ...asUser, stdio: 'ignore' });
  const target = {
    host: address,
    port: settings.port,
    user: 'bench',
    database: 'postgres',
  };
  const env = {
    ...process.env,
    PGHOST: target.host,
    PGPORT: String(target.port),
    PGUSER: 'bench',
    PGDATABASE: 'postgres',
  };
  const stop = async () => {
    const gone = new Promise((resolve) => server.once('exit', resolve));
    if (server.exitCode === null) {
      server.kill('SIGINT');
      await gone;
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await untilReady(join(bin, 'pg_isready'), env);
    execFileSync(join(bin, 'pgbench'), ['-i', '-q', '-s', String(scale)], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { target, scale, identity, pgbench: join(bin, 'pgbench'), env, pid: server.pid, stop };
}

async function untilReady(program, env) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      execFileSync(program, ['-q'], { env });
      return;
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
