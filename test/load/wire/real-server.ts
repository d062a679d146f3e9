import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { findBinaries } from '../../../src/lab/binaries.ts';
import { findRunUser } from '../../../src/lab/run-user.ts';
import type { Target } from '../../../src/load/target.ts';

/** A PostgreSQL of one test file. */
export interface RealServer {
  target: Target;
  folder: string;
  /** It takes TLS. */
  tls: boolean;
  /** Runs SQL on a connection of its own; the rows. */
  query(sql: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  /** Stops the server at once, as `pg_ctl stop -m immediate`. */
  stop(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

/** Makes and starts a server on an address of its own; users `trusting` and `scram` (password `geheim`), TLS switched on. */
export async function startRealServer(host: string): Promise<RealServer> {
  const bin = findBinaries().binaries?.postgresBin;
  const user = findRunUser();
  if (!bin || !user) throw new Error('this test needs PostgreSQL, and a user to run it as');
  const folder = await mkdtemp(join(tmpdir(), 'pgdrill-wire-'));
  const identity = user.switched ? { uid: user.uid, gid: user.gid } : {};
  if (user.switched) await chown(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const asUser = { ...identity, cwd: folder, stdio: 'ignore' } as const;
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'trusting', '-A', 'trust', '--no-sync'], asUser);
  const port = await freePort(host);
  const target: Target = { host, port, user: 'trusting', database: 'postgres' };
  const tls = makeCertificate(data, asUser);
  await writeFile(
    join(data, 'postgresql.auto.conf'),
    [
      `listen_addresses = '${host}'`,
      `port = ${port}`,
      "unix_socket_directories = ''",
      'fsync = off',
      'max_connections = 450',
      `ssl = ${tls ? 'on' : 'off'}`,
    ].join('\n'),
  );
  await writeFile(
    join(data, 'pg_hba.conf'),
    'host all scram all scram-sha-256\nhost all trusting all trust\n',
  );
  let server: ReturnType<typeof spawn> | null = null;
  const query: RealServer['query'] = async (sql, values = []) => {
    const client = new Client(target);
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query(sql, values)).rows;
    } finally {
      await client.end();
    }
  };
  const start = async (): Promise<void> => {
    server = spawn(join(bin, 'postgres'), ['-D', data], asUser);
    for (let attempt = 0; ; attempt += 1) {
      try {
        await query('SELECT 1');
        return;
      } catch (error) {
        if (attempt === 150) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  };
  const stop = async (): Promise<void> => {
    if (server === null || server.exitCode !== null) return;
    server.kill('SIGQUIT');
    if (server.exitCode === null) await once(server, 'exit');
    server = null;
  };
  const remove = async (): Promise<void> => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await start();
    await query("CREATE USER scram PASSWORD 'geheim'");
  } catch (error) {
    await remove();
    throw error;
  }
  return { target, folder, tls, query, stop, start, remove };
}

/** Makes the server's certificate; false where openssl is not installed. */
function makeCertificate(data: string, asUser: { uid?: number; gid?: number }): boolean {
  const files = ['-keyout', join(data, 'server.key'), '-out', join(data, 'server.crt')];
  const subject = ['-subj', '/CN=pgdrill-test', '-days', '30'];
  const command = ['req', '-new', '-x509', '-nodes', '-newkey', 'rsa:2048', ...subject, ...files];
  try {
    execFileSync('openssl', command, { ...asUser, stdio: 'ignore' });
    return true;
  } catch {
    process.stderr.write('TLS is not tested here: openssl is missing\n');
    return false;
  }
}

async function freePort(host: string): Promise<number> {
  const server = createServer();
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}
