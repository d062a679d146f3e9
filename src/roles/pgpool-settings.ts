import type { BackendConf, HealthCheckConf, PgpoolConf } from '../topology/pgpool-conf.ts';
import type { PgpoolFailoverSettings } from './pgpool-failover.ts';
import { isAtLeast, pgpoolFeatures } from './pgpool-versions.ts';

/** One backend as the statecharts know it. */
export interface NodeSettings {
  flag: BackendConf['flag'];
  healthCheck: HealthCheckConf;
}

/** What the model reads of pgpool.conf. What is left out is off, as in the guide's settings, on 4.3.5. */
export interface PgpoolSettings extends PgpoolFailoverSettings {
  failoverOnBackendError: boolean;
  failoverOnBackendShutdown: boolean;
  numInitChildren: number;
  /** `4.0` to `4.7`, with patch level where it is known. */
  version?: string;
  hasFailoverCommand?: boolean;
  hasFailbackCommand?: boolean;
  detachFalsePrimary?: boolean;
  autoFailback?: boolean;
  autoFailbackIntervalMs?: number;
  srCheckPeriodMs?: number;
  recoveryTimeoutMs?: number;
  /** -1: sessions are ended at once while a graceful command waits. */
  clientIdleLimitInRecoveryMs?: number;
  /** By node id; nodes beyond it may fail over and are not checked. */
  nodes?: readonly NodeSettings[];
  /** The primary is searched for at the start, as a real Pgpool does; else the given one is known. */
  searchAtStart?: boolean;
}

/** The same with nothing left out. */
export type CompleteSettings = Required<PgpoolSettings>;

export function completeSettings(settings: PgpoolSettings): CompleteSettings {
  const version = settings.version ?? '4.3.5';
  const complete: CompleteSettings = {
    version,
    hasFailoverCommand: false,
    hasFailbackCommand: false,
    detachFalsePrimary: false,
    autoFailback: false,
    autoFailbackIntervalMs: 60_000,
    srCheckPeriodMs: 0,
    recoveryTimeoutMs: 90_000,
    clientIdleLimitInRecoveryMs: 0,
    nodes: [],
    searchAtStart: false,
    ...settings,
  };
  if (pgpoolFeatures(version).shutdownAlwaysDegenerates) complete.failoverOnBackendShutdown = true;
  if (!isAtLeast(version, '4.1')) complete.autoFailback = false;
  return complete;
}

/** The settings of a pgpool.conf; whole seconds where Pgpool takes whole seconds. */
export function pgpoolSettingsFrom(conf: PgpoolConf): PgpoolSettings {
  return {
    searchPrimaryNodeTimeout: Math.ceil(conf.searchPrimaryNodeTimeoutMs / 1000),
    hasFollowCommand: conf.hasFollowCommand,
    failoverOnBackendError: conf.failoverOnBackendError,
    failoverOnBackendShutdown: conf.failoverOnBackendShutdown,
    numInitChildren: conf.numInitChildren,
    version: conf.version,
    hasFailoverCommand: conf.hasFailoverCommand,
    hasFailbackCommand: conf.hasFailbackCommand,
    detachFalsePrimary: conf.detachFalsePrimary,
    autoFailback: conf.autoFailback,
    autoFailbackIntervalMs: conf.autoFailbackIntervalMs,
    srCheckPeriodMs: conf.srCheckPeriodMs,
    recoveryTimeoutMs: conf.recoveryTimeoutMs,
    clientIdleLimitInRecoveryMs: conf.clientIdleLimitInRecoveryMs,
    nodes: conf.backends.map(({ flag, healthCheck }) => ({ flag, healthCheck })),
    searchAtStart: true,
  };
}
