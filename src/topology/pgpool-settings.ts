import type { Problem } from '../kernel/errors.ts';
import type { Cluster } from './cluster.ts';
import { pgpoolNumber } from './pgpool-conf.ts';

/** Form of a value, as Pgpool reads it: a list names the words that it takes. */
type Form =
  | 'switch'
  | 'count'
  | 'seconds'
  | 'milliseconds'
  | 'minutes'
  | 'bytes'
  | 'text'
  | readonly string[];

const levels = [
  ...['debug5', 'debug4', 'debug3', 'debug2', 'debug1', 'log', 'info', 'notice', 'warning', 'error'],
  ...['fatal', 'panic'],
];

/**
 * Every setting of Pgpool-II 4.3.5 that a cluster model may write, in groups of one form. Without those of the lab.
 *
 * Source: the sample pgpool.conf of Debian's 4.3.5 and the configuration chapters of its manual. Pgpool itself ignores a
 * name that it does not know without a word, so that a wrong one would have no effect.
 */
const formGroups: readonly (readonly [Form, string])[] = [
  [
    'switch',
    `serialize_accept allow_clear_text_frontend_auth ssl ssl_prefer_server_ciphers log_connections log_disconnections
     log_hostname log_statement log_per_node_statement log_client_messages logging_collector log_truncate_on_rotation
     connection_cache replicate_select insert_lock replication_stop_on_mismatch failover_if_affected_tuples_mismatch
     load_balance_mode ignore_leading_white_space allow_sql_comments statement_level_load_balance
     prefer_lower_delay_standby failover_on_backend_error failover_on_backend_shutdown detach_false_primary auto_failback
     use_watchdog clear_memqcache_on_escalation failover_when_quorum_exists failover_require_consensus
     allow_multiple_failover_requests_from_node enable_consensus_with_half_votes wd_remove_shutdown_nodes
     check_unlogged_table enable_shared_relcache memory_cache_enabled memqcache_auto_cache_invalidation health_check_test`,
  ],
  [
    'count',
    `reserved_connections listen_backlog_multiplier num_init_children max_pool child_max_connections log_file_mode
     health_check_max_retries wd_priority wd_life_point relcache_size memqcache_max_num_cache memqcache_memcached_port`,
  ],
  [
    'seconds',
    `authentication_timeout child_life_time connection_life_time client_idle_limit sr_check_period health_check_period
     health_check_timeout health_check_retry_delay search_primary_node_timeout recovery_timeout auto_failback_interval
     client_idle_limit_in_recovery wd_lost_node_removal_timeout wd_no_show_node_removal_timeout wd_interval
     wd_heartbeat_keepalive wd_heartbeat_deadtime relcache_expire memqcache_expire`,
  ],
  ['milliseconds', 'connect_timeout'],
  ['minutes', 'log_rotation_age'],
  [
    'bytes',
    'log_rotation_size delay_threshold memqcache_total_size memqcache_maxcache memqcache_cache_block_size',
  ],
  [
    'text',
    `ssl_key ssl_cert ssl_ca_cert ssl_ca_cert_dir ssl_crl_file ssl_ciphers ssl_ecdh_curve ssl_dh_params_file
     ssl_passphrase_command log_line_prefix syslog_facility syslog_ident log_filename reset_query_list lobj_lock_table
     read_only_function_list write_function_list primary_routing_query_pattern_list database_redirect_preference_list
     app_name_redirect_preference_list dml_adaptive_object_relationship_list failover_command failback_command
     recovery_user recovery_password recovery_1st_stage_command recovery_2nd_stage_command trusted_servers ping_path
     wd_authkey delegate_IP if_cmd_path if_up_cmd if_down_cmd arping_path arping_cmd wd_escalation_command
     wd_de_escalation_command wd_monitoring_interfaces_list wd_lifecheck_query wd_lifecheck_dbname wd_lifecheck_user
     wd_lifecheck_password memqcache_memcached_host memqcache_oiddir cache_safe_memqcache_table_list
     cache_unsafe_memqcache_table_list`,
  ],
  [['off', 'transaction', 'trans_transaction', 'always', 'dml_adaptive'], 'disable_load_balance_on_write'],
  [['always', 'if_over_threshold', 'none'], 'log_standby_delay'],
  [['terse', 'default', 'verbose'], 'log_error_verbosity'],
  [levels, 'client_min_messages log_min_messages'],
  [['heartbeat', 'query', 'external'], 'wd_lifecheck_method'],
  [['catalog', 'trace', 'none', 'on', 'off'], 'check_temp_table'],
  [['primary', 'load_balance_node'], 'relcache_query_target'],
  [['shmem', 'memcached'], 'memqcache_method'],
];

const formOf: ReadonlyMap<string, Form> = new Map(
  formGroups.flatMap(([form, names]) => names.split(/\s+/).map((name) => [name, form] as const)),
);

/** Settings that may carry a node id and then hold for that backend alone. */
const perBackend = /^((?:health_check_(?:period|timeout|max_retries|retry_delay)|connect_timeout))\d+$/;

/** What the lab sets for this machine and its accounts: the cluster model says such things in other places, or not at all. */
const ownedByLab = new RegExp(
  `^(${[
    'backend_(hostname|port|weight|flag|data_directory|application_name)\\d+',
    'pcp_\\w+|(unix_)?socket_\\w+|wd_ipc_socket_dir|(wd_|pgpool_|heartbeat_)port\\d*|port|listen_addresses',
    '(heartbeat_)?hostname\\d+|heartbeat_device\\d+|pid_file_name|logdir|work_dir|log_directory|log_destination',
    'backend_clustering_mode|master_slave_mode|master_slave_sub_mode|replication_mode|enable_pool_hba|pool_passwd',
    'follow_primary_command|follow_master_command',
    'sr_check_(user|password|database)|health_check_(user|password|database)\\d*',
  ].join('|')})$`,
);

const renamed: Readonly<Record<string, string>> = {
  fail_over_on_backend_error: 'failover_on_backend_error',
  black_function_list: 'write_function_list',
  white_function_list: 'read_only_function_list',
  black_query_pattern_list: 'primary_routing_query_pattern_list',
  if_cmdconfig_path: 'if_cmd_path',
  wd_lifecycle_method: 'wd_lifecheck_method',
  delegate_ip: 'delegate_IP',
};

const durationForm = /^\d+\s*(ms|s|min|h|d)?$/;
const numberUnits: Readonly<Record<string, string>> = {
  seconds: 'a whole number of seconds, or one with a unit: 500ms, 10s, 5min, 1h, 1d',
  milliseconds: 'a whole number of milliseconds, or one with a unit: 500ms, 10s, 5min, 1h, 1d',
  minutes: 'a whole number of minutes, or one with a unit: 90s, 5min, 1h, 1d',
  bytes: 'a whole number, or one with a unit: 64MB',
  count: 'a whole number',
};

/**
 * Says what is wrong with the settings of a pgpool.conf given by name: names that Pgpool-II 4.3.5 does not know, values
 * that it would refuse or misread, and what only the lab may set.
 */
export function checkPgpoolSettings(settings: Readonly<Record<string, string>>): Problem[] {
  return Object.entries(settings).flatMap(([name, value]) => {
    const form = formOf.get(perBackend.exec(name)?.[1] ?? name);
    if (ownedByLab.test(name)) return [ownedProblem(name)];
    if (!form) return [unknownProblem(name)];
    const rule = ruleOf(form, { name, value });
    if (!rule) return [];
    return [{ rule: 'pgpool-setting-value', message: `${name} is ${rule}, got "${value}"` }];
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
    message: `load.sessions is ${sessions}, but Pgpool serves ${children} at once (num_init_children)${less}; the others would wait unanswered`,
    hint: `lower load.sessions, or set num_init_children: ${sessions + reserved} in the cluster model's pgpool.settings`,
  };
}

/** What the value ought to be; null when it is that. */
function ruleOf(form: Form, { name, value }: { name: string; value: string }): string | null {
  const text = value.trim();
  if (form === 'text') return null;
  if (typeof form !== 'string') return form.includes(text.toLowerCase()) ? null : `one of ${form.join(', ')}`;
  switch (form) {
    case 'switch':
      return /^(on|off|true|false|yes|no|1|0)$/i.test(text) ? null : 'on or off';
    case 'count':
      if (!/^\d+$/.test(text)) return numberUnits.count ?? null;
      return Number(text) === 0 && /^(num_init_children|max_pool)$/.test(name) ? 'at least 1' : null;
    case 'bytes':
      return /^\d+\s*(B|kB|MB|GB|TB)?$/.test(text) ? null : (numberUnits.bytes ?? null);
    default:
      if (name === 'client_idle_limit_in_recovery' && text === '-1') return null;
      return durationForm.test(text) ? null : (numberUnits[form] ?? null);
  }
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

function unknownProblem(name: string): Problem {
  const newName = renamed[name];
  const near = newName ?? nearest(name);
  const problem = { rule: 'pgpool-setting-name', message: `Pgpool-II 4.3 has no setting "${name}"` };
  if (newName) return { ...problem, hint: `its name there is ${newName}` };
  return near ? { ...problem, hint: `did you mean ${near}?` } : problem;
}

/** The known name with the fewest letters to change; undefined when that would be more than a third of them. */
function nearest(name: string): string | undefined {
  const ranked = [...formOf.keys()]
    .map((known) => ({ known, distance: editDistance(name.toLowerCase(), known.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= Math.max(2, name.length / 3) ? best.known : undefined;
}

/** Letters to insert, remove or replace to make one word the other (Levenshtein). */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [row, letter] of [...from].entries()) {
    const current = [row + 1];
    for (const [column, other] of [...to].entries()) {
      const replaced = (previous[column] ?? 0) + (letter === other ? 0 : 1);
      current.push(Math.min(replaced, (previous[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1));
    }
    previous = current;
  }
  return previous.at(-1) ?? 0;
}
