import { DrillError, ExitCode } from '../../kernel/errors.ts';
import { planRun } from '../../run/plan.ts';
import { run } from '../../run.ts';
import { ThreadPool } from '../thread-pool.ts';
import { type CellsRequest, type PlannedCell, planHashOf, withSeed } from './plan-cells.ts';
import { type PlanData, planDataOf, type RunOutcome, simulatedRun } from './simulated-run.ts';

/** Carries single runs of cells out. */
export interface Runner {
  /** Runs that may be under way at once. */
  readonly lanes: number;
  /**
   * @param folder of this run alone, which does not exist yet
   * @throws DrillError (interrupted) when it was called off
   */
  run(cell: PlannedCell, seed: number, folder: string): Promise<RunOutcome>;
  close(): Promise<void>;
}

/** Runs in virtual time on worker threads; with none, in this one. The outcome is the same. */
export class SimulatedRunner implements Runner {
  readonly lanes: number;
  readonly #pool: ThreadPool<PlanData, RunOutcome> | null;

  /** @param threads 0 computes in this one */
  constructor(threads: number) {
    this.lanes = Math.max(1, threads);
    this.#pool = threads === 0 ? null : new ThreadPool(new URL('./worker.js', import.meta.url), threads);
  }

  async run({ plan }: PlannedCell, seed: number): Promise<RunOutcome> {
    const data = planDataOf(withSeed(plan, seed));
    if (!this.#pool) return simulatedRun(data);
    try {
      return await this.#pool.run(data);
    } catch (error) {
      if (error instanceof DrillError && error.exitCode === ExitCode.interrupted) throw error;
      return { failure: error instanceof Error ? error.message : String(error) };
    }
  }

  async close(): Promise<void> {
    await this.#pool?.close();
  }
}

/** Runs on real servers of this machine, one after the other. */
export class LiveRunner implements Runner {
  readonly lanes = 1;
  readonly #request: CellsRequest;
  readonly #hooks: { progress: (line: string) => void; signal: AbortSignal };

  constructor(request: CellsRequest, hooks: { progress: (line: string) => void; signal: AbortSignal }) {
    this.#request = request;
    this.#hooks = hooks;
  }

  async run({ set, planHash }: PlannedCell, seed: number, folder: string): Promise<RunOutcome> {
    const { scenario, model, thresholds = [] } = this.#request;
    const { progress, signal } = this.#hooks;
    const asked = { seed, set, thresholds, ...(model === undefined ? {} : { model }) };
    try {
      if (planHashOf(planRun(scenario, asked), 'live') !== planHash)
        return { failure: 'the scenario or its model was changed while the sweep ran' };
      const hooks = { progress, signal, tick: () => undefined };
      const result = await run({ ...asked, scenario, world: 'live', folder }, hooks);
      if (result.interrupted) throw calledOff();
      return result.failure ? { failure: result.failure.message } : { summary: result.summary };
    } catch (error) {
      if (signal.aborted) throw calledOff();
      return { failure: error instanceof Error ? error.message : String(error) };
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function calledOff(): DrillError {
  return new DrillError('called off', { exitCode: ExitCode.interrupted });
}
