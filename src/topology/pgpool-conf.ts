import { DrillError, ExitCode } from '../kernel/errors.ts';
import { quotedForPgpool } from './config/edit.ts';
import { pgpoolDefaultOf, pgpoolName, usualPgpoolVersion } from './config/pgpool-catalogue.ts';
import { pgpoolTimeMs, pgpoolTruth } from './config/pgpool-values.ts';

/** Health check of one backend; `periodMs` 0 is off. */
export interface HealthCheckConf {
  periodMs: number;
  timeoutMs: number;
  maxRetries: number;
  retryDelayMs: number;
  connectTimeoutMs: number;
}

/** The watchdog as one pgpool.conf describes it; ids as in `hostnameN`. */
export interface WatchdogConf {
  /** Nodes of the watchdog cluster, this one included. */
  nodes: readonly { id: number; host: string; pgpoolPort: number; wdPort: number }[];
  lifecheck: 'heartbeat' | 'query' | 'external';
  intervalMs: number;
  heartbeatKeepaliveMs: number;
  heartbeatDeadtimeMs: number;
  lifePoint: number;
  priority: number;
  delegateIp: string | null;
  failoverWhenQuorumExists: boolean;
  failoverRequireConsensus: boolean;
  allowMultipleFailoverRequestsFromNode: boolean;
  enableConsensusWithHalfVotes: boolean;
}

/** One backend of a pgpool.conf. */
export interface BackendConf {
  id: number;
  host: string;
  port: number;
  weight: number;
  flag: 'ALLOW_TO_FAILOVER' | 'DISALLOW_TO_FAILOVER' | 'ALWAYS_PRIMARY';
  applicationName: string;
  healthCheck: HealthCheckConf;
}

/** What the statecharts and rules read of a pgpool.conf, defaults of its version filled in. Times in ms. */
export interface PgpoolConf {
  /** `4.0` to `4.7`, with the patch level where it is known (`4.3.5`). */
  version: string;
  backends: readonly BackendConf[];
  loadBalance: boolean;
  statementLevelLoadBalance: boolean;
  disableLoadBalanceOnWrite: 'off' | 'transaction' | 'trans_transaction' | 'always' | 'dml_adaptive';
  failoverOnBackendError: boolean;
  failoverOnBackendShutdown: boolean;
  detachFalsePrimary: boolean;
  autoFailback: boolean;
  autoFailbackIntervalMs: number;
  srCheckPeriodMs: number;
  delayThresholdBytes: number;
  preferLowerDelayStandby: boolean;
  /** 0 searches for ever. Before 4.3.7 it counts iterations of about a second. */
  searchPrimaryNodeTimeoutMs: number;
  hasFailoverCommand: boolean;
  hasFailbackCommand: boolean;
  hasFollowCommand: boolean;
  recoveryTimeoutMs: number;
  clientIdleLimitInRecoveryMs: number;
  connectTimeoutMs: number;
  numInitChildren: number;
  maxPool: number;
  reservedConnections: number;
  listenBacklogMultiplier: number;
  childLifeTimeMs: number;
  childMaxConnections: number;
  connectionLifeTimeMs: number;
  watchdog: WatchdogConf | null;
}

/**
 * Writes settings as the text of a pgpool.conf, every value quoted, in the order given. `header` becomes comment lines.
 * @throws DrillError for a value with a quote in it, which Pgpool has no way to read
 */
export function writePgpoolConf(
  settings: Readonly<Record<string, string>>,
  header: readonly string[] = [],
): string {
  const lines = header.map((line) => `# ${line}`.trimEnd());
  for (const [name, value] of Object.entries(settings)) {
    const written = quotedForPgpool(value);
    if (written === undefined) {
      const message = `pgpool.conf cannot hold ${name} = ${JSON.stringify(value)}: Pgpool reads no quote or line end within quotes`;
      throw new DrillError(message, { hint: 'put such a command into a script', exitCode: ExitCode.usage });
    }
    lines.push(`${name} = ${written}`);
  }
  return `${lines.join('\n')}\n`;
}

/** The value in force of a setting: as written, else the default of 4.3.5; undefined for a name that 4.3.5 does not have. */
export function pgpoolSetting(settings: Readonly<Record<string, string>>, name: string): string | undefined {
  return settings[name] ?? pgpoolDefaultOf(name, usualPgpoolVersion);
}

/** Whether a switch is on; Pgpool takes on, true, yes and 1, their beginnings, and any word that is not the contrary. */
export function pgpoolSwitch(settings: Readonly<Record<string, string>>, name: string): boolean {
  return pgpoolTruth(pgpoolSetting(settings, name) ?? 'off') ?? true;
}

/** A whole number, such as a count of children; undefined when it is none. */
export function pgpoolNumber(settings: Readonly<Record<string, string>>, name: string): number | undefined {
  const value = pgpoolSetting(settings, name);
  return value !== undefined && /^-?\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : undefined;
}

/**
 * A span in ms: `10s`, `1d`, or a bare number in the setting's own unit, rounded to that unit as Pgpool does (`500ms` of a
 * setting in seconds is 0); undefined when it cannot be read.
 */
export function pgpoolDurationMs(
  settings: Readonly<Record<string, string>>,
  name: string,
): number | undefined {
  const value = pgpoolSetting(settings, name);
  const form = pgpoolName(name, usualPgpoolVersion)?.parameter.form;
  return value === undefined || form === undefined ? undefined : pgpoolTimeMs(value, form);
}
