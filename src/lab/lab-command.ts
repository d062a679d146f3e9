import { lstatSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { RealClock } from '../kernel/clock.ts';
import { DrillError, InputError } from '../kernel/errors.ts';
import { type PcpNode, pcpNodes } from '../observe/pcp.ts';
import type { Cluster } from '../topology/cluster.ts';
import { checkLab } from './check.ts';
import { agentProcesses } from './host-processes.ts';
import { type Lab, type LabOptions, removeLab, startLab } from './lab.ts';
import { deadLabs, type LabState, readLabState } from './lab-state.ts';
import { layoutOf, serverLayout } from './layout.ts';
import { processesOf, serverProcesses } from './processes.ts';
import { findRunUser } from './run-user.ts';

/** What `lab status` finds: asked of the servers and of Pgpool now, not remembered. */
export interface LabStatus {
  dir: string;
  name: string;
  startedAt: string;
  versions: LabState['versions'];
  servers: {
    name: string;
    address: string;
    port: number | null;
    running: boolean;
    role: 'primary' | 'standby' | 'down' | null;
    position: string | null;
    agent: boolean;
  }[];
  pgpool: {
    address: string;
    port: number;
    pcpPort: number;
    nodes: PcpNode[] | null;
    failure: string | null;
  } | null;
  /** What a person needs to look around by hand. */
  access: { psql: string; efm: string; logs: string; scripts: string };
}

/** Folder of the lab that `lab up` keeps: one per user. */
function standingLabDir(): string {
  return join(tmpdir(), `pgdrill-lab-${process.getuid?.() ?? 0}`);
}

/**
 * Starts the cluster and leaves it running.
 *
 * @throws DrillError when this user's lab is already up; InputError with everything that this machine lacks
 */
export async function labUp(cluster: Cluster, options: Omit<LabOptions, 'dir' | 'keep'> = {}): Promise<Lab> {
  const dir = standingLabDir();
  await sweepDeadLabs();
  if (existsAsOurs(dir)) {
    const state = await readLabState(dir);
    const running = processesOf(dir).length;
    if (running > 0) {
      throw new DrillError(
        `the lab "${state?.cluster.name ?? dir}" is already up, ${running} processes in ${dir}`,
        {
          hint: 'pgdrill lab status shows it, pgdrill lab down stops it',
        },
      );
    }
    await removeLab(dir);
  }
  const problems = await checkLab(cluster, options);
  if (problems.length > 0) throw new InputError(problems);
  const lab = await startLab(cluster, { ...options, dir, keep: true });
  try {
    lab.applyCaps();
  } catch (cause) {
    await lab.stop();
    throw cause;
  }
  return lab;
}

/** Stops this user's lab and removes its folder; false when there was none. */
export async function labDown(): Promise<boolean> {
  await sweepDeadLabs();
  const dir = standingLabDir();
  if (!existsAsOurs(dir)) return false;
  await removeLab(dir);
  return true;
}

/** Shows this user's lab; null when there is none. */
export async function labStatus(): Promise<LabStatus | null> {
  const dir = standingLabDir();
  const state = existsAsOurs(dir) ? await readLabState(dir) : null;
  if (!state) return null;
  const { cluster } = state;
  const layout = layoutOf(dir);
  const password = passwordIn(await readFile(layout.passFile, 'utf8'));
  const pcpPassword = passwordIn(await readFile(layout.pcpPassFile, 'utf8'));
  const servers = await Promise.all(
    cluster.servers.map(async ({ name, address }) => {
      const backend = cluster.backends.find(({ server }) => server === name);
      const seen = backend
        ? await askServer({
            host: address,
            port: backend.port,
            user: state.user,
            password,
            database: state.database,
          })
        : null;
      return {
        name,
        address,
        port: backend?.port ?? null,
        running: serverProcesses(serverLayout(dir, name).data).length > 0,
        role: seen?.role ?? null,
        position: seen?.position ?? null,
        agent: agentProcesses(dir, name).length > 0,
      };
    }),
  );
  const place = cluster.pgpools[0];
  const nodes = place
    ? await pcpNodes(
        { address: place.address, port: place.pcpPort, user: state.pcpUser, password: pcpPassword },
        { clock: new RealClock(), timeoutMs: 2000 },
      ).catch((cause: Error) => cause)
    : null;
  return {
    dir,
    name: cluster.name,
    startedAt: state.startedAt,
    versions: state.versions,
    servers,
    pgpool: place
      ? {
          address: place.address,
          port: place.port,
          pcpPort: place.pcpPort,
          nodes: Array.isArray(nodes) ? nodes : null,
          failure: nodes instanceof Error ? nodes.message : null,
        }
      : null,
    access: {
      psql: `PGPASSFILE=${layout.passFile} psql -h ${place?.address ?? ''} -p ${place?.port ?? ''} -U ${state.user} ${state.database}`,
      efm: `EFM_CONFIG_DIR=${serverLayout(dir, cluster.agents[0]?.server ?? '').efmDir} node ${join(state.programs, 'agents', 'efm.js')} cluster-status ${cluster.efmCluster}`,
      logs: `${dir}/*/*.log ${dir}/*/pgpool/pgpool.log ${dir}/*/efm/log/* ${layout.scriptLog}`,
      scripts: layout.scripts,
    },
  };
}

/** Stops and removes this user's labs of runs that were killed together with their watcher; those of others are left alone. */
export async function sweepDeadLabs(): Promise<void> {
  for (const dir of await deadLabs()) if (isOurs(dir)) await removeLab(dir);
}

/**
 * Whether the folder exists. In a folder that all may write to, another user may have put something there.
 *
 * @throws DrillError when it is not a folder of ours or of the user that our servers run as
 */
function existsAsOurs(dir: string): boolean {
  if (!lstatSync(dir, { throwIfNoEntry: false })) return false;
  if (isOurs(dir)) return true;
  throw new DrillError(`${dir} exists and is not a lab folder of ours`, {
    hint: 'remove it, or name another folder in $TMPDIR',
  });
}

/** Whether it is a folder of ours or of the user that our servers run as. */
function isOurs(dir: string): boolean {
  const found = lstatSync(dir, { throwIfNoEntry: false });
  return found?.isDirectory() === true && [process.getuid?.(), findRunUser()?.uid].includes(found.uid);
}

async function askServer(
  connection: pg.ClientConfig,
): Promise<{ role: 'primary' | 'standby' | 'down'; position: string | null }> {
  const session = new pg.Client({ ...connection, connectionTimeoutMillis: 1000, query_timeout: 1000 });
  session.on('error', () => {});
  try {
    await session.connect();
    const { rows } = await session.query(
      `select case when pg_is_in_recovery() then 'standby' else 'primary' end as role,
              case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end::text as position`,
    );
    return rows[0];
  } catch {
    return { role: 'down', position: null };
  } finally {
    await session.end().catch(() => {});
  }
}

function passwordIn(line: string): string {
  return line.trim().split(':').at(-1) ?? '';
}
