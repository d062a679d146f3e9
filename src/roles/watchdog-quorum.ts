import type { HealthCheckConf, WatchdogConf } from '../topology/pgpool-conf.ts';

/**
 * The watchdog's arithmetic: quorum, votes, and how long things take.
 *
 * Source: Pgpool-II 4.3.5, src/watchdog/watchdog.c and wd_lifecheck.c; instants measured with three nodes (docs/method.md).
 */

/** `edge`: exactly half of an even number, which counts with `enable_consensus_with_half_votes`. */
export type QuorumStatus = 'exists' | 'edge' | 'absent';

/** @param alive members of `members` that are there, the leader included */
export function quorumOf(members: number, alive: number, halfVotes: boolean): QuorumStatus {
  if (2 * alive > members) return 'exists';
  return halfVotes && 2 * alive === members ? 'edge' : 'absent';
}

/** Votes of distinct Pgpools that a failover needs with `failover_require_consensus`. */
export function votesNeeded(members: number, halfVotes: boolean): number {
  const majority = Math.floor(members / 2) + 1;
  return halfVotes && members % 2 === 0 ? majority - 1 : majority;
}

/** How long votes for one request are gathered, ms: 15 s or a whole health check with its retries, if that is longer. */
export function voteWindowMs({ periodMs, retryDelayMs, maxRetries }: HealthCheckConf): number {
  return Math.max(15_000, periodMs + retryDelayMs * maxRetries);
}

type LifeCheckTimes = Pick<
  WatchdogConf,
  'lifecheck' | 'intervalMs' | 'heartbeatKeepaliveMs' | 'heartbeatDeadtimeMs' | 'lifePoint'
>;

/**
 * Earliest and latest instant at which the life check finds a silent Pgpool dead, ms after it fell silent; a query's own timeout
 * comes on top. A Pgpool whose processes end is found at once, by its closed connections.
 *
 * By heartbeat a node is dead when more whole seconds than `wd_heartbeat_deadtime` have passed since its last beat; by query
 * after `wd_life_point` failed ones in a row.
 */
export function detectionRangeMs(times: LifeCheckTimes): { bestMs: number; worstMs: number } {
  const { lifecheck, intervalMs, heartbeatKeepaliveMs, heartbeatDeadtimeMs, lifePoint } = times;
  if (lifecheck === 'query') return { bestMs: (lifePoint - 1) * intervalMs, worstMs: lifePoint * intervalMs };
  const deadMs = heartbeatDeadtimeMs + 1000;
  return { bestMs: deadMs - heartbeatKeepaliveMs, worstMs: deadMs + intervalMs };
}

/** From the loss of the leader's detection to the VIP's new place, less the escalation itself: initialising, election, the first standby's joining. */
export function takeoverMs({ silentPeer }: { silentPeer: boolean }): number {
  return 1000 + (silentPeer ? 4000 : 0) + 1000;
}

/** What the leader says of a request for a failover. */
export type ConsensusVerdict = 'proceed' | 'noQuorum' | 'building' | 'mayFail';

interface VoteCount {
  voters: number[];
  votes: number;
  sinceMs: number;
}

/** The leader's votes on requests that are under way, by request. */
export class Consensus {
  readonly #settings: Pick<
    WatchdogConf,
    | 'failoverWhenQuorumExists'
    | 'failoverRequireConsensus'
    | 'allowMultipleFailoverRequestsFromNode'
    | 'enableConsensusWithHalfVotes'
  >;
  readonly #members: number;
  readonly #counts = new Map<string, VoteCount>();

  constructor(settings: WatchdogConf) {
    this.#settings = settings;
    this.#members = settings.nodes.length;
  }

  /** Counts a request of `voter`; the votes are forgotten when they are enough. */
  vote(
    key: string,
    {
      voter,
      confirmed,
      quorum,
      nowMs,
    }: { voter: number; confirmed: boolean; quorum: QuorumStatus; nowMs: number },
  ): ConsensusVerdict {
    const settings = this.#settings;
    if (!settings.failoverWhenQuorumExists || confirmed) return 'proceed';
    if (quorum === 'absent') return 'noQuorum';
    if (!settings.failoverRequireConsensus) return 'proceed';
    const count = this.#counts.get(key) ?? { voters: [], votes: 0, sinceMs: nowMs };
    const again = count.voters.includes(voter);
    if (!again || settings.allowMultipleFailoverRequestsFromNode) count.votes += 1;
    if (!again) count.voters.push(voter);
    this.#counts.set(key, count);
    if (count.votes >= votesNeeded(this.#members, settings.enableConsensusWithHalfVotes)) {
      this.#counts.delete(key);
      return 'proceed';
    }
    return again && !settings.allowMultipleFailoverRequestsFromNode ? 'mayFail' : 'building';
  }

  /** Forgets requests whose window is over. @returns their voters by request */
  expire(nowMs: number, windowMs: number): Map<string, readonly number[]> {
    const expired = new Map<string, readonly number[]>();
    for (const [key, { sinceMs, voters }] of this.#counts) {
      if (nowMs - sinceMs >= windowMs) expired.set(key, voters);
    }
    for (const key of expired.keys()) this.#counts.delete(key);
    return expired;
  }

  clear(): void {
    this.#counts.clear();
  }
}
