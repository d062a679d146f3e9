import {
  type ClassInterval,
  type Interval,
  intervalMs,
  latencySliceMs,
} from '../../src/recording/intervals.ts';
import type { AccountClass } from '../../src/workload/books.ts';
import { outcomes } from '../../src/workload/ledger.ts';
import type { EndedCall } from '../../src/workload/slice-recorder.ts';

/** What the books of a whole run must say, worked out afterwards from the list of its operations: the rules once more, plainly. */
export interface ReferenceBooks {
  intervals: Omit<Interval, 'sessionsByServer'>[];
  /** Spans in ms that each slice of latencies holds, by class and server, or by class and outcome with `?` for the server. */
  spans: Spans;
}

type Spans = Record<string, { latencyMs: number[]; serviceMs: number[] }>[];

/**
 * @param run.endMs instant at which the books are closed
 * @param run.advancedMs instants up to which slices had been closed, in order: what ends late counts in an open slice
 */
export function referenceBooks(
  operations: readonly EndedCall[],
  {
    classes,
    servers,
    endMs,
  }: { classes: readonly AccountClass[]; servers: readonly string[]; endMs: number },
): ReferenceBooks {
  const slicesTo = operations.map(
    ({ dueMs, endedMs }) => Math.floor(Math.max(dueMs, endedMs) / intervalMs) + 1,
  );
  const intervals = Array.from({ length: Math.max(Math.ceil(endMs / intervalMs), ...slicesTo) }, (_, index) =>
    emptyInterval(index * intervalMs, classes),
  );
  const spans: Spans = Array.from(
    { length: Math.ceil((intervals.length * intervalMs) / latencySliceMs) },
    () => ({}),
  );
  const partOf = (
    interval: Pick<Interval, 'classes'> | undefined,
    index: number,
  ): ClassInterval | undefined => interval?.classes[classes[index]?.name ?? ''];
  for (const operation of operations) {
    const { classIndex, dueMs, sentMs, endedMs, outcome, code, server, foundFree } = operation;
    const cohort = intervals[Math.floor(dueMs / intervalMs)];
    const due = partOf(cohort, classIndex);
    if (!cohort || !due) throw new Error(`nothing at ${dueMs}`);
    due.due += 1;
    due[outcomes[outcome] ?? 'ok'] += 1;
    if (foundFree) cohort.scheduleLagMs = Math.max(cohort.scheduleLagMs ?? 0, micros(sentMs - dueMs));
    const slice = intervals[Math.floor(endedMs / intervalMs)];
    const ended = partOf(slice, classIndex);
    if (!slice || !ended) throw new Error(`nothing at ${endedMs}`);
    if (outcome !== 0) {
      if (outcome === 3) continue;
      ended.errors[code] = (ended.errors[code] ?? 0) + 1;
      add(spans, `${classes[classIndex]?.name} ${outcome === 1 ? 'failed' : 'unknown'} ?`, operation);
      continue;
    }
    const name = servers[server] ?? '?';
    ended.completedOk += 1;
    ended.firstOkMs = Math.min(ended.firstOkMs ?? Number.POSITIVE_INFINITY, micros(endedMs));
    ended.lastOkMs = Math.max(ended.lastOkMs ?? 0, micros(endedMs));
    ended.maxLatencyMs = Math.max(ended.maxLatencyMs ?? 0, micros(endedMs - dueMs));
    if (classes[classIndex]?.kind === 'read')
      slice.readsByServer[name] = (slice.readsByServer[name] ?? 0) + 1;
    add(spans, `${classes[classIndex]?.name} ${name}`, operation);
  }
  return { intervals, spans };
}

function add(spans: Spans, key: string, { dueMs, sentMs, endedMs }: Readonly<EndedCall>): void {
  const batch = spans[Math.floor(endedMs / latencySliceMs)];
  if (!batch) throw new Error(`no slice of latencies at ${endedMs}`);
  const part = batch[key] ?? { latencyMs: [], serviceMs: [] };
  batch[key] = part;
  part.latencyMs.push(endedMs - dueMs);
  if (!Number.isNaN(sentMs)) part.serviceMs.push(endedMs - sentMs);
}

function micros(valueMs: number): number {
  return Math.round(valueMs * 1000) / 1000;
}

function emptyInterval(
  startMs: number,
  classes: readonly AccountClass[],
): ReferenceBooks['intervals'][number] {
  const empty = (): ClassInterval => ({
    ...{ due: 0, ok: 0, failed: 0, unknown: 0, skipped: 0, completedOk: 0, errors: {} },
    ...{ firstOkMs: null, lastOkMs: null, maxLatencyMs: null },
  });
  return {
    ...{ startMs, lengthMs: intervalMs, readsByServer: {}, refusedSessions: {}, scheduleLagMs: null },
    classes: Object.fromEntries(classes.map(({ name }) => [name, empty()])),
  };
}
