import { epochMs } from '../../kernel/clock.ts';
import { DrillError, ExitCode, invariant } from '../../kernel/errors.ts';
import { type Histogram, newHistogram } from '../../recording/histogram.ts';
import type { Interval } from '../../recording/intervals.ts';
import type { Recorder } from '../../recording/recording.ts';
import { SliceMerger } from '../../workload/merger.ts';
import { TransactionCounts } from '../../workload/pgbench/statistics.ts';
import { startThread } from '../worker-thread.ts';
import {
  type FromThread,
  type PgbenchPlan,
  shareOfThread,
  type ThreadResult,
  type ThreadSetup,
  type ToThread,
} from './plan.ts';

/** Latencies of one script's transactions that succeeded, over the whole run. */
export interface ScriptLatency {
  latency: Histogram;
  service: Histogram;
}

/** What all threads together brought. */
export interface PgbenchOutcome {
  threads: ThreadResult[];
  transport: { name: string; reason: string };
  /** From the start to the end of the last client, µs. */
  runUs: number;
  /** Until every client had its session, µs. */
  initialConnectUs: number;
  /** Processor time of the whole program from the start until every thread had handed its result over, and that span, µs. */
  cpuUs: number;
  cpuSpanUs: number;
  intervals: Interval[];
  /** By name of the script's class: from due time, and from send. */
  latency: ReadonlyMap<string, ScriptLatency>;
  startedEpochMs: number;
  interrupted: boolean;
}

export interface PgbenchListener {
  /** Counts since the start, when every thread has passed the instant of a progress line. */
  progress(number: number, counts: TransactionCounts): void;
  /** Takes every slice when it is final. */
  slices: Pick<Recorder, 'interval' | 'latency'> | null;
}

/** All threads begin so long after they were told, ms: long enough for the message to arrive. */
const startDelayMs = 5;

interface Running {
  worker: ReturnType<typeof startThread>['thread'];
  end: () => Promise<void>;
  transport: { name: string; reason: string } | null;
  refused: string[] | null;
  failure: Error | null;
  result: ThreadResult | null;
  progress: Map<number, TransactionCounts>;
}

/**
 * Runs pgbench scripts in worker threads: every session is opened first, then all clients begin at one instant.
 *
 * @throws DrillError when sessions cannot be opened, or a thread is lost
 */
export async function runPgbench(
  plan: PgbenchPlan,
  { listener, signal }: { listener: PgbenchListener; signal: AbortSignal },
): Promise<PgbenchOutcome> {
  return new PgbenchEngine(plan, listener).run(signal);
}

class PgbenchEngine {
  readonly #plan: PgbenchPlan;
  readonly #listener: PgbenchListener;
  readonly #threads: Running[] = [];
  readonly #intervals: Interval[] = [];
  readonly #latency = new Map<string, ScriptLatency>();
  readonly #merger: SliceMerger;
  #progressNumber = 1;
  #changed: () => void = () => undefined;

  constructor(plan: PgbenchPlan, listener: PgbenchListener) {
    this.#plan = plan;
    this.#listener = listener;
    this.#merger = new SliceMerger(plan.threads, {
      interval: (interval) => {
        this.#intervals.push(interval);
        listener.slices?.interval(interval);
      },
      latency: (slice) => {
        const { className, outcome, latency, service } = slice;
        listener.slices?.latency(slice);
        if (outcome) return;
        const sums = this.#latency.get(className) ?? { latency: newHistogram(), service: newHistogram() };
        this.#latency.set(className, sums);
        if (latency.totalCount > 0) sums.latency.add(latency);
        if (service.totalCount > 0) sums.service.add(service);
      },
    });
  }

  async run(signal: AbortSignal): Promise<PgbenchOutcome> {
    const beganMs = epochMs();
    for (let thread = 0; thread < this.#plan.threads; thread += 1) this.#threads.push(this.#spawn(thread));
    try {
      await this.#until(({ transport }) => transport !== null);
      const startedEpochMs = epochMs() + startDelayMs;
      const cpu = process.cpuUsage();
      const stop = (): void => this.#post({ type: 'stop' });
      signal.addEventListener('abort', stop);
      this.#post({ type: 'start', atEpochMs: startedEpochMs });
      if (signal.aborted) stop();
      await this.#until(({ result }) => result !== null);
      signal.removeEventListener('abort', stop);
      const { user, system } = process.cpuUsage(cpu);
      return this.#outcome({ beganMs, startedEpochMs, cpuUs: user + system, interrupted: signal.aborted });
    } catch (error) {
      await Promise.all(this.#threads.map(({ end }) => end()));
      throw error;
    }
  }

  #outcome({
    beganMs,
    startedEpochMs,
    cpuUs,
    interrupted,
  }: {
    beganMs: number;
    startedEpochMs: number;
    cpuUs: number;
    interrupted: boolean;
  }): PgbenchOutcome {
    const threads = this.#threads.flatMap(({ result }) => result ?? []);
    const transport = this.#threads[0]?.transport;
    invariant(transport, 'the first thread has a transport');
    return {
      ...{ threads, transport, cpuUs, startedEpochMs, interrupted },
      cpuSpanUs: (epochMs() - startedEpochMs) * 1000,
      runUs: Math.max(...threads.map(({ endedMs }) => endedMs)) * 1000,
      initialConnectUs: (startedEpochMs - beganMs) * 1000,
      intervals: this.#intervals,
      latency: this.#latency,
    };
  }

  #spawn(thread: number): Running {
    const [firstClient, clients] = shareOfThread(this.#plan, thread);
    const setup: ThreadSetup = { plan: this.#plan, thread, firstClient, clients };
    const { thread: worker, end } = startThread(new URL('./worker.js', import.meta.url), setup);
    const running: Running = {
      ...{ worker, end, transport: null, refused: null, failure: null, result: null, progress: new Map() },
    };
    const sink = this.#merger.sink(thread);
    worker.on('message', (message: FromThread) => {
      switch (message.type) {
        case 'ready':
          running.transport = { name: message.transport, reason: message.reason };
          break;
        case 'refused':
          running.refused = message.lines;
          break;
        case 'interval':
          sink.interval(message.interval);
          break;
        case 'latency':
          sink.latency(message.batch);
          break;
        case 'progress':
          this.#progressed(running, message);
          break;
        case 'ended':
          running.result = message.result;
          this.#merger.ended(thread);
      }
      this.#changed();
    });
    worker.on('error', (error) => {
      running.failure = error instanceof Error ? error : new Error(String(error));
      this.#changed();
    });
    worker.on('exit', () => {
      if (running.result === null && running.refused === null)
        running.failure ??= new Error(`thread ${thread} ended without a result`);
      this.#changed();
    });
    return running;
  }

  #progressed(running: Running, { number, counts }: Extract<FromThread, { type: 'progress' }>): void {
    const copy = new TransactionCounts();
    copy.merge(counts);
    running.progress.set(number, copy);
    const parts = this.#threads.map(
      (thread) => thread.progress.get(this.#progressNumber) ?? thread.result?.counts,
    );
    if (parts.some((part) => part === undefined)) return;
    const sum = new TransactionCounts();
    for (const part of parts) if (part !== undefined) sum.merge(part);
    this.#listener.progress(this.#progressNumber, sum);
    this.#progressNumber += 1;
  }

  #post(message: ToThread): void {
    for (const { worker } of this.#threads) worker.postMessage(message);
  }

  /** Waits until it holds for every thread. @throws what a thread failed with */
  async #until(holds: (thread: Running) => boolean): Promise<void> {
    while (!this.#threads.every(holds)) {
      const lost = this.#threads.find(({ failure }) => failure !== null);
      if (lost?.failure) throw lost.failure;
      const refused = this.#threads.find(({ refused: lines }) => lines !== null)?.refused;
      if (refused) {
        const [message = '', hint] = refused;
        throw new DrillError(message, { exitCode: ExitCode.usage, ...(hint !== undefined && { hint }) });
      }
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }
}
