import type { EfmGeneration } from '../topology/efm-properties.ts';
import type { ScriptHook } from './host.ts';

export type Severity = 'INFO' | 'WARNING' | 'SEVERE';
type Wording = readonly [severity: Severity, subject: string];

/**
 * EFM's notifications: severity and subject, first as the newest EFM words them, then as 3.9 does where that differs.
 * `{c}` is the cluster, `{n}` a node. EFM has no numbers for them.
 *
 * Source: EDB, Failover Manager 3.9 and 5, "Notifications"; entries marked "ours" have no counterpart there.
 */
const catalogue = {
  fencingScriptRun: [['INFO', 'Executed fencing script']],
  postPromotionRun: [['INFO', 'Executed post-promotion script']],
  remotePrePromotionRun: [['INFO', 'Executed remote pre-promotion script']],
  remotePostPromotionRun: [['INFO', 'Executed remote post-promotion script']],
  databaseFailureScriptRun: [['INFO', 'Executed post-database failure script']],
  isolationScriptRun: [
    ['INFO', 'Executed primary isolation script'],
    ['INFO', 'Executed master isolation script'],
  ],
  resumedScriptRun: [['INFO', 'Executed agent resumed script']],
  witnessRunning: [['INFO', 'Witness agent running on {n} for cluster {c}']],
  primaryRunning: [
    ['INFO', 'Primary agent running on {n} for cluster {c}'],
    ['INFO', 'Master agent running on {n} for cluster {c}'],
  ],
  standbyRunning: [['INFO', 'Standby agent running on {n} for cluster {c}']],
  idleRunning: [['INFO', 'Idle agent running on node {n} for cluster {c}']],
  assigningVip: [['INFO', 'Assigning VIP to node {n}']],
  releasingVip: [['INFO', 'Releasing VIP from node {n}']],
  autoResumeStarted: [['INFO', 'Starting auto resume check for cluster {c}']],
  membersReset: [['INFO', 'Reset members completed for cluster {c}']],

  witnessExited: [['WARNING', 'Witness agent exited on {n} for cluster {c}']],
  primaryExited: [
    ['WARNING', 'Primary agent exited on {n} for cluster {c}'],
    ['WARNING', 'Master agent exited on {n} for cluster {c}'],
  ],
  standbyExited: [['WARNING', 'Standby agent exited on {n} for cluster {c}']],
  promotingExited: [['WARNING', 'Agent exited during promotion on {n} for cluster {c}']],
  idleExited: [['WARNING', 'Agent exited on {n} for cluster {c}']],
  startupExited: [['WARNING', 'Agent exited for cluster {c}']],
  primaryLeft: [
    ['WARNING', 'Cluster {c} notified that primary agent has left'],
    ['WARNING', 'Cluster {c} notified that master node has left'],
  ],
  primaryMissing: [['WARNING', 'Primary agent missing for cluster {c}']],
  primaryMissingDetached: [
    ['WARNING', 'Primary agent left the cluster and node detached from load balancer'],
  ],
  vipOnOther: [
    ['WARNING', 'Virtual IP address assigned to non-primary node'],
    ['WARNING', 'Virtual IP address assigned to non-master node'],
  ],
  vipNotOnPrimary: [
    ['WARNING', 'Virtual IP address not assigned to primary node.'],
    ['WARNING', 'Virtual IP address not assigned to master node.'],
  ],
  standbyFailed: [
    ['WARNING', 'Standby failed in cluster {c}'],
    ['WARNING', 'No standby agent in cluster for cluster {c}'],
  ],
  standbyAgentFailed: [['WARNING', 'Standby agent failed for cluster {c}']],
  standbyDatabaseFailed: [['WARNING', 'Standby database failed for cluster {c}']],
  standbyCannotReach: [['WARNING', 'Standby agent cannot reach database for cluster {c}']],
  standbyCannotPing: [['WARNING', 'Standby cannot ping local database for cluster {c}']],
  standbyCannotResume: [['WARNING', 'Standby cannot resume monitoring local database for cluster {c}']],
  primaryCannotPing: [
    ['WARNING', 'Primary cannot ping local database for cluster {c}'],
    ['SEVERE', 'Master cannot ping local database for cluster {c}'],
  ],
  primaryCannotResume: [['SEVERE', 'Primary cannot resume monitoring local database for cluster {c}']],
  witnessFailed: [['WARNING', 'Witness failure for cluster {c}']],
  idleFailed: [['WARNING', 'Idle agent failure for cluster {c}.']],
  belowThree: [['WARNING', 'Cluster {c} has dropped below three nodes']],
  subsetDisconnected: [
    ['WARNING', 'Subset of cluster {c} disconnected from primary'],
    ['WARNING', 'Subset of cluster {c} disconnected from master'],
  ],
  nodesIsolated: [['WARNING', 'One or more nodes isolated from network for cluster {c}']],
  noLongerIsolated: [['WARNING', 'Node no longer isolated from network for cluster {c}.']],
  promotionStarted: [['WARNING', 'Promotion has started on cluster {c}.']],
  failoverCompleted: [['WARNING', 'Failover has completed on cluster {c}']],
  manualFailoverRequired: [['WARNING', 'Potential manual failover required on cluster {c}.']],
  promotionNotOccurred: [['WARNING', 'Promotion has not occurred for cluster {c}']],
  primaryStillRunning: [
    ['WARNING', 'Failover Manager tried to promote, but primary DB is still running'],
    ['WARNING', 'Standby agent tried to promote, but master DB is still running'],
  ],
  primaryRejoined: [
    ['WARNING', 'Standby agent started to promote, but primary has rejoined.'],
    ['WARNING', 'Standby agent started to promote, but master has rejoined.'],
  ],
  couldNotVerify: [
    ['WARNING', 'Standby agent tried to promote, but could not verify primary DB'],
    ['WARNING', 'Standby agent tried to promote, but could not verify master DB'],
  ],
  vipStillAssigned: [['WARNING', 'Standby agent tried to promote, but VIP appears to still be assigned']],
  orphaned: [['WARNING', 'Standby agent tried to promote, but appears to be orphaned']],
  failoverWithoutStandbys: [
    ['SEVERE', 'Failover has not occurred'],
    ['WARNING', 'Failover has not occurred'],
  ],
  failoverTooFewStandbys: [['SEVERE', 'Failover has not occurred']],
  noStandbys: [['WARNING', 'No standbys available for promotion in cluster {c}']],
  noPromotableStandby: [['WARNING', 'No promotable standby for cluster {c}']],
  standbyNotReconfigured: [
    ['WARNING', 'Standby will not be reconfigured after failover in cluster {c}'],
    ['WARNING', 'Standby not reconfigured after failover in cluster {c}'],
  ],
  standbyNotStopped: [['WARNING', 'Standby database in cluster {c} not stopped before primary is promoted']],
  /** Ours: which standby it was, and why. */
  standbyDoesNotFollow: [['WARNING', 'Standby {n} does not follow the new primary']],
  replayNotResumed: [['WARNING', 'Could not resume replay for standby {n}.']],
  syncReconfigured: [
    ['WARNING', 'Synchronous replication has been reconfigured for cluster {c}'],
    ['WARNING', 'Synchronous replication has been disabled for cluster {c}.'],
  ],
  syncDisabled: [['WARNING', 'Synchronous replication has been disabled for cluster {c}.']],
  customMonitorTimeout: [['WARNING', 'Custom monitor timeout for cluster {c}']],
  customMonitorSafeMode: [['WARNING', "Custom monitor 'safe mode' failure for cluster {c}"]],
  shutdownAsFailureSet: [
    ['WARNING', 'primary.shutdown.as.failure set to true for primary node'],
    ['SEVERE', 'master.shutdown.as.failure set to true for master node'],
  ],
  lockFileRemoved: [['WARNING', 'Lock file for cluster {c} has been removed']],
  recoveryFileFound: [
    ['WARNING', 'A recovery file for cluster {c} has been found on primary node'],
    ['WARNING', 'A recovery file for cluster {c} has been found on master node'],
  ],
  timeoutValues: [['WARNING', 'Possible problem with database timeout values']],
  standbyCannotConnect: [
    ['WARNING', 'Standby database restarted but EFM cannot connect'],
    ['SEVERE', 'Standby database restarted but EFM cannot connect'],
  ],

  primaryDatabaseFailure: [
    ['SEVERE', 'Primary database failure for cluster {c}'],
    ['SEVERE', 'Master database failure for cluster {c}'],
  ],
  standbyDatabaseFailure: [['SEVERE', 'Standby database failure for cluster {c}']],
  cannotConnect: [['SEVERE', 'Unable to connect to DB on {n}']],
  databaseConnectionFailure: [['SEVERE', 'Database connection failure for cluster {c}']],
  agentTimingOut: [['SEVERE', 'Agent is timing out for cluster {c}']],
  resumeTimedOut: [['SEVERE', 'Resume timed out for cluster {c}']],
  wrongState: [['SEVERE', 'Database in wrong state on {n}']],
  primaryFenced: [
    ['SEVERE', 'Primary database being fenced off for cluster {c}'],
    ['SEVERE', 'Master database being fenced off for cluster {c}'],
  ],
  isolatedShutdown: [
    ['SEVERE', 'Isolated primary database shutdown.'],
    ['SEVERE', 'Isolated master database shutdown.'],
  ],
  guardError: [['SEVERE', 'Error creating recovery.conf file on {n} for cluster {c}']],
  vipNotAssigned: [['SEVERE', 'Could not assign VIP to node {n}']],
  couldNotPromote: [['SEVERE', 'Could not promote standby']],
  fencingScriptError: [['SEVERE', 'Fencing script error']],
  postPromotionError: [['SEVERE', 'Post-promotion script failed']],
  remotePrePromotionError: [
    ['SEVERE', 'Remote pre-promotion script failed'],
    ['SEVERE', 'Remote-pre-promotion script failed'],
  ],
  remotePostPromotionError: [
    ['SEVERE', 'Remote post-promotion script failed'],
    ['SEVERE', 'Remote-post-promotion script failed'],
  ],
  databaseFailureScriptError: [['SEVERE', 'Post-database failure script error']],
  resumedScriptError: [['SEVERE', 'Agent resumed script error']],
  isolationScriptError: [
    ['SEVERE', 'Primary isolation script failed'],
    ['SEVERE', 'Master isolation script failed'],
  ],
  attachError: [['SEVERE', 'Load balancer attach script error']],
  detachError: [['SEVERE', 'Load balancer detach script error']],
  pgpoolAttachError: [['SEVERE', 'Pgpool attach node error']],
  pgpoolDetachError: [['SEVERE', 'Pgpool detach node error']],
  standbyMonitorFailed: [['SEVERE', 'Standby custom monitor failure for cluster {c}']],
  primaryMonitorFailed: [
    ['SEVERE', 'Primary custom monitor failure for cluster {c}'],
    ['SEVERE', 'Master custom monitor failure for cluster {c}'],
  ],
  notEnoughSyncStandbys: [
    ['SEVERE', 'Not enough synchronous standbys available in cluster {c}'],
    ['SEVERE', 'Not enough synchronous standbys available in cluster {c}.'],
  ],
  loopbackPing: [['SEVERE', 'Loopback address set for ping.server.ip']],
} satisfies Readonly<Record<string, readonly [Wording] | readonly [Wording, Wording]>>;

export type NoticeId = keyof typeof catalogue;

/** A notification as an EFM of this generation words it. */
export function notice(
  id: NoticeId,
  { generation, cluster, node }: { generation: EfmGeneration; cluster: string; node: string },
): { severity: Severity; subject: string } {
  const [newest, old] = catalogue[id] as readonly [Wording, Wording?];
  const [severity, subject] = generation === '3.9' && old ? old : newest;
  return { severity, subject: subject.replace('{c}', cluster).replace('{n}', node) };
}

const hookNotices: Readonly<Record<ScriptHook, readonly [done: NoticeId | null, failed: NoticeId | null]>> = {
  'script.load.balancer.attach': [null, 'attachError'],
  'script.load.balancer.detach': [null, 'detachError'],
  'script.fence': ['fencingScriptRun', 'fencingScriptError'],
  'script.post.promotion': ['postPromotionRun', 'postPromotionError'],
  'script.remote.pre.promotion': ['remotePrePromotionRun', 'remotePrePromotionError'],
  'script.remote.post.promotion': ['remotePostPromotionRun', 'remotePostPromotionError'],
  'script.db.failure': ['databaseFailureScriptRun', 'databaseFailureScriptError'],
  'script.resumed': ['resumedScriptRun', 'resumedScriptError'],
  'script.primary.isolated': ['isolationScriptRun', 'isolationScriptError'],
  'script.custom.monitor': [null, null],
  'script.notification': [null, null],
};

/** What is told when a hook has ended (method.md EFM 1.4); null where a good end is not worth a word. */
export function hookNotice(
  hook: ScriptHook,
  { ok, nativePgpool }: { ok: boolean; nativePgpool: boolean },
): NoticeId | null {
  const [done, failed] = hookNotices[hook];
  if (ok || !nativePgpool) return ok ? done : failed;
  if (failed === 'attachError') return 'pgpoolAttachError';
  return failed === 'detachError' ? 'pgpoolDetachError' : failed;
}
