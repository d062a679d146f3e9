import { Socket } from 'node:net';
import { Client } from 'pg';
import { RealClock } from '../kernel/clock.ts';
import type { CommandOutcome } from '../roles/host.ts';

const positionsQuery = `
  SELECT pg_is_in_recovery() AS "inRecovery",
         CASE WHEN pg_is_in_recovery()
              THEN GREATEST(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) - '0/0' END AS received,
         CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END - '0/0' AS replayed`;

/**
 * Opens a connection of its own, asks for recovery state and WAL positions, and closes it, all within `timeoutMs`.
 *
 * A standby that has just started has no received position until it streams; what it has replayed counts then.
 * The password comes from the file that PGPASSFILE names.
 */
export function queryDatabase(options: {
  host: string;
  port: number;
  user: string;
  database: string;
  localAddress: string;
  timeoutMs: number;
  done: (outcome: CommandOutcome) => void;
}): void {
  const clock = new RealClock();
  const { host, port, user, database, localAddress } = options;
  const socket = new BoundSocket(localAddress);
  const client = new Client({ host, port, user, database, stream: () => socket, application_name: 'efm' });
  let ended = false;
  const end = (outcome: CommandOutcome): void => {
    if (ended) return;
    ended = true;
    clock.clearTimeout(timer);
    options.done(outcome);
  };
  const fail = (detail: string): void => {
    end({ ok: false, detail });
    socket.destroy();
  };
  const timer = clock.setTimeout(() => fail(`no answer within ${options.timeoutMs} ms`), options.timeoutMs);
  socket.on('error', (error) => fail(error.message));
  client.on('error', (error) => fail(error.message));
  const ask = async (): Promise<void> => {
    await client.connect();
    const { rows } = await client.query(positionsQuery);
    const { inRecovery, received, replayed } = rows[0];
    const positions = {
      receivedBytes: received === null ? null : Number(received),
      replayedBytes: Number(replayed),
    };
    end({ ok: true, detail: null, inRecovery, positions });
    await client.end();
  };
  ask().catch((error: Error) => fail(error.message));
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
