import type { Component } from './manifest.ts';

/**
 * `summary.json`: the one value that every report prints and every threshold reads.
 *
 * Times are ms since load start, spans are ms, shares are 0..1. What was not measured is `null` and listed in
 * `notMeasured`. A simulated summary holds no wall-clock time, path, pid or computing time.
 */
export interface Summary {
  schema: 'pgdrill/summary@1';
  name: string;
  world: 'live' | 'simulated';
  seed: number;
  verdict: { result: 'pass' | 'fail' | 'unknown' | 'invalid'; reasons: string[] };
  provenance: {
    version: string;
    commit: string | null;
    scenarioHash: string;
    clusterHash: string;
    capped: boolean;
    calibrated: boolean;
    transport: string;
    components: Component[];
  };
  load: {
    durationMs: number;
    warmupMs: number;
    /** All of them, those of closed classes included. */
    sessions: number;
    sessionLifetimeMs: number | null;
    connect: 'pooled' | 'perTransaction';
    /** What became of an operation that was not sent within the patience. */
    late: 'skip' | 'catch-up';
    /** How statements were sent to real servers. */
    protocol: 'simple' | 'extended' | 'prepared';
    patienceMs: number;
    timeoutMs: number;
  };
  classes: Record<string, ClassSummary>;
  backends: BackendSummary[];
  /** Shares of reads that the weights let expect, with the half width of the 95 % interval for so many session starts; absent with drills. */
  shareInterval?: {
    sessionStarts: number;
    servers: { name: string; share: number; halfWidth: number }[];
  };
  /** Processor time by server; absent where it was not sampled. */
  servers?: ServerSummary[];
  /** How busy the processors of a simulated cluster were; null of a live run. */
  stations?: StationSummary[] | null;
  /** Share of read-class SELECTs answered by a server that was a standby at that moment. */
  offload: number | null;
  drills: DrillSummary[];
  generator: GeneratorSummary;
  conservation: { holds: boolean; checks: CountCheck[] };
  thresholds: ThresholdSummary[];
  notMeasured: { field: string; why: string }[];
}

/**
 * One count held against another. They must be equal, but that `actual` may be `mayMiss` less where it comes from a counter that
 * is known to lose some.
 */
export interface CountCheck {
  name: string;
  expected: number;
  actual: number;
  mayMiss?: number | undefined;
}

/** Whether the two counts of a check agree. */
export function agrees({ expected, actual, mayMiss = 0 }: CountCheck): boolean {
  return actual <= expected && actual >= expected - mayMiss;
}

export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
  p999: number;
  max: number;
  mean: number;
}

/** How the load generator fared; its lag by 100 ms slices, its threads one by one (none in a simulated run). */
export interface GeneratorSummary {
  scheduleLagMs: Percentiles | null;
  /** It was the bottleneck, so the run is invalid. */
  saturated: boolean;
  /** Why it was. */
  reason: string | null;
  workers: GeneratorWorker[];
}

export interface GeneratorWorker {
  /** From 0. */
  worker: number;
  /** What carried its sessions at the end; null of a recording of the first release. */
  transport: string | null;
  /** Send minus due time of its operations that found a free session. */
  scheduleLagMs: Percentiles | null;
  /** How late its timers fired. */
  eventLoopDelayMs: Percentiles | null;
  /** Share of one processor that its thread used, over the measured seconds and in the busiest of them. */
  cpuShare: number | null;
  busiestCpuShare: number | null;
  /** Time spent collecting garbage, over the whole load. */
  gcMs: number | null;
}

/** The processors of one server (`cpu`), its quota (`cap`), or the machine that several share (`machine`); utilisation is 0..1. */
export interface StationSummary {
  server: string;
  kind: 'cpu' | 'cap' | 'machine';
  utilisation: number;
}

/** One threshold and what became of it; `value` is in `unit`: ms, operations a second, a share of 0..1, a count. */
export interface ThresholdSummary {
  text: string;
  value: number | null;
  /** Null of a threshold that this version cannot read. */
  unit: 'ms' | 'perSecond' | 'share' | 'count' | null;
  result: 'pass' | 'fail' | 'unknown';
}

/** One count is one script execution; `perSecond` counts ok; `latencyMs` and `serviceMs` cover ok only, in ms. */
export interface ClassSummary {
  due: number;
  ok: number;
  failed: number;
  unknown: number;
  skipped: number;
  perSecond: number;
  errors: Record<string, number>;
  latencyMs: Percentiles | null;
  serviceMs: Percentiles | null;
  /** From due time to the end, of operations that failed, and of those whose outcome is unknown. */
  failedMs: Percentiles | null;
  unknownMs: Percentiles | null;
}

export interface BackendSummary {
  /** Pgpool's node id. */
  id: number;
  name: string;
  address: string;
  roleAtStart: 'primary' | 'standby' | 'down' | null;
  roleAtEnd: 'primary' | 'standby' | 'down' | null;
  weight: number;
  sessions: number | null;
  reads: number;
  readShare: number | null;
  writes: number | null;
  latencyMs: Percentiles | null;
}

/** What a server's programs used of its processors in the `sampledMs` of the measured stretch, ms of one core. */
export interface ServerSummary {
  name: string;
  cpuMs: number;
  /** Null where the server has no such program. */
  postgresMs: number | null;
  pgpoolMs: number | null;
  sampledMs: number;
  /** Quota in force: `cpu` cores' worth in each period. */
  cap: { cpu: number; periodMs: number } | null;
  /** How long the cap held its processes back, summed over cores; null without a cap. */
  throttledMs: number | null;
}

export interface Outage {
  startMs: number;
  endMs: number;
  lengthMs: number;
  lost: number;
}

export type PhaseName =
  | 'leaderLost'
  | 'election'
  | 'quorum'
  | 'escalation'
  | 'addressUp'
  | 'votes'
  | 'detect'
  | 'verify'
  | 'stop'
  | 'detach'
  | 'vip'
  | 'fence'
  | 'promote'
  | 'reconfigure'
  | 'pgpoolPromote'
  | 'primarySearch'
  | 'sessionsBack'
  | 'standbysAttached';

export interface TimelinePhase {
  name: PhaseName;
  startMs: number;
  endMs: number;
  boundBy: { setting: string; value: string; file: string } | null;
}

/** What one drill did, as far as one world can see it; `predicted` holds the other world's. */
export interface DrillOutcome {
  /** When it had acted on the servers, and the end of the last thing seen of it. */
  atMs: number;
  endMs: number;
  /** Operations due from the injection until the next drill, by class. */
  operations: Record<string, Pick<ClassSummary, 'due' | 'ok' | 'failed' | 'unknown' | 'skipped'>>;
  outages: Record<string, Outage[]>;
  /** Attempts to open a session that failed between the injection and the next drill, by SQLSTATE, `closed` or `timeout`. */
  refusedSessions: Record<string, number>;
  degraded: Record<string, { startMs: number; endMs: number }[]>;
  spike: Record<string, { baselineP99Ms: number | null; p99Ms: number | null; lengthMs: number } | null>;
  recoveredAfterMs: Record<string, number | null>;
  /** Share of reads by server name. */
  readShare: {
    before: Record<string, number>;
    during: Record<string, number>;
    after: Record<string, number>;
  };
  timeline: TimelinePhase[];
  lostCommits: number | null;
  staleReads: number | null;
  /** By server name: from its last attach until its read share is again within 10 points of its weight's share; null when not reached. No entry without an attach. */
  weightRestoredAfterMs: Record<string, number | null>;
}

export interface DrillSummary extends DrillOutcome {
  id: string;
  kind: string;
  target: string | null;
  predicted: DrillOutcome | null;
  predictionError: { writeOutageMs: number | null; readOutageMs: number | null } | null;
}
