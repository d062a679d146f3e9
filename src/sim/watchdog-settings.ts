import { invariant } from '../kernel/errors.ts';
import type { WatchdogIdentity } from '../roles/watchdog-host.ts';
import { firstBeatMs, readyIntervals } from '../roles/watchdog-lifecheck.ts';
import { detectionRangeMs, voteWindowMs } from '../roles/watchdog-quorum.ts';
import { type Cluster, hasWatchdog } from '../topology/cluster.ts';
import { pgpoolSetting } from '../topology/pgpool-conf.ts';
import { pgpoolConfOf } from '../topology/pgpool-conf-of.ts';

/** The watchdog of a cluster's Pgpools as its settings have it; the n-th Pgpool of the model has the id n. */
export interface WatchdogPlan {
  identities: readonly WatchdogIdentity[];
  /** The address that moves with the leader; null where none is set. */
  delegateIp: string | null;
  hasCommand: boolean;
  hasDownCommand: boolean;
  arpingCommand: string;
  /** The life check's queries give up after so long. */
  queryLimitMs: number;
}

/** From its start until a Pgpool leads, with all others absent, and until it follows a leader: its life check begins (docs/method.md P4). */
const leadsMs = 14_000;
const followsMs = 1000;

/** A Pgpool that is alone leads by then, and has for a moment. */
const aloneMs = leadsMs + 1000;

/** From the first Pgpool's start until it sends its first heartbeat as leader. */
export const leaderBeatsMs = leadsMs + firstBeatMs;

/** When the parts of a watchdog start, so that it is at rest when something happens to it. */
export interface WatchdogStart {
  /** Of each Pgpool by its place, ms after the first. */
  startMs: readonly number[];
  /** From the start of the first until every life check runs. */
  readyMs: number;
}

const planByCluster = new WeakMap<Cluster, WatchdogPlan>();

/** Null for a cluster whose Pgpool stands alone. */
export function watchdogPlanOf(cluster: Cluster): WatchdogPlan | null {
  if (!hasWatchdog(cluster)) return null;
  const known = planByCluster.get(cluster) ?? read(cluster);
  planByCluster.set(cluster, known);
  return known;
}

function read({ pgpoolSettings, pgpoolVersion, pgpools, backends }: Cluster): WatchdogPlan {
  const hosts = Object.fromEntries(backends.map(({ id, address }) => [`backend_hostname${id}`, address]));
  const { watchdog, ...conf } = pgpoolConfOf(
    { ...pgpoolSettings, ...hosts, use_watchdog: 'on' },
    pgpoolVersion,
  );
  invariant(watchdog, 'use_watchdog is on');
  const nodes = pgpools.map(({ address, port }, id) => ({
    id,
    host: address,
    pgpoolPort: port,
    wdPort: 9000,
  }));
  const [first] = conf.backends;
  const identities = pgpools.map(({ priority }, id) => ({
    id,
    settings: { ...watchdog, nodes, priority: priority ?? watchdog.priority },
    voteWindowMs: first ? voteWindowMs(first.healthCheck) : 0,
  }));
  const isSet = (name: string): boolean => (pgpoolSetting(pgpoolSettings, name) ?? '') !== '';
  return {
    identities,
    delegateIp: watchdog.delegateIp,
    hasCommand: isSet('wd_escalation_command'),
    hasDownCommand: isSet('wd_de_escalation_command'),
    arpingCommand: pgpoolSetting(pgpoolSettings, 'arping_cmd') ?? '',
    queryLimitMs: 1000 * (Math.floor(watchdog.intervalMs / 2000) + 1),
  };
}

/**
 * The Pgpool with the highest priority starts first and leads; the others follow when it does, each at a place of its own in the
 * interval of the life check.
 *
 * @param phase of a Pgpool's life check, 0 to 1: how long after the instant at which it can first find the leader dead it looks
 */
export function watchdogStart(plan: WatchdogPlan, phase: (place: number) => number): WatchdogStart {
  const priorities = plan.identities.map(({ settings }) => settings.priority);
  const first = priorities.indexOf(Math.max(...priorities));
  const { intervalMs, heartbeatDeadtimeMs } = plan.identities[0]?.settings ?? {
    intervalMs: 0,
    heartbeatDeadtimeMs: 0,
  };
  const firstLookMs = leaderBeatsMs + heartbeatDeadtimeMs + 1000 - followsMs;
  const earliestMs = Math.ceil(aloneMs / intervalMs) * intervalMs + (firstLookMs % intervalMs);
  const startMs = priorities.map((_, place) =>
    place === first ? 0 : earliestMs + arrivalMs + (intervalMs - 2 * arrivalMs) * phase(place),
  );
  return { startMs, readyMs: Math.max(...startMs) + (readyIntervals + 1) * intervalMs + aloneMs };
}

/** A packet has arrived by then. */
const arrivalMs = 5;

/** The longest that a silent Pgpool goes unnoticed, and an election and all that follows it on top, ms. */
export function watchdogRestMs({ identities }: WatchdogPlan): number {
  const settings = identities[0]?.settings;
  return settings ? detectionRangeMs(settings).worstMs + settleMs : 0;
}

/** Three missed beacons, NETWORK ISOLATION and an election. */
const settleMs = 50_000;
