import type { PackedCounts } from '../recording/histogram.ts';
import type { Interval } from '../recording/intervals.ts';
import type { Percentiles } from '../recording/summary.ts';
import type { ClassTotals, LatencyBatch } from '../workload/books.ts';
import type { LedgerOutcomes } from '../workload/ledger.ts';
import type { LoadPlan } from '../workload/plan.ts';
import type { Target } from './target.ts';
import type { ThreadHealthResult } from './thread-health.ts';

/** What a worker gets when it is started: plain data. */
export interface WorkerSetup {
  plan: LoadPlan;
  /** Number of this worker, from 0, and of all. */
  worker: number;
  workers: number;
  target: Target;
  serverByAddress: Readonly<Record<string, string>>;
  /** Shared with whoever started the worker: not 0 once it must leave, without another word. */
  stopWord?: Int32Array;
}

export type ToWorker = { type: 'start'; atEpochMs: number } | { type: 'stop' } | { type: 'abort' };

export type FromWorker =
  /** Every session has been connected once. @see wireLabel */
  | { type: 'ready'; transport: string }
  | { type: 'connectFailed'; code: string; message: string }
  | { type: 'interval'; interval: Interval }
  | { type: 'latency'; batch: LatencyBatch }
  | { type: 'live'; part: LivePart }
  | { type: 'ended'; result: WorkerResult };

/** What ended since the part before: for the live view only. */
export interface LivePart {
  atMs: number;
  lengthMs: number;
  classes: Record<
    string,
    { ok: number; failed: number; unknown: number; skipped: number; latency: PackedCounts }
  >;
  readsByServer: Record<string, number>;
  sessionsByServer: Record<string, number>;
}

/** What a worker says at its end. */
export interface WorkerResult extends ThreadHealthResult {
  totals: ClassTotals[];
  ledger: LedgerOutcomes;
  /** Send minus due time of operations that found a free session. */
  scheduleLag: PackedCounts;
  /** How late the worker's timers fired, ms. */
  eventLoopDelayMs: Percentiles | null;
  /** What carried its sessions at the end. */
  transport: string;
  /** Sessions' questions for their server, by server name. */
  sessionProbes: Record<string, number>;
}

/** The end of a message channel that a worker holds; a thread's `parentPort` is one. */
export interface WorkerPort {
  postMessage(message: FromWorker): void;
  on(event: 'message', listener: (message: ToWorker) => void): unknown;
  close(): void;
}
