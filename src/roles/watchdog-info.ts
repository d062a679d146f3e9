import { statePath } from './state-path.ts';
import type { WatchdogInfo, WatchdogQuestion, WatchdogState } from './watchdog-host.ts';
import type { QuorumStatus } from './watchdog-quorum.ts';

const names: Readonly<Record<string, WatchdogState>> = {
  dead: 'DEAD',
  loading: 'LOADING',
  joining: 'JOINING',
  initializing: 'INITIALIZING',
  standing: 'STANDING FOR LEADER',
  participating: 'PARTICIPATING IN ELECTION',
  leader: 'LEADER',
  standby: 'STANDBY',
  isolated: 'NETWORK ISOLATION',
  networkTrouble: 'IN NETWORK TROUBLE',
  lost: 'LOST',
  shutdown: 'SHUTDOWN',
};

/** Pgpool's name for a state of the statechart. */
export function watchdogStateOf(value: unknown): WatchdogState {
  return names[statePath(value).split('.')[0] ?? ''] ?? 'DEAD';
}

/** The state that a question announces, whose sender has not yet entered it. */
export const announcedBy: Readonly<Partial<Record<WatchdogQuestion, WatchdogState>>> = {
  stand: 'STANDING FOR LEADER',
  declare: 'LEADER',
  join: 'STANDBY',
};

const quorumRank: Readonly<Record<QuorumStatus, number>> = { exists: 2, edge: 1, absent: 0 };

/** Which of two leaders stays: the one with quorum, then the escalated one, then the older. @returns below 0 when it is the other */
export function rankOf(own: WatchdogInfo, other: WatchdogInfo): number {
  return (
    quorumRank[own.quorum] - quorumRank[other.quorum] ||
    Number(own.escalated) - Number(other.escalated) ||
    other.startedAtMs - own.startedAtMs
  );
}
