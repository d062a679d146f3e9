import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { checkDrills, type PlannedDrill, planDrills } from '../drills/catalogue.ts';
import type { World } from '../drills/world.ts';
import { InputError, type Problem } from '../kernel/errors.ts';
import { loadScenario, type Overrides } from '../scenario/load.ts';
import type { Model } from '../scenario/model-shape.ts';
import type { ScenarioFile } from '../scenario/scenario-shape.ts';
import { byPlace, type Source } from '../scenario/source.ts';
import { checkThresholds } from '../scenario/threshold.ts';
import { checkModel } from '../topology/check.ts';
import { type Cluster, clusterOf } from '../topology/cluster.ts';
import { modelFileWarnings, readModelFiles } from '../topology/model-files.ts';
import { checkSessions } from '../topology/pgpool-settings.ts';
import { checkLoad } from '../workload/check.ts';
import { type LoadPlan, planLoad } from '../workload/plan.ts';
import { sessionCount } from '../workload/share.ts';

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
 * Reads a scenario and its model, with single values of the command line instead of theirs, and builds the plan.
 * @throws InputError with every problem of both files at once
 */
export function planRun(file: string, overrides: Overrides = {}): RunPlan {
  const { loaded, problems } = loadScenario(file, overrides);
  if (!loaded) throw new InputError(problems);
  const { scenario, model } = loaded;
  const serverNames = model.value.servers.map(({ name }) => name);
  const files = readModelFiles(model);
  problems.push(...checkModel(model, files), ...checkDrills(scenario, serverNames), ...checkLoad(scenario));
  const { thresholds = [] } = overrides;
  problems.push(...checkThresholds(scenario, thresholds));
  scenario.value.thresholds.push(...thresholds);
  const cluster = clusterOf(model.value, files);
  const planned = planLoad(scenario, (name) => readFileSync(resolve(dirname(file), name), 'utf8'));
  if ('problems' in planned) problems.push(...planned.problems);
  else problems.push(...checkCrowd(scenario, cluster, planned.plan));
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

/** Sessions that stay open at once must all find a child of Pgpool's; those of one transaction queue for them. */
function checkCrowd(scenario: Source<ScenarioFile>, cluster: Cluster, load: LoadPlan): Problem[] {
  const crowded = load.connect === 'pooled' ? checkSessions(cluster, sessionCount(load)) : null;
  return crowded ? [{ place: scenario.placeOf(['load', 'sessions']), ...crowded }] : [];
}
