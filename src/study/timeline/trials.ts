import { type Figures, figuresOf } from './figures.ts';
import { runTrial, type TrialPhases, type TrialPlan } from './trial.ts';

/** Trials of one plan, from the index `from` up to and without `to`; indices below 0 are those of the corners. */
export interface TrialBatch {
  plan: TrialPlan;
  from: number;
  to: number;
  /** Trials in all, by which the fault's phase is stratified. */
  trials: number;
}

/** Phases at the ends of their ranges, where a span is longest or shortest: right after a check, right before the next. */
const cornerBits = 3;
export const cornerCount = 2 ** cornerBits;
const end = 1 - 1e-6;

function cornerPhases(corner: number): TrialPhases {
  const at = (bit: number): number => ((corner >> bit) % 2 === 0 ? 0 : end);
  return { fault: at(0), agent: () => at(1), pgpool: at(2) };
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
