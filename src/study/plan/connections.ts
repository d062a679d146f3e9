import { backendDemand } from '../../roles/pgpool-capacity.ts';
import type { Cluster } from '../../topology/cluster.ts';
import { pgpoolNumber, pgpoolSetting } from '../../topology/pgpool-conf.ts';

/** PostgreSQL's, where the model's `postgres.settings` do not say. */
const usualMaxConnections = 100;
const usualReserved = 3;

/** Connections that Pgpool may open to each server, against what a server takes. */
export interface ConnectionBudget {
  /** num_init_children, and of these what reserved_connections keeps back. */
  children: number;
  reserved: number;
  /** Pairs of user and database that the application uses, and how many of them a child keeps connections for. */
  databases: number;
  maxPool: number;
  /** Children × kept pairs: what Pgpool may have open on each server. */
  perServer: number;
  /** max_connections less what is reserved for superusers, and where the number is from. */
  available: number;
  source: 'option' | 'model' | 'PostgreSQL default';
  fits: boolean;
  /** Each change of database in a child costs a session start on every server. */
  thrashes: boolean;
}

/**
 * Children × pool × databases against max_connections. A child keeps connections of the last `max_pool` pairs of user and database
 * that it served, to every server; the rule is Pgpool-II's own (manual, num_init_children).
 */
export function connectionBudget(
  { pgpoolSettings, postgresSettings }: Pick<Cluster, 'pgpoolSettings' | 'postgresSettings'>,
  { databases, maxConnections }: { databases: number; maxConnections: number | null },
): ConnectionBudget {
  const children = pgpoolNumber(pgpoolSettings, 'num_init_children') ?? 0;
  const reserved = pgpoolNumber(pgpoolSettings, 'reserved_connections') ?? 0;
  const maxPool = Number(pgpoolSetting(pgpoolSettings, 'max_pool') ?? 1);
  const written = Number(postgresSettings.max_connections ?? Number.NaN);
  const inModel = Number.isFinite(written);
  const most = maxConnections ?? (inModel ? written : usualMaxConnections);
  const kept = Number(postgresSettings.superuser_reserved_connections ?? usualReserved);
  const perServer = backendDemand({ numInitChildren: children, maxPool: Math.min(maxPool, databases) });
  const available = most - kept;
  return {
    children,
    reserved,
    databases,
    maxPool,
    perServer,
    available,
    source: maxConnections !== null ? 'option' : inModel ? 'model' : 'PostgreSQL default',
    fits: perServer <= available,
    thrashes: databases > maxPool,
  };
}
