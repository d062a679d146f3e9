import { roundMs } from '../../kernel/time.ts';
import type { PhaseName } from '../../recording/summary.ts';
import type { DrillKind } from '../../scenario/scenario-shape.ts';
import { type Figures, phaseNames } from './figures.ts';
import type { Sensitivity } from './sensitivity.ts';
import { certainSlope, type Slope } from './slope.ts';
import { meanOf, type Spread, spreadOf } from './spread.ts';
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

/** Seconds of each span per second of a setting: the mean over `pairs` pairs of trials with its 95 % interval; null where a span has no end. */
export interface SensitivityRow {
  setting: string;
  file: SettingFile;
  value: string;
  writePerSecond: number | null;
  readPerSecond: number | null;
  reducedReadPerSecond: number | null;
  intervals: Record<'write' | 'read' | 'reducedRead', [low: number, high: number] | null>;
  pairs: number;
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
  sensitivity: SensitivityRow[];
  notices: { severity: string; subject: string; share: number }[];
  /** What the drill leaves behind and what a reader would not expect, in words. */
  remarks: string[];
  targetFinding?: TargetFinding;
}

/**
 * Settings of the works that a phase waits for: a setting of another work may move the phase in time, and by that change what
 * it meets, but does not bound it. `limit` ends the wait where nothing makes it longer.
 *
 * Source: docs/method.md, "Phases"; Pgpool's replication check holds the lock that a detach and the search need.
 */
const waitsFor: Record<PhaseName, { settings: readonly string[]; limit?: string }> = {
  leaderLost: {
    settings: ['wd_heartbeat_deadtime', 'wd_interval', 'wd_heartbeat_keepalive', 'wd_life_point'],
  },
  election: { settings: [] },
  quorum: { settings: [] },
  escalation: { settings: [] },
  addressUp: { settings: [] },
  votes: { settings: ['health_check_period', 'health_check_timeout', 'connect_timeout'] },
  detect: { settings: ['local.timeout', 'local.timeout.final', 'node.timeout'], limit: 'node.timeout' },
  verify: { settings: ['local.timeout.final', 'remote.timeout'], limit: 'remote.timeout' },
  stop: { settings: [] },
  detach: {
    settings: ['DETACH_WAIT', 'PCP_TIMEOUT', 'connect_timeout', 'health_check_timeout'],
    limit: 'DETACH_WAIT',
  },
  vip: { settings: ['check.vip.timeout', 'ping.server.command'], limit: 'check.vip.timeout' },
  fence: { settings: [] },
  promote: { settings: ['recovery.check.period'], limit: 'recovery.check.period' },
  reconfigure: {
    settings: ['restart.connection.timeout', 'DETACH_WAIT', 'connect_timeout', 'ATTACH_HOLD', 'ATTACH_WAIT'],
    limit: 'restart.connection.timeout',
  },
  pgpoolPromote: {
    settings: ['PROMOTE_WAIT', 'SEARCH_WAIT', 'connect_timeout', 'search_primary_node_timeout'],
    limit: 'PROMOTE_WAIT',
  },
  primarySearch: {
    settings: ['search_primary_node_timeout', 'connect_timeout', 'health_check_timeout'],
    limit: 'search_primary_node_timeout',
  },
  sessionsBack: { settings: ['connect_timeout', 'search_primary_node_timeout'] },
  standbysAttached: {
    settings: [
      'standby.restart.delay',
      'recovery.check.period',
      'ATTACH_HOLD',
      'FOLLOW_WAIT',
      'connect_timeout',
    ],
  },
};

/** A phase follows a setting from here on. */
const leastSlope = 0.1;

/** A phase that stays below this share of a setting does not wait for it, whatever a second more would let it run into. */
const leastShare = 0.5;

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
      boundBy: boundOf(name, { plan, sensitivities, worstMs: Math.max(...all) }),
    };
    return [row];
  });
  return rows.toSorted((first, second) => first.startMs - second.startMs);
}

function lengthsOf(figures: readonly Figures[], name: PhaseName): number[] {
  return figures.flatMap(({ phases }) => phases[name] ?? []);
}

/** The setting of the phase's own works that it follows most, for certain; else the one that limits it, if it stayed within that. */
function boundOf(
  name: PhaseName,
  {
    plan,
    sensitivities,
    worstMs,
  }: { plan: TrialPlan; sensitivities: readonly Sensitivity[]; worstMs: number },
): Bound | null {
  const { settings, limit } = waitsFor[name];
  const strongest = sensitivities
    .filter(
      ({ tunable }) =>
        settings.includes(tunable.setting) && worstMs >= leastShare * 1000 * tunable.seconds(plan),
    )
    .map(({ tunable, phases }) => ({ tunable, per: certainSlope(phases[name]) }))
    .filter(({ per }) => per >= leastSlope)
    .toSorted((first, second) => second.per - first.per)[0];
  if (strongest) return describe(strongest.tunable, plan, strongest.per);
  const limiting = tunablesOf(plan).find(({ setting }) => setting === limit);
  return limiting && worstMs <= 1000 * limiting.seconds(plan) ? describe(limiting, plan, 0) : null;
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

/** A sensitivity as it is printed. */
export function sensitivityRow(
  { tunable, write, read, reducedRead, pairs }: Sensitivity,
  plan: TrialPlan,
): SensitivityRow {
  const interval = (slope: Slope | null): [number, number] | null => slope && [slope.low, slope.high];
  return {
    setting: tunable.setting,
    file: tunable.file,
    value: tunable.text(plan),
    writePerSecond: write?.mean ?? null,
    readPerSecond: read?.mean ?? null,
    reducedReadPerSecond: reducedRead?.mean ?? null,
    intervals: { write: interval(write), read: interval(read), reducedRead: interval(reducedRead) },
    pairs,
  };
}
