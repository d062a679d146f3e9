import type { DrillOutcome, DrillSummary, Outage, Summary } from '../recording/summary.ts';

/** The part of a drill's summary that a prediction has too. */
export function outcomeOf(drill: DrillSummary): DrillOutcome {
  const {
    id: _id,
    kind: _kind,
    target: _target,
    predicted: _predicted,
    predictionError: _error,
    ...outcome
  } = drill;
  return outcome;
}

/** Puts the prediction of each drill, found by its id, beside what was measured. */
export function withPrediction(drills: readonly DrillSummary[], predicted: Summary): DrillSummary[] {
  return drills.map((drill) => {
    const other = predicted.drills.find(({ id }) => id === drill.id);
    return other ? { ...drill, predicted: outcomeOf(other), predictionError: errorOf(other, drill) } : drill;
  });
}

/**
 * Predicted minus measured length of the longest outage of a drill, ms; null where one of the two has no outage, because a
 * silence too short to be an outage has no length to compare.
 */
function errorOf(
  predicted: DrillOutcome,
  measured: DrillOutcome,
): NonNullable<DrillSummary['predictionError']> {
  const difference = (className: string): number | null => {
    const [expected, actual] = [predicted.outages[className], measured.outages[className]].map(longestMs);
    return expected == null || actual == null ? null : expected - actual;
  };
  return { writeOutageMs: difference('write'), readOutageMs: difference('read') };
}

/** Length of the longest of some outages, ms; null without any. */
export function longestMs(outages: readonly Outage[] | undefined): number | null {
  if (outages === undefined || outages.length === 0) return null;
  return Math.max(...outages.map(({ lengthMs }) => lengthMs));
}
