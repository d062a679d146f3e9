import type { Clock } from '../kernel/clock.ts';
import type { Problem } from '../kernel/errors.ts';
import type { Component } from '../recording/manifest.ts';
import type { LedgerFinding, Recorder } from '../recording/recording.ts';
import type { CountCheck } from '../recording/summary.ts';
import type { DrillKind } from '../scenario/scenario-shape.ts';

/**
 * What a drill may do to a cluster: act on servers, or through the `efm` command, nothing else. No statechart is ever
 * told that a failover is due.
 */
export type DrillAction =
  | { type: 'efm'; server: string; args: readonly string[] }
  /** SIGKILL to every process of the server's PostgreSQL. */
  | { type: 'killServer'; server: string }
  /** The operator's work: make a dead server a stopped-and-started standby of `primary` (pg_rewind, else pg_basebackup). */
  | { type: 'rebuildServer'; server: string; primary: string }
  /** SIGSTOP to every process of the server's PostgreSQL, and SIGCONT. */
  | { type: 'hangServer'; server: string }
  | { type: 'wakeServer'; server: string }
  /** SIGKILL to the EFM agent of a server; a clean stop of its service; a start of it. */
  | { type: 'killAgent'; server: string }
  | { type: 'stopAgent'; server: string }
  | { type: 'startAgent'; server: string }
  /**
   * The whole host is gone at once: PostgreSQL, agent and Pgpool. Nothing of it answers, not even with a refusal, but
   * where hosts share one machine: its kernel refuses for them (docs/method.md).
   */
  | { type: 'loseNode'; server: string }
  /** SIGKILL to the Pgpool of a server; a start of it. */
  | { type: 'killPgpool'; server: string }
  | { type: 'startPgpool'; server: string }
  /** No packet passes between servers of different sides until `heal`. Servers in no side are together on one more. */
  | { type: 'partition'; sides: readonly (readonly string[])[] }
  | { type: 'heal' };

export interface ActionResult {
  ok: boolean;
  detail: string | null;
}

/** The clusters' present roles as the world can see them, for drills without a target. */
export interface ClusterView {
  primary: string | null;
  /** The one that was the primary when the cluster started. */
  primaryAtStart: string | null;
  /** Servers that are a standby now, in the order of the cluster model. */
  standbys: readonly string[];
  /** Server of the witness agent, and of Pgpool. */
  witness: string | null;
  pgpool: string | null;
  /** Server with an agent that answers `efm`, never the one given. */
  agentBeside(server: string | null): string | null;
  /** Servers whose PostgreSQL is down or was rebuilt and is not attached. */
  lastFailed: string | null;
}

/** A port with two implementations, `live` and `sim`; `run` holds it and cannot tell which. */
export interface World {
  readonly kind: 'live' | 'simulated';
  /** Kinds of drill that this world can carry out. */
  readonly drillKinds: readonly DrillKind[];
  /** Why it cannot carry out others. */
  readonly refusals?: Readonly<Partial<Record<DrillKind, string>>>;
  /** Zero is load start. */
  readonly clock: Clock;
  readonly transport: string;
  /** What is missing on this machine for this world; nothing has been started. */
  check(): Promise<Problem[]>;
  /** Brings the cluster up and the load to the start line. */
  prepare(recorder: Recorder): Promise<void>;
  components(): Component[];
  /** Starts load and observers at instant 0; resolves when `durationMs` has passed and every operation has ended, or when aborted. */
  drive(durationMs: number, onStart: () => void): Promise<void>;
  view(): ClusterView;
  /** Figures of the last second, for the live view; null where nobody watches (simulated). */
  snapshot(): WorldSnapshot | null;
  perform(action: DrillAction, done: (result: ActionResult) => void): void;
  /** After the load: rows against the ledger and counters against counts; null when it cannot be checked. */
  settle(): Promise<Settlement>;
  /** Ends the load early; `drive` resolves soon after. */
  abort(): void;
  /** Takes everything down that this world started. Safe to call twice, and at any moment. */
  close(): Promise<void>;
}

/** What the live view shows of the last second. */
export interface WorldSnapshot {
  readsPerSecond: number;
  writesPerSecond: number;
  readP99Ms: number | null;
  writeP99Ms: number | null;
  /** Failed and unknown operations since load start, and in the last second. */
  errors: number;
  errorsPerSecond: number;
  /** Share of the last second's reads by server name. */
  readShare: Record<string, number>;
}

export interface Settlement {
  ledger: LedgerFinding | null;
  counters: CountCheck[];
  /** Why the run as a whole is not valid (a load worker was lost); empty or absent when it is. */
  invalid?: readonly string[];
}
