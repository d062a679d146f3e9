import { createPgpool, type Pgpool, type PgpoolHost, type PgpoolSettings } from '../roles/pgpool.ts';
import type { PgpoolState } from '../roles/pgpool-failover.ts';
import type { WatchdogIdentity } from '../roles/watchdog-host.ts';
import { createWatchdogPgpool, type WatchdogPgpool } from '../roles/watchdog-pgpool.ts';
import type { WatchdogNet } from './watchdog-net.ts';
import { watchedPgpool } from './watched-pgpool.ts';

/** The place of a Pgpool in a watchdog. */
export interface WatchdogSeat {
  identity: WatchdogIdentity;
  net: WatchdogNet;
}

/** One life of a Pgpool, from its start to its end, with its watchdog where it has one. */
export class PgpoolProcess {
  readonly pgpool: Pgpool;
  readonly #seat: WatchdogSeat | undefined;
  #joined: WatchdogPgpool | null = null;

  constructor(
    host: PgpoolHost,
    options: {
      settings: PgpoolSettings;
      shared: PgpoolState;
      watchdog: WatchdogSeat | undefined;
      /** Its state is another. */
      changed: () => void;
    },
  ) {
    const { settings, shared, watchdog, changed } = options;
    this.#seat = watchdog;
    const create = (watched: PgpoolHost): Pgpool => {
      if (!watchdog) return createPgpool(watched, settings, shared);
      const { identity, net } = watchdog;
      const { clock } = watched;
      const network = net.networkOf(identity.id, clock);
      const joined = createWatchdogPgpool({ pgpool: watched, network }, { settings, shared, identity });
      this.#joined = joined;
      return joined.pgpool;
    };
    this.pgpool = watchedPgpool(host, { create, changed });
  }

  /** Clients and commands are taken: with a watchdog once that has found its place. */
  get accepts(): boolean {
    return this.#joined === null || this.#joined.accepts();
  }

  /** Its watchdog takes it for the leader. */
  get leads(): boolean {
    return this.#joined?.watchdog.leader() === this.#seat?.identity.id;
  }

  start(): void {
    if (!this.#joined) this.pgpool.start();
    else {
      this.#seat?.net.joined(this.#seat.identity.id, this.#joined);
      this.#joined.watchdog.start();
    }
  }

  /** Does nothing more, and nobody hears of it. */
  stop(): void {
    this.#joined?.watchdog.kill();
    this.pgpool.stop();
  }

  /** SIGKILL: the others of the watchdog hear that its connections are closed. */
  kill(): void {
    this.stop();
    this.#seat?.net.ended(this.#seat.identity.id);
  }
}
