import { LatencyCounts } from '../recording/histogram.ts';
import { Accounting, type ClassTotals, type EndedOperation } from '../workload/accounting.ts';
import type { PoolObserver } from '../workload/client-pool.ts';
import { WriteLedger } from '../workload/ledger.ts';
import { kindOf, type LoadPlan } from '../workload/plan.ts';
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
  readonly #accounting: Accounting;
  readonly #ledger: WriteLedger;
  readonly #kinds: readonly ('read' | 'write')[];
  readonly #lag = new LatencyCounts();
  /** By position of the class. */
  readonly #live: readonly LiveClass[];
  #liveReads: Record<string, number> = {};
  #liveSinceMs = 0;

  constructor(plan: LoadPlan, port: WorkerPort) {
    this.#port = port;
    this.#kinds = plan.classes.map(kindOf);
    this.#accounting = new Accounting(
      plan.classes.map((entry) => ({ name: entry.name, kind: kindOf(entry) })),
      {
        interval: (interval) => port.postMessage({ type: 'interval', interval }),
        latency: (batch) => port.postMessage({ type: 'latency', batch }),
      },
    );
    this.#live = plan.classes.map(({ name }) => ({
      name,
      ok: 0,
      failed: 0,
      unknown: 0,
      skipped: 0,
      latency: new LatencyCounts(),
    }));
    this.#ledger = new WriteLedger(
      plan.classes.flatMap(({ script }, index) => (script.hasLedger ? [index] : [])),
    );
  }

  due(classIndex: number, dueMs: number): void {
    this.#accounting.due(classIndex, dueMs);
  }

  ended(operation: EndedOperation): void {
    const { classIndex, dueMs, sentMs, endedMs, outcome, server, foundFree } = operation;
    this.#accounting.ended(operation);
    this.#ledger.ended(operation, outcome, endedMs);
    if (foundFree && sentMs !== null) this.#lag.recordMs(sentMs - dueMs);
    const live = this.#live[classIndex] as LiveClass;
    live[outcome] += 1;
    if (outcome !== 'ok') return;
    live.latency.recordMs(endedMs - dueMs);
    if (this.#kinds[classIndex] === 'read')
      this.#liveReads[server ?? '?'] = (this.#liveReads[server ?? '?'] ?? 0) + 1;
  }

  refused(code: string, atMs: number): void {
    this.#accounting.refused(code, atMs);
  }

  advance(nowMs: number, sessionsByServer: Readonly<Record<string, number>>): void {
    this.#accounting.advance(nowMs, sessionsByServer);
    if (nowMs - this.#liveSinceMs >= livePeriodMs) this.#tellLive(nowMs, sessionsByServer);
  }

  finish(nowMs: number, sessionsByServer: Readonly<Record<string, number>>): void {
    this.#accounting.finish(nowMs, sessionsByServer);
    this.#tellLive(nowMs, sessionsByServer);
  }

  result(): Omit<WorkerResult, 'eventLoopDelayMs' | 'sessionProbes'> {
    const totals = this.#accounting.totals().map((sums): ClassTotals => ({ ...sums }));
    return { totals, ledger: this.#ledger.take(), scheduleLag: this.#lag.take() };
  }

  #tellLive(nowMs: number, sessionsByServer: Readonly<Record<string, number>>): void {
    const classes: LivePart['classes'] = {};
    for (const live of this.#live) {
      const { name, ok, failed, unknown, skipped, latency } = live;
      classes[name] = { ok, failed, unknown, skipped, latency: latency.take() };
      Object.assign(live, { ok: 0, failed: 0, unknown: 0, skipped: 0 });
    }
    const lengthMs = nowMs - this.#liveSinceMs;
    const readsByServer = this.#liveReads;
    this.#port.postMessage({
      type: 'live',
      part: { atMs: nowMs, lengthMs, classes, readsByServer, sessionsByServer: { ...sessionsByServer } },
    });
    this.#liveReads = {};
    this.#liveSinceMs = nowMs;
  }
}
