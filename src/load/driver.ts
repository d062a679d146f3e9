import { epochMs, RealClock } from '../kernel/clock.ts';
import { DrillError, invariant } from '../kernel/errors.ts';
import { newHistogram, percentilesOf, unpackInto } from '../recording/histogram.ts';
import type { Recorder } from '../recording/recording.ts';
import type { Percentiles } from '../recording/summary.ts';
import type { AccountSink, ClassTotals } from '../workload/books.ts';
import { type LedgerOutcomes, mergeLedgers } from '../workload/ledger.ts';
import { SliceMerger } from '../workload/merger.ts';
import { type LoadPlan, longestTimeoutMs } from '../workload/plan.ts';
import { sessionCount } from '../workload/share.ts';
import { LiveFigures, type LiveSnapshot, sumOf } from './live.ts';
import type { FromWorker, WorkerResult, WorkerSetup } from './protocol.ts';
import type { Target } from './target.ts';
import { spawnThread, type WorkerHandle } from './worker-thread.ts';

export interface LoadOptions {
  /** Where the application connects: Pgpool. */
  target: Target;
  plan: LoadPlan;
  /** Worker threads; never more than sessions. */
  workers: number;
  /** Server names by `address:port` as the servers themselves know it. */
  serverByAddress: Readonly<Record<string, string>>;
  /** Where finished slices go. */
  recorder: Pick<Recorder, 'interval' | 'latency'>;
}

/** What the whole load came to. */
export interface LoadResult {
  /** Sums by class name. */
  totals: Record<string, ClassTotals>;
  ledger: LedgerOutcomes;
  /** Send minus due time of operations that found a free session, over all workers. */
  scheduleLagMs: Percentiles | null;
  /** The same for each worker, by its number, and how its thread fared; a lost worker tells nothing. */
  workers: ({
    worker: number;
    scheduleLagMs: Percentiles | null;
  } & Pick<WorkerResult, 'eventLoopDelayMs' | 'cpuShares' | 'gcMs' | 'transport'>)[];
  /** Sessions' questions for their server, by server name: traffic that the servers' counters hold besides the load's. */
  sessionProbes: Record<string, number>;
  /** Why the run is invalid (a worker was lost); empty when it is not. */
  invalid: string[];
}

/** All sessions must have been connected once within so long; a minute's queue of a slow cluster is no start line. */
const readyTimeoutMs = 30_000;

/** What each session adds to that: a session start through Pgpool takes some 10 ms of processor time. */
const readyTimeoutPerSessionMs = 20;

/** A worker that has said `ended`, or was told to end, and is still there after so long is ended by force. */
const farewellMs = 2000;

/**
 * The last operation is due before the plan's duration, sent within its patience and ended by its timeout. A worker
 * that has not ended so long after that never will.
 */
const overdueMs = 10_000;

interface Running {
  handle: WorkerHandle;
  sink: AccountSink;
  ready: boolean;
  result: WorkerResult | null;
  gone: boolean;
}

/**
 * Drives load from worker threads: `prepare` connects all sessions, `start` lets all workers begin at one instant,
 * `finished` resolves when every due operation has ended. A lost worker makes the run invalid, not this program fail.
 */
export class LoadDriver {
  readonly #spawn: (setup: WorkerSetup) => WorkerHandle;
  readonly #clock = new RealClock();
  readonly #live = new LiveFigures();
  readonly #invalid: string[] = [];
  readonly #finished: Promise<void>;
  #resolveFinished: () => void = () => undefined;
  #workers: Running[] = [];
  #merger: SliceMerger | null = null;
  #plan: LoadPlan | null = null;
  #started = false;
  #onReadyChange: () => void = () => undefined;
  #connectError = '';

  constructor({ spawn = spawnThread }: { spawn?: (setup: WorkerSetup) => WorkerHandle } = {}) {
    this.#spawn = spawn;
    this.#finished = new Promise((resolve) => {
      this.#resolveFinished = resolve;
    });
  }

  /**
   * Starts the workers and connects every session.
   *
   * @throws DrillError when a session cannot be connected within 30 s and a little more for each, or a worker is lost; no worker is left then
   */
  async prepare({ target, plan, workers, serverByAddress, recorder }: LoadOptions): Promise<void> {
    invariant(this.#plan === null, 'a load driver is prepared once');
    this.#plan = plan;
    const count = Math.max(1, Math.min(workers, sessionCount(plan)));
    const merger = new SliceMerger(count, recorder);
    this.#merger = merger;
    this.#workers = Array.from({ length: count }, (_, worker) => {
      const handle = this.#spawn({ plan, worker, workers: count, target, serverByAddress });
      handle.onMessage((message) => this.#received(worker, message));
      handle.onGone((reason) => this.#lost(worker, reason));
      return { handle, sink: merger.sink(worker), ready: false, result: null, gone: false };
    });
    await this.#allReady(readyTimeoutMs + readyTimeoutPerSessionMs * sessionCount(plan));
  }

  /** All workers begin at this instant (wall-clock ms since 1970, as `epochMs` gives it), the zero of every recorded time. */
  start(atEpochMs: number): void {
    this.#started = true;
    for (const { handle } of this.#workers) handle.post({ type: 'start', atEpochMs });
    const plan = this.#plan;
    invariant(plan, 'a load driver starts after it was prepared');
    const loadMs = plan.durationMs + plan.patienceMs + longestTimeoutMs(plan);
    const limitMs = Math.max(0, atEpochMs - epochMs()) + loadMs + overdueMs;
    for (const worker of this.#workers.keys())
      this.#endBy(
        worker,
        limitMs,
        `it had not ended ${overdueMs / 1000} s after its last operation must have`,
      );
  }

  /** Resolves when every due operation has ended and every worker is gone. */
  async finished(): Promise<LoadResult> {
    await this.#finished;
    const plan = this.#plan;
    invariant(plan, 'a load driver finishes after it was prepared');
    const results = this.#workers.flatMap(({ result }) => (result ? [result] : []));
    const totals: Record<string, ClassTotals> = {};
    for (const [index, { name }] of plan.classes.entries()) {
      totals[name] = sumTotals(results.map((result) => result.totals[index] as ClassTotals));
    }
    return {
      totals,
      ledger: mergeLedgers(results.map(({ ledger }) => ledger)),
      scheduleLagMs: lagOf(results),
      workers: this.#workers.flatMap(({ result }, worker) => {
        if (!result) return [];
        const { eventLoopDelayMs, cpuShares, gcMs, transport } = result;
        return [{ worker, scheduleLagMs: lagOf([result]), eventLoopDelayMs, cpuShares, gcMs, transport }];
      }),
      sessionProbes: sumOf(results.map(({ sessionProbes }) => sessionProbes)),
      invalid: [...this.#invalid],
    };
  }

  /** Figures of the last second, for a live view. */
  snapshot(): LiveSnapshot {
    return this.#live.snapshot();
  }

  /** No more operations become due; `finished` resolves when those that are due have ended. */
  stop(): void {
    for (const { handle, gone } of this.#workers) if (!gone) handle.post({ type: 'stop' });
  }

  /** Ends the load now: waiting operations are skipped, sent ones count as lost with their connections. Safe at any moment. */
  abort(): void {
    for (const [worker, { handle, gone }] of this.#workers.entries()) {
      if (gone) continue;
      handle.post({ type: 'abort' });
      this.#endBy(worker, farewellMs, 'it did not end when it was told to');
    }
    if (this.#workers.length === 0) this.#resolveFinished();
  }

  async #allReady(limitMs: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const fail = (message: string, hint: string): void => {
        for (const { handle } of this.#workers) handle.kill();
        reject(new DrillError(message, { hint }));
      };
      const timer = this.#clock.setTimeout(() => {
        const why = this.#connectError || 'no answer';
        fail(
          `not every session was connected within ${Math.round(limitMs / 1000)} s: ${why}`,
          'check that Pgpool takes so many sessions (num_init_children) and lets this user in',
        );
      }, limitMs);
      this.#onReadyChange = () => {
        if (this.#workers.some(({ gone }) => gone)) {
          this.#clock.clearTimeout(timer);
          fail(
            `the load did not get to its start line: ${this.#invalid[0] ?? 'it was ended before'}`,
            'see the message above',
          );
        } else if (this.#workers.every(({ ready }) => ready)) {
          this.#clock.clearTimeout(timer);
          resolve();
        }
      };
    });
  }

  #received(worker: number, message: FromWorker): void {
    const running = this.#workers[worker] as Running;
    if (running.gone) return;
    switch (message.type) {
      case 'ready':
        running.ready = true;
        this.#onReadyChange();
        break;
      case 'connectFailed':
        this.#connectError = `${message.message} (${message.code})`;
        break;
      case 'interval':
        running.sink.interval(message.interval);
        break;
      case 'latency':
        running.sink.latency(message.batch);
        break;
      case 'live':
        this.#live.add(worker, message.part);
        break;
      case 'ended':
        running.result = message.result;
        this.#live.ended(worker);
        this.#endBy(worker, farewellMs, 'it did not leave');
        break;
    }
  }

  /** Ends a worker by force if it is still there in `delayMs`, and waits for it no more, whether it dies or not. */
  #endBy(worker: number, delayMs: number, reason: string): void {
    const running = this.#workers[worker] as Running;
    const force = (): void => {
      if (running.gone) return;
      running.handle.kill();
      this.#lost(worker, reason);
    };
    this.#clock.setTimeout(force, delayMs).unref();
  }

  #lost(worker: number, reason: string | null): void {
    const running = this.#workers[worker] as Running;
    if (running.gone) return;
    running.gone = true;
    if (running.result === null)
      this.#invalid.push(`load worker ${worker + 1} was lost: ${reason ?? 'it ended early'}`);
    this.#live.ended(worker);
    this.#merger?.ended(worker);
    if (!this.#started) this.#onReadyChange();
    if (this.#workers.every(({ gone }) => gone)) this.#resolveFinished();
  }
}

function lagOf(results: readonly WorkerResult[]): Percentiles | null {
  const histogram = newHistogram();
  for (const { scheduleLag } of results) unpackInto(histogram, scheduleLag);
  return percentilesOf(histogram);
}

function sumTotals(parts: readonly ClassTotals[]): ClassTotals {
  const sums: ClassTotals = { due: 0, ok: 0, failed: 0, unknown: 0, skipped: 0 };
  for (const part of parts)
    for (const key of Object.keys(sums) as (keyof ClassTotals)[]) sums[key] += part[key];
  return sums;
}
