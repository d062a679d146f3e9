import type { PhaseName } from '../../recording/summary.ts';
import type { DrillKind } from '../../scenario/scenario-shape.ts';
import { type Figures, phaseNames } from './figures.ts';
import type { Sensitivity } from './sensitivity.ts';
import { meanOf, roundMs, type Spread, spreadOf } from './spread.ts';
import type { TargetFinding } from './target.ts';
import type { TrialSet } from './threads.ts';
import type { TrialPlan } from './trial.ts';
import type { SettingFile, Tunable } from './tunables.ts';
import { tunablesOf } from './tunables.ts';

/** The setting that a phase's length follows; or, where it follows none (`per` 0), the one that limits it. */
export interface Bound {
  setting: string;
  value: string;
  file: SettingFile;
  /** Seconds of the phase per second of the setting. */
  per: number;
}

export interface PhaseRow {
  name: PhaseName;
  bestMs: number;
  meanMs: number;
  worstMs: number;
  /** From the injection to its start, on average. */
  startMs: number;
  /** Share of the trials in which it was seen to its end. */
  share: number;
  boundBy: Bound | null;
}

/** What `pgdrill timeline --json` prints. */
export interface TimelineResult {
  schema: 'pgdrill/timeline@1';
  drill: DrillKind;
  /** Server that the drill is about. */
  target: string | null;
  versions: { efm: string; pgpool: string };
  files: { efm: string | null; pgpool: string | null; model: string | null };
  trials: number;
  seed: number;
  calibrated: boolean;
  phases: PhaseRow[];
  writeOutageMs: Spread;
  readOutageMs: Spread;
  reducedReadMs: Spread;
  sensitivity: {
    setting: string;
    file: SettingFile;
    value: string;
    writePerSecond: number | null;
    readPerSecond: number | null;
    reducedReadPerSecond: number | null;
  }[];
  notices: { severity: string; subject: string; share: number }[];
  /** What the drill leaves behind and what a reader would not expect, in words. */
  remarks: string[];
  targetFinding?: TargetFinding;
}

/** Settings that limit a phase which none makes longer. */
const limits: Partial<Record<PhaseName, string>> = {
  detect: 'node.timeout',
  verify: 'remote.timeout',
  detach: 'DETACH_WAIT',
  vip: 'check.vip.timeout',
  reconfigure: 'restart.connection.timeout',
  pgpoolPromote: 'PROMOTE_WAIT',
  primarySearch: 'search_primary_node_timeout',
};

/** A phase follows a setting from here on; less is the chance of meeting some other process at its work. */
const leastSlope = 0.5;

/** The phases over all trials: best and worst include the corners of the phase space. */
export function phaseRows(set: TrialSet, plan: TrialPlan, sensitivities: readonly Sensitivity[]): PhaseRow[] {
  const rows = phaseNames.flatMap((name) => {
    const lengths = lengthsOf(set.trials, name);
    const all = [...lengths, ...lengthsOf(set.corners, name)];
    const meanMs = meanOf(lengths.length > 0 ? lengths : all);
    if (meanMs === undefined) return [];
    const starts = [...set.trials, ...set.corners].flatMap(({ starts: found }) => found[name] ?? []);
    const row: PhaseRow = {
      name,
      bestMs: roundMs(Math.min(...all)),
      meanMs: roundMs(meanMs),
      worstMs: roundMs(Math.max(...all)),
      startMs: roundMs(meanOf(starts) ?? 0),
      share: lengths.length / Math.max(1, set.trials.length),
      boundBy: boundOf(name, plan, sensitivities),
    };
    return [row];
  });
  return rows.toSorted((first, second) => first.startMs - second.startMs);
}

function lengthsOf(figures: readonly Figures[], name: PhaseName): number[] {
  return figures.flatMap(({ phases }) => phases[name] ?? []);
}

function boundOf(name: PhaseName, plan: TrialPlan, sensitivities: readonly Sensitivity[]): Bound | null {
  const strongest = sensitivities
    .map(({ tunable, phases }) => ({ tunable, per: phases[name] ?? 0 }))
    .filter(({ per }) => per >= leastSlope)
    .toSorted((first, second) => second.per - first.per)[0];
  if (strongest) return describe(strongest.tunable, plan, strongest.per);
  const limit = tunablesOf(plan).find(({ setting }) => setting === limits[name]);
  return limit ? describe(limit, plan, 0) : null;
}

function describe(tunable: Tunable, plan: TrialPlan, per: number): Bound {
  return { setting: tunable.setting, value: tunable.text(plan), file: tunable.file, per };
}

/** A span over trials and corners: percentiles and mean of the trials, best and worst of both. */
export function spanOver(set: TrialSet, span: (figures: Figures) => number): Spread {
  const trials = spreadOf(set.trials.map(span));
  const all = spreadOf([...set.trials, ...set.corners].map(span));
  return { ...trials, best: all.best, worst: all.worst };
}

/** Notices by the share of trials that raised them, in order of their first appearance. */
export function noticeRows({ trials }: TrialSet): TimelineResult['notices'] {
  const counts = new Map<string, number>();
  for (const { notices } of trials) for (const text of notices) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].map(([text, count]) => {
    const [severity = '', ...subject] = text.split(' ');
    return { severity, subject: subject.join(' '), share: count / trials.length };
  });
}
