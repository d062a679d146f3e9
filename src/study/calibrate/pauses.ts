import type { Stretch } from '../../analysis/frame.ts';
import { slicesIn } from '../../analysis/offload.ts';
import { mergeHistograms } from '../../recording/histogram.ts';
import type { LatencySlice } from '../../recording/latency.ts';
import type { ManifestClass, ManifestScenario } from '../../recording/manifest.ts';
import type { Recording } from '../../recording/recording.ts';
import { wakeShare } from '../../sim/wake.ts';

/**
 * How rested the processes of a session are when they get the statements of a class: wake-ups an operation, a whole one where
 * the session had been idle for long (`serviceTimes.wake`, docs/method.md S27).
 */
export interface Wakes {
  /** On the server that does its work: the own one of a read, the primary of a write. */
  worker: number;
  /** On the session's own server, of a write that goes there with BEGIN and COMMIT. */
  own: number;
  /** In Pgpool's child. */
  pgpool: number;
}

/** A statement of a closed session without pauses comes this part of the service times after the one before. */
const quickest = 5;

/**
 * Wake-ups of each class in a stretch of a run. The sessions of open classes take turns, so that one rests as long as they
 * all take for their operations; a closed one thinks, and its answer is on the way for as long as its quickest answers took.
 *
 * @param options.afterMs in about so long a session's processes come to rest (`serviceTimes.wakeAfter`)
 */
export function wakesOf(
  { manifest, intervals }: Recording,
  slices: readonly LatencySlice[],
  { steady, afterMs }: { steady: Stretch; afterMs: number },
): Record<string, Wakes> {
  const share = (restMs: number): number => wakeShare(restMs, afterMs);
  const { classes, sessions, connect } = manifest.scenario;
  const lengthMs = steady.endMs - steady.startMs;
  const seen = slicesIn(intervals, steady);
  const completed = (name: string): number =>
    seen.reduce((sum, interval) => sum + (interval.classes[name]?.completedOk ?? 0), 0);
  const open = classes.filter(({ closed }) => !closed);
  const done = (of: readonly ManifestClass[]): number =>
    of.reduce((sum, { name }) => sum + completed(name), 0);
  const turnMs = (of: readonly ManifestClass[]): number =>
    connect === 'perTransaction' ? Number.POSITIVE_INFINITY : (sessions * lengthMs) / Math.max(1, done(of));
  return Object.fromEntries(
    classes.map((entry) => {
      const { name, kind, closed, statements = 1, onBothNodes = 0 } = entry;
      const service = mergeHistograms(
        slices.filter(({ className }) => className === name).map((slice) => slice.service),
      );
      const at = (percentile: number): number => service.getValueAtPercentile(percentile) / 1000;
      const restMs = closed ? closed.thinkTimeMs + at(quickest) : turnMs(open);
      const sameKind = open.filter((other) => other.kind === kind);
      const workerRestMs = closed || kind === 'read' ? restMs : turnMs(sameKind);
      const next = share(at(50) / statements);
      const wakes: Wakes = {
        worker: share(workerRestMs) + (statements - 1) * next,
        own: onBothNodes === 0 ? 0 : share(restMs) + (onBothNodes - 1) * share(at(50)),
        pgpool: share(restMs) + (statements - 1) * next,
      };
      return [name, wakes];
    }),
  );
}

/**
 * Operations of closed sessions that are under way on a server when its quota stops it: each of them wakes up anew (`wakesOfStop`).
 *
 * @param sessionShare of all sessions, those that have this server as theirs
 */
export function stoppedAtOnce(
  { classes }: Pick<ManifestScenario, 'classes'>,
  slices: readonly LatencySlice[],
  sessionShare: number,
): number {
  return classes.reduce((sum, { name, kind, closed }) => {
    if (!closed || kind !== 'read') return sum;
    const service = mergeHistograms(
      slices.filter(({ className }) => className === name).map((slice) => slice.service),
    );
    const meanMs = service.mean / 1000;
    const away = closed.thinkTimeMs + service.getValueAtPercentile(quickest) / 1000;
    const there = meanMs > 0 ? Math.max(0, 1 - away / (closed.thinkTimeMs + meanMs)) : 0;
    return sum + closed.sessions * sessionShare * there;
  }, 0);
}
