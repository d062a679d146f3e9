import type { Problem } from '../kernel/errors.ts';
import { checkEfmProperty } from './config/check-efm.ts';
import { efmCatalogue, efmDefaultOf, efmNameIn } from './config/efm-catalogue.ts';
import { efmVersionOf } from './config/guess.ts';
import { branchOf, compareVersions } from './config/versions.ts';

type Properties = Readonly<Record<string, string>>;

/** The two generations of behaviour that the statecharts know: 3.9, and the newest (5.4). */
export type EfmGeneration = '3.9' | 'newest';

/** `script.custom.monitor`: run every interval, killed after its limit; in safe mode a failure is only notified. */
export interface CustomMonitor {
  intervalMs: number;
  timeoutMs: number;
  safeMode: boolean;
}

/** What the statecharts read of efm.properties: times in ms, the rest as EFM means it. */
export interface EfmSettings {
  /** EFM's version as the user has it, such as `3.9` or `5.4`; defaults are those of this version. */
  version: string;
  generation: EfmGeneration;
  witness: boolean;
  /** The virtual IP of the primary; null without one. */
  virtualIp: string | null;
  checkVipBeforePromotion: boolean;
  /** How long the VIP may stay reachable before a promotion is given up: check.vip.timeout, before 5.1 node.timeout. */
  checkVipTimeoutMs: number;
  /** How a host is pinged; its address comes behind it. */
  pingServerCommand: string;
  /** Address of the well-known host that tells an orphaned agent from a dead primary. */
  pingServerIp: string;
  /** 0: never. Before 5.0 both are auto.resume.period. */
  autoResumeStartupMs: number;
  autoResumeFailureMs: number;
  stopIsolatedPrimary: boolean;
  primaryShutdownAsFailure: boolean;
  detachOnAgentFailure: boolean;
  reconfigureNumSync: boolean;
  /** Ceiling for raising num_sync again; null without. */
  reconfigureNumSyncMax: number | null;
  reconfigureSyncPrimary: boolean;
  /** 0 before 5.0: the count is looked at when the cluster changes, not periodically. */
  checkNumSyncPeriodMs: number;
  customMonitor: CustomMonitor | null;
  /** Addresses put at the front of the priority list when this node becomes primary. */
  priorityStandbys: readonly string[];
  enableStopCluster: boolean;
  /** EFM itself attaches and detaches on Pgpool (pgpool.enable), without load balancer scripts. */
  nativePgpool: boolean;
  localPeriodMs: number;
  localTimeoutMs: number;
  localTimeoutFinalMs: number;
  remoteTimeoutMs: number;
  nodeTimeoutMs: number;
  recoveryCheckPeriodMs: number;
  restartConnectionTimeoutMs: number;
  standbyRestartDelayMs: number;
  autoFailover: boolean;
  autoReconfigure: boolean;
  promotable: boolean;
  minimumStandbys: number;
  useReplayTiebreaker: boolean;
  stopFailedPrimary: boolean;
  /** Notices below it run no script. */
  notificationLevel: 'INFO' | 'WARNING' | 'SEVERE';
  /** Stands before the text of a notification; '' for none. */
  notificationPrefix: string;
  databaseName: string;
  /** Command lines of the hooks that have one, by property name. */
  hooks: Readonly<Record<string, string>>;
}

/**
 * Says what is wrong with properties given by name: unknown and renamed names, values of the wrong form.
 * @param version EFM's; without one, the newest that knows most of the names
 */
export function checkEfmProperties(
  properties: Properties,
  version = efmVersionOf(Object.keys(properties)).version,
): Problem[] {
  return Object.entries(properties).flatMap(([name, value]) =>
    checkEfmProperty({ name, value }, version).map(({ part: _, ...problem }) => problem),
  );
}

/**
 * The settings of an agent from its properties, in the names of the version, whose defaults fill the rest. What a version
 * cannot do is off.
 *
 * @param properties must have passed their check
 * @param version EFM's, such as `3.9` or `5.4`; without one, the newest that knows most of the names
 */
export function parseEfmSettings(
  properties: Properties,
  version = efmVersionOf(Object.keys(properties)).version,
): EfmSettings {
  const read = new PropertyReader(properties, version);
  return {
    version,
    generation: compareVersions(branchOf(version), '4.0') < 0 ? '3.9' : 'newest',
    witness: read.truth('is.witness'),
    ...timesOf(read),
    ...decisionsOf(read),
    ...standbysOf(read),
    virtualIp: read.text('virtual.ip') || null,
    checkVipBeforePromotion: read.truth('check.vip.before.promotion'),
    pingServerIp: read.text('ping.server.ip'),
    pingServerCommand: read.text('ping.server.command'),
    customMonitor: customMonitorOf(read),
    enableStopCluster: read.has('enable.stop.cluster') ? read.truth('enable.stop.cluster') : true,
    nativePgpool: read.truth('pgpool.enable'),
    notificationLevel: levelOf(read.text('notification.level')),
    notificationPrefix: read.text('notification.text.prefix'),
    databaseName: read.text('db.database'),
    hooks: hooksOf(read),
  };
}

/**
 * Whether a property says something of one machine: its addresses, folders, accounts, programs. Such properties of a real
 * cluster's file are not taken over into a simulation or a lab, which have their own.
 */
export function isMachineBound(name: string): boolean {
  return machineBound.test(name);
}

const machineBound = new RegExp(
  `^(${[
    'bind\\.address|external\\.address|admin\\.port|is\\.witness|application\\.name',
    'db\\.(?!reuse).*|jdbc\\..*|script\\..*|custom\\.monitor\\..*|pcp\\..*|pgpool\\..*|restore\\.command',
    '(lock|log|pid)\\.dir|sudo\\..*|jvm\\..*|.*loglevel|(file\\.log|syslog)\\..*|.*email|notification\\..*',
  ].join('|')})$`,
);

/** Default of a property; '' for one without, undefined for a name that the version does not know. */
export function efmDefault(name: string, version?: string): string | undefined {
  return efmDefaultOf(name, version ?? efmVersionOf([name]).version);
}

function levelOf(text: string): EfmSettings['notificationLevel'] {
  return text === 'WARNING' || text === 'SEVERE' ? text : 'INFO';
}

function timesOf(read: PropertyReader) {
  const resumeMs = read.ms('auto.resume.period');
  const split = read.has('auto.resume.failure.period');
  return {
    localPeriodMs: read.ms('local.period'),
    localTimeoutMs: read.ms('local.timeout'),
    localTimeoutFinalMs: read.ms('local.timeout.final'),
    remoteTimeoutMs: read.ms('remote.timeout'),
    nodeTimeoutMs: read.ms('node.timeout'),
    recoveryCheckPeriodMs: read.ms('recovery.check.period'),
    restartConnectionTimeoutMs: read.ms('restart.connection.timeout'),
    standbyRestartDelayMs: read.ms('standby.restart.delay'),
    // Source: EDB's docs pull request 7121: from 5.1 on the check has its own limit.
    checkVipTimeoutMs: read.has('check.vip.timeout') ? read.ms('check.vip.timeout') : read.ms('node.timeout'),
    autoResumeStartupMs: split ? read.ms('auto.resume.startup.period') : resumeMs,
    autoResumeFailureMs: split ? read.ms('auto.resume.failure.period') : resumeMs,
    checkNumSyncPeriodMs: read.ms('check.num.sync.period'),
  };
}

function decisionsOf(read: PropertyReader) {
  return {
    autoFailover: read.truth('auto.failover'),
    stopIsolatedPrimary: read.truth('stop.isolated.primary'),
    stopFailedPrimary: read.truth('stop.failed.primary'),
    primaryShutdownAsFailure: read.truth('primary.shutdown.as.failure'),
    detachOnAgentFailure: read.truth('detach.on.agent.failure'),
  };
}

function standbysOf(read: PropertyReader) {
  const numSyncMax = read.text('reconfigure.num.sync.max');
  return {
    autoReconfigure: read.truth('auto.reconfigure'),
    promotable: read.truth('promotable'),
    minimumStandbys: Number(read.text('minimum.standbys')),
    useReplayTiebreaker: read.truth('use.replay.tiebreaker'),
    priorityStandbys: read
      .text('priority.standbys')
      .split(/\s+/)
      .filter((name) => name !== ''),
    reconfigureNumSync: read.truth('reconfigure.num.sync'),
    reconfigureNumSyncMax: numSyncMax === '' ? null : Number(numSyncMax),
    reconfigureSyncPrimary: read.truth('reconfigure.sync.primary'),
  };
}

function customMonitorOf(read: PropertyReader): CustomMonitor | null {
  const intervalMs = read.ms('custom.monitor.interval');
  if (read.text('script.custom.monitor') === '' || intervalMs === 0) return null;
  const timeoutMs = read.ms('custom.monitor.timeout');
  return { intervalMs, timeoutMs, safeMode: read.truth('custom.monitor.safe.mode') };
}

/** Command lines of the scripts that have one, under today's names. */
function hooksOf(read: PropertyReader): Record<string, string> {
  const names = efmCatalogue
    .filter(({ form, until }) => form === 'script' && until === null)
    .map(({ name }) => name);
  return Object.fromEntries(names.map((name) => [name, read.text(name)]).filter(([, line]) => line !== ''));
}

/** Reads properties by today's names, as a version means them. */
class PropertyReader {
  private readonly properties: Properties;
  private readonly version: string;

  constructor(properties: Properties, version: string) {
    this.properties = properties;
    this.version = version;
  }

  /** Whether the version knows the name, or an older name of the same property. */
  has(name: string): boolean {
    return efmNameIn(name, this.version) !== undefined;
  }

  /** The value, else the default of the version; '' for what neither gives. */
  text(name: string): string {
    const then = efmNameIn(name, this.version);
    if (then === undefined) return '';
    return this.properties[then] || (efmDefaultOf(then, this.version) ?? '');
  }

  truth(name: string): boolean {
    return this.text(name) === 'true';
  }

  ms(name: string): number {
    return Number(this.text(name)) * 1000;
  }
}
