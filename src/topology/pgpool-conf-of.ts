import { pgpoolName, pgpoolRenames } from './config/pgpool-catalogue.ts';
import { pgpoolTimeMs, pgpoolTruth, readPgpoolNumber } from './config/pgpool-values.ts';
import { branchOf, compareVersions, valueAt } from './config/versions.ts';
import type { BackendConf, HealthCheckConf, PgpoolConf, WatchdogConf } from './pgpool-conf.ts';

type Settings = Readonly<Record<string, string>>;

/**
 * What a pgpool.conf means to the Pgpool of a version: values in force, under whichever name this version reads, its own
 * compiled defaults where nothing is written. A name that it ignores has no effect here either.
 *
 * @param settings by name as written, quotes removed; they should have passed checkPgpoolDocument: a number that cannot be read counts as its default
 * @param version `4.0` to `4.7`, with the patch level where it is known
 */
export function pgpoolConfOf(settings: Settings, version: string): PgpoolConf {
  const read = new SettingReader(settings, version);
  return {
    version,
    backends: backendsOf(read),
    loadBalance: read.truth('load_balance_mode'),
    statementLevelLoadBalance: read.truth('statement_level_load_balance'),
    disableLoadBalanceOnWrite: read.text(
      'disable_load_balance_on_write',
    ) as PgpoolConf['disableLoadBalanceOnWrite'],
    failoverOnBackendError: read.truth('failover_on_backend_error'),
    // Before 4.3 there is no such switch: a server that says it shuts down is always failed over.
    failoverOnBackendShutdown: read.has('failover_on_backend_shutdown')
      ? read.truth('failover_on_backend_shutdown')
      : true,
    detachFalsePrimary: read.truth('detach_false_primary'),
    autoFailback: read.truth('auto_failback'),
    autoFailbackIntervalMs: read.timeMs('auto_failback_interval'),
    srCheckPeriodMs: read.timeMs('sr_check_period'),
    delayThresholdBytes: read.number('delay_threshold'),
    preferLowerDelayStandby: read.truth('prefer_lower_delay_standby'),
    searchPrimaryNodeTimeoutMs: read.timeMs('search_primary_node_timeout'),
    hasFailoverCommand: read.text('failover_command') !== '',
    hasFailbackCommand: read.text('failback_command') !== '',
    hasFollowCommand: read.text('follow_primary_command') !== '',
    recoveryTimeoutMs: read.timeMs('recovery_timeout'),
    // -1, to end sessions at once, has no unit.
    clientIdleLimitInRecoveryMs:
      read.number('client_idle_limit_in_recovery') < 0 ? -1 : read.timeMs('client_idle_limit_in_recovery'),
    connectTimeoutMs: read.timeMs('connect_timeout'),
    numInitChildren: read.number('num_init_children'),
    maxPool: read.number('max_pool'),
    reservedConnections: read.number('reserved_connections'),
    listenBacklogMultiplier: read.number('listen_backlog_multiplier'),
    childLifeTimeMs: read.timeMs('child_life_time'),
    childMaxConnections: read.number('child_max_connections'),
    connectionLifeTimeMs: read.timeMs('connection_life_time'),
    watchdog: read.truth('use_watchdog') ? watchdogOf(read) : null,
  };
}

/** Backends by id; a hostname is what makes one. */
function backendsOf(read: SettingReader): BackendConf[] {
  return read.indexesOf('backend_hostname').map((id) => {
    const flags = read.text('backend_flag', id).split('|');
    return {
      id,
      host: read.text('backend_hostname', id),
      port: read.number('backend_port', id),
      weight: Number(read.text('backend_weight', id)) || 0,
      flag: flags.some((flag) => /^ALWAYS_(PRIMARY|MASTER)$/.test(flag))
        ? 'ALWAYS_PRIMARY'
        : flags.includes('DISALLOW_TO_FAILOVER')
          ? 'DISALLOW_TO_FAILOVER'
          : 'ALLOW_TO_FAILOVER',
      applicationName: read.text('backend_application_name', id),
      healthCheck: healthCheckOf(read, id),
    };
  });
}

function healthCheckOf(read: SettingReader, id: number): HealthCheckConf {
  return {
    periodMs: read.timeMs('health_check_period', id),
    timeoutMs: read.timeMs('health_check_timeout', id),
    maxRetries: read.number('health_check_max_retries', id),
    retryDelayMs: read.timeMs('health_check_retry_delay', id),
    connectTimeoutMs: read.timeMs('connect_timeout', id),
  };
}

function watchdogOf(read: SettingReader): WatchdogConf {
  return {
    nodes: watchdogNodesOf(read),
    lifecheck: read.text('wd_lifecheck_method') as WatchdogConf['lifecheck'],
    intervalMs: read.timeMs('wd_interval'),
    heartbeatKeepaliveMs: read.timeMs('wd_heartbeat_keepalive'),
    heartbeatDeadtimeMs: read.timeMs('wd_heartbeat_deadtime'),
    lifePoint: read.number('wd_life_point'),
    priority: read.number('wd_priority'),
    delegateIp: read.text('delegate_ip') || null,
    failoverWhenQuorumExists: read.truth('failover_when_quorum_exists'),
    failoverRequireConsensus: read.truth('failover_require_consensus'),
    allowMultipleFailoverRequestsFromNode: read.truth('allow_multiple_failover_requests_from_node'),
    enableConsensusWithHalfVotes: read.truth('enable_consensus_with_half_votes'),
  };
}

/** From 4.2 on every node is listed under its id; before, a file names the others, and this node is number 0. */
function watchdogNodesOf(read: SettingReader): WatchdogConf['nodes'] {
  if (compareVersions(branchOf(read.version), '4.2') >= 0) {
    return read.indexesOf('hostname').map((id) => ({
      id,
      host: read.text('hostname', id),
      pgpoolPort: read.number('pgpool_port', id),
      wdPort: read.number('wd_port', id),
    }));
  }
  const own = {
    id: 0,
    host: read.text('wd_hostname'),
    pgpoolPort: read.number('port'),
    wdPort: read.number('wd_port'),
  };
  const others = read.indexesOf('other_pgpool_hostname').map((index) => ({
    id: index + 1,
    host: read.text('other_pgpool_hostname', index),
    pgpoolPort: read.number('other_pgpool_port', index),
    wdPort: read.number('other_wd_port', index),
  }));
  return [own, ...others];
}

/** Reads settings by today's names, as a version means them. */
class SettingReader {
  readonly version: string;
  private readonly settings: Settings;

  constructor(settings: Settings, version: string) {
    this.settings = settings;
    this.version = version;
  }

  /** Whether the version knows the name. */
  has(name: string): boolean {
    return pgpoolName(name, this.version) !== undefined;
  }

  /** The value in force: of the index, of all, else the default; '' for what the version does not have. */
  text(name: string, index?: number): string {
    const { settings, version } = this;
    const current = this.has(name) ? name : this.oldName(name);
    if (current === undefined) return '';
    const own = index === undefined ? undefined : settings[`${current}${index}`];
    const worksToo = Object.entries(pgpoolRenames).find(
      ([, { to, old }]) => to === current && old === 'works',
    );
    const written =
      own ?? settings[current] ?? (worksToo && this.has(worksToo[0]) ? settings[worksToo[0]] : undefined);
    if (written !== undefined) return written;
    const parameter = pgpoolName(current, version)?.parameter;
    return (parameter && valueAt(parameter.defaults, version)) ?? '';
  }

  truth(name: string): boolean {
    const text = this.text(name);
    return text === '' ? false : (pgpoolTruth(text) ?? true);
  }

  number(name: string, index?: number): number {
    return readPgpoolNumber(this.text(name, index), this.formOf(name))?.value ?? 0;
  }

  timeMs(name: string, index?: number): number {
    return pgpoolTimeMs(this.text(name, index), this.formOf(name)) ?? 0;
  }

  /** Numbers that an indexed setting is written with, ascending. */
  indexesOf(name: string): number[] {
    const indexes = Object.entries(this.settings).flatMap(([written, value]) => {
      const rest = written.startsWith(name) ? written.slice(name.length) : '';
      return /^\d+$/.test(rest) && value !== '' ? [Number(rest)] : [];
    });
    return indexes.sort((a, b) => a - b);
  }

  private formOf(name: string): Parameters<typeof pgpoolTimeMs>[1] {
    return (
      pgpoolName(this.has(name) ? name : (this.oldName(name) ?? name), this.version)?.parameter.form ?? 'text'
    );
  }

  private oldName(name: string): string | undefined {
    return Object.entries(pgpoolRenames).find(
      ([from, { to, old }]) => to === name && old !== 'warns' && this.has(from),
    )?.[0];
  }
}
