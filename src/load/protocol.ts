import type { PackedCounts } from '../recording/histogram.ts';
import type { Interval } from '../recording/intervals.ts';
import type { Percentiles } from '../recording/summary.ts';
import type { ClassTotals, LatencyBatch } from '../workload/accounting.ts';
import type { LedgerOutcomes } from '../workload/ledger.ts';
import type { LoadPlan } from '../workload/plan.ts';
import type { Target } from './target.ts';

/** What a worker gets when it is started: plain data. */
export interface WorkerSetup {
  plan: LoadPlan;
  /** Number of this worker, from 0, and of all. */
  worker: number;
  workers: number;
  /** Sessions of this worker. */
  sessions: number;
  target: Target;
  serverByAddress: Readonly<Record<string, string>>;
}

export type ToWorker = { type: 'start'; atEpochMs: number } | { type: 'stop' } | { type: 'abort' };

export type FromWorker =
  | { type: 'ready' }
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
export interface WorkerResult {
  totals: ClassTotals[];
  ledger: LedgerOutcomes;
  /** Send minus due time of operations that found a free session. */
  scheduleLag: PackedCounts;
  /** Delay of the worker's event loop beyond its timer, ms. */
  eventLoopDelayMs: Percentiles | null;
  /** Sessions' questions for their server, by server name. */
  sessionProbes: Record<string, number>;
}

/** The end of a message channel that a worker holds; a thread's `parentPort` is one. */
export interface WorkerPort {
  postMessage(message: FromWorker): void;
  on(event: 'message', listener: (message: ToWorker) => void): unknown;
  close(): void;
}
