import type { PhaseName } from '../../recording/summary.ts';
import { type Figures, phaseNames } from './figures.ts';
import { meanOf } from './spread.ts';
import type { TrialThreads } from './threads.ts';
import type { TrialPlan } from './trial.ts';
import { type Tunable, tunablesOf } from './tunables.ts';

/** How a drill's spans answer to one more second of a setting; null where a span does not end in both. */
export interface Sensitivity {
  tunable: Tunable;
  write: number | null;
  read: number | null;
  reducedRead: number | null;
  /** By phase, of those that were seen in both. */
  phases: Partial<Record<PhaseName, number>>;
}

/** The change whose effect is measured: one of EFM's and Pgpool's own units. */
const stepSeconds = 1;

/** Pairs that a difference is taken over: the phase of the fault is stratified, so that few do. */
export const usualPairs = 32;

/**
 * Seconds of each span per second of each setting, by finite differences: the same trials once more with the setting a
 * second longer, each against its own twin of equal phases and service times (common random numbers).
 */
export async function sensitivitiesOf(
  threads: TrialThreads,
  plan: TrialPlan,
  pairs = usualPairs,
): Promise<Sensitivity[]> {
  const options = { trials: pairs, corners: false };
  const base = threads.run(plan, options);
  const longer = tunablesOf(plan).map(async (tunable) => {
    const changed = tunable.withSeconds(plan, tunable.seconds(plan) + stepSeconds);
    return { tunable, after: await threads.run(changed, options) };
  });
  const before = (await base).trials;
  return (await Promise.all(longer)).map(({ tunable, after }) => compare(tunable, before, after.trials));
}

function compare(tunable: Tunable, before: readonly Figures[], after: readonly Figures[]): Sensitivity {
  const slope = (span: (figures: Figures) => number | undefined): number | null => {
    const differences = before.flatMap((first, index) => {
      const second = after[index];
      const [from, to] = [span(first), second && span(second)];
      if (from === undefined || to === undefined) return [];
      return Number.isFinite(from) && Number.isFinite(to) ? [to - from] : [];
    });
    const mean = meanOf(differences);
    return mean === undefined ? null : roundSlope(mean / (stepSeconds * 1000));
  };
  const phases = phaseNames.flatMap((name) => {
    const found = slope(({ phases: lengths }) => lengths[name]);
    return found === null ? [] : [[name, found]];
  });
  return {
    tunable,
    write: slope(({ writeOutageMs }) => writeOutageMs),
    read: slope(({ readOutageMs }) => readOutageMs),
    reducedRead: slope(({ reducedReadMs }) => reducedReadMs),
    phases: Object.fromEntries(phases),
  };
}

/** Two places: the noise of a difference is below that. */
function roundSlope(slope: number): number {
  return Math.round(slope * 100) / 100 + 0;
}
