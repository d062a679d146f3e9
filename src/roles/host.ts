import type { Clock } from '../kernel/clock.ts';
import type { RecordedEvent } from '../recording/events.ts';

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
  | 'script.resumed';

/**
 * - `queryDatabase`: connect to the database of `node` (own or other), ask whether it is in recovery and its WAL
 *   positions; gives up after `timeoutMs`.
 * - `stopServer`: `pg_ctl stop -m fast` of the own server; ok when it is down, also when it already was.
 * - `startServer`: start the own server and return when the start command does.
 * - `promoteServer`: `pg_ctl promote` of the own server; ok when the command was accepted.
 * - `followPrimary`: write the connection settings of the new primary and standby.signal into the stopped own server.
 * - `writeGuard`: write the guard file that keeps a failed primary from starting as one (efm.md procedure J).
 * - `runScript`: the command line of `hook`, placeholders replaced; unbounded duration, as EFM documents none.
 */
export type AgentCommand =
  | { type: 'queryDatabase'; node: string; timeoutMs: number }
  | { type: 'stopServer' }
  | { type: 'startServer' }
  | { type: 'promoteServer' }
  | { type: 'followPrimary'; primary: string }
  | { type: 'writeGuard' }
  | { type: 'runScript'; hook: ScriptHook; placeholders: ScriptPlaceholders };

/** Values for EFM's placeholders as server names; the host writes them as addresses. `%h` node, `%t` type p or s, `%p` new primary, `%f` failed primary. */
export interface ScriptPlaceholders {
  h?: string;
  t?: 'p' | 's';
  p?: string;
  f?: string;
}

/** How a command ended. `positions` and `inRecovery` come with an answered `queryDatabase`. */
export interface CommandOutcome {
  ok: boolean;
  /** Exit code, error text, or nothing to say. */
  detail: string | null;
  inRecovery?: boolean;
  positions?: DatabasePositions;
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
  | { kind: 'promote'; failedPrimary: string | null; runScripts: boolean }
  | { kind: 'demote' }
  | { kind: 'rejoin'; primary: string }
  | { kind: 'follow'; primary: string }
  | { kind: 'hook'; hook: ScriptHook; primary: string }
  | { kind: 'switchover'; runScripts: boolean };

/** What agents say to each other. An answer carries the `id` of its request. */
export type AgentMessage =
  | { type: 'heartbeat'; status: MemberStatus }
  | { type: 'request'; id: number; request: AgentRequest }
  | { type: 'answer'; id: number; ok: boolean; detail: string | null }
  /** The sender's own database has failed, confirmed by the cluster. */
  | { type: 'report'; what: 'failed.primary' | 'failed.standby' };

/** What every agent tells the others of itself in each heartbeat. */
export interface MemberStatus {
  node: string;
  role: 'starting' | 'primary' | 'standby' | 'witness' | 'idle' | 'promoting';
  database: 'UP' | 'DOWN' | 'UNKNOWN' | 'N/A';
  /** Order in which agents joined, for the coordinator's election; ms on a shared time axis. */
  joinedAtMs: number;
  /** Standby priority list as this member knows it, and its version; the highest version wins. */
  priority: string[];
  priorityVersion: number;
  /** May be promoted (efm.properties promotable). */
  promotable: boolean;
}
