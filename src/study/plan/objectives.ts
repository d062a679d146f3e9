import type { ThresholdSummary } from '../../recording/summary.ts';
import { keeps, type Threshold } from '../../scenario/threshold.ts';
import { type Evaluation, percentileShares } from './evaluate.ts';

/** What the formulas say of a threshold in one state; null where only a simulation can tell (outages, maxima). */
export function expectedValue({ subject }: Threshold, evaluation: Evaluation): number | null {
  if (subject.kind === 'offload') return evaluation.offload;
  if (subject.kind === 'outage') return null;
  const { className, metric } = subject;
  if (className !== 'read' && className !== 'write') return null;
  if (subject.kind === 'count') {
    if (metric === 'perSecond') return evaluation.stable ? evaluation.perSecond[className] : 0;
    return evaluation.stable ? 0 : Number.POSITIVE_INFINITY;
  }
  const figures = evaluation[subject.kind][className];
  if (metric === 'mean') return figures.meanMs;
  const share = percentileShares[subject.metric];
  return share === undefined ? null : figures.quantileMs(share);
}

/** Every threshold in one state, as the formulas judge it. */
export function judgeExpected(thresholds: readonly Threshold[], evaluation: Evaluation): ThresholdSummary[] {
  return thresholds.map((threshold) => {
    const value = expectedValue(threshold, evaluation);
    const { text, unit } = threshold;
    const result = value === null ? 'unknown' : keeps(threshold, value) ? 'pass' : 'fail';
    return { text, value, unit, result };
  });
}

/** The load fits, and no threshold that formulas can judge is crossed. */
export function meets(thresholds: readonly Threshold[], evaluation: Evaluation): boolean {
  return evaluation.stable && judgeExpected(thresholds, evaluation).every(({ result }) => result !== 'fail');
}
