import type { RecordedEvent } from '../../src/recording/events.ts';
import { type Histogram, newHistogram, recordMs } from '../../src/recording/histogram.ts';
import type { ClassInterval, Interval } from '../../src/recording/intervals.ts';
import type { LatencySlice } from '../../src/recording/latency.ts';
import type { Manifest, ManifestScenario } from '../../src/recording/manifest.ts';
import type { LedgerFinding, Recording } from '../../src/recording/recording.ts';

/** What a test recording should show; everything else follows from it, so that all counts agree. */
export interface RecordingPlan {
  world?: 'live' | 'simulated';
  warmupMs?: number;
  measureMs?: number;
  /** Operations are due at (n + 1/2) gaps. */
  classes?: { name: string; perSecond: number }[];
  /** What is due from `startMs` until `endMs` is not answered. */
  outages?: {
    className: string;
    startMs: number;
    endMs: number;
    outcome?: 'failed' | 'unknown' | 'skipped';
  }[];
  latencyMs?: (className: string, dueMs: number) => number;
  /** Servers that take the reads of an instant in turn. */
  readers?: (dueMs: number) => string[];
  scheduleLagMs?: (startMs: number) => number;
  events?: RecordedEvent[];
  /** The program that wrote it ended before the load did. */
  cutShort?: boolean;
  /** `clean`: every acknowledged write has its row, no other has. */
  ledger?: LedgerFinding | 'clean' | null;
  calibrated?: boolean;
}

export const serverNames = ['server1', 'server2', 'server3'];

function loadEnd(atMs: number): RecordedEvent {
  return { type: 'phase', name: 'stop', atMs };
}

/** Builds a recording of constant arrivals on one primary (server1, weight 0) and two standbys of weight 1. */
export function buildRecording(plan: RecordingPlan): Recording {
  const { warmupMs = 2000, measureMs = 8000, classes = [{ name: 'read', perSecond: 100 }] } = plan;
  const endMs = warmupMs + measureMs;
  const tally = new Tally(endMs);
  for (const { name, perSecond } of classes) {
    for (
      let dueMs = 500 / perSecond, index = 0;
      dueMs < endMs;
      index += 1, dueMs = ((index + 0.5) * 1000) / perSecond
    ) {
      const outage = plan.outages?.find(
        (entry) => entry.className === name && dueMs >= entry.startMs && dueMs < entry.endMs,
      );
      const readers = plan.readers?.(dueMs) ?? ['server2', 'server3'];
      const server = readers[index % readers.length] ?? '?';
      if (outage) tally.miss(name, dueMs, outage.outcome ?? 'failed');
      else tally.ok(name, { dueMs, latencyMs: plan.latencyMs?.(name, dueMs) ?? 2, server });
    }
  }
  const ledger = plan.ledger === 'clean' ? tally.cleanLedger() : (plan.ledger ?? null);
  const names = classes.map(({ name }) => name);
  return {
    manifest: manifestOf(plan, { warmupMs, measureMs, classes }),
    events: [...(plan.events ?? []), ...(plan.cutShort ? [] : [loadEnd(endMs)])].toSorted(
      (first, second) => first.atMs - second.atMs,
    ),
    intervals: tally.intervals(names, plan.scheduleLagMs ?? (() => 0.4)),
    latency: [...tally.latency.values()].toSorted((first, second) => first.startMs - second.startMs),
    missed: [],
    ledger,
    counters: [],
  };
}

class Tally {
  readonly latency = new Map<string, LatencySlice<Histogram>>();
  readonly #slices: Interval[] = [];

  constructor(endMs: number) {
    this.#slice(endMs - 1);
  }

  ok(name: string, { dueMs, latencyMs, server }: { dueMs: number; latencyMs: number; server: string }): void {
    const due = this.#classOf(dueMs, name);
    due.due += 1;
    due.ok += 1;
    const atMs = dueMs + latencyMs;
    const done = this.#classOf(atMs, name);
    done.completedOk += 1;
    done.firstOkMs = Math.min(done.firstOkMs ?? atMs, atMs);
    done.lastOkMs = Math.max(done.lastOkMs ?? atMs, atMs);
    done.maxLatencyMs = Math.max(done.maxLatencyMs ?? 0, latencyMs);
    if (name === 'read') {
      const { readsByServer } = this.#slice(atMs);
      readsByServer[server] = (readsByServer[server] ?? 0) + 1;
    }
    const startMs = Math.floor(atMs / 1000) * 1000;
    const slice = this.#latencyOf(name, name === 'read' ? server : '?', startMs);
    recordMs(slice.latency, latencyMs);
    recordMs(slice.service, latencyMs / 2);
  }

  miss(name: string, dueMs: number, outcome: 'failed' | 'unknown' | 'skipped'): void {
    const slice = this.#classOf(dueMs, name);
    slice.due += 1;
    slice[outcome] += 1;
    if (outcome !== 'skipped') slice.errors.XX000 = (slice.errors.XX000 ?? 0) + 1;
  }

  intervals(names: string[], scheduleLagMs: (startMs: number) => number): Interval[] {
    for (const slice of this.#slices) {
      for (const name of names) slice.classes[name] ??= emptyClass();
      slice.scheduleLagMs = scheduleLagMs(slice.startMs);
      slice.sessionsByServer = { server2: 12, server3: 12 };
    }
    return this.#slices;
  }

  cleanLedger(): LedgerFinding {
    const writes = this.#slices.flatMap(({ classes }) => classes.write ?? []);
    const sum = (field: 'ok' | 'unknown' | 'failed'): number =>
      writes.reduce((all, slice) => all + slice[field], 0);
    const ok = sum('ok');
    return {
      ok,
      unknown: sum('unknown'),
      failed: sum('failed'),
      found: ok,
      unknownFound: 0,
      failedFound: 0,
      lostAtMs: [],
    };
  }

  #slice(atMs: number): Interval {
    const index = Math.floor(atMs / 100);
    while (this.#slices.length <= index) {
      const startMs = this.#slices.length * 100;
      this.#slices.push({
        startMs,
        lengthMs: 100,
        classes: {},
        readsByServer: {},
        sessionsByServer: {},
        refusedSessions: {},
        scheduleLagMs: 0,
      });
    }
    return this.#slices[index] as Interval;
  }

  #classOf(atMs: number, name: string): ClassInterval {
    const slice = this.#slice(atMs);
    slice.classes[name] ??= emptyClass();
    return slice.classes[name];
  }

  #latencyOf(className: string, server: string, startMs: number): LatencySlice<Histogram> {
    const key = `${className} ${server} ${startMs}`;
    let slice = this.latency.get(key);
    if (!slice) {
      slice = {
        startMs,
        lengthMs: 1000,
        className,
        server,
        latency: newHistogram(),
        service: newHistogram(),
      };
      this.latency.set(key, slice);
    }
    return slice;
  }
}

function emptyClass(): ClassInterval {
  return {
    due: 0,
    ok: 0,
    failed: 0,
    unknown: 0,
    skipped: 0,
    completedOk: 0,
    errors: {},
    firstOkMs: null,
    lastOkMs: null,
    maxLatencyMs: null,
  };
}

type Load = { warmupMs: number; measureMs: number; classes: { name: string; perSecond: number }[] };

function manifestOf(plan: RecordingPlan, { warmupMs, measureMs, classes }: Load): Manifest {
  const begun = (plan.events ?? []).flatMap((event) =>
    event.type === 'drill' && event.moment === 'begun' ? [event] : [],
  );
  const scenario: ManifestScenario = {
    name: 'a rehearsal <b>&"made by code"</b>',
    scale: 1,
    classes: classes.map(({ name, perSecond }) => ({
      name,
      kind: name === 'write' ? 'write' : 'read',
      script: `builtin:${name}`,
      perSecond,
    })),
    sessions: 24,
    sessionLifetimeMs: 5000,
    patienceMs: 1000,
    timeoutMs: 5000,
    warmupMs,
    measureMs,
    drills: begun.map(({ id, kind, target, atMs }) => ({ id, kind, target, atMs })),
    thresholds: [],
  };
  const kind = plan.world === 'simulated' ? 'simulated' : 'real';
  return {
    schema: 'pgdrill/manifest@1',
    world: plan.world ?? 'live',
    seed: 1,
    version: '0.1.0',
    commit: 'abc1234',
    scenarioHash: 'f00d',
    clusterHash: 'cafe',
    scenario,
    servers: serverNames.map((name, index) => ({
      name,
      address: `127.0.77.1${index + 1}`,
      port: 5432,
      backendId: index,
      weight: index === 0 ? 0 : 1,
      roleAtStart: index === 0 ? 'primary' : 'standby',
    })),
    components: [
      { name: 'PostgreSQL', kind, version: kind === 'real' ? '15.18' : null },
      { name: 'Pgpool-II', kind, version: kind === 'real' ? '4.3.5' : null },
      { name: 'EFM agents', kind: kind === 'real' ? 'emulated' : 'simulated', version: null },
    ],
    capped: false,
    calibrated: plan.calibrated ?? false,
    transport: kind === 'real' ? 'pg' : 'simulated',
    settings: [
      ...serverNames.flatMap((server) => [
        { server, file: 'efm.properties', setting: 'local.timeout', value: '4' },
        { server, file: 'efm.properties', setting: 'remote.timeout', value: '2' },
        { server, file: 'efm.properties', setting: 'recovery.check.period', value: '1' },
        { server, file: 'efm.properties', setting: 'restart.connection.timeout', value: '20' },
      ]),
      { server: null, file: 'pgpool.conf', setting: 'search_primary_node_timeout', value: '3' },
    ],
    startedAt: plan.world === 'simulated' ? null : '2026-11-22T21:00:00.000Z',
  };
}
