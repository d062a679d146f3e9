import { ThreadPool } from '../thread-pool.ts';
import type { Figures } from './figures.ts';
import type { TrialPlan } from './trial.ts';
import { cornerCount } from './trial-phases.ts';
import { computeBatch, type TrialBatch } from './trials.ts';

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
  readonly #pool: ThreadPool<TrialBatch, Figures[]> | null;

  /** @param count threads; 0 computes in this one */
  constructor(count: number) {
    this.#pool = count === 0 ? null : new ThreadPool(new URL('./worker.js', import.meta.url), count);
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
    await this.#pool?.close();
  }

  #compute(batch: TrialBatch): Promise<Figures[]> {
    return this.#pool ? this.#pool.run(batch) : Promise.resolve(computeBatch(batch));
  }
}
