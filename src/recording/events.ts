import type { Percentiles } from './summary.ts';

/**
 * What happened in a run, in order of time: the lines of `events.jsonl`.
 *
 * `atMs` is milliseconds since load start on the run's clock (negative: before it). Names of servers are those of the
 * cluster model. Both worlds write the same events.
 */
export type RecordedEvent =
  | CommandEvent
  | CommandEndedEvent
  | AgentStateEvent
  | NoticeEvent
  | DrillEvent
  | BackendStatusEvent
  | ServerRoleEvent
  | WatchdogEvent
  | WatchdogVoteEvent
  | ProbeEvent
  | LoadWorkerEvent
  | CpuEvent
  | WalPositionEvent
  | PhaseEvent;

interface EventBase {
  atMs: number;
}

/** What an EFM agent does to a server, a script or another agent; the names of EFM's steps (docs/glossary.md). */
export type AgentCommandName =
  | 'finalCheck'
  | 'verifyDatabase'
  | 'stopServer'
  | 'startServer'
  | 'promoteServer'
  | 'awaitRecoveryEnd'
  | 'followPrimary'
  | 'awaitConnection'
  | 'writeGuard'
  | 'readPositions'
  | 'loadBalancerDetach'
  | 'loadBalancerAttach'
  | 'remotePrePromotion'
  | 'fence'
  | 'postPromotion'
  | 'remotePostPromotion'
  | 'databaseFailureScript'
  | 'resumedScript'
  | 'removeGuard'
  | 'assignVip'
  | 'releaseVip'
  | 'checkVip'
  | 'checkWellKnownHost'
  | 'isolationScript'
  | 'customMonitor'
  | 'setSynchronous'
  | 'lookForVip'
  | 'pauseReplay'
  | 'resumeReplay'
  | 'readRecoverySettings';

/** An agent gave a command. `node` is the agent's server, `target` the server it is about (itself included). */
export interface CommandEvent extends EventBase {
  type: 'command';
  node: string;
  id: string;
  name: AgentCommandName;
  target: string | null;
}

/** The command with the same `id` ended; `detail` is an exit code, an error text or what was found. */
export interface CommandEndedEvent extends EventBase {
  type: 'commandEnded';
  node: string;
  id: string;
  name: AgentCommandName;
  ok: boolean;
  detail: string | null;
}

export type AgentRole = 'starting' | 'primary' | 'standby' | 'witness' | 'idle' | 'promoting';

/** An agent's statechart, or the coordinator's inside it, entered a state (`primary.monitoring`, `coordinator.verifying`). */
export interface AgentStateEvent extends EventBase {
  type: 'agentState';
  node: string;
  machine: 'agent' | 'coordinator';
  role: AgentRole | null;
  state: string;
}

/** A notification as EFM words it. */
export interface NoticeEvent extends EventBase {
  type: 'notice';
  node: string;
  severity: 'INFO' | 'WARNING' | 'SEVERE';
  subject: string;
}

/** A drill was begun, has acted on the servers (`injected`: the instant that outages count from), its action ended, or what lasted was ended (`healed`). */
export interface DrillEvent extends EventBase {
  type: 'drill';
  id: string;
  kind: string;
  target: string | null;
  moment: 'begun' | 'injected' | 'ended' | 'healed';
  ok: boolean;
  detail: string | null;
}

export type BackendStatus = 'unused' | 'waiting' | 'up' | 'down' | 'quarantine';

/** Pgpool's opinion of one backend changed (first sight included). */
export interface BackendStatusEvent extends EventBase {
  type: 'backendStatus';
  pgpool: string;
  server: string;
  status: BackendStatus;
  role: 'primary' | 'standby';
}

/** A server's own state changed (first sight included), asked of the server itself. */
export interface ServerRoleEvent extends EventBase {
  type: 'serverRole';
  server: string;
  role: 'primary' | 'standby' | 'down';
  /** WAL position `X/Y` where known. */
  position: string | null;
}

/**
 * A Pgpool's watchdog entered a state (Pgpool's names), was accepted as leader, began to escalate or had run its command, or the
 * virtual IP came to its host or left it.
 */
export interface WatchdogEvent extends EventBase {
  type: 'watchdog';
  /** Server of the Pgpool. */
  pgpool: string;
  moment: 'state' | 'leads' | 'escalates' | 'commandEnded' | 'addressUp' | 'addressDown';
  state: string;
}

/** The leader of the watchdog counted a Pgpool's request for a failover of a backend. */
export interface WatchdogVoteEvent extends EventBase {
  type: 'watchdogVote';
  pgpool: string;
  voter: string;
  server: string;
  kind: 'detach' | 'attach' | 'promote';
  /** `proceed`: it is carried out; `building`: more votes are needed; else it is refused. */
  verdict: 'proceed' | 'building' | 'noQuorum' | 'mayFail';
}

/** An observer got no answer, or got answers again; both are observations. */
export interface ProbeEvent extends EventBase {
  type: 'probe';
  observer: string;
  target: string;
  ok: boolean;
  detail: string | null;
}

/** How well one load thread (numbered from 0) kept up; written once, when the load is over. */
export interface LoadWorkerEvent extends EventBase {
  type: 'loadWorker';
  worker: number;
  /** Send minus due time of its operations that found a free session; null without one. */
  scheduleLagMs: Percentiles | null;
  /** How late its timers fired; null where that was not sampled. */
  eventLoopDelayMs: Percentiles | null;
  /** Share of one processor that its thread used, by second of the load; null where the kernel does not tell. */
  cpuShares?: (number | null)[];
  /** Time its thread spent collecting garbage. */
  gcMs?: number;
  /** What carried its sessions at the end. */
  transport?: string;
}

/** What a server's programs used of its processors in the `lengthMs` before `atMs`, ms; null where it has no such program. */
export interface CpuEvent extends EventBase {
  type: 'cpu';
  server: string;
  lengthMs: number;
  postgresMs: number | null;
  pgpoolMs: number | null;
  /** How long a cap held the server's processes back, summed over processors; null without a cap. */
  throttledMs: number | null;
}

/** Where a server's write-ahead log stands (`X/Y`): written by a primary, replayed by a standby. About once a second. */
export interface WalPositionEvent extends EventBase {
  type: 'walPosition';
  server: string;
  role: 'primary' | 'standby';
  position: string;
}

/** The run itself: load started (0), warm-up over, load stopped. */
export interface PhaseEvent extends EventBase {
  type: 'phase';
  name: 'start' | 'warmedUp' | 'stop' | 'interrupted';
}
