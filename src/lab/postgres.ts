import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DrillError } from '../kernel/errors.ts';
import type { Backend } from '../topology/cluster.ts';
import { logTail, mustRun, runCommand } from './command.ts';
import { connectionsNeeded, type LabSettings, passwordMethod } from './lab-settings.ts';
import { serverLayout } from './layout.ts';
import { killServerProcesses, serverProcesses } from './processes.ts';
import { awaitStreaming } from './replication.ts';

/** The guard that EFM puts into a failed primary's data folder: PostgreSQL 12 and later refuse to start beside it. */
const guardFile = 'recovery.conf';

/** Makes the data folder of the primary. */
export async function initPrimary(lab: LabSettings, backend: Backend): Promise<void> {
  const { context, accounts, binaries } = lab;
  const { data } = serverLayout(context.labDir, backend.server);
  const passwordFile = join(context.labDir, 'initial-password');
  await writePrivate(lab, passwordFile, `${accounts.password}\n`);
  await mustRun(context, join(binaries.postgresBin, 'initdb'), [
    `--pgdata=${data}`,
    `--username=${accounts.user}`,
    `--pwfile=${passwordFile}`,
    `--auth=${passwordMethod}`,
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync',
    '--no-instructions',
  ]);
  await rm(passwordFile);
  await writePrivate(lab, join(data, 'postgresql.conf'), commonConf(lab));
  await writePrivate(lab, join(data, 'pg_hba.conf'), hostRules());
}

/** Makes the data folder of a standby from the running primary, and its replication settings. */
export async function copyStandby(lab: LabSettings, backend: Backend, primary: Backend): Promise<void> {
  const { context, accounts, binaries } = lab;
  const { data } = serverLayout(context.labDir, backend.server);
  await mustRun(context, join(binaries.postgresBin, 'pg_basebackup'), [
    `--pgdata=${data}`,
    `--dbname=host=${primary.address} port=${primary.port} user=${accounts.user} passfile=${context.passFile}`,
    '--no-password',
    '--checkpoint=fast',
    '--wal-method=stream',
    '--no-sync',
    '--no-manifest',
  ]);
  await writeStandbySettings(lab, backend, primary);
}

/** Writes what only this server has: its address, port, name and socket folder. Read by the data folder's postgresql.conf. */
export async function writeServerConf(lab: LabSettings, backend: Backend): Promise<void> {
  const { conf, sockets } = serverLayout(lab.context.labDir, backend.server);
  const lines = [
    `listen_addresses = '${backend.address}'`,
    `port = ${backend.port}`,
    `cluster_name = '${backend.server}'`,
    `unix_socket_directories = '${sockets}'`,
  ];
  await writePrivate(lab, conf, `${lines.join('\n')}\n`);
}

/**
 * Starts a server and waits until it accepts connections.
 *
 * @throws DrillError with the end of the server's log when it does not within 30 s
 */
export async function startServer(lab: LabSettings, backend: Backend): Promise<void> {
  const { context, binaries } = lab;
  const { data, log } = serverLayout(context.labDir, backend.server);
  const args = ['start', '-s', '-w', '-t', '30', '-D', data, '-l', log];
  const { code, stderr } = await runCommand(context, join(binaries.postgresBin, 'pg_ctl'), args);
  if (code === 0) return;
  throw new DrillError(
    `${backend.server} (PostgreSQL at ${backend.address}:${backend.port}) did not start: ${stderr.trim().split('\n')[0] ?? `exit ${code}`}`,
    {
      hint: await logTail(log),
    },
  );
}

/** Longest that a standby which was started again may take to stream, ms; PostgreSQL asks a primary again every 5 s. */
const streamsWithinMs = 8000;

/**
 * The operator's work on a server that failed: makes it a standby of `primary` and starts it. One that was a standby is
 * only started. One that was a primary is rewound (pg_rewind runs crash recovery itself where needed: on a standby
 * that would write WAL of its own, which no primary has). Where that does not do, it gets a new base backup.
 *
 * @returns which of the three it was
 * @throws DrillError when the server is still running, or no way works
 */
export async function rebuildStandby(
  lab: LabSettings,
  backend: Backend,
  primary: Backend,
): Promise<'start' | 'pg_rewind' | 'pg_basebackup'> {
  const { data } = serverLayout(lab.context.labDir, backend.server);
  const running = serverProcesses(data);
  if (running.length > 0) {
    throw new DrillError(
      `${backend.server} is still running (pid ${running[0]?.pid}); only a server that is down can be rebuilt`,
    );
  }
  const has = (file: string): boolean => existsSync(join(data, file));
  const wasStandby = has('standby.signal') && !has(guardFile);
  await clearTraces(lab, backend);
  if (wasStandby) {
    if (await streamsAgain(lab, backend, primary)) return 'start';
    await (await killServerProcesses(data)).cleaned;
    await clearTraces(lab, backend);
  } else if (await rewind(lab, backend, primary)) {
    await writeStandbySettings(lab, backend, primary);
    await startServer(lab, backend);
    return 'pg_rewind';
  }
  await rm(data, { recursive: true, force: true });
  await copyStandby(lab, backend, primary);
  await startServer(lab, backend);
  return 'pg_basebackup';
}

/** Starts a standby of `primary`; false when it does not come to stream. */
async function streamsAgain(lab: LabSettings, backend: Backend, primary: Backend): Promise<boolean> {
  await writeStandbySettings(lab, backend, primary);
  try {
    await startServer(lab, backend);
    await awaitStreaming(lab, primary, { standbys: [backend], withinMs: streamsWithinMs });
    return true;
  } catch (cause) {
    if (cause instanceof DrillError) return false;
    throw cause;
  }
}

/** Takes back what a server has written since it and the primary went different ways; false when that cannot be. */
async function rewind(lab: LabSettings, backend: Backend, primary: Backend): Promise<boolean> {
  const { context, accounts, binaries } = lab;
  const { data } = serverLayout(context.labDir, backend.server);
  const source = `host=${primary.address} port=${primary.port} user=${accounts.user} dbname=${accounts.database} passfile=${context.passFile}`;
  const psql = ['-X', '-q', '-w', '-d', source, '-c', 'checkpoint'];
  await mustRun(context, join(binaries.postgresBin, 'psql'), psql);
  const { code } = await runCommand(context, join(binaries.postgresBin, 'pg_rewind'), [
    `--target-pgdata=${data}`,
    `--source-server=${source}`,
    '--no-sync',
  ]);
  return code === 0;
}

/**
 * Removes what keeps a killed server from starting as a standby: EFM's guard, older signal files, and the lock files of
 * the process that was killed. PostgreSQL would clear those itself, but takes a killed process that nobody has collected
 * yet for a live one.
 */
async function clearTraces(lab: LabSettings, backend: Backend): Promise<void> {
  const { data, sockets } = serverLayout(lab.context.labDir, backend.server);
  const inData = [guardFile, 'standby.signal', 'recovery.signal', 'postmaster.pid'].map((name) =>
    join(data, name),
  );
  const inSockets = ['', '.lock'].map((ending) => join(sockets, `.s.PGSQL.${backend.port}${ending}`));
  for (const file of [...inData, ...inSockets]) await rm(file, { force: true });
}

/** Folder owned by the servers' user, closed to others. */
export async function makeFolder(lab: LabSettings, dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await own(lab, dir);
}

/** File owned by the servers' user, closed to others; what the lab writes holds passwords or steers programs. */
export async function writePrivate(
  lab: LabSettings,
  file: string,
  text: string,
  mode = 0o600,
): Promise<void> {
  await writeFile(file, text, { mode });
  await chmod(file, mode);
  await own(lab, file);
}

async function own(lab: LabSettings, path: string): Promise<void> {
  if (lab.context.user.switched) await chown(path, lab.context.user.uid, lab.context.user.gid);
}

async function writeStandbySettings(lab: LabSettings, backend: Backend, primary: Backend): Promise<void> {
  const { data } = serverLayout(lab.context.labDir, backend.server);
  const file = join(data, 'postgresql.auto.conf');
  const before = await readFile(file, 'utf8').catch(() => '');
  const kept = before.split('\n').filter((line) => line !== '' && !/^\s*primary_conninfo\s*=/.test(line));
  const connection = [
    `host=${primary.address} port=${primary.port} user=${lab.accounts.user}`,
    `passfile=${lab.context.passFile} application_name=${backend.server}`,
  ].join(' ');
  await writePrivate(lab, file, `${[...kept, `primary_conninfo = '${connection}'`].join('\n')}\n`);
  await writePrivate(lab, join(data, 'standby.signal'), '');
}

/**
 * Settings that all servers share, the model's own last; they travel with pg_basebackup and pg_rewind. No fsync: a killed process loses
 * nothing that it gave to the kernel, only a crash of the machine would, and small machines keep an even pace without it.
 * Shared memory beside the main segment is kept in files of the data folder, so that a killed server leaves none behind.
 */
function commonConf(lab: LabSettings): string {
  const settings: Record<string, string> = {
    max_connections: String(connectionsNeeded(lab.cluster)),
    shared_buffers: '64MB',
    dynamic_shared_memory_type: 'mmap',
    wal_level: 'replica',
    hot_standby: 'on',
    max_wal_senders: String(2 * lab.cluster.backends.length + 4),
    wal_log_hints: 'on',
    wal_keep_size: '512MB',
    fsync: 'off',
    synchronous_commit: 'local',
    password_encryption: passwordMethod,
    log_line_prefix: '%m [%p] %u@%d ',
    log_timezone: 'UTC',
    timezone: 'UTC',
    lc_messages: 'C',
    ...lab.cluster.postgresSettings,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`);
  return `# Settings of every server of this lab; what differs between servers stands outside the data folder.\n${lines.join('\n')}\ninclude '../server.conf'\n`;
}

/** Who may connect: everybody from this machine with a password, nobody without. */
function hostRules(): string {
  return ['local all', 'local replication', 'host all', 'host replication']
    .map((rule) => `${rule} all ${rule.startsWith('host') ? '127.0.0.0/8 ' : ''}${passwordMethod}`)
    .join('\n')
    .concat('\n');
}
