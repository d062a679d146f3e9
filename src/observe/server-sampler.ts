import pg from 'pg';
import type { ServerRoleEvent } from '../recording/events.ts';
import { type Observer, type ObserverOptions, repeat } from './observer.ts';

/** How to reach one server itself, past Pgpool. */
export interface ServerAccess {
  server: string;
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
}

/** Between two looks at a server, and the limit of one look, ms. */
const periodMs = 250;
const timeoutMs = 1000;

/** Named so that its sessions can be told apart in pg_stat_activity. */
export const observerName = 'pgdrill-observer';

const question = `
  select case when pg_is_in_recovery() then 'standby' else 'primary' end as role,
         case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end::text as position`;

/**
 * Asks one server itself for its role over a connection that is kept while it works and opened anew when it broke.
 * Emits `serverRole` at first sight and whenever the role changes; no answer in time counts as down. The question
 * reads no table, so that it leaves no trace in the counters of tables.
 */
export function watchServer(
  access: ServerAccess,
  options: ObserverOptions & { onRole?: (role: ServerRoleEvent['role']) => void },
): Observer {
  const { clock, emit } = options;
  const { server, ...connection } = access;
  let session: pg.Client | null = null;
  let role: ServerRoleEvent['role'] | null = null;
  let stopped = false;
  const drop = (): void => {
    const old = session;
    session = null;
    void old?.end().catch(() => {});
  };
  const ask = async (): Promise<{ role: ServerRoleEvent['role']; position: string | null }> => {
    try {
      if (!session) {
        const fresh = new pg.Client({
          ...connection,
          application_name: observerName,
          connectionTimeoutMillis: timeoutMs,
          query_timeout: timeoutMs,
        });
        fresh.on('error', () => {
          if (session === fresh) session = null;
        });
        session = fresh;
        await fresh.connect();
      }
      const { rows } = await session.query(question);
      return rows[0];
    } catch {
      drop();
      return { role: 'down', position: null };
    }
  };
  const polling = repeat(clock, periodMs, async () => {
    const answer = await ask();
    if (stopped) return drop();
    if (answer.role === role) return;
    role = answer.role;
    options.onRole?.(role);
    emit({ type: 'serverRole', atMs: clock.nowMs(), server, role, position: answer.position });
  });
  return {
    stop: () => {
      stopped = true;
      polling.stop();
      drop();
    },
  };
}
