import type { PhaseName } from '../../recording/summary.ts';
import { type Figures, phaseNames } from './figures.ts';
import { type Slope, slopeOf } from './slope.ts';
import type { TrialThreads } from './threads.ts';
import type { TrialPlan } from './trial.ts';
import { type Tunable, tunablesOf } from './tunables.ts';

/** How a drill's spans answer to one more second of a setting; null where a span does not end in both. */
export interface Sensitivity {
  tunable: Tunable;
  write: Slope | null;
  read: Slope | null;
  reducedRead: Slope | null;
  /** By phase, of those that were seen in both. */
  phases: Partial<Record<PhaseName, Slope>>;
  /** Pairs of trials that were compared. */
  pairs: number;
}

/** The change whose effect is measured: one of EFM's and Pgpool's own units. */
const stepSeconds = 1;

/** Pairs that a difference is taken over: the phases are spread evenly, so that few do for most settings. */
const usualPairs = 32;

/** Pairs for a setting whose effect depends on where other periodic works stand. */
const manyPairs = 160;

/** Half of an interval that is wide enough to look again. */
const wideInterval = 0.1;

/**
 * Seconds of each span per second of each setting, by finite differences: the same trials once more with the setting a
 * second longer, each against its own twin of equal phases and service times (common random numbers). A setting whose
 * interval is wide then gets more pairs.
 *
 * @param pairs for every setting alike; left out: as many as each needs
 */
export async function sensitivitiesOf(
  threads: TrialThreads,
  plan: TrialPlan,
  pairs?: number,
): Promise<Sensitivity[]> {
  const bases = new Map<number, Promise<readonly Figures[]>>();
  const trialsOf = async (of: TrialPlan, trials: number): Promise<readonly Figures[]> =>
    (await threads.run(of, { trials, corners: false })).trials;
  const baseOf = (trials: number): Promise<readonly Figures[]> => {
    const base = bases.get(trials) ?? trialsOf(plan, trials);
    bases.set(trials, base);
    return base;
  };
  const measure = async (tunable: Tunable, trials: number): Promise<Sensitivity> => {
    const longer = tunable.withSeconds(plan, tunable.seconds(plan) + stepSeconds);
    const [before, after] = await Promise.all([baseOf(trials), trialsOf(longer, trials)]);
    return compare(tunable, before, after);
  };
  return Promise.all(
    tunablesOf(plan).map(async (tunable) => {
      const first = await measure(tunable, pairs ?? usualPairs);
      return pairs === undefined && isVague(first) ? measure(tunable, manyPairs) : first;
    }),
  );
}

function isVague({ write, read, reducedRead, phases }: Sensitivity): boolean {
  return [write, read, reducedRead, ...Object.values(phases)].some(
    (slope) => slope && slope.high - slope.low > 2 * wideInterval,
  );
}

/** The differences of each trial and its twin, span by span. Both must have as many trials. */
export function compare(
  tunable: Tunable,
  before: readonly Figures[],
  after: readonly Figures[],
): Sensitivity {
  const slope = (span: (figures: Figures) => number | undefined): Slope | null => {
    const differences = before.flatMap((first, index) => {
      const second = after[index];
      const [from, to] = [span(first), second && span(second)];
      if (from === undefined || to === undefined) return [];
      return Number.isFinite(from) && Number.isFinite(to) ? [(to - from) / (stepSeconds * 1000)] : [];
    });
    return slopeOf(differences);
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
    pairs: before.length,
  };
}
