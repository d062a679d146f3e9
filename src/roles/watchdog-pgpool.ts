import { createPgpool, type Pgpool, type PgpoolHost, type PgpoolSettings } from './pgpool.ts';
import type { PgpoolState } from './pgpool-failover.ts';
import { Watchdog } from './watchdog.ts';
import type { BackendSync, WatchdogHost, WatchdogIdentity } from './watchdog-host.ts';

/** What of a watchdog's port is left to the host when a Pgpool stands behind it. */
export type WatchdogNetwork = Omit<
  WatchdogHost,
  'carryOut' | 'sync' | 'backends' | 'lockFollow' | 'quarantined' | 'releaseQuarantined' | 'renewQuarantined'
>;

/** One Pgpool with its watchdog. */
export interface WatchdogPgpool {
  pgpool: Pgpool;
  watchdog: Watchdog;
  /** Whether clients and PCP commands are taken: only once the watchdog has a place in its cluster. */
  accepts(): boolean;
}

/**
 * Joins a Pgpool and its watchdog: requests are put to the watchdog first, what the leader carries out reaches every node, and
 * the Pgpool begins when its watchdog leads or follows.
 */
export function createWatchdogPgpool(
  hosts: { pgpool: PgpoolHost; network: WatchdogNetwork },
  {
    settings,
    shared,
    identity,
  }: { settings: PgpoolSettings; shared: PgpoolState; identity: WatchdogIdentity },
): WatchdogPgpool {
  let accepts = false;
  let locked = false;
  const pgpool: Pgpool = createPgpool(
    {
      ...hosts.pgpool,
      gate: (request, done) => watchdog.gate(request, done),
      following: (on) => watchdog.following(on),
      mayDetachFalsePrimary: () => watchdog.leadsWithQuorum(),
      serving: () => {
        hosts.pgpool.serving();
        watchdog.backendsChanged();
      },
    },
    settings,
    shared,
  );
  const quarantined = (): number[] =>
    pgpool.nodes().flatMap(({ status }, id) => (status === 'quarantine' ? [id] : []));
  const watchdog = new Watchdog(
    {
      ...hosts.network,
      carryOut: ({ kind, node }) => pgpool.carryOut({ kind, node }),
      sync: ({ status, primary }) => pgpool.sync(status, primary),
      backends: () => backendsOf(pgpool),
      lockFollow: (held) => {
        if (held !== locked) pgpool.lockFollow(held);
        locked = held;
      },
      quarantined: () => {
        const { primary, marked = [] } = pgpool.state();
        const nodes = quarantined();
        return { nodes, primary: primary < 0 && nodes.some((node) => marked.includes(node)) };
      },
      releaseQuarantined: () => {
        for (const node of quarantined()) pgpool.carryOut({ kind: 'release', node });
      },
      renewQuarantined: () => {
        for (const node of quarantined()) {
          watchdog.gate({ kind: 'detach', node, confirmed: false }, (verdict) => {
            if (verdict === 'proceed') pgpool.carryOut({ kind: 'detach', node });
          });
        }
      },
      stateChanged: (state) => {
        if (!accepts && (state === 'STANDBY' || watchdog.leader() === identity.id)) {
          accepts = true;
          pgpool.start();
        }
        if (state === 'IN NETWORK TROUBLE' || state === 'LOST') hosts.network.clock.setTimeout(end, 0);
        hosts.network.stateChanged(state);
      },
    },
    identity,
  );
  /** What a watchdog without a network, or one that takes itself for dead, does to its Pgpool. */
  const end = (): void => {
    accepts = false;
    watchdog.kill();
    pgpool.stop();
  };
  return { pgpool, watchdog, accepts: () => accepts };
}

/** What a leader tells: a quarantine is its own matter, to the others the node is in use. */
function backendsOf(pgpool: Pgpool): BackendSync {
  const { status, primary } = pgpool.state();
  return { status: status.map((entry) => (entry === 'quarantine' ? 'up' : entry)), primary };
}
