import { randomBytes } from 'node:crypto';
import type { Backend, Cluster } from '../topology/cluster.ts';
import { pgpoolNumber } from '../topology/pgpool-conf.ts';
import type { Binaries } from './binaries.ts';
import type { LabContext } from './command.ts';
import type { LabLayout } from './layout.ts';

/** Names and passwords of one lab. */
export interface LabAccounts {
  database: string;
  user: string;
  password: string;
  pcpUser: string;
  pcpPassword: string;
}

/** Everything that the parts of a lab need to know of it. */
export interface LabSettings {
  cluster: Cluster;
  layout: LabLayout;
  accounts: LabAccounts;
  binaries: Binaries;
  context: LabContext;
  /** Folder of the integration scripts to copy. */
  scriptsFrom: string;
  /** Folder of the compiled programs (`agents/main.js`). */
  programs: string;
}

/**
 * Password method of servers and Pgpool. With SCRAM every new session costs Pgpool 4.3 one key derivation for the
 * client and one for each server, where md5 costs none to speak of; the lab is closed to other machines and its
 * passwords are random, so the cheaper one is enough and rates stay about the servers.
 */
export const passwordMethod: 'md5' | 'scram-sha-256' = 'md5';

/** New random passwords around the given names. */
export function newAccounts(names: { database?: string; user?: string } = {}): LabAccounts {
  const secret = (): string => `p${randomBytes(15).toString('hex')}`;
  return {
    database: names.database ?? 'pgdrill',
    user: names.user ?? 'pgdrill',
    password: secret(),
    pcpUser: 'pgdrill',
    pcpPassword: secret(),
  };
}

/** Connections that one server must accept: Pgpool's children and their pools, and room for agents, observers, replication and people. */
export function connectionsNeeded(cluster: Cluster): number {
  const children = pgpoolNumber(cluster.pgpoolSettings, 'num_init_children') ?? 32;
  const pools = pgpoolNumber(cluster.pgpoolSettings, 'max_pool') ?? 4;
  return children * pools * Math.max(1, cluster.pgpools.length) + 40;
}

/** The cluster's primary at start. */
export function primaryOf(cluster: Cluster): Backend | undefined {
  return cluster.backends.find(({ roleAtStart }) => roleAtStart === 'primary');
}
