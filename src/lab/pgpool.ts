import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { epochMs, RealClock, sleep } from '../kernel/clock.ts';
import { DrillError } from '../kernel/errors.ts';
import { type PcpEndpoint, pcpNodes } from '../observe/pcp.ts';
import type { PgpoolPlace } from '../topology/cluster.ts';
import { writePgpoolConf } from '../topology/pgpool-conf.ts';
import { logTail, startDetached } from './command.ts';
import { type LabSettings, passwordMethod, primaryOf } from './lab-settings.ts';
import { serverLayout } from './layout.ts';
import { makeFolder, writePrivate } from './postgres.ts';

/** Writes pgpool.conf and the password files beside it. */
export async function writePgpoolFiles(lab: LabSettings, place: PgpoolPlace): Promise<void> {
  const { accounts } = lab;
  const layout = serverLayout(lab.context.labDir, place.server);
  await makeFolder(lab, layout.pgpoolDir);
  const conf = writePgpoolConf(pgpoolSettings(lab, place), [
    `Pgpool-II of ${place.server}: the settings of the cluster model "${lab.cluster.name}" last,`,
    'before them what the lab needs on this machine.',
  ]);
  const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
  await writePrivate(lab, layout.pgpoolConf, conf);
  await writePrivate(
    lab,
    join(layout.pgpoolDir, 'pcp.conf'),
    `${accounts.pcpUser}:${md5(accounts.pcpPassword)}\n`,
  );
  await writePrivate(
    lab,
    join(layout.pgpoolDir, 'pool_passwd'),
    `${accounts.user}:TEXT${accounts.password}\n`,
  );
  const rules = [`local all all ${passwordMethod}`, `host all all 127.0.0.0/8 ${passwordMethod}`];
  await writePrivate(lab, join(layout.pgpoolDir, 'pool_hba.conf'), `${rules.join('\n')}\n`);
}

/**
 * Starts Pgpool without what an earlier one knew, and waits until a session through it reaches the servers and it knows
 * the primary.
 *
 * @throws DrillError with the end of its log when that does not happen within 20 s
 */
export function startPgpool(lab: LabSettings, place: PgpoolPlace): Promise<void> {
  return launchPgpool(lab, place, { options: ['-D'], missing: () => pgpoolReady(lab, place) });
}

/**
 * Starts a Pgpool that was killed, as its service does: its status file counts, and what the dead one left in its way
 * (4.3.5 refuses to start beside its own socket files) is removed. Waits until its control port answers.
 *
 * @throws DrillError with the end of its log when that does not happen within 20 s
 */
export async function restartPgpool(lab: LabSettings, place: PgpoolPlace): Promise<void> {
  const { pgpoolDir, sockets } = serverLayout(lab.context.labDir, place.server);
  await rm(join(pgpoolDir, 'pgpool.pid'), { force: true });
  for (const port of [place.port, place.pcpPort])
    await rm(join(sockets, `.s.PGSQL.${port}`), { force: true });
  const missing = async (): Promise<null> => {
    await pcpNodes(pcpEndpoint(lab, place), { clock: new RealClock(), timeoutMs: 1000 });
    return null;
  };
  await launchPgpool(lab, place, { options: [], missing });
}

/** @param how.missing what is missing of a started Pgpool, as a value or an error; null when nothing is */
async function launchPgpool(
  lab: LabSettings,
  place: PgpoolPlace,
  how: { options: readonly string[]; missing: () => Promise<string | null> },
): Promise<void> {
  const { context } = lab;
  const layout = serverLayout(context.labDir, place.server);
  const file = (name: string): string => join(layout.pgpoolDir, name);
  const files = ['-f', layout.pgpoolConf, '-F', file('pcp.conf'), '-a', file('pool_hba.conf')];
  const child = startDetached(context, {
    file: lab.binaries.pgpool,
    args: ['-n', ...how.options, ...files],
    cwd: layout.pgpoolDir,
    logFile: layout.pgpoolLog,
  });
  const untilMs = epochMs() + 20_000;
  for (let reason = 'it did not run'; ; await sleep(50)) {
    context.signal?.throwIfAborted();
    child.mustHaveStarted();
    const failure = await how.missing().catch((cause: unknown) => String(cause));
    if (failure === null) return;
    reason = failure;
    if (!child.ended() && epochMs() < untilMs) continue;
    child.mustHaveStarted();
    throw new DrillError(`Pgpool-II at ${place.address}:${place.port} did not start: ${reason}`, {
      hint: await logTail(layout.pgpoolLog),
    });
  }
}

/** The control port of a lab's Pgpool. */
export function pcpEndpoint(lab: Pick<LabSettings, 'accounts'>, place: PgpoolPlace): PcpEndpoint {
  return {
    address: place.address,
    port: place.pcpPort,
    user: lab.accounts.pcpUser,
    password: lab.accounts.pcpPassword,
  };
}

/** Null when Pgpool serves sessions, knows the primary and has seen every backend up; else what is missing. */
async function pgpoolReady(lab: LabSettings, place: PgpoolPlace): Promise<string | null> {
  const { user, password, database } = lab.accounts;
  const session = new pg.Client({
    host: place.address,
    port: place.port,
    user,
    password,
    database,
    connectionTimeoutMillis: 3000,
  });
  session.on('error', () => {});
  try {
    await session.connect();
    await session.query('select 1');
  } finally {
    await session.end().catch(() => {});
  }
  const nodes = await pcpNodes(pcpEndpoint(lab, place), { clock: new RealClock(), timeoutMs: 1000 });
  const primary = primaryOf(lab.cluster);
  const missing = nodes
    .filter(({ status }) => status !== 'up')
    .map(({ id, status }) => `node ${id} is ${status}`);
  if (nodes.find(({ role }) => role === 'primary')?.id !== primary?.id)
    missing.push('it has not found the primary');
  return missing.length === 0 ? null : missing.join(', ');
}

/** What the lab must set, then the model's settings, which win where they name the same. */
function pgpoolSettings(lab: LabSettings, place: PgpoolPlace): Record<string, string> {
  const { accounts, cluster } = lab;
  const labDir = lab.context.labDir;
  const layout = serverLayout(labDir, place.server);
  const settings: Record<string, string> = {
    backend_clustering_mode: 'streaming_replication',
    listen_addresses: place.address,
    port: String(place.port),
    socket_dir: layout.sockets,
    pcp_listen_addresses: place.address,
    pcp_port: String(place.pcpPort),
    pcp_socket_dir: layout.sockets,
    wd_ipc_socket_dir: layout.sockets,
    pid_file_name: join(layout.pgpoolDir, 'pgpool.pid'),
    logdir: layout.pgpoolDir,
    log_destination: 'stderr',
    enable_pool_hba: 'on',
    pool_passwd: 'pool_passwd',
    sr_check_user: accounts.user,
    sr_check_database: accounts.database,
    health_check_user: accounts.user,
    health_check_database: accounts.database,
    follow_primary_command: `${join(lab.layout.scripts, 'follow_primary.sh')} %d %P %h %p`,
  };
  for (const { id, server, address, port, weight } of cluster.backends) {
    settings[`backend_hostname${id}`] = address;
    settings[`backend_port${id}`] = String(port);
    settings[`backend_weight${id}`] = String(weight);
    settings[`backend_flag${id}`] = 'ALLOW_TO_FAILOVER';
    settings[`backend_data_directory${id}`] = serverLayout(labDir, server).data;
    settings[`backend_application_name${id}`] = server;
  }
  return { ...settings, ...cluster.pgpoolSettings };
}
