import { summarise } from '../../analysis/summary.ts';
import { invariant } from '../../kernel/errors.ts';
import type { Summary } from '../../recording/summary.ts';
import type { RunPlan } from '../../run/plan.ts';
import { simulatePlan } from '../../run/simulate.ts';

type WithoutPlaces<T> = Omit<T, 'placeOf'>;

/** A plan as plain data, for another thread; where its values stand in files is left behind, since it has been checked. */
export interface PlanData extends Omit<RunPlan, 'scenario' | 'model' | 'warnings'> {
  scenario: WithoutPlaces<RunPlan['scenario']>;
  model: WithoutPlaces<RunPlan['model']>;
}

/** What became of a run: its summary, or why there is none. */
export type RunOutcome = { summary: Summary } | { failure: string };

export function planDataOf({ scenario, model, warnings: _warnings, ...rest }: RunPlan): PlanData {
  const { placeOf: _scenarioPlaces, ...scenarioData } = scenario;
  const { placeOf: _modelPlaces, ...modelData } = model;
  return { ...rest, scenario: scenarioData, model: modelData };
}

/** Simulates one plan to its summary; the same as `pgdrill simulate` prints of it. */
export async function simulatedRun(data: PlanData): Promise<RunOutcome> {
  const placeOf = (): never => invariantNever();
  const plan: RunPlan = {
    ...data,
    scenario: { ...data.scenario, placeOf },
    model: { ...data.model, placeOf },
    warnings: [],
  };
  try {
    const recording = await simulatePlan(plan);
    return { summary: summarise(recording, { noPrediction: 'a simulated run is the prediction' }) };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}

function invariantNever(): never {
  invariant(false, 'a plan that was checked is not asked for places');
}
