import type { Recording } from '../recording/recording.ts';
import type { DrillSummary, Outage, TimelinePhase } from '../recording/summary.ts';
import type { ClusterHistory } from './cluster-history.ts';
import { totalsOf } from './conservation.ts';
import { degradedStretches, okPerSecond, recoveredAfterMs } from './degraded.ts';
import type { DrillWindow, Frame } from './frame.ts';
import { lostByDrill } from './lost.ts';
import { readShareOf, slicesIn } from './offload.ts';
import { drillOfOutage, dueRateOf, outagesOf, outageThresholdMs } from './outages.ts';
import { phasesOf } from './phases.ts';
import type { Second } from './seconds.ts';
import { baselineP99Ms, spikeOf } from './spikes.ts';
import { weightRestoredAfterMs } from './weights.ts';

/** How much of the time before a drill, and at the end of its stretch, its shares of reads are taken from, ms. */
const shareStretchMs = 5000;

export interface DrillFindings {
  drills: DrillSummary[];
  strayOutages: { className: string; outage: Outage }[];
  unexplainedLosses: number;
}

/** Runs every analysis that belongs to a drill, for each drill that began. */
export function drillFindings(
  recording: Recording,
  history: ClusterHistory,
  { frame, seconds }: { frame: Frame; seconds: readonly Second[] },
): DrillFindings {
  const { byDrill, stray } = outagesByDrill(recording, frame);
  const writeClasses = recording.manifest.scenario.classes.filter(({ kind }) => kind === 'write');
  const okWriteAt = (fromMs: number): number | null =>
    firstOkAt(
      recording,
      writeClasses.map(({ name }) => name),
      fromMs,
    );
  const timelines = frame.drills.map((window) => ({
    window,
    timeline: phasesOf(recording, history, { window, okWriteAt }),
  }));
  const losses = recording.ledger ? lostByDrill(recording.ledger.lostAtMs, timelines) : null;
  const drills = timelines.map(({ window, timeline }) => {
    const outages = byDrill.get(window.id) ?? {};
    const endMs = endOf(window, timeline, outages);
    return {
      id: window.id,
      kind: window.kind,
      target: window.target,
      atMs: window.injectedMs,
      endMs,
      operations: operationsOf(recording, window),
      refusedSessions: refusalsOf(recording, window),
      outages,
      ...loadEffects(recording, { window, frame, seconds, outages }),
      readShare: sharesAround(recording, { window, endMs, measuredFromMs: frame.measured.startMs }),
      timeline,
      lostCommits: losses ? (losses.byDrill.get(window.id) ?? 0) : null,
      staleReads: null,
      weightRestoredAfterMs: weightRestoredAfterMs(recording, history, window),
      predicted: null,
      predictionError: null,
    };
  });
  return { drills, strayOutages: stray, unexplainedLosses: losses?.unexplained ?? 0 };
}

function outagesByDrill(
  recording: Recording,
  frame: Frame,
): { byDrill: Map<string, Record<string, Outage[]>>; stray: DrillFindings['strayOutages'] } {
  const classes = recording.manifest.scenario.classes;
  const byDrill = new Map(
    frame.drills.map(({ id }) => [id, Object.fromEntries(classes.map(({ name }) => [name, [] as Outage[]]))]),
  );
  const stray: DrillFindings['strayOutages'] = [];
  for (const entry of classes) {
    const { name } = entry;
    const dueRate = dueRateOf(recording, entry, frame.measured);
    for (const outage of outagesOf(recording, name, { dueRate, loadEndMs: frame.loadEndMs })) {
      const drill = drillOfOutage(outage, frame.drills, outageThresholdMs(dueRate(outage)));
      const own = drill && byDrill.get(drill.id)?.[name];
      if (own) own.push(outage);
      else stray.push({ className: name, outage });
    }
  }
  return { byDrill, stray };
}

function operationsOf(
  recording: Recording,
  { injectedMs, untilMs }: DrillWindow,
): DrillSummary['operations'] {
  const intervals = slicesIn(recording.intervals, { startMs: injectedMs, endMs: untilMs });
  return Object.fromEntries(
    recording.manifest.scenario.classes.map(({ name }) => {
      const { due, ok, failed, unknown, skipped } = totalsOf({ intervals }, name);
      return [name, { due, ok, failed, unknown, skipped }];
    }),
  );
}

function refusalsOf(recording: Recording, { injectedMs, untilMs }: DrillWindow): Record<string, number> {
  const refused: Record<string, number> = {};
  for (const { refusedSessions } of slicesIn(recording.intervals, { startMs: injectedMs, endMs: untilMs })) {
    for (const [code, count] of Object.entries(refusedSessions)) refused[code] = (refused[code] ?? 0) + count;
  }
  return refused;
}

/** Degraded stretches, recovery and spike of every class. */
function loadEffects(
  recording: Recording,
  options: {
    window: DrillWindow;
    frame: Frame;
    seconds: readonly Second[];
    outages: Record<string, Outage[]>;
  },
): Pick<DrillSummary, 'degraded' | 'recoveredAfterMs' | 'spike'> {
  const { window, frame, seconds, outages } = options;
  const effects: Pick<DrillSummary, 'degraded' | 'recoveredAfterMs' | 'spike'> = {
    degraded: {},
    recoveredAfterMs: {},
    spike: {},
  };
  for (const { name, rates, closed } of recording.manifest.scenario.classes) {
    const load = closed ? 'closed' : rates ? 'changing' : 'steady';
    const baselinePerSecond = frame.baseline && okPerSecond(seconds, name, frame.baseline);
    const stretches = baselinePerSecond
      ? degradedStretches(seconds, name, { window, baselinePerSecond, load })
      : [];
    effects.degraded[name] = stretches;
    effects.recoveredAfterMs[name] = baselinePerSecond ? recoveredAfterMs(stretches, window) : null;
    const baselineMs = frame.baseline && baselineP99Ms(recording.latency, name, frame.baseline);
    effects.spike[name] = spikeOf(recording.latency, name, {
      window,
      baselineMs,
      outages: outages[name] ?? [],
    });
  }
  return effects;
}

/** The last thing seen of a drill within its own stretch: its action, a phase or an outage. */
function endOf(
  window: DrillWindow,
  timeline: readonly TimelinePhase[],
  outages: Record<string, Outage[]>,
): number {
  const ends = [...timeline, ...Object.values(outages).flat()].map(({ endMs }) => endMs);
  return Math.min(window.untilMs, Math.max(window.injectedMs, window.actionEndMs ?? 0, ...ends));
}

function sharesAround(
  recording: Recording,
  options: { window: DrillWindow; endMs: number; measuredFromMs: number },
): DrillSummary['readShare'] {
  const { window, endMs, measuredFromMs } = options;
  const { begunMs, injectedMs, untilMs } = window;
  const beforeMs = Math.max(Math.min(measuredFromMs, begunMs), begunMs - shareStretchMs);
  return {
    before: readShareOf(recording, { startMs: beforeMs, endMs: begunMs }),
    during: readShareOf(recording, { startMs: injectedMs, endMs }),
    after: readShareOf(recording, { startMs: Math.max(endMs, untilMs - shareStretchMs), endMs: untilMs }),
  };
}

/** First known ok completion of some classes at or after an instant; exact but within a slice that has several. */
function firstOkAt(recording: Recording, classNames: readonly string[], fromMs: number): number | null {
  for (const { classes } of recording.intervals) {
    const instants = classNames.flatMap((name) => {
      const { firstOkMs, lastOkMs } = classes[name] ?? { firstOkMs: null, lastOkMs: null };
      return firstOkMs === null || lastOkMs === null || lastOkMs < fromMs
        ? []
        : [Math.max(firstOkMs, fromMs)];
    });
    if (instants.length > 0) return Math.min(...instants);
  }
  return null;
}
