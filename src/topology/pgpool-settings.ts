import type { Problem } from '../kernel/errors.ts';
import type { Cluster } from './cluster.ts';
import { checkPgpoolSetting } from './config/check-pgpool.ts';
import { usualPgpoolVersion } from './config/pgpool-catalogue.ts';
import { pgpoolNumber } from './pgpool-conf.ts';
import { isOwnSetting } from './pgpool-in-force.ts';

/**
 * Says what is wrong with the settings of a cluster model given by name: names that the version does not act upon, values that it
 * would refuse or misread, and what only the lab may set.
 */
export function checkPgpoolSettings(
  settings: Readonly<Record<string, string>>,
  version: string = usualPgpoolVersion,
): Problem[] {
  return Object.entries(settings).flatMap(([name, value]) => {
    if (isOwnSetting(name)) return [ownedProblem(name)];
    return checkPgpoolSetting({ name, value }, version).map(({ part: _, ...problem }) => problem);
  });
}

/** Why more sessions cannot be open at once than Pgpool has children for; null when they can. One child serves one session. */
export function checkSessions(cluster: Pick<Cluster, 'pgpoolSettings'>, sessions: number): Problem | null {
  const children = pgpoolNumber(cluster.pgpoolSettings, 'num_init_children');
  if (children === undefined) return null;
  const reserved = pgpoolNumber(cluster.pgpoolSettings, 'reserved_connections') ?? 0;
  if (sessions <= children - reserved) return null;
  const less = reserved > 0 ? ` and keeps ${reserved} of them back (reserved_connections)` : '';
  return {
    rule: 'sessions-fit-pgpool',
    message: `the load keeps ${sessions} sessions open, but Pgpool serves ${children} at once (num_init_children)${less}; the others would wait unanswered`,
    hint: `lower the sessions, set num_init_children: ${sessions + reserved} in the cluster model's pgpool.settings, or write load.connect: perTransaction, with which they take turns`,
  };
}

function ownedProblem(name: string): Problem {
  const inServers = /^backend_(hostname|port|weight)|^(pcp_)?port$|listen_addresses$/.test(name);
  return {
    rule: 'pgpool-setting-owner',
    message: `Pgpool's "${name}" is set by pgdrill itself`,
    hint: inServers
      ? 'say it in servers[]: address, postgres.port, postgres.weight, pgpool.port, pgpool.pcpPort'
      : 'leave it out: pgdrill chooses folders, accounts and follow_primary.sh for the servers it starts',
  };
}
