import { invariant } from '../kernel/errors.ts';
import { type Histogram, newHistogram, unpackInto } from '../recording/histogram.ts';
import type { ClassInterval, Interval } from '../recording/intervals.ts';
import type { LatencySlice } from '../recording/latency.ts';
import type { Recorder } from '../recording/recording.ts';
import { type AccountSink, assertIntervalBalanced, type LatencyBatch } from './books.ts';

/**
 * Joins the slices of several workers and records each once, in order of time, as soon as every worker has handed its
 * own on. A worker that has died is waited for no more; what it handed on before counts.
 */
export class SliceMerger {
  readonly #workers: { intervals: Interval[]; batches: LatencyBatch[]; ended: boolean }[];
  readonly #recorder: Pick<Recorder, 'interval' | 'latency'>;

  constructor(workers: number, recorder: Pick<Recorder, 'interval' | 'latency'>) {
    this.#workers = Array.from({ length: workers }, () => ({ intervals: [], batches: [], ended: false }));
    this.#recorder = recorder;
  }

  /** Where worker number `worker` (from 0) hands its slices. */
  sink(worker: number): AccountSink {
    const queues = this.#workers[worker];
    invariant(queues, `there is no worker ${worker}`);
    return {
      interval: (interval) => {
        queues.intervals.push(interval);
        this.#record();
      },
      latency: (batch) => {
        queues.batches.push(batch);
        this.#record();
      },
    };
  }

  /** This worker hands on nothing more: it has finished, or died. */
  ended(worker: number): void {
    const queues = this.#workers[worker];
    if (queues) queues.ended = true;
    this.#record();
  }

  #record(): void {
    for (let parts = this.#heads('intervals'); parts.length > 0; parts = this.#heads('intervals')) {
      const merged = mergeIntervals(parts);
      assertIntervalBalanced(merged);
      this.#recorder.interval(merged);
    }
    for (let parts = this.#heads('batches'); parts.length > 0; parts = this.#heads('batches')) {
      for (const slice of latencySlices(parts)) this.#recorder.latency(slice);
    }
  }

  /** Takes the earliest slice of every worker when all that still run have one; else nothing. */
  #heads<Kind extends 'intervals' | 'batches'>(
    kind: Kind,
  ): (Kind extends 'intervals' ? Interval : LatencyBatch)[] {
    type Slice = Kind extends 'intervals' ? Interval : LatencyBatch;
    if (this.#workers.some((queues) => !queues.ended && queues[kind].length === 0)) return [];
    const queues = this.#workers.map((worker) => worker[kind] as Slice[]);
    const startMs = Math.min(...queues.map((queue) => queue[0]?.startMs ?? Number.POSITIVE_INFINITY));
    return queues.flatMap((queue) => (queue[0]?.startMs === startMs ? queue.splice(0, 1) : []));
  }
}

/** One slice with the sums of several of the same time; instants and lags are the extremes. */
function mergeIntervals(parts: readonly Interval[]): Interval {
  const [first] = parts;
  invariant(first, 'nothing to merge');
  const merged: Interval = {
    ...first,
    classes: {},
    readsByServer: {},
    sessionsByServer: {},
    refusedSessions: {},
    scheduleLagMs: null,
  };
  for (const part of parts) {
    invariant(
      part.startMs === first.startMs,
      `slices of ${first.startMs} and ${part.startMs} ms cannot be merged`,
    );
    for (const [name, counts] of Object.entries(part.classes)) {
      const known = merged.classes[name];
      merged.classes[name] = known ? mergeClasses(known, counts) : counts;
    }
    addCounts(merged.readsByServer, part.readsByServer);
    addCounts(merged.sessionsByServer, part.sessionsByServer);
    addCounts(merged.refusedSessions, part.refusedSessions);
    merged.scheduleLagMs = extreme(Math.max, merged.scheduleLagMs, part.scheduleLagMs);
  }
  return merged;
}

function mergeClasses(a: ClassInterval, b: ClassInterval): ClassInterval {
  const errors = { ...a.errors };
  addCounts(errors, b.errors);
  return {
    due: a.due + b.due,
    ok: a.ok + b.ok,
    failed: a.failed + b.failed,
    unknown: a.unknown + b.unknown,
    skipped: a.skipped + b.skipped,
    completedOk: a.completedOk + b.completedOk,
    errors,
    firstOkMs: extreme(Math.min, a.firstOkMs, b.firstOkMs),
    lastOkMs: extreme(Math.max, a.lastOkMs, b.lastOkMs),
    maxLatencyMs: extreme(Math.max, a.maxLatencyMs, b.maxLatencyMs),
  };
}

function extreme(pick: (a: number, b: number) => number, a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return pick(a, b);
}

function addCounts(into: Record<string, number>, from: Readonly<Record<string, number>>): void {
  for (const [key, count] of Object.entries(from)) into[key] = (into[key] ?? 0) + count;
}

/** The histograms of several batches of the same time, joined by class, server and outcome. */
function latencySlices(batches: readonly LatencyBatch[]): LatencySlice<Histogram>[] {
  const slices = new Map<string, LatencySlice<Histogram>>();
  for (const { startMs, lengthMs, parts } of batches) {
    for (const { latency, service, ...place } of parts) {
      const key = keyOf(place);
      const slice = slices.get(key) ?? {
        startMs,
        lengthMs,
        ...place,
        latency: newHistogram(),
        service: newHistogram(),
      };
      slices.set(key, slice);
      unpackInto(slice.latency, latency);
      unpackInto(slice.service, service);
    }
  }
  return [...slices.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

function keyOf({
  className,
  server,
  outcome,
}: Pick<LatencySlice, 'className' | 'server' | 'outcome'>): string {
  return `${className}\n${server}\n${outcome ?? ''}`;
}
