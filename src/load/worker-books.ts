import { LatencyCounts } from '../recording/histogram.ts';
import { outcomes } from '../workload/ledger.ts';
import { LoadBooks } from '../workload/load-books.ts';
import { kindOf, type LoadPlan } from '../workload/plan.ts';
import type { EndedOperation, PoolObserver } from '../workload/pool-observer.ts';
import { OutcomeCode } from '../workload/slice-recorder.ts';
import type { LivePart, WorkerPort, WorkerResult } from './protocol.ts';

/** How often a worker tells the live view what ended, ms. */
const livePeriodMs = 200;

interface LiveClass {
  name: string;
  ok: number;
  failed: number;
  unknown: number;
  skipped: number;
  latency: LatencyCounts;
}

/** Everything that one worker writes down: accounts, ledger, its own lag, and the figures of the live view. */
export class WorkerBooks implements PoolObserver {
  readonly #port: WorkerPort;
  readonly #books: LoadBooks;
  readonly #servers: readonly string[];
  readonly #kinds: readonly ('read' | 'write')[];
  readonly #lag = new LatencyCounts();
  /** By position of the class. */
  readonly #live: readonly LiveClass[];
  /** By position of the server, unknown last. */
  readonly #liveReads: Float64Array;
  #liveSinceMs = 0;

  /** @param options.servers every server that may answer a read, by name */
  constructor(plan: LoadPlan, { port, servers }: { port: WorkerPort; servers: readonly string[] }) {
    this.#port = port;
    this.#servers = servers;
    this.#liveReads = new Float64Array(servers.length + 1);
    this.#kinds = plan.classes.map(kindOf);
    this.#books = new LoadBooks(plan, {
      servers,
      sink: {
        interval: (interval) => port.postMessage({ type: 'interval', interval }),
        latency: (batch) => port.postMessage({ type: 'latency', batch }),
      },
    });
    this.#live = plan.classes.map(({ name }) => ({
      name,
      ok: 0,
      failed: 0,
      unknown: 0,
      skipped: 0,
      latency: new LatencyCounts(),
    }));
  }

  serverPosition(server: string | null): number {
    return this.#books.serverPosition(server);
  }

  due(classIndex: number, dueMs: number): void {
    this.#books.due(classIndex, dueMs);
  }

  ended(operation: Readonly<EndedOperation>): void {
    const { classIndex, dueMs, sentMs, endedMs, outcome, server, foundFree } = operation;
    this.#books.ended(operation);
    if (foundFree) this.#lag.recordMs(sentMs - dueMs);
    const live = this.#live[classIndex] as LiveClass;
    live[outcomes[outcome] ?? 'ok'] += 1;
    if (outcome !== OutcomeCode.ok) return;
    live.latency.recordMs(endedMs - dueMs);
    if (this.#kinds[classIndex] !== 'read') return;
    const column = server < 0 ? this.#servers.length : server;
    this.#liveReads[column] = (this.#liveReads[column] as number) + 1;
  }

  refused(code: string, atMs: number): void {
    this.#books.refused(code, atMs);
  }

  advance(nowMs: number, sessionsByServer: Readonly<Record<string, number>>): void {
    this.#books.advance(nowMs, sessionsByServer);
    if (nowMs - this.#liveSinceMs >= livePeriodMs) this.#tellLive(nowMs, sessionsByServer);
  }

  finish(nowMs: number, sessionsByServer: Readonly<Record<string, number>>): void {
    this.#books.finish(nowMs, sessionsByServer);
    this.#tellLive(nowMs, sessionsByServer);
  }

  result(): Pick<WorkerResult, 'totals' | 'ledger' | 'scheduleLag'> {
    return {
      totals: this.#books.totals(),
      ledger: this.#books.ledger(),
      scheduleLag: this.#lag.take(),
    };
  }

  #tellLive(nowMs: number, sessionsByServer: Readonly<Record<string, number>>): void {
    const classes: LivePart['classes'] = {};
    for (const live of this.#live) {
      const { name, ok, failed, unknown, skipped, latency } = live;
      classes[name] = { ok, failed, unknown, skipped, latency: latency.take() };
      Object.assign(live, { ok: 0, failed: 0, unknown: 0, skipped: 0 });
    }
    const lengthMs = nowMs - this.#liveSinceMs;
    const readsByServer: Record<string, number> = {};
    for (const [column, count] of this.#liveReads.entries())
      if (count > 0) readsByServer[this.#servers[column] ?? '?'] = count;
    this.#port.postMessage({
      type: 'live',
      part: { atMs: nowMs, lengthMs, classes, readsByServer, sessionsByServer: { ...sessionsByServer } },
    });
    this.#liveReads.fill(0);
    this.#liveSinceMs = nowMs;
  }
}
