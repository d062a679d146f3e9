import { Socket } from 'node:net';
import { Client } from 'pg';
import { RealClock } from '../kernel/clock.ts';
import type { CommandOutcome } from '../roles/host.ts';
import { parseSynchronousNames, withNumSync } from '../topology/synchronous-names.ts';

const positionsQuery = `
  SELECT pg_is_in_recovery() AS "inRecovery",
         CASE WHEN pg_is_in_recovery()
              THEN GREATEST(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) - '0/0' END AS received,
         CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END - '0/0' AS replayed,
         current_setting('synchronous_standby_names') AS "syncNames",
         (SELECT count(*) FROM pg_stat_replication
           WHERE state = 'streaming' AND sync_state IN ('sync', 'potential', 'quorum')) AS "syncCount"`;

/** Where a database is, who asks, and for how long. */
export interface DatabasePlace {
  host: string;
  port: number;
  user: string;
  database: string;
  localAddress: string;
  timeoutMs: number;
}

/**
 * Opens a connection of its own, asks for recovery state and WAL positions, and closes it, all within `timeoutMs`.
 *
 * A standby that has just started has no received position until it streams; what it has replayed counts then.
 * The password comes from the file that PGPASSFILE names.
 */
export function queryDatabase(place: DatabasePlace, done: (outcome: CommandOutcome) => void): void {
  withConnection(place, done, async (client) => {
    const { rows } = await client.query(positionsQuery);
    const { inRecovery, received, replayed, syncNames, syncCount } = rows[0];
    const names = inRecovery ? null : parseSynchronousNames(syncNames);
    return {
      ok: true,
      detail: null,
      inRecovery,
      positions: {
        receivedBytes: received === null ? null : Number(received),
        replayedBytes: Number(replayed),
      },
      synchronous: names && { numSync: names.numSync, connected: Number(syncCount) },
    };
  });
}

/** Holds the replay of a standby, or lets it go on. */
export function setReplay(
  place: DatabasePlace,
  paused: boolean,
  done: (outcome: CommandOutcome) => void,
): void {
  withConnection(place, done, async (client) => {
    await client.query(paused ? 'SELECT pg_wal_replay_pause()' : 'SELECT pg_wal_replay_resume()');
    return { ok: true, detail: null };
  });
}

/** Changes num_sync of a primary's synchronous_standby_names, or clears the list (null), and reloads. */
export function setSynchronous(
  place: DatabasePlace,
  numSync: number | null,
  done: (outcome: CommandOutcome) => void,
): void {
  withConnection(place, done, async (client) => {
    const { rows } = await client.query("SELECT current_setting('synchronous_standby_names') AS names");
    const names = withNumSync(rows[0].names, numSync);
    await client.query(`ALTER SYSTEM SET synchronous_standby_names = ${client.escapeLiteral(names)}`);
    await client.query('SELECT pg_reload_conf()');
    return { ok: true, detail: names };
  });
}

/** SQLSTATEs of a server that lets nobody in (PostgreSQL, appendix "Error Codes": classes 28 and 53). */
const refusals: Readonly<Record<string, CommandOutcome['refusal']>> = {
  '28000': 'credentials',
  '28P01': 'credentials',
  '53300': 'connections',
};

function withConnection(
  place: DatabasePlace,
  done: (outcome: CommandOutcome) => void,
  work: (client: Client) => Promise<CommandOutcome>,
): void {
  const clock = new RealClock();
  const { host, port, user, database, localAddress, timeoutMs } = place;
  const socket = new BoundSocket(localAddress);
  const client = new Client({ host, port, user, database, stream: () => socket, application_name: 'efm' });
  let ended = false;
  const end = (outcome: CommandOutcome): void => {
    if (ended) return;
    ended = true;
    clock.clearTimeout(timer);
    done(outcome);
  };
  const fail = (detail: string): void => {
    end({ ok: false, detail });
    socket.destroy();
  };
  const timer = clock.setTimeout(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs);
  socket.on('error', (error) => fail(error.message));
  client.on('error', (error) => fail(error.message));
  const run = async (): Promise<void> => {
    await client.connect();
    end(await work(client));
    await client.end();
  };
  run().catch((error: Error & { code?: string }) => {
    const refusal = refusals[error.code ?? ''];
    end({ ok: false, detail: error.message, ...(refusal ? { refusal } : {}) });
    socket.destroy();
  });
}

/** A socket that `pg` connects by port and host, and that leaves from a given address of this machine. */
class BoundSocket extends Socket {
  readonly #localAddress: string;

  constructor(localAddress: string) {
    super();
    this.#localAddress = localAddress;
  }

  override connect(...args: unknown[]): this {
    const [port, host] = args as [number, string];
    return super.connect({ port, host, localAddress: this.#localAddress });
  }
}
