import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findRunUser } from '../../../src/lab/run-user.ts';

export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** A statement as the server logged it: by whom, as what (`statement`, `execute P_0`), its text, its parameters. */
export interface LoggedStatement {
  application: string;
  kind: string;
  sql: string;
  parameters: string;
}

/** The installed pgbench and a small real server of our own that writes down every statement. */
export interface Oracle {
  port: number;
  /** Where files for it may be put; gone with it. */
  folder: string;
  /** Runs pgbench with these words alone, the server's address added. */
  run(words: readonly string[]): Promise<Ended>;
  /** Runs pgbench on one script for one transaction of one client unless `words` say otherwise. */
  pgbench(script: string, words?: readonly string[]): Promise<Ended>;
  /** What was logged since the last call. */
  statements(): Promise<LoggedStatement[]>;
  stop(): Promise<void>;
}

/** Folder of PostgreSQL's programs; the newest that is installed. */
function findPrograms(): string {
  const root = '/usr/lib/postgresql';
  const installed = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  const folder = installed
    .map((version) => join(root, version, 'bin'))
    .find((bin) => existsSync(join(bin, 'pgbench')));
  if (!folder) throw new Error('no pgbench is installed: its language cannot be compared');
  return folder;
}

export async function startOracle(): Promise<Oracle> {
  const programs = findPrograms();
  const user = findRunUser();
  const identity = user?.switched ? { uid: user.uid, gid: user.gid } : {};
  const folder = await mkdtemp(join(tmpdir(), 'pgdrill-oracle-'));
  if (user?.switched) chownSync(folder, user.uid, user.gid);
  const port = await freePort();
  const data = join(folder, 'data');
  const log = join(folder, 'log');
  const initialised = await run(
    join(programs, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-N', '--locale=C', '-E', 'UTF8'],
    identity,
  );
  if (initialised.code !== 0) throw new Error(initialised.stderr);
  await appendFile(join(data, 'postgresql.conf'), serverSettings(port, folder));
  await writeFile(log, '');
  if (user?.switched) chownSync(log, user.uid, user.gid);
  const control = ['-D', data, '-l', log, '-w', '-t', '30'];
  const started = await run(join(programs, 'pg_ctl'), [...control, 'start'], identity);
  if (started.code !== 0) throw new Error(await readFile(log, 'utf8'));
  let read = 0;
  let scripts = 0;
  const where = ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres'];
  const runPgbench = (words: readonly string[]): Promise<Ended> =>
    run(join(programs, 'pgbench'), [...where, ...words], {});
  return {
    ...{ port, folder },
    run: runPgbench,
    pgbench: async (script, words = []) => {
      const file = join(folder, `script${scripts++}.sql`);
      await writeFile(file, script, 'latin1');
      return runPgbench(['-n', '-t', '1', ...words, '-f', file, 'postgres']);
    },
    statements: async () => {
      const text = (await readFile(log)).subarray(read);
      read += text.length;
      return parseLog(text.toString('utf8'));
    },
    stop: async () => {
      await run(join(programs, 'pg_ctl'), [...control, '-m', 'immediate', 'stop'], identity);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const serverSettings = (port: number, folder: string): string => `
port = ${port}
listen_addresses = '127.0.0.1'
unix_socket_directories = '${folder}'
fsync = off
shared_buffers = 8MB
max_connections = 20
autovacuum = off
log_statement = all
log_line_prefix = '%a|'
log_parameter_max_length = -1
`;

function parseLog(text: string): LoggedStatement[] {
  const found: LoggedStatement[] = [];
  for (const entry of text.split(/\n(?!\t)/)) {
    const whole = entry.replaceAll('\n\t', '\n');
    const logged = /^([^|]*)\|LOG: {2}(statement|execute [^:]*): ([\s\S]*)$/.exec(whole);
    const details = /\|DETAIL: {2}parameters: ([\s\S]*)$/.exec(whole);
    const last = found.at(-1);
    if (logged) {
      const [, application = '', kind = '', sql = ''] = logged;
      found.push({ application, kind, sql, parameters: '' });
    } else if (details && last) last.parameters = details[1] ?? '';
  }
  return found;
}

function run(
  program: string,
  words: readonly string[],
  identity: { uid?: number; gid?: number },
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn(program, words, {
      ...identity,
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      stdout += chunk.toString('utf8');
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString('utf8');
    });
    child.on('error', reject);
    child.on(program.endsWith('pg_ctl') ? 'exit' : 'close', (code) =>
      resolve({ code: code ?? -1, stdout, stderr }),
    );
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
