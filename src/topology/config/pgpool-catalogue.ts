import { type PgpoolParameter, parameterOf } from './pgpool-parameter.ts';
import { frontRows } from './pgpool-rows-front.ts';
import { serverRows } from './pgpool-rows-servers.ts';
import { watchdogRows } from './pgpool-rows-watchdog.ts';
import { branchOf, compareVersions, namesRelease, valueAt } from './versions.ts';

/** Release lines of Pgpool-II that the catalogue knows. */
export const pgpoolVersions = ['4.0', '4.1', '4.2', '4.3', '4.4', '4.5', '4.6', '4.7'] as const;

/** The release that stands for Pgpool where none is named: that of Debian 12, on which the models were tried. */
export const usualPgpoolVersion = '4.3.5';

/** Every setting of every line; a name whose reading changed has an entry for each. */
export const pgpoolCatalogue: readonly PgpoolParameter[] = [...serverRows, ...frontRows, ...watchdogRows].map(
  parameterOf,
);

/** What became of a name: the name that took its place, from when, and whether the old one still does anything. */
export interface PgpoolRename {
  to: string;
  /** Release line in which the new name came; null for a name that never was one. */
  since: string | null;
  /** `works`: the value still counts, with a warning; `warns`: a warning and no effect; `silent`: ignored without a word. */
  old: 'works' | 'warns' | 'silent';
  /** What to do instead, where writing the new name is not enough. */
  hint?: string;
}

const streamingHint = "write backend_clustering_mode = 'streaming_replication'";
const nodesHint =
  'list every node, this one too, as hostnameN, pgpool_portN, wd_portN, the same on all hosts, with the own number in the file pgpool_node_id';

/**
 * Old and mistaken names. Source: the release notes of 4.0 to 4.7 and the assign functions of pool_config_variables.c; the last
 * two are misprints of EDB's architecture guide.
 */
export const pgpoolRenames: Readonly<Record<string, PgpoolRename>> = {
  fail_over_on_backend_error: { to: 'failover_on_backend_error', since: '4.0', old: 'warns' },
  follow_master_command: { to: 'follow_primary_command', since: '4.2', old: 'silent' },
  master_slave_mode: { to: 'backend_clustering_mode', since: '4.2', old: 'silent', hint: streamingHint },
  master_slave_sub_mode: { to: 'backend_clustering_mode', since: '4.2', old: 'silent', hint: streamingHint },
  black_function_list: { to: 'write_function_list', since: '4.2', old: 'silent' },
  white_function_list: { to: 'read_only_function_list', since: '4.2', old: 'silent' },
  black_query_pattern_list: { to: 'primary_routing_query_pattern_list', since: '4.2', old: 'silent' },
  black_memqcache_table_list: { to: 'cache_unsafe_memqcache_table_list', since: '4.2', old: 'silent' },
  white_memqcache_table_list: { to: 'cache_safe_memqcache_table_list', since: '4.2', old: 'silent' },
  other_pgpool_hostname: { to: 'hostname', since: '4.2', old: 'silent', hint: nodesHint },
  other_pgpool_port: { to: 'pgpool_port', since: '4.2', old: 'silent', hint: nodesHint },
  other_wd_port: { to: 'wd_port', since: '4.2', old: 'silent', hint: nodesHint },
  wd_hostname: { to: 'hostname', since: '4.2', old: 'silent', hint: nodesHint },
  heartbeat_destination: { to: 'heartbeat_hostname', since: '4.2', old: 'silent' },
  heartbeat_destination_port: { to: 'heartbeat_port', since: '4.2', old: 'silent' },
  wd_heartbeat_port: { to: 'heartbeat_port', since: '4.2', old: 'silent' },
  socket_dir: { to: 'unix_socket_directories', since: '4.4', old: 'silent' },
  delegate_IP: { to: 'delegate_ip', since: '4.4', old: 'works' },
  logdir: { to: 'work_dir', since: '4.7', old: 'works' },
  if_cmdconfig_path: { to: 'if_cmd_path', since: null, old: 'silent' },
  wd_lifecycle_method: { to: 'wd_lifecheck_method', since: null, old: 'silent' },
};

/** A setting's name taken apart: `backend_weight1` is the parameter `backend_weight` of backend 1. */
export interface PgpoolName {
  parameter: PgpoolParameter;
  /** Null without a number. */
  index: number | null;
  /** What follows the parameter's name and is no number, as in `backend_weightx`; Pgpool refuses to start with it. */
  wrongIndex: string | null;
}

/**
 * What Pgpool of a version makes of a name, as it looks names up: an indexed parameter takes every name that starts with
 * its own. Undefined for a name that this version ignores.
 */
export function pgpoolName(name: string, version: string): PgpoolName | undefined {
  const { plain, indexed } = parametersOf(version);
  const exact = plain.get(name);
  if (exact) return { parameter: exact, index: null, wrongIndex: null };
  const parameter = indexed.find((entry) => name.startsWith(entry.name));
  if (!parameter) return undefined;
  const rest = name.slice(parameter.name.length);
  return /^\d+$/.test(rest)
    ? { parameter, index: Number(rest), wrongIndex: null }
    : { parameter, index: null, wrongIndex: rest };
}

interface VersionParameters {
  plain: ReadonlyMap<string, PgpoolParameter>;
  /** Those whose names carry a number, longer names first. */
  indexed: readonly PgpoolParameter[];
}

/** Found once a version, since a simulation asks thousands of times. */
const parametersByVersion = new Map<string, VersionParameters>();

function parametersOf(version: string): VersionParameters {
  const kept = parametersByVersion.get(version);
  if (kept) return kept;
  const known = pgpoolCatalogue.filter((parameter) => existsIn(parameter, version));
  const indexed = known.filter(({ index }) => index !== null).sort((x, y) => y.name.length - x.name.length);
  const found = { plain: new Map(known.map((parameter) => [parameter.name, parameter])), indexed };
  parametersByVersion.set(version, found);
  return found;
}

/** Whether a version has the parameter. A line without patch level (`4.3`) has what any of its releases has. */
export function existsIn(parameter: PgpoolParameter, version: string): boolean {
  const branch = branchOf(version);
  if (parameter.until !== null && compareVersions(branch, parameter.until) > 0) return false;
  const own = parameter.since.find((since) => branchOf(since) === branch);
  if (own !== undefined) return !namesRelease(version) || compareVersions(version, own) >= 0;
  return compareVersions(branch, branchOf(parameter.since.at(-1) ?? '')) > 0;
}

/**
 * The compiled default of a setting; undefined for a name that the version does not have. A line without patch level has the
 * default of its first release: `failover_on_backend_shutdown` of `4.3` is on.
 */
export function pgpoolDefaultOf(name: string, version: string): string | undefined {
  const found = pgpoolName(name, version);
  return found && found.wrongIndex === null ? valueAt(found.parameter.defaults, version) : undefined;
}
