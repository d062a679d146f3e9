import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { checkDrills, type PlannedDrill, planDrills } from '../drills/catalogue.ts';
import type { World } from '../drills/world.ts';
import { InputError, type Problem } from '../kernel/errors.ts';
import { loadScenario } from '../scenario/load.ts';
import type { Model } from '../scenario/model-shape.ts';
import type { ScenarioFile } from '../scenario/scenario-shape.ts';
import { byPlace, type Source } from '../scenario/source.ts';
import { checkModel } from '../topology/check.ts';
import { type Cluster, clusterOf } from '../topology/cluster.ts';
import { modelFileWarnings, readModelFiles } from '../topology/model-files.ts';
import { checkSessions } from '../topology/pgpool-settings.ts';
import { type LoadPlan, planLoad } from '../workload/plan.ts';

/** A question ready to be asked of either world: read, checked and built. */
export interface RunPlan {
  scenario: Source<ScenarioFile>;
  model: Source<Model>;
  cluster: Cluster;
  load: LoadPlan;
  drills: PlannedDrill[];
  /** Warm-up and measurement together. */
  durationMs: number;
  /** What the model's files say without effect. */
  warnings: Problem[];
}

/**
 * Reads a scenario and its model and builds the plan.
 * @throws InputError with every problem of both files at once
 */
export function planRun(file: string, overrides: { model?: string; seed?: number } = {}): RunPlan {
  const { loaded, problems } = loadScenario(file, overrides);
  if (!loaded) throw new InputError(problems);
  const { scenario, model } = loaded;
  const serverNames = model.value.servers.map(({ name }) => name);
  const files = readModelFiles(model);
  problems.push(...checkModel(model, files), ...checkDrills(scenario, serverNames), ...checkLoad(scenario));
  const cluster = clusterOf(model.value, files);
  const crowded = checkSessions(cluster, scenario.value.load.sessions);
  if (crowded) problems.push({ place: scenario.placeOf(['load', 'sessions']), ...crowded });
  const planned = planLoad(scenario.value, (name) => readFileSync(resolve(dirname(file), name), 'utf8'));
  if ('problems' in planned)
    problems.push(...planned.problems.map((problem) => atScripts(problem, scenario)));
  if (problems.length > 0 || 'problems' in planned) throw new InputError(problems.sort(byPlace));
  return {
    scenario,
    model,
    cluster,
    load: planned.plan,
    drills: planDrills(scenario.value),
    durationMs: scenario.value.phases.warmup + scenario.value.phases.measure,
    warnings: modelFileWarnings(files, model),
  };
}

/** The drills of a plan that a world cannot carry out. */
export function checkKinds(plan: RunPlan, world: Pick<World, 'drillKinds' | 'refusals'>): Problem[] {
  const { value, placeOf } = plan.scenario;
  return value.drills.flatMap(({ kind }, index) => {
    if (world.drillKinds.includes(kind)) return [];
    const place = placeOf(['drills', index, 'kind']);
    const why = world.refusals?.[kind];
    const message = `drill kind ${kind} cannot be done on real servers by this release${why ? `: ${why}` : ''}`;
    const hint = `pgdrill simulate does it; real servers do ${world.drillKinds.join(', ')}`;
    return [{ place, rule: 'runnable-drill', message, hint }];
  });
}

/** A problem of a script that names no place of its own stands at the scenario's classes. */
function atScripts(problem: Problem, scenario: Source<ScenarioFile>): Problem {
  return problem.place ? problem : { ...problem, place: scenario.placeOf(['load', 'classes']) };
}

function checkLoad({ value: { load, phases, thresholds }, placeOf }: Source<ScenarioFile>): Problem[] {
  const problems: Problem[] = [];
  const add = (path: (string | number)[], rule: string, message: string, hint?: string): void => {
    problems.push({ place: placeOf(path), rule, message, ...(hint ? { hint } : {}) });
  };
  const names = load.classes.map(({ name }) => name);
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) < index)
      add(['load', 'classes', index, 'name'], 'unique-class', `two classes are named ${name}`);
  }
  if (load.patience <= 0)
    add(['load', 'patience'], 'positive', `patience must be above 0, got ${load.patience} ms`);
  if (load.timeout <= 0)
    add(['load', 'timeout'], 'positive', `timeout must be above 0, got ${load.timeout} ms`);
  if (load.sessionLifetime !== undefined && load.sessionLifetime < 100) {
    add(
      ['load', 'sessionLifetime'],
      'session-lifetime',
      `sessionLifetime must be at least 100 ms, got ${load.sessionLifetime} ms`,
    );
  }
  if (load.workers > load.sessions) {
    add(
      ['load', 'workers'],
      'worker-has-session',
      `${load.workers} workers share ${load.sessions} sessions: one has none`,
    );
  }
  if (phases.measure <= 0) add(['phases', 'measure'], 'positive', 'measure must be above 0');
  for (const [index, text] of thresholds.entries()) {
    const hint = 'leave thresholds empty; the summary holds every figure to judge by';
    add(['thresholds', index], 'supported', `thresholds are not judged by this release; got "${text}"`, hint);
  }
  return problems;
}
