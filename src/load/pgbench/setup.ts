import { type Client, type ClientConfig, DatabaseError } from 'pg';
import { DrillError, ExitCode } from '../../kernel/errors.ts';
import { readPgpoolRoom, readServerRoom } from '../room.ts';
import { newClient, type Target } from '../target.ts';
import { say, sayError, sayPlain } from './say.ts';

/** Words for where a connection was tried, as libpq has them. */
function placeOf({ host, port }: Target): string {
  if (host.startsWith('/')) return `connection to server on socket "${host}/.s.PGSQL.${port}"`;
  return `connection to server at "${host}", port ${port}`;
}

/** An error of the server as pgbench prints it; one of the connection with where it was tried. */
export function describe(error: unknown, target: Target): string {
  if (error instanceof DatabaseError) {
    const hint = error.hint === undefined ? '' : `\nHINT:  ${error.hint}`;
    return `${error.severity}:  ${error.message}${hint}`;
  }
  const message = error instanceof Error ? error.message || String(error) : String(error);
  return `${placeOf(target)} failed: ${message}`;
}

/** Opens a connection for set-up. Notices go to stderr. @throws DrillError when that fails, exit code 1 */
export async function connectForSetup(target: Target, tls: ClientConfig['ssl'] | undefined): Promise<Client> {
  const client = newClient(target, 'pgdrill', { ssl: tls ?? false });
  client.on('error', () => undefined);
  client.on('notice', ({ severity, message }) => sayPlain(`${severity}:  ${message}`));
  try {
    await client.connect();
  } catch (error) {
    const text = error instanceof DatabaseError ? `${placeOf(target)} failed: ` : '';
    throw new DrillError(`${text}${describe(error, target)}`, {
      cause: error,
      exitCode: ExitCode.usage,
      hint: 'could not create connection for setup',
    });
  }
  return client;
}

/**
 * The scale of pgbench's tables: the number of branches.
 *
 * @throws DrillError, exit code 1, when there are none
 */
export async function scaleOfTables(client: Client, target: Target): Promise<number> {
  try {
    const { rows } = await client.query<{ count: string }>('select count(*) from pgbench_branches');
    const scale = Number(rows[0]?.count);
    if (scale > 0) return scale;
    throw new DrillError(`invalid count(*) from pgbench_branches: "${scale}"`, { exitCode: ExitCode.usage });
  } catch (error) {
    if (error instanceof DrillError) throw error;
    const missing = error instanceof DatabaseError && error.code === '42P01';
    const hint = `Perhaps you need to do initialization ("pgdrill pgbench -i") in database "${target.database}".`;
    throw new DrillError(`could not count number of branches: ${describe(error, target)}`, {
      exitCode: ExitCode.usage,
      ...(missing && { hint }),
    });
  }
}

/** Vacuums pgbench's tables as it does before a run; what cannot be done is told, and no fault. */
export async function vacuumTables(client: Client, accountsToo: boolean): Promise<void> {
  const attempt = async (sql: string): Promise<void> => {
    try {
      await client.query(sql);
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      sayError(`${error.severity}:  ${error.message}`);
      say('detail: (ignoring this error and continuing anyway)');
    }
  };
  process.stderr.write('starting vacuum...');
  for (const sql of ['vacuum pgbench_branches', 'vacuum pgbench_tellers', 'truncate pgbench_history'])
    await attempt(sql);
  process.stderr.write('end.\n');
  if (!accountsToo) return;
  process.stderr.write('starting vacuum pgbench_accounts...');
  await attempt('vacuum analyze pgbench_accounts');
  process.stderr.write('end.\n');
}

/** How many sessions fit, by the settings of what answers; `setting` names the one that limits. */
export interface Room {
  sessions: number;
  setting: string;
}

/**
 * Asks a Pgpool for its children, else the server for its connections; null where neither can be told. A Pgpool is
 * supposed where the server's own port is not the one we connected to: the question is an error to any other.
 */
export async function roomForSessions(client: Client, { port }: Target): Promise<Room | null> {
  const { rows } = await client.query<{ port: number | null }>('select inet_server_port() as port');
  const ownPort = rows[0]?.port ?? 0;
  const pgpool = ownPort !== port && ownPort > 0 ? await readPgpoolRoom(client) : null;
  if (pgpool)
    return {
      sessions: pgpool.children - pgpool.reserved,
      setting: 'num_init_children of Pgpool-II less reserved_connections',
    };
  const { connections } = await readServerRoom(client);
  return connections > 0 ? { sessions: connections, setting: 'max_connections of the server' } : null;
}

/** What the server calls its version. */
export async function serverVersion(client: Client): Promise<string> {
  const { rows } = await client.query<{ server_version: string }>('show server_version');
  return rows[0]?.server_version ?? 'unknown';
}
