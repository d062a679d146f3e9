import { readFileSync } from 'node:fs';
import type { Client } from 'pg';
import { DrillError, ExitCode } from '../kernel/errors.ts';
import type { LoadPlan } from '../workload/plan.ts';
import { sessionCount } from '../workload/share.ts';
import { newClient, type Target } from './target.ts';

/** How many clients a Pgpool-II takes, by its settings in force. */
export interface PgpoolRoom {
  /** num_init_children. */
  children: number;
  /** reserved_connections: the last children refuse clients instead of letting them wait. */
  reserved: number;
}

/** How many connections a server takes from the user that asks. */
export interface ServerRoom {
  /** max_connections, less superuser_reserved_connections for those who are no superuser. */
  connections: number;
  /** Client connections at the moment, the one that asks left out. */
  inUse: number;
}

/** Files that this process has open besides its sessions: results, threads, the lab's logs. */
const otherFiles = 256;

/** Asks the session's Pgpool-II; null where a server answers, to which the question is an error. */
export async function readPgpoolRoom(client: Client): Promise<PgpoolRoom | null> {
  const setting = async (name: string): Promise<number> => {
    const { rows } = await client.query<Record<string, string>>(`PGPOOL SHOW ${name}`);
    return Number(Object.values(rows[0] ?? {})[0] ?? Number.NaN);
  };
  const children = await setting('num_init_children').catch(() => Number.NaN);
  if (!(children > 0)) return null;
  const reserved = await setting('reserved_connections').catch(() => 0);
  return { children, reserved };
}

/** Asks the session's server. */
export async function readServerRoom(client: Client): Promise<ServerRoom> {
  const { rows } = await client.query<{ connections: number; in_use: number }>(
    `select current_setting('max_connections')::int - case when usesuper then 0 else
      current_setting('superuser_reserved_connections')::int end as connections,
      (select count(*)::int from pg_stat_activity
        where backend_type = 'client backend' and pid <> pg_backend_pid()) as in_use
      from pg_user where usename = current_user`,
  );
  return { connections: rows[0]?.connections ?? 0, inUse: rows[0]?.in_use ?? 0 };
}

/**
 * Counts, before a load begins, whether its sessions can be open at once: at Pgpool, on every server behind it, and in
 * this process.
 *
 * @param options.servers the servers behind Pgpool, reached without it
 * @throws DrillError, exit code 1, that names the setting that is too small; or when one cannot be asked
 */
export async function checkRoom(
  plan: Pick<LoadPlan, 'sessions' | 'classes' | 'connect'>,
  { pgpool, servers }: { pgpool: Target; servers: readonly (Target & { server: string })[] },
): Promise<void> {
  const sessions = sessionCount(plan);
  const front = await asked(pgpool, readPgpoolRoom);
  const { connect } = plan;
  mustFit(fileFault(sessions, openFilesLimit()));
  if (front !== null) mustFit(pgpoolFault({ sessions, connect }, front));
  // A child keeps one connection to each server for this load's user and database; max_pool counts other pairs.
  const needed = Math.min(sessions, front?.children ?? sessions);
  for (const { server, ...target } of servers)
    mustFit(serverFault(server, { needed, room: await asked(target, readServerRoom) }));
}

/** Why the sessions do not fit in a Pgpool; null when they do, or take turns. */
export function pgpoolFault(
  { sessions, connect }: { sessions: number; connect: LoadPlan['connect'] },
  { children, reserved }: PgpoolRoom,
): { message: string; hint: string } | null {
  if (connect === 'perTransaction' || sessions <= children - reserved) return null;
  const others = reserved > 0 ? 'would be refused' : 'would wait unanswered';
  const less = reserved > 0 ? `, less reserved_connections ${reserved}` : '';
  return {
    message: `the load keeps ${sessions} sessions open, and Pgpool serves ${children - reserved} at once (num_init_children ${children}${less}): the others ${others}`,
    hint: `lower load.sessions, set num_init_children to ${sessions + reserved}, or write load.connect: perTransaction, with which they take turns`,
  };
}

/** Why a server has no room for so many connections; null when it has. */
export function serverFault(
  server: string,
  { needed, room: { connections, inUse } }: { needed: number; room: ServerRoom },
): { message: string; hint: string } | null {
  if (needed <= connections - inUse) return null;
  return {
    message: `the load takes ${needed} connections on ${server}, which has room for ${Math.max(0, connections - inUse)} more (${connections} by max_connections and superuser_reserved_connections, ${inUse} in use)`,
    hint: `raise max_connections of ${server} to ${needed + inUse + 10}, or lower load.sessions`,
  };
}

/** Why this process cannot hold so many sessions; null when it can. @param limit null where it is not known */
export function fileFault(sessions: number, limit: number | null): { message: string; hint: string } | null {
  if (limit === null || sessions + otherFiles <= limit) return null;
  return {
    message: `${sessions} sessions need as many open files, and this process may open ${limit}`,
    hint: `raise the limit (ulimit -n ${sessions + otherFiles}), or lower load.sessions`,
  };
}

function mustFit(fault: { message: string; hint: string } | null): void {
  if (fault) throw new DrillError(fault.message, { hint: fault.hint, exitCode: ExitCode.usage });
}

/** The hard limit of open files: Node raises the soft one to it. Null where /proc does not tell. */
function openFilesLimit(): number | null {
  try {
    const [, hard] = /^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return hard === undefined ? null : Number(hard);
  } catch {
    return null;
  }
}

async function asked<Found>(target: Target, read: (client: Client) => Promise<Found>): Promise<Found> {
  const client = newClient(target, 'pgdrill');
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await read(client);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new DrillError(`${target.host}:${target.port} cannot be asked for its limits: ${why}`, {
      cause: error,
    });
  } finally {
    await client.end().catch(() => undefined);
  }
}
