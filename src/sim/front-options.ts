import type { PgpoolSettings } from '../roles/pgpool.ts';
import type { CommandRun } from '../roles/pgpool-failover.ts';
import type { ChildLimits } from './children.ts';
import type { Network } from './network.ts';
import type { WatchdogSeat } from './pgpool-process.ts';
import type { SimServer } from './server.ts';
import type { Station } from './station.ts';

/** What one simulated Pgpool stands between, and its settings. */
export interface PgpoolFrontOptions {
  servers: readonly SimServer[];
  /** Who reaches whom; left out: everybody. */
  network?: Network;
  /** The server that Pgpool runs on. */
  host?: string;
  /** Processors of Pgpool's own server. */
  station: Station;
  weights: readonly number[];
  /** Left out: Pgpool's defaults. */
  childLimits?: ChildLimits;
  settings: PgpoolSettings;
  primary: number;
  /** delay_threshold; 0: delays do not matter. */
  delayThresholdBytes?: number;
  /** By node id, how far replay is behind the primary, bytes; left out: nobody is behind. */
  delays?: () => readonly number[];
  /** Its place in a watchdog; left out: it stands alone. */
  watchdog?: WatchdogSeat;
  /** The follow command; `done` is called when it returns. */
  follow(run: { node: number; oldPrimary: number }, done: () => void): void;
  /** failover_command and failback_command; left out where neither is set. `done` is called once, later. */
  command?(run: CommandRun, done: () => void): void;
}
