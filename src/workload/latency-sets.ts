import { LatencyCounts } from '../recording/histogram.ts';
import { latencySliceMs } from '../recording/intervals.ts';
import type { AccountClass, AccountOptions, AccountSink, LatencyPart } from './books.ts';

/** Outcomes beside ok whose latencies are kept, in the order of their codes, which begin with 1. */
const missedOutcomes = ['failed', 'unknown'] as const;

/** Name for a server that is not known. */
export const unknownServer = '?';

/** Both latencies of one slice by cell; an empty list until something ended. */
interface LatencySet {
  latency: LatencyCounts[];
  service: LatencyCounts[];
}

/**
 * Latencies by slice and cell: a cell for ok operations of each class and server, then one for failed and one for unknown operations of
 * each class. Sets that were handed on are used again.
 */
export class LatencySets {
  readonly #classes: readonly AccountClass[];
  readonly #servers: readonly string[];
  readonly #sink: AccountSink;
  readonly #sets: LatencySet[] = [];
  readonly #spare: LatencySet[] = [];
  #first = 0;

  constructor({ classes, servers, sink }: AccountOptions) {
    this.#classes = classes;
    this.#servers = servers;
    this.#sink = sink;
  }

  /** @param column position of the server; their number for one that is not known */
  okCell(classIndex: number, column: number): number {
    return classIndex * (this.#servers.length + 1) + column;
  }

  /** @param outcome a value of `OutcomeCode`, failed or unknown */
  missedCell(classIndex: number, outcome: number): number {
    return this.#okCells() + classIndex * missedOutcomes.length + outcome - 1;
  }

  /** One operation that ended at `atMs`. @param serviceMs NaN of one that was never sent */
  record(cell: number, atMs: number, latencyMs: number, serviceMs: number): void {
    const position = Math.floor(atMs / latencySliceMs) - this.#first;
    while (this.#sets.length <= position) this.#sets.push(this.#spare.pop() ?? this.#newSet());
    const set = this.#sets[position] as LatencySet;
    (set.latency[cell] as LatencyCounts).recordMs(latencyMs);
    if (!Number.isNaN(serviceMs)) (set.service[cell] as LatencyCounts).recordMs(serviceMs);
  }

  /** Hands every set before that number on, oldest first, those of which nothing is known too. */
  handOn(before: number): void {
    while (this.#first < before) this.#handOnFirst();
  }

  #okCells(): number {
    return this.#classes.length * (this.#servers.length + 1);
  }

  #newSet(): LatencySet {
    const cells = this.#okCells() + this.#classes.length * missedOutcomes.length;
    const counts = (): LatencyCounts[] => Array.from({ length: cells }, () => new LatencyCounts());
    return { latency: counts(), service: counts() };
  }

  #handOnFirst(): void {
    const startMs = this.#first * latencySliceMs;
    const set = this.#sets.shift() ?? { latency: [], service: [] };
    this.#first += 1;
    const parts = set.latency.flatMap((latency, cell) => {
      const service = set.service[cell];
      const taken = latency.take();
      if (taken.counts.length === 0 || service === undefined) return [];
      return [{ ...this.#placeOf(cell), latency: taken, service: service.take() }];
    });
    if (set.latency.length > 0) this.#spare.push(set);
    this.#sink.latency({ startMs, lengthMs: latencySliceMs, parts });
  }

  /** What a cell holds. */
  #placeOf(cell: number): Omit<LatencyPart, 'latency' | 'service'> {
    const width = this.#servers.length + 1;
    const missed = cell - this.#okCells();
    const classIndex = Math.floor(missed < 0 ? cell / width : missed / missedOutcomes.length);
    const className = this.#classes[classIndex]?.name ?? '';
    if (missed < 0) return { className, server: this.#servers[cell % width] ?? unknownServer };
    const outcome = missedOutcomes[missed % missedOutcomes.length];
    return { className, server: unknownServer, ...(outcome ? { outcome } : {}) };
  }
}
