import { formatDuration } from '../../kernel/time.ts';
import { votesNeeded } from '../../roles/watchdog-quorum.ts';
import type { DrillKind } from '../../scenario/scenario-shape.ts';
import { watchdogPlanOf } from '../../sim/watchdog-settings.ts';
import type { Cluster } from '../../topology/cluster.ts';
import { pgpoolDurationMs, pgpoolSwitch, type WatchdogConf } from '../../topology/pgpool-conf.ts';
import type { TrialSet } from './threads.ts';
import type { TrialPlan } from './trial.ts';

/** What a remark is read from. */
interface WatchdogInput {
  plan: TrialPlan;
  set: TrialSet;
}

/** Kinds after which Pgpool itself may want to set a server down. */
const takesServer: ReadonlySet<DrillKind> = new Set([
  'failover',
  'node-loss',
  'hang',
  'partition',
  'standby-down',
  'standby-node-loss',
]);

/** What a watchdog makes of a drill and no phase shows. */
export function watchdogRemarks(input: WatchdogInput): string[] {
  const { plan, set } = input;
  const watchdog = watchdogPlanOf(plan.cluster);
  const [identity] = watchdog?.identities ?? [];
  if (!watchdog || !identity) return [];
  const { cluster, kind } = plan;
  const { settings } = identity;
  const target = set.trials[0]?.target ?? '';
  const runsPgpool = cluster.pgpools.some(({ server }) => server === target);
  const remarks: string[] = [];
  if (watchdog.delegateIp === null) {
    const first = cluster.pgpools[0]?.server ?? '';
    remarks.push(`delegate_ip is not set: clients are taken to stay at ${first}, whoever leads`);
  }
  const moved = set.trials.some(({ phases }) => phases.addressUp !== undefined);
  if (moved) {
    remarks.push(...electionRemarks(input));
    remarks.push(
      'clients find the address by arping_cmd: where it fails or is ignored they ask the old host until their ARP entries age',
    );
    if (watchdog.hasCommand)
      remarks.push(
        'wd_escalation_command runs before the address comes up and Pgpool limits it by nothing: add what yours takes',
      );
    if (kind === 'pgpool-loss')
      remarks.push(
        `only Pgpool takes the address down: after a kill it stays on ${target} too, until somebody removes it or Pgpool there leads and steps down`,
      );
  }
  if (runsPgpool && kind !== 'partition') {
    const left = cluster.pgpools.length - 1;
    const needed = votesNeeded(cluster.pgpools.length, settings.enableConsensusWithHalfVotes);
    remarks.push(
      left > needed
        ? `${left} of ${cluster.pgpools.length} Pgpools are left, ${needed} are a majority: ${left - needed} more may be lost`
        : `${left} of ${cluster.pgpools.length} Pgpools are left, ${needed} are a majority: ${left < needed ? 'nobody may hold the address' : 'the loss of one more takes the address away'}`,
    );
  }
  if (runsPgpool && kind === 'partition')
    remarks.push(
      `${target} keeps the address on its side of the cut until its life check misses the others: until then two hosts have it`,
    );
  if (!takesServer.has(kind)) return remarks;
  return [...remarks, ...queryRemarks(settings), ...voteRemarks(cluster, settings)];
}

/** A life check that asks its own Pgpool for a session does not outlive a Pgpool that refuses them. */
function queryRemarks({ lifecheck, lifePoint, intervalMs }: WatchdogConf): string[] {
  if (lifecheck !== 'query') return [];
  const points = `${lifePoint} × ${formatDuration(intervalMs)}`;
  return [
    `by query each Pgpool asks itself too: refused for wd_life_point × wd_interval (${points}) it ends for good; with the primary dead and still attached all of them do`,
  ];
}

/** What of a takeover no setting shortens. */
function electionRemarks({ set }: WatchdogInput): string[] {
  const worstMs = (name: 'leaderLost' | 'election'): number =>
    Math.max(0, ...set.trials.map(({ phases }) => phases[name] ?? 0));
  const steps = [
    '1 s before it',
    ...(worstMs('election') > silentPeerMs ? ['4 s more for a host that is silent'] : []),
  ];
  if (worstMs('election') > isolationMs)
    steps.push('10 s more (NETWORK ISOLATION) while another Pgpool still takes the lost one for its leader');
  return [
    `an election has no setting: ${steps.join(', ')}; and 1 s until the first standby has joined and makes the quorum`,
    ...(worstMs('leaderLost') > leastBeaconMs
      ? [
          'without any setting a leader is lost too after 30 s without a beacon (one each 10 s): a longer wd_heartbeat_deadtime changes little',
        ]
      : []),
  ];
}

/** Elections that take longer have met a silent host, or an isolation. */
const silentPeerMs = 3000;
const isolationMs = 10_000;

/** The last of the beacons that are missed came up to 10 s before the loss. */
const leastBeaconMs = 20_000;

/** Whose word counts when a server is to go down. */
function voteRemarks({ pgpools, pgpoolSettings }: Cluster, settings: WatchdogConf): string[] {
  const finds =
    (pgpoolDurationMs(pgpoolSettings, 'health_check_period') ?? 0) > 0 ||
    pgpoolSwitch(pgpoolSettings, 'failover_on_backend_error') ||
    pgpoolSwitch(pgpoolSettings, 'failover_on_backend_shutdown');
  const detaches = "EFM's detach is a PCP command: it needs neither quorum nor votes";
  if (!finds) return [detaches];
  if (!settings.failoverWhenQuorumExists)
    return [
      `${detaches}; failover_when_quorum_exists is off: the word of one Pgpool sets a server down for all`,
    ];
  const needed = votesNeeded(pgpools.length, settings.enableConsensusWithHalfVotes);
  const own = settings.failoverRequireConsensus
    ? `needs the votes of ${needed} of ${pgpools.length} Pgpools within the vote window, else the server is in quarantine where it was missed`
    : 'needs a quorum, and the word of one Pgpool then suffices (failover_require_consensus is off)';
  return [`${detaches}; what Pgpool itself finds (health check, backend error) ${own}`];
}
