import { availableParallelism } from 'node:os';
import { compareCells, precisionOf, type RawCell } from '../analysis/cells.ts';
import { figuresOf } from '../analysis/run-figures.ts';
import type { SweepResult } from '../analysis/sweep-result.ts';
import { DrillError, ExitCode } from '../kernel/errors.ts';
import { packageVersion } from '../lab/package-dir.ts';
import type { Summary } from '../recording/summary.ts';
import { SweepFolder } from './sweep/folder.ts';
import { type CellsRequest, type PlannedCell, planCells } from './sweep/plan-cells.ts';
import { LiveRunner, type Runner, SimulatedRunner } from './sweep/runner.ts';
import type { RunOutcome } from './sweep/simulated-run.ts';

export interface SweepRequest extends CellsRequest {
  /** Runs of each cell, with seeds that follow each other; where a precision is wanted, those before it is looked at first. */
  repeat: number;
  /** More runs until the 95 % intervals of throughput and p99 are within this share of their means; null: no more. */
  wanted: number | null;
  /** Runs of a cell at most, where a precision is wanted. */
  mostRuns: number;
  /** Folder for the results. */
  folder: string;
  /** Goes on with a sweep that the folder holds: runs that were finished are not run again. */
  resume: boolean;
  /** Worker threads of a simulated sweep; 0 computes in this one. Left out: one a processor. The result is the same. */
  threads?: number;
}

export interface SweepHooks {
  progress: (line: string) => void;
  signal: AbortSignal;
  /** Called with what is known so far, after each run on real servers and at the end. */
  onResult: (result: SweepResult, folder: SweepFolder) => void;
}

/** A cell while the sweep goes on. */
interface OpenCell extends RawCell {
  planned: PlannedCell;
  /** Runs that it shall have. */
  target: number;
}

/** The last seed that a scenario may have. */
const lastSeed = 2147483647;

/**
 * The story of a sweep: plan and check every cell → run them all, seed by seed, until each has its runs or is known well enough
 * → compare. A cell that fails is marked and the others go on; a sweep that is called off keeps what was finished.
 *
 * Cells are run with the same seeds, so that chance does to all of them alike what does not depend on the varied values (common
 * random numbers); simulated results do not depend on the number of threads.
 *
 * @throws InputError, DrillError of usage: nothing was started
 */
export async function sweep(request: SweepRequest, hooks: SweepHooks): Promise<SweepResult> {
  const planned = await planCells(request);
  checkSeeds(planned, request);
  const folder = new SweepFolder(request.folder, request);
  const cells = planned.map((cell, index): OpenCell => {
    const { planHash, set } = cell;
    return {
      planned: cell,
      target: request.repeat,
      set: Object.fromEntries(set.map(({ path, value }) => [path, value])),
      planHash,
      folder: folder.cellFolder(index + 1, planHash),
      isOpen: isOpen(cell),
      state: 'unfinished',
      failures: [],
      runs: [],
      kinds: [],
    };
  });
  const result = (): SweepResult => resultOf(cells, request, hooks.signal.aborted);
  const runner = runnerOf(request, hooks);
  const onAbort = (): void => void runner.close();
  hooks.signal.addEventListener('abort', onAbort, { once: true });
  try {
    const onRun = request.world === 'live' ? () => hooks.onResult(result(), folder) : () => undefined;
    await runCells(cells, { runner, folder, request, hooks, onRun });
  } finally {
    hooks.signal.removeEventListener('abort', onAbort);
    await runner.close();
  }
  const found = result();
  hooks.onResult(found, folder);
  return found;
}

function isOpen({ plan }: PlannedCell): boolean {
  return plan.load.classes.some(({ name, perSecond }) => name === 'read' && perSecond !== null);
}

function runnerOf(request: SweepRequest, hooks: SweepHooks): Runner {
  if (request.world === 'live') return new LiveRunner(request, hooks);
  return new SimulatedRunner(request.threads ?? availableParallelism());
}

function checkSeeds(cells: readonly PlannedCell[], { repeat, wanted, mostRuns }: SweepRequest): void {
  const runs = wanted === null ? repeat : Math.max(repeat, mostRuns);
  const largest = Math.max(...cells.map(({ plan }) => plan.scenario.value.seed));
  if (largest + runs - 1 <= lastSeed) return;
  throw new DrillError(`${runs} runs from seed ${largest} on go beyond the last seed, ${lastSeed}`, {
    exitCode: ExitCode.usage,
  });
}

interface Conduct {
  runner: Runner;
  folder: SweepFolder;
  request: SweepRequest;
  hooks: SweepHooks;
  onRun: () => void;
}

/** In rounds: what a cell needs more is decided on whole rounds, so that it does not depend on which run ended first. */
async function runCells(cells: readonly OpenCell[], conduct: Conduct): Promise<void> {
  const { runner, request, hooks } = conduct;
  let open = [...cells];
  while (open.length > 0 && !hooks.signal.aborted) {
    const errands = errandsOf(open).filter(({ cell, seed }) => !isKept(cell, seed, conduct));
    const lane = async (): Promise<void> => {
      for (let next = errands.shift(); next && !hooks.signal.aborted; next = errands.shift())
        await runOnce(next.cell, next.seed, conduct);
    };
    await Promise.all(Array.from({ length: runner.lanes }, lane));
    for (const { runs, failures } of open) {
      runs.sort((first, second) => first.seed - second.seed);
      failures.sort((first, second) => first.seed - second.seed);
    }
    open = open.filter((cell) => wantsMore(cell, request));
  }
}

/** What is missing, seed by seed: a slow change of the machine meets all cells, and an early end leaves something of each. */
function errandsOf(cells: readonly OpenCell[]): { cell: OpenCell; seed: number }[] {
  const errands = cells.flatMap((cell) => {
    const base = cell.planned.plan.scenario.value.seed;
    const missing = Math.max(0, cell.target - cell.runs.length);
    return Array.from({ length: missing }, (_, index) => ({
      cell,
      turn: cell.runs.length + index,
      seed: base + cell.runs.length + index,
    }));
  });
  return errands.toSorted((first, second) => first.turn - second.turn);
}

/** Takes a run over that was finished before, where the sweep goes on with an earlier one. */
function isKept(cell: OpenCell, seed: number, { folder, request, hooks }: Conduct): boolean {
  if (!request.resume) return false;
  const summary = folder.finishedRun(cell.folder, cell.planHash, seed);
  if (!summary) return false;
  hooks.progress(`${labelOf(cell, seed)}: kept from before`);
  take(cell, { seed, summary, predicted: folder.prediction(cell.folder, seed) });
  return true;
}

async function runOnce(cell: OpenCell, seed: number, conduct: Conduct): Promise<void> {
  const { hooks, onRun } = conduct;
  const label = labelOf(cell, seed);
  const outcome = await outcomeOf(cell, seed, conduct);
  if (!outcome) return;
  if ('failure' in outcome) {
    hooks.progress(`${label}: failed: ${outcome.failure}`);
    cell.failures.push({ seed, message: outcome.failure });
  } else {
    const predicted = conduct.folder.prediction(cell.folder, seed);
    take(cell, { seed, summary: outcome.summary, predicted });
    hooks.progress(`${label}: ${outcome.summary.verdict.result}`);
  }
  onRun();
}

/** Runs and keeps the run; null when it was called off. Whatever else goes wrong is a failure of this run alone. */
async function outcomeOf(cell: OpenCell, seed: number, conduct: Conduct): Promise<RunOutcome | null> {
  const { runner, folder, hooks } = conduct;
  const { planned, planHash, folder: cellFolder } = cell;
  try {
    const outcome = await runner.run(planned, seed, folder.runFolder(cellFolder, seed));
    if ('summary' in outcome) folder.finish(cellFolder, { planHash, seed, summary: outcome.summary });
    return outcome;
  } catch (error) {
    if (hooks.signal.aborted) return null;
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}

function take(
  cell: OpenCell,
  { seed, summary, predicted }: { seed: number; summary: Summary; predicted: Summary | null },
): void {
  const { kinds, figures } = figuresOf(summary);
  if (cell.kinds.length === 0) cell.kinds = kinds;
  const { verdict } = summary;
  cell.runs.push({ seed, verdict, figures, predicted: predicted && figuresOf(predicted).figures });
}

/** Decides after a round; a half width shrinks with the root of the number of runs, but one step at most doubles them. */
function wantsMore(cell: OpenCell, { wanted, mostRuns }: SweepRequest): boolean {
  const count = cell.runs.length;
  if (cell.failures.length > 0) {
    cell.state = 'failed';
    return false;
  }
  if (count < cell.target) return false;
  const { reached, loosest } = precisionOf(cell.runs, wanted ?? Number.POSITIVE_INFINITY);
  if (wanted === null || reached || count >= mostRuns) {
    cell.state = 'done';
    return false;
  }
  const enough = Math.ceil(count * ((loosest?.share ?? Number.POSITIVE_INFINITY) / wanted) ** 2);
  cell.target = Math.min(mostRuns, 2 * count, Math.max(count + 1, enough));
  return true;
}

function labelOf({ set }: OpenCell, seed: number): string {
  const values = Object.entries(set).map(([path, value]) => `${path}=${value}`);
  return `${values.length === 0 ? 'run' : values.join(' ')}, seed ${seed}`;
}

function resultOf(
  cells: readonly OpenCell[],
  { world, axes, wanted }: SweepRequest,
  interrupted: boolean,
): SweepResult {
  const [first] = cells;
  return {
    schema: 'pgdrill/sweep@1',
    name: first?.planned.plan.scenario.value.name ?? '',
    world,
    version: packageVersion(),
    calibrated: cells.every(({ planned }) => planned.plan.cluster.serviceTimes.calibrated),
    level: 0.95,
    ...compareCells(cells, { axes, wanted }),
    interrupted,
  };
}
