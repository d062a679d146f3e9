import type { ClientConfig } from 'pg';
import type { PackedCounts } from '../../recording/histogram.ts';
import type { Interval } from '../../recording/intervals.ts';
import type { ClassTotals, LatencyBatch } from '../../workload/books.ts';
import type { Protocol } from '../../workload/pgbench/statement.ts';
import type { SumsData, TransactionCountsData } from '../../workload/pgbench/statistics.ts';
import type { Target } from '../target.ts';

/** A script of a run as text: each thread compiles its own. */
export interface PlannedScript {
  /** For messages and the report. */
  description: string;
  text: string;
  weight: number;
}

/** Where transactions are logged, as `pgbench -l` does. */
export interface LogPlan {
  prefix: string;
  /** Of the program, for the names of the files. */
  processId: number;
  /** Share of transactions that are logged; 0 stands for all. */
  samplingRate: number;
  /** 0: a line for each transaction. */
  aggregateSeconds: number;
}

/** A run of pgbench scripts: plain data that threads are given. */
export interface PgbenchPlan {
  target: Target;
  /** As `pg` takes it; undefined: no TLS. */
  tls: ClientConfig['ssl'] | undefined;
  transport: 'auto' | 'ring' | 'stream';
  scripts: readonly PlannedScript[];
  protocol: Protocol;
  clients: number;
  /** Never more than clients. */
  threads: number;
  /** Of each client; null for a run by time. */
  transactions: number | null;
  durationMs: number | null;
  /** Of all threads together; null: as fast as answers come. */
  perSecond: number | null;
  latencyLimitMs: number | null;
  connectPerTransaction: boolean;
  /** 0: without limit. */
  maxTries: number;
  seed: bigint;
  scale: number;
  defines: Readonly<Record<string, string>>;
  log: LogPlan | null;
  progressSeconds: number;
  failuresDetailed: boolean;
  reportPerCommand: boolean;
  verboseErrors: boolean;
  debug: boolean;
  /** A client that loses its session ends, as in pgbench; else it connects again. */
  abortOnLoss: boolean;
  /** A statement that is not answered for so long ends its session; null: it is waited for. */
  answerTimeoutMs: number | null;
}

export interface ThreadSetup {
  plan: PgbenchPlan;
  thread: number;
  /** Number of the thread's first client, and how many it has. */
  firstClient: number;
  clients: number;
  /** Shared with whoever started the thread: not 0 once it must leave, without another word. */
  stopWord?: Int32Array;
}

export type ToThread = { type: 'start'; atEpochMs: number } | { type: 'stop' };

export type FromThread =
  | { type: 'ready'; transport: string; reason: string }
  | { type: 'refused'; lines: string[] }
  | { type: 'progress'; number: number; counts: TransactionCountsData }
  | { type: 'interval'; interval: Interval }
  | { type: 'latency'; batch: LatencyBatch }
  | { type: 'ended'; result: ThreadResult };

/** What one command of a script took, over all executions. */
export interface CommandCounts {
  firstLine: string;
  timesUs: SumsData;
  failures: number;
  retries: number;
}

/** How the thread's sessions fared, besides their transactions. */
export interface SessionCounts {
  /** Sessions that were lost, with or without a transaction under way. */
  lost: number;
  /** Sessions that were opened in place of lost ones. */
  reopened: number;
  /** Attempts to open one that failed. */
  refused: number;
  /** Clients that were given up. */
  abortedClients: number;
}

export interface ThreadResult {
  counts: TransactionCountsData;
  scripts: { counts: TransactionCountsData; commands: CommandCounts[] }[];
  /** Succeeded, but later than the latency limit. */
  late: number;
  /** Spent opening sessions, with a connection for each transaction. */
  connectUs: number;
  sessions: SessionCounts;
  /** By script: every operation that was due, and how it ended. */
  totals: ClassTotals[];
  /** How late transactions were sent whose client was free; with a rate only. */
  scheduleLag: PackedCounts;
  /** The last client's end, ms since the start. */
  endedMs: number;
}

/** Clients of one thread, dealt out as evenly as pgbench does: earlier threads get fewer. */
export function shareOfThread(
  { clients, threads }: PgbenchPlan,
  thread: number,
): [first: number, count: number] {
  let first = 0;
  let count = 0;
  for (let index = 0; index <= thread; index += 1) {
    first += count;
    count = Math.floor((clients - first + threads - index - 1) / (threads - index));
  }
  return [first, count];
}
