import { type PgpoolSettings, pgpoolSettingsFrom } from '../roles/pgpool-settings.ts';
import type { Cluster } from '../topology/cluster.ts';
import { pgpoolTruth } from '../topology/config/pgpool-values.ts';
import { pgpoolNumber, pgpoolSetting } from '../topology/pgpool-conf.ts';
import { pgpoolConfOf } from '../topology/pgpool-conf-of.ts';
import type { ChildLimits } from './children.ts';

const settingsByCluster = new WeakMap<Cluster, PgpoolSettings>();

/**
 * What the statecharts read of a cluster's pgpool.conf, for its version; read once, however many simulations use it. The
 * primary is known at the start: the simulated cluster is never met in the middle of a change.
 */
export function pgpoolSettingsOf(cluster: Cluster, hasFollowCommand: boolean): PgpoolSettings {
  const known = settingsByCluster.get(cluster) ?? read(cluster);
  settingsByCluster.set(cluster, known);
  return { ...known, hasFollowCommand };
}

function read({ pgpoolSettings, pgpoolVersion, backends }: Cluster): PgpoolSettings {
  const hosts = backends.map(({ id, address }) => [`backend_hostname${id}`, address]);
  const flags = backends.flatMap(({ id }) => {
    const flag = pgpoolSettings[`backend_flag${id}`];
    return flag === undefined ? [] : [[`backend_flag${id}`, flag]];
  });
  const settings = { ...pgpoolSettings, ...Object.fromEntries([...hosts, ...flags]) };
  return { ...pgpoolSettingsFrom(pgpoolConfOf(settings, pgpoolVersion)), searchAtStart: false };
}

/** What a cluster's pgpool.conf says of children and what they keep. */
export function childLimitsOf({ pgpoolSettings }: Cluster): ChildLimits {
  return {
    mostClients: pgpoolNumber(pgpoolSettings, 'child_max_connections') ?? 0,
    keepsConnections: pgpoolTruth(pgpoolSetting(pgpoolSettings, 'connection_cache') ?? '') !== false,
    reserved: pgpoolNumber(pgpoolSettings, 'reserved_connections') ?? 0,
  };
}
