import type { PhaseName } from '../../recording/summary.ts';
import { type Figures, phaseNames } from './figures.ts';
import type { Sensitivity } from './sensitivity.ts';
import { certainSlope } from './slope.ts';
import type { TrialThreads } from './threads.ts';
import type { TrialPlan } from './trial.ts';
import { type SettingFile, type Tunable, tunables } from './tunables.ts';

/** One setting that is to be changed, and what the new value risks. */
export interface Change {
  setting: string;
  file: SettingFile;
  from: string;
  to: string;
  risk: string;
}

/** What it takes to keep the longest write outage below a target. */
export interface TargetFinding {
  targetMs: number;
  /** `met` needs nothing; `unreachable`: not even with every setting at its lowest. */
  result: 'met' | 'reachable' | 'unreachable';
  changes: Change[];
  /** Longest write outage with the changes; null when it never ends. */
  worstMs: number | null;
  /** What is left of it where it is unreachable: phases with their seconds, longest first. */
  boundBy: { phase: PhaseName; worstMs: number }[];
}

/** Trials per candidate: its corners are in, and the worst comes from there. */
const probeTrials = 24;

/** More settings at once than that are no small change. */
const mostChanges = 4;

/** A database must be checked twice in its timeout, or one late answer is a failure. */
const checksPerTimeout = 2;

/** An outage is not quite linear in a setting: what slopes promise may be exceeded by so much, and two seconds. */
const slopeSlack = 1.25;

/** A setting with the value that a candidate gives it. */
interface Value {
  tunable: Tunable;
  seconds: number;
}

/**
 * Searches the smallest set of settings whose change brings the longest write outage below a target: first how many settings
 * it takes at their lowest, then how little of the way suffices.
 *
 * @param sensitivities tell which settings matter: others are not tried
 */
export class TargetSearch {
  readonly #threads: TrialThreads;
  readonly #plan: TrialPlan;
  readonly #targetMs: number;
  readonly #candidates: readonly Tunable[];
  /** By setting: ms of outage that its whole way down is worth, were the outage linear in it. */
  readonly #gains: ReadonlyMap<Tunable, number>;

  constructor(
    threads: TrialThreads,
    plan: TrialPlan,
    { targetMs, sensitivities }: { targetMs: number; sensitivities: readonly Sensitivity[] },
  ) {
    this.#threads = threads;
    this.#plan = plan;
    this.#targetMs = targetMs;
    this.#gains = new Map(
      sensitivities.map(({ tunable, write }) => {
        const way = tunable.seconds(plan) - (tunable.floor?.seconds ?? 0);
        return [tunable, 1000 * certainSlope(write) * way];
      }),
    );
    this.#candidates = sensitivities
      .filter(({ tunable, write }) => {
        const { floor, setting } = tunable;
        const lower = floor !== null && floor.seconds < tunable.seconds(plan);
        return lower && setting !== 'local.period' && certainSlope(write) > 0.05;
      })
      .map(({ tunable }) => tunable)
      .toSorted((a, b) => this.#gain(b) - this.#gain(a));
  }

  /** @param worstNowMs longest write outage as it is */
  async find(worstNowMs: number): Promise<TargetFinding> {
    const targetMs = this.#targetMs;
    const found: TargetFinding = { targetMs, result: 'met', changes: [], worstMs: worstNowMs, boundBy: [] };
    if (worstNowMs <= targetMs) return found;
    const lowest = await this.#try(this.#candidates.map((tunable) => atFloor(tunable)));
    if (lowest.worstMs > targetMs) {
      const worstMs = Number.isFinite(lowest.worstMs) ? lowest.worstMs : null;
      const values = this.#candidates.map((tunable) => atFloor(tunable));
      return {
        ...found,
        result: 'unreachable',
        changes: this.#describe(values),
        worstMs,
        boundBy: lowest.phases,
      };
    }
    const chosen = await this.#fewest(worstNowMs);
    const values = await this.#mildest(chosen);
    const { worstMs } = await this.#try(values);
    return { ...found, result: 'reachable', changes: this.#describe(values), worstMs };
  }

  #gain(tunable: Tunable): number {
    return this.#gains.get(tunable) ?? 0;
  }

  /** The fewest settings that reach it at their lowest; sets that cannot, as far as their slopes tell, are not tried. */
  async #fewest(worstNowMs: number): Promise<readonly Tunable[]> {
    const neededMs = worstNowMs - this.#targetMs;
    for (let size = 1; size <= Math.min(mostChanges, this.#candidates.length); size += 1) {
      for (const set of choose(this.#candidates, size)) {
        const gainMs = set.reduce((sum, tunable) => sum + this.#gain(tunable), 0);
        if (gainMs * slopeSlack + 2000 < neededMs) continue;
        if ((await this.#try(set.map(atFloor))).worstMs <= this.#targetMs) return set;
      }
    }
    return this.#candidates;
  }

  /** As little of the way down as reaches it, in whole seconds: one setting after the other is raised again as far as it may. */
  async #mildest(chosen: readonly Tunable[]): Promise<Value[]> {
    const values = chosen.map(atFloor);
    for (const value of values.toReversed()) {
      let low = value.seconds;
      let high = value.tunable.seconds(this.#plan);
      while (high - low > 1) {
        const middle = Math.floor((low + high) / 2);
        value.seconds = middle;
        if ((await this.#try(values)).worstMs <= this.#targetMs) low = middle;
        else high = middle;
      }
      value.seconds = low;
    }
    return values;
  }

  async #try(values: readonly Value[]): Promise<{ worstMs: number; phases: TargetFinding['boundBy'] }> {
    const plan = this.#coupled(values).reduce(
      (changed, { tunable, seconds }) => tunable.withSeconds(changed, seconds),
      this.#plan,
    );
    const { trials, corners } = await this.#threads.run(plan, { trials: probeTrials, corners: true });
    const all = [...trials, ...corners];
    const worst = all.reduce((first, second) =>
      second.writeOutageMs > first.writeOutageMs ? second : first,
    );
    return { worstMs: worst.writeOutageMs, phases: longestPhases(worst) };
  }

  /** local.period follows local.timeout down: it is no choice of its own. */
  #coupled(values: readonly Value[]): readonly Value[] {
    const timeout = values.find(({ tunable }) => tunable.setting === 'local.timeout');
    const period = tunables.find(({ setting }) => setting === 'local.period');
    if (!timeout || !period) return values;
    const seconds = Math.max(1, Math.floor(timeout.seconds / checksPerTimeout));
    return period.seconds(this.#plan) <= seconds ? values : [...values, { tunable: period, seconds }];
  }

  #describe(values: readonly Value[]): Change[] {
    return this.#coupled(values).map(({ tunable, seconds }) => ({
      setting: tunable.setting,
      file: tunable.file,
      from: tunable.text(this.#plan),
      to: tunable.textFor(this.#plan, seconds),
      risk: tunable.floor?.risk ?? '',
    }));
  }
}

const atFloor = (tunable: Tunable): Value => ({ tunable, seconds: tunable.floor?.seconds ?? 0 });

function longestPhases({ phases }: Figures): TargetFinding['boundBy'] {
  return phaseNames
    .flatMap((phase) => {
      const worstMs = phases[phase];
      return worstMs === undefined ? [] : [{ phase, worstMs }];
    })
    .toSorted((first, second) => second.worstMs - first.worstMs)
    .slice(0, 3);
}

/** Every set of `size` out of a list, those of its first entries first. */
function choose<T>(from: readonly T[], size: number): T[][] {
  if (size === 0) return [[]];
  return from.flatMap((first, index) =>
    choose(from.slice(index + 1), size - 1).map((others) => [first, ...others]),
  );
}
