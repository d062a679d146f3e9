import { type Figures, figuresOf } from './figures.ts';
import { runTrial, type TrialPlan } from './trial.ts';
import { cornerCount, cornerPhases } from './trial-phases.ts';

/** Trials of one plan, from the index `from` up to and without `to`; indices below 0 are those of the corners. */
export interface TrialBatch {
  plan: TrialPlan;
  from: number;
  to: number;
  /** Trials in all, by which the fault's phase is stratified. */
  trials: number;
}

/** Computes a batch in order of its indices. Which batch a trial is computed in changes nothing. */
export function computeBatch({ plan, from, to, trials }: TrialBatch): Figures[] {
  const figures: Figures[] = [];
  for (let index = from; index < to; index += 1) {
    const phases = index < 0 ? cornerPhases(index + cornerCount) : undefined;
    figures.push(figuresOf(runTrial(plan, { index, trials, ...(phases ? { phases } : {}) }), plan.cluster));
  }
  return figures;
}
