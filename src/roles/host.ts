import type { Clock } from '../kernel/clock.ts';
import type { RecordedEvent } from '../recording/events.ts';
import type { SharedState } from './efm-shared-state.ts';

/**
 * The port that the EFM statecharts run on: commands out, events in.
 *
 * A statechart never awaits and does no I/O. It gives a command here and gets exactly one outcome back, later, never
 * within the call. `agents` implements the port on real servers, `sim` on the virtual clock.
 */
export interface AgentHost {
  readonly clock: Clock;
  /** Carries a command out; `done` is called once, at a later instant (a delay of 0 is later). */
  perform(command: AgentCommand, done: (outcome: CommandOutcome) => void): void;
  /** Hands a message to the agent on another server; lost without notice when that agent is gone. Order per pair is kept. */
  send(toNode: string, message: AgentMessage): void;
  /** Takes note of a step for the recording; `atMs` is set by the host. */
  record(event: RecordedEventWithoutTime): void;
  /** The agent has ended by itself: `efm stop-cluster`, or a start that is refused. Its process should end with this code. */
  exited?(exitCode: number): void;
}

export type RecordedEventWithoutTime = RecordedEvent extends infer Event
  ? Event extends RecordedEvent
    ? Omit<Event, 'atMs'>
    : never
  : never;

/** Which hook of efm.properties a script command runs, with the values of its placeholders. */
export type ScriptHook =
  | 'script.load.balancer.attach'
  | 'script.load.balancer.detach'
  | 'script.fence'
  | 'script.post.promotion'
  | 'script.remote.pre.promotion'
  | 'script.remote.post.promotion'
  | 'script.db.failure'
  | 'script.resumed'
  | 'script.primary.isolated'
  | 'script.custom.monitor'
  | 'script.notification';

/**
 * - `queryDatabase`: connect to the database of `node` (own or other), ask whether it is in recovery and its WAL
 *   positions; gives up after `timeoutMs`.
 * - `stopServer`: `pg_ctl stop -m fast` of the own server; ok when it is down, also when it already was.
 * - `startServer`: start the own server and return when the start command does.
 * - `promoteServer`: `pg_ctl promote` of the own server; ok when the command was accepted.
 * - `followPrimary`: write the connection settings of the new primary and standby.signal into the stopped own server; with
 *   `settings` on the ground of those, else of its own.
 * - `readRecoverySettings`: the own standby's primary_conninfo and restore_command as lines of a configuration file, in `detail`.
 * - `writeGuard`: write the guard file that keeps a failed primary from starting as one (method.md EFM procedure J); with
 *   `unlessStandby` nothing is done where standby.signal lies already, and that is ok.
 * - `removeGuard`: remove that file again.
 * - `runScript`: the command line of `hook`, placeholders replaced, `words` behind it; unbounded duration, as EFM documents none, but for the
 *   custom monitor, which is killed after `timeoutMs`.
 * - `assignVip`, `releaseVip`: take the virtual IP on the own server, give it up; ok also when it already was so.
 * - `lookForVip`: whether the own server holds it.
 * - `lookForFiles`: the agent's lock file, and a recovery file in the own data folder; the answer is in `files`.
 * - `ping`: one run of ping.server.command against the virtual IP or the well-known host; ok when it is reachable.
 * - `setSynchronous`: num_sync of the own server's synchronous_standby_names; null clears the list. With a reload.
 * - `pauseReplay`, `resumeReplay`: pg_wal_replay_pause() and pg_wal_replay_resume() on the own standby (3.9, while choosing).
 */
export type AgentCommand =
  | { type: 'queryDatabase'; node: string; timeoutMs: number }
  | { type: 'stopServer' }
  | { type: 'startServer' }
  | { type: 'promoteServer' }
  | { type: 'followPrimary'; primary: string; settings?: string }
  | { type: 'readRecoverySettings' }
  | { type: 'writeGuard'; unlessStandby?: boolean }
  | { type: 'removeGuard' }
  | {
      type: 'runScript';
      hook: ScriptHook;
      placeholders: ScriptPlaceholders;
      words?: readonly string[];
      timeoutMs?: number;
    }
  | { type: 'assignVip' }
  | { type: 'releaseVip' }
  | { type: 'lookForVip' }
  | { type: 'lookForFiles' }
  | { type: 'ping'; target: 'vip' | 'wellKnown' }
  | { type: 'setSynchronous'; numSync: number | null }
  | { type: 'pauseReplay' }
  | { type: 'resumeReplay' };

/** Values for EFM's placeholders as server names; the host writes them as addresses. `%h` node, `%t` type p or s (3.9 writes p as m), `%p` new primary, `%f` failed primary. */
export interface ScriptPlaceholders {
  h?: string;
  t?: 'p' | 's';
  p?: string;
  f?: string;
}

/** Synchronous replication as a primary sees it; null where synchronous_standby_names is empty. */
export interface SynchronousState {
  numSync: number;
  /** Standbys named that are connected and streaming. */
  connected: number;
}

/** How a command ended. `positions` and `inRecovery` come with an answered `queryDatabase`, `synchronous` from a primary. */
export interface CommandOutcome {
  ok: boolean;
  /** Exit code, error text, or nothing to say. */
  detail: string | null;
  inRecovery?: boolean;
  positions?: DatabasePositions;
  synchronous?: SynchronousState | null;
  /** The command was killed at its `timeoutMs`. */
  timedOut?: boolean;
  /** Why a server that answers lets nobody in: its credentials are wrong, or there is no room. */
  refusal?: 'credentials' | 'connections';
  /** Of `lookForFiles`. */
  files?: { locked: boolean; recoveryFile: string | null };
}

/** WAL positions in bytes since 0/0. A primary has no received position. */
export interface DatabasePositions {
  receivedBytes: number | null;
  replayedBytes: number;
}

/** What one agent asks of another; it answers when it is done, however long that takes. */
export type AgentRequest =
  /** Can you reach the database of `node`? */
  | { kind: 'verify'; node: string }
  /** `forced`: an operator wants it, with or without a majority. */
  | { kind: 'promote'; failedPrimary: string | null; runScripts: boolean; forced: boolean }
  /** Step down for a switchover, and come back with `rejoin`. */
  | { kind: 'demote' }
  | { kind: 'rejoin'; primary: string; settings: string | null }
  /** What would you have your server recover with? The answer's detail says it. */
  | { kind: 'recoverySettings' }
  /** Step down for good: another one is promoted by hand. */
  | { kind: 'replace' }
  | { kind: 'follow'; primary: string }
  | { kind: 'hook'; hook: ScriptHook; primary: string }
  /** May a promotion go on: is the VIP free, and is the well-known host in sight? */
  | { kind: 'checkVip' }
  | { kind: 'pauseReplay'; paused: boolean }
  /** The majority has lost you and is about to promote another. */
  | { kind: 'fence' }
  /** `settings`: a standby's recovery settings, for the old primary. */
  | { kind: 'switchover'; runScripts: boolean; quiet: boolean; settings: string | null }
  | { kind: 'manualPromote'; runScripts: boolean; quiet: boolean }
  /** `efm set-priority`: may you be promoted, whatever your properties say? */
  | { kind: 'setPromotable'; promotable: boolean }
  | { kind: 'stopCluster' };

/**
 * What agents say to each other. An answer carries the `id` of its request; what a `quiet` request leads to raises no
 * notifications (`efm promote -quiet`).
 */
export type AgentMessage =
  | { type: 'heartbeat'; status: MemberStatus }
  | { type: 'request'; id: number; request: AgentRequest; quiet?: boolean }
  | { type: 'answer'; id: number; ok: boolean; detail: string | null }
  /**
   * Of the sender's own database: it has failed, confirmed by the cluster; or only its own agent does not reach it.
   * `promotions` had begun by then.
   */
  | { type: 'report'; what: 'failed.primary' | 'failed.standby' | 'reached.standby'; promotions: number }
  /** The sender's agent ends in good order. */
  | { type: 'leave' }
  /** You are not on the list of allowed nodes. */
  | { type: 'refused' };

/** What every agent tells the others of itself in each heartbeat. */
export interface MemberStatus {
  node: string;
  role: 'starting' | 'primary' | 'standby' | 'witness' | 'idle' | 'promoting';
  database: 'UP' | 'DOWN' | 'UNKNOWN' | 'N/A';
  /** Order in which agents joined, for the coordinator's election; ms on a shared time axis. */
  joinedAtMs: number;
  /** May be promoted: efm.properties promotable, or what set-priority made of it. */
  promotable: boolean;
  /** Holds the virtual IP, as far as it knows. */
  vipActive: boolean;
  /** The number of the promotion that made it the primary; 0 for one that was primary when its agent started. */
  primaryEpoch: number;
  shared: SharedState;
}
