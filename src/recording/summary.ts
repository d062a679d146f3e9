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
    sessions: number;
    sessionLifetimeMs: number | null;
    patienceMs: number;
    timeoutMs: number;
  };
  classes: Record<string, ClassSummary>;
  backends: BackendSummary[];
  /** Share of read-class SELECTs answered by a server that was a standby at that moment. */
  offload: number | null;
  drills: DrillSummary[];
  generator: { scheduleLagMs: Percentiles | null; saturated: boolean };
  conservation: { holds: boolean; checks: { name: string; expected: number; actual: number }[] };
  thresholds: { text: string; value: number | null; result: 'pass' | 'fail' | 'unknown' }[];
  notMeasured: { field: string; why: string }[];
}

export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
  p999: number;
  max: number;
  mean: number;
}

/** One count is one script execution; `perSecond` counts ok; latencies cover ok only, in ms. */
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

export interface Outage {
  startMs: number;
  endMs: number;
  lengthMs: number;
  lost: number;
}

export type PhaseName =
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
