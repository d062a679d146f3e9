import { createHash } from 'node:crypto';
import type { Axis } from '../../analysis/sweep-result.ts';
import { formatProblem, InputError, type Problem } from '../../kernel/errors.ts';
import { packageVersion } from '../../lab/package-dir.ts';
import { LiveWorld } from '../../live/world.ts';
import { checkKinds, planRun, type RunPlan } from '../../run/plan.ts';
import type { Assignment } from '../../scenario/set.ts';
import { SimWorld } from '../../sim/world.ts';
import { combinationsOf } from './axes.ts';

/** What is swept over what. */
export interface CellsRequest {
  scenario: string;
  world: 'live' | 'simulated';
  /** Cluster model instead of the scenario's. */
  model?: string;
  /** Seed of each cell's first run instead of the scenario's; the next runs have the next ones. */
  seed?: number;
  axes: readonly Axis[];
  /** Every run is judged by these beside the scenario's own. */
  thresholds?: readonly string[];
}

/** One combination of values, checked and ready to run. */
export interface PlannedCell {
  set: readonly Assignment[];
  plan: RunPlan;
  planHash: string;
}

/**
 * Plans every cell and checks it for its world, so that nothing starts while one of them is wrong.
 * @throws InputError with the problems of all cells; DrillError of usage
 */
export async function planCells(request: CellsRequest): Promise<PlannedCell[]> {
  const cells: PlannedCell[] = [];
  const found = new Map<string, Finding>();
  const combinations = combinationsOf(request.axes);
  for (const set of combinations) {
    for (const problem of await plannedInto(cells, request, set)) {
      const known = found.get(formatProblem(problem));
      if (known) known.cells += 1;
      else found.set(formatProblem(problem), { problem, set, cells: 1 });
    }
  }
  if (found.size === 0) return cells;
  throw new InputError(
    [...found.values()].map((finding) =>
      finding.cells === combinations.length ? finding.problem : withCell(finding, request.axes),
    ),
  );
}

/** A problem, the first cell that has it, and how many do. */
interface Finding {
  problem: Problem;
  set: readonly Assignment[];
  cells: number;
}

function withCell({ problem, set, cells }: Finding, axes: readonly Axis[]): Problem {
  const varied = set.filter((_, index) => (axes[index]?.values.length ?? 0) > 1);
  const cell = varied.map(({ path, value }) => `${path}=${value}`).join(' ');
  const others = cells === 1 ? '' : ` and ${cells - 1} more ${cells === 2 ? 'cell' : 'cells'}`;
  return { ...problem, message: `${problem.message} (with ${cell}${others})` };
}

async function plannedInto(
  cells: PlannedCell[],
  { scenario, model, seed, thresholds, world }: CellsRequest,
  set: readonly Assignment[],
): Promise<readonly Problem[]> {
  try {
    const plan = planRun(scenario, {
      set,
      ...(model === undefined ? {} : { model }),
      ...(seed === undefined ? {} : { seed }),
      ...(thresholds === undefined ? {} : { thresholds }),
    });
    cells.push({ set, plan, planHash: planHashOf(plan, world) });
    return await problemsIn(plan, world);
  } catch (error) {
    if (error instanceof InputError) return error.problems;
    throw error;
  }
}

async function problemsIn(plan: RunPlan, kind: CellsRequest['world']): Promise<Problem[]> {
  const { workers } = plan.scenario.value.load;
  const world = kind === 'live' ? new LiveWorld(plan, { workers }) : new SimWorld(plan);
  return [...checkKinds(plan, world), ...(await world.check())];
}

/** 16 hex digits over everything that decides what a run does, its seed left out. */
export function planHashOf(plan: RunPlan, world: CellsRequest['world']): string {
  const { scenario, cluster, load, drills, durationMs } = withSeed(plan, 0);
  const all = [world, packageVersion(), scenario.value, cluster, load, drills, durationMs];
  return createHash('sha256').update(JSON.stringify(all, written)).digest('hex').slice(0, 16);
}

/** What JSON alone would leave out. Equal plans are written alike, however the engine happens to hold their numbers and texts. */
function written(_key: string, value: unknown): unknown {
  if (value instanceof Map || value instanceof Set) return [...value];
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

/** The same plan with another seed. */
export function withSeed(plan: RunPlan, seed: number): RunPlan {
  const { scenario, load } = plan;
  return {
    ...plan,
    scenario: { ...scenario, value: { ...scenario.value, seed } },
    load: { ...load, seed },
  };
}
