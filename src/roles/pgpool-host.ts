import type { Clock } from '../kernel/clock.ts';
import type { RecoveryAnswer } from '../topology/routing.ts';
import type { CommandRun, Cut, NodeStatus } from './pgpool-failover.ts';
import type { ReplicationReport } from './pgpool-replication-check.ts';
import type { BackendGreeting } from './pgpool-sessions.ts';

/** A change of the nodes that a Pgpool with a watchdog puts to it first. `confirmed`: asked for through PCP. */
export interface GatedRequest {
  kind: 'detach' | 'attach' | 'promote';
  node: number;
  confirmed: boolean;
}

/**
 * What the watchdog says of a request: carry it out; quarantine the node instead; wait, for others must vote too or the leader
 * carries it out; forget it; ask again in a second, while the watchdog has no settled leader.
 */
export type GateVerdict = 'proceed' | 'quarantine' | 'wait' | 'refuse' | 'unsettled';

/** The port that Pgpool's statecharts run on: commands out, events in; `done` is called once, later. What is optional is left out by hosts whose settings never need it. */
export interface PgpoolHost {
  readonly clock: Clock;
  /** The machine's time of day in ms, of which only the place within a second matters. */
  wallMs(): number;
  /** Connects to `nodes` and asks whether they are in recovery, and each standby whom it streams from; answers by node id, null where none came. */
  askRoles(
    nodes: readonly number[],
    done: (answers: readonly RecoveryAnswer[], upstreams?: readonly (number | null)[]) => void,
  ): void;
  runFollowCommand(run: { node: number; oldPrimary: number }, done: () => void): void;
  /** Ends client connections. */
  cutSessions(cut: Cut): void;
  /** Children without a client, and the others after their client, renew themselves and their cached connections. */
  renewChildren(): void;
  /**
   * Forks children in place of those that were killed for a request, one after the other, while Pgpool is still switching; left out:
   * it takes 40 ms.
   */
  forkChildren?(cut: Cut, done: () => void): void;
  /** Switching is over. */
  serving(): void;
  /** The main process has come to rest and forks children in place of those that have ended. */
  reaping(): void;
  /** Runs failover_command or failback_command; the main process does nothing else until `done`. Left out: it takes no time. */
  runCommand?(run: CommandRun, done: () => void): void;
  /** How a backend meets a health check that connects now. */
  greeting?(node: number): BackendGreeting;
  /** Connects to `nodes` and asks for roles and replication; a node that hangs keeps `done` waiting. */
  checkReplication?(nodes: readonly number[], done: (report: ReplicationReport) => void): void;
  /** Client sessions at this moment. */
  clients?(): number;
  /** Every client session that is idle ends with 57000 (`client_idle_limit_in_recovery = -1`). */
  kickClients?(): void;
  writeStatusFile?(lines: readonly NodeStatus[]): void;
  /** A follow run begins or ends: a watchdog locks the others out of looking for false primaries meanwhile. */
  following?(on: boolean): void;
  /** Asks the watchdog. */
  gate?(request: GatedRequest, done: (verdict: GateVerdict) => void): void;
  /** Whether this Pgpool may detach false primaries; from 4.6 on only a leader with quorum may. */
  mayDetachFalsePrimary?(): boolean;
}
