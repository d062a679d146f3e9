import type { Clock } from '../kernel/clock.ts';
import type { WatchdogConf } from '../topology/pgpool-conf.ts';
import type { NodeStatus } from './pgpool-failover.ts';
import type { GatedRequest, GateVerdict } from './pgpool-host.ts';
import type { ConsensusVerdict, QuorumStatus } from './watchdog-quorum.ts';

/** Which node of the watchdog cluster this is. */
export interface WatchdogIdentity {
  id: number;
  settings: WatchdogConf;
  /** How long votes for a failover are gathered (`voteWindowMs`). */
  voteWindowMs: number;
}

/** Pgpool's names for the states of a watchdog node. */
export type WatchdogState =
  | 'DEAD'
  | 'LOADING'
  | 'JOINING'
  | 'INITIALIZING'
  | 'LEADER'
  | 'PARTICIPATING IN ELECTION'
  | 'STANDING FOR LEADER'
  | 'STANDBY'
  | 'IN NETWORK TROUBLE'
  | 'NETWORK ISOLATION'
  | 'LOST'
  | 'SHUTDOWN';

/** What a node tells of itself. */
export interface WatchdogInfo {
  state: WatchdogState;
  priority: number;
  startedAtMs: number;
  quorum: QuorumStatus;
  escalated: boolean;
}

/** The nodes' states as the leader's Pgpool has them. */
export interface BackendSync {
  status: readonly NodeStatus[];
  primary: number;
}

/** A question of one watchdog to another; `id` comes back with the answer. */
export type WatchdogQuestion = 'info' | 'stand' | 'declare' | 'join' | 'beacon';

export type WatchdogMessage =
  /** `anew`: over a connection just made. */
  | { type: 'ask'; id: number; question: WatchdogQuestion; info: WatchdogInfo; anew?: true }
  | {
      type: 'answer';
      id: number;
      answer: 'accept' | 'reject' | 'error';
      info: WatchdogInfo;
      backends?: BackendSync;
    }
  /** Of no leader any more, or not of this one: who is its standby elects anew. */
  | { type: 'resigning' }
  /** To a rival: step down; to a standby: join again. */
  | { type: 'rejoin'; info: WatchdogInfo }
  | { type: 'goingDown' }
  /** The sender's life check has given the receiver up. */
  | { type: 'lostYou' }
  | { type: 'request'; id: number; request: GatedRequest }
  | { type: 'verdict'; id: number; verdict: GateVerdict }
  /** Whoever holds a node in quarantine says so again. */
  | { type: 'waitingForVotes' }
  | { type: 'failoverEnd'; backends: BackendSync }
  /** The leader's follow run begins or ends. */
  | { type: 'followLock'; held: boolean };

/** The port of one watchdog node. Messages keep their order between two nodes and are lost without notice where one cannot reach the other. */
export interface WatchdogHost {
  readonly clock: Clock;
  send(to: number, message: WatchdogMessage): void;
  /** A UDP packet to its life check. */
  sendBeat(to: number): void;
  /** Whether a TCP connection to it stands or can be made: also to one that is stopped and silent. */
  connects(to: number): boolean;
  /** Asks the Pgpool of a node with a query; `done` once, later. */
  queryPgpool(node: number, done: (answered: boolean) => void): void;
  /** wd_escalation_command, then the VIP on its way up: if_up_cmd, arping, ping. */
  escalate(done: () => void): void;
  /** wd_de_escalation_command, then the VIP down: if_down_cmd. */
  deEscalate(done: () => void): void;
  /** The local Pgpool carries out what the others agreed on. */
  carryOut(request: GatedRequest): void;
  /** The local Pgpool takes the leader's states. */
  sync(backends: BackendSync): void;
  backends(): BackendSync;
  /** The local Pgpool looks for no primary while the leader's follow run lasts. */
  lockFollow(held: boolean): void;
  /** Nodes that the local Pgpool has in quarantine, and whether its primary is among them. */
  quarantined(): { nodes: readonly number[]; primary: boolean };
  /** The local Pgpool releases them (a leader that has regained quorum) or asks again for their failover. */
  releaseQuarantined(): void;
  renewQuarantined(): void;
  /** Of a leader also when the others have accepted it. After `IN NETWORK TROUBLE` the whole Pgpool is gone. */
  stateChanged(state: WatchdogState): void;
  /** Of a leader: a request of `voter` was counted. */
  counted?(vote: { request: GatedRequest; voter: number; verdict: ConsensusVerdict }): void;
}
