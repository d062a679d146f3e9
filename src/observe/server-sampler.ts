import pg from 'pg';
import type { ServerRoleEvent } from '../recording/events.ts';
import { failureOf, type Observer, type ObserverOptions, probe, repeat } from './observer.ts';

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

/** Between two positions in the recording, ms. */
const positionPeriodMs = 1000;

/** So many looks without an answer, one after the other, mean that the server is down. */
const silencesOfDown = 2;

/** Named so that its sessions can be told apart in pg_stat_activity. */
export const observerName = 'pgdrill-observer';

const question = `
  select case when pg_is_in_recovery() then 'standby' else 'primary' end as role,
         case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end::text as position`;

/**
 * Asks one server itself for its role over a connection that is kept while it works and opened anew when it broke.
 * Emits `serverRole` at first sight and whenever the role changes, and `walPosition` once a second. A refused or closed connection counts as down at
 * once; silence only the second time in a row, for a busy machine may owe one answer: the first is a `probe` event. The
 * question reads no table, so that it leaves no trace in the counters of tables.
 */
export function watchServer(access: ServerAccess, options: ObserverOptions): Observer {
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
  const names = { observer: 'server', target: server };
  const told = probe(options, names);
  let silences = 0;
  let positionDueMs = Number.NEGATIVE_INFINITY;
  const ask = async (): Promise<{ role: ServerRoleEvent['role']; position: string | null } | null> => {
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
      silences = 0;
      return rows[0];
    } catch (cause) {
      drop();
      silences = isSilence(cause) ? silences + 1 : silencesOfDown;
      return silences < silencesOfDown ? null : { role: 'down', position: null };
    }
  };
  const notePosition = ({
    role,
    position,
  }: {
    role: ServerRoleEvent['role'];
    position: string | null;
  }): void => {
    const atMs = clock.nowMs();
    if (role === 'down' || position === null || atMs < positionDueMs) return;
    positionDueMs = atMs + positionPeriodMs - periodMs / 2;
    emit({ type: 'walPosition', atMs, server, role, position });
  };
  const look = async (): Promise<void> => {
    const answer = await ask();
    if (stopped) return drop();
    told(answer ? null : `no answer within ${timeoutMs} ms`);
    if (!answer) return;
    notePosition(answer);
    if (answer.role === role) return;
    role = answer.role;
    emit({ type: 'serverRole', atMs: clock.nowMs(), server, role, position: answer.position });
  };
  const polling = repeat(clock, periodMs, { look, onFailure: failureOf(options, names) });
  return {
    stop: () => {
      stopped = true;
      polling.stop();
      drop();
    },
  };
}

/** Whether `pg` gave up waiting, by the words of its two time limits (and the kernel's own); anything else is an end of the connection or an answer. */
function isSilence(cause: unknown): boolean {
  const { message = '', code } = cause as NodeJS.ErrnoException;
  return code === 'ETIMEDOUT' || /timeout/i.test(message);
}
