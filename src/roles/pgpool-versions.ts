/** Where versions of Pgpool-II differ in what the statecharts do. */
export interface PgpoolFeatures {
  /** `search_primary_node_timeout` is time; before 4.3.7 it counts looks, each of which may take long. */
  searchByTime: boolean;
  /** An idle session that sees its backend shut down takes the node down, whatever is set (before 4.3). */
  shutdownAlwaysDegenerates: boolean;
  /** Sessions wait for the end of a switch, at most 30 s; before 4.5 they are closed. */
  sessionsWait: boolean;
  /** The main process waits for PCP clients that stay connected (before 4.5.0). */
  waitsForPcpClients: boolean;
  /** `pcp_promote_node --switchover` (4.3). */
  switchover: boolean;
  /** A quarantined node that answers its health check again is taken back (4.1). */
  releasesQuarantine: boolean;
  /** Only a watchdog leader with quorum detaches false primaries (4.6). */
  leaderDetachesFalsePrimary: boolean;
}

/** How long a session waits for the end of a switch, from 4.5 on (wait_for_failover_to_finish). */
export const switchWaitMs = 30_000;

/** Compares versions such as `4.3.5` and `4.10` part by part; a missing part counts as 0. */
export function isAtLeast(version: string, least: string): boolean {
  const parts = version.split('.').map(Number);
  for (const [position, wanted] of least.split('.').map(Number).entries()) {
    const part = parts[position] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
}

const featuresByVersion = new Map<string, PgpoolFeatures>();

/**
 * What a version does. Of a version without a patch level (`4.3`) the oldest behaviour of that series is taken.
 *
 * Source: the release notes, and pgpool_main.c and child.c of the tags.
 */
export function pgpoolFeatures(version: string): PgpoolFeatures {
  const known = featuresByVersion.get(version);
  if (known) return known;
  const features = {
    searchByTime: isAtLeast(version, '4.3.7'),
    shutdownAlwaysDegenerates: !isAtLeast(version, '4.3'),
    sessionsWait: isAtLeast(version, '4.5'),
    waitsForPcpClients: !isAtLeast(version, '4.5'),
    switchover: isAtLeast(version, '4.3'),
    releasesQuarantine: isAtLeast(version, '4.1'),
    leaderDetachesFalsePrimary: isAtLeast(version, '4.6'),
  };
  featuresByVersion.set(version, features);
  return features;
}
