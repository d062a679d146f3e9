import { Worker } from 'node:worker_threads';
import type { Figures } from './figures.ts';
import type { TrialPlan } from './trial.ts';
import { computeBatch, cornerCount, type TrialBatch } from './trials.ts';

/** Trials that a thread gets at once: enough to make the hand-over cheap, few enough that all threads end together. */
const batchSize = 50;

/** Trials of a plan in order of their index, and those at the corners of the phase space. */
export interface TrialSet {
  trials: Figures[];
  corners: Figures[];
}

/**
 * Computes trials on worker threads; with none, in this one. The result is the same whatever their number: a trial
 * depends on the plan's seed and its index only.
 */
export class TrialThreads {
  readonly #idle: Worker[] = [];
  readonly #all: Worker[] = [];
  readonly #queue: {
    batch: TrialBatch;
    done: (figures: Figures[]) => void;
    failed: (error: Error) => void;
  }[] = [];

  /** @param count threads; 0 computes in this one */
  constructor(count: number) {
    for (let index = 0; index < count; index += 1) {
      const worker = new Worker(new URL('./worker.js', import.meta.url));
      this.#all.push(worker);
      this.#idle.push(worker);
    }
  }

  /** @throws what a trial threw: a bug */
  async run(
    plan: TrialPlan,
    { trials, corners: withCorners }: { trials: number; corners: boolean },
  ): Promise<TrialSet> {
    const ranges: [from: number, to: number][] = [[withCorners ? -cornerCount : 0, 0]];
    for (let from = 0; from < trials; from += batchSize) {
      ranges.push([from, Math.min(trials, from + batchSize)]);
    }
    const batches = ranges.map(([from, to]) => this.#compute({ plan, from, to, trials }));
    const [corners = [], ...figures] = await Promise.all(batches);
    return { trials: figures.flat(), corners };
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((worker) => worker.terminate()));
  }

  #compute(batch: TrialBatch): Promise<Figures[]> {
    if (this.#all.length === 0) return Promise.resolve(computeBatch(batch));
    return new Promise((done, failed) => {
      this.#queue.push({ batch, done, failed });
      this.#give();
    });
  }

  #give(): void {
    const worker = this.#idle.pop();
    if (!worker) return;
    const next = this.#queue.shift();
    if (!next) {
      this.#idle.push(worker);
      return;
    }
    const onMessage = (figures: Figures[]): void => {
      worker.off('error', onError);
      this.#idle.push(worker);
      next.done(figures);
      this.#give();
    };
    const onError = (cause: Error): void => {
      worker.off('message', onMessage);
      next.failed(cause);
    };
    worker.once('message', onMessage);
    worker.once('error', onError);
    worker.postMessage(next.batch);
  }
}
