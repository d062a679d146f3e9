import type { DrillWindow, Stretch } from './frame.ts';
import type { Second } from './seconds.ts';

/** Share of the baseline below which a second counts as degraded (docs/architecture.md). */
const degradedBelow = 0.95;

/** Operations that one second may answer for the next by chance, when none of what was due in it was lost. */
const overEdge = 2;

/** Mean ok completions per second over the whole seconds of a stretch; null when it holds none. */
export function okPerSecond(seconds: readonly Second[], className: string, stretch: Stretch): number | null {
  const inside = seconds.filter(
    ({ startMs }) => startMs >= stretch.startMs && startMs + 1000 <= stretch.endMs,
  );
  if (inside.length === 0) return null;
  return inside.reduce((sum, { classes }) => sum + (classes[className]?.completedOk ?? 0), 0) / inside.length;
}

/**
 * Finds the degraded stretches of a class in one drill: whole seconds with fewer ok completions than 95 % of the baseline.
 *
 * A second in which 95 % of what was due was answered is not degraded however little was due: arrivals scatter by themselves.
 * Nor is one that answered two less than were due in it while all of them were answered in the end: the last of them began at its edge.
 * Where the rate changes by plan only that counts. In a closed class slow answers make less due, so only the baseline counts, less
 * what random pauses scatter: three standard deviations of a Poisson count.
 *
 * @param options.baselinePerSecond ok completions per second in the steady stretch
 * @param options.load how the class's operations become due
 * @returns merged stretches in order; edges are whole seconds of the load
 */
export function degradedStretches(
  seconds: readonly Second[],
  className: string,
  options: { window: DrillWindow; baselinePerSecond: number; load?: 'steady' | 'changing' | 'closed' },
): Stretch[] {
  const { window, baselinePerSecond, load = 'steady' } = options;
  const stretches: Stretch[] = [];
  for (const { startMs, classes } of seconds) {
    const second = { startMs, endMs: startMs + 1000 };
    if (second.endMs <= window.injectedMs || second.endMs > window.untilMs) continue;
    const { completedOk = 0, due = 0, failed = 0, unknown = 0, skipped = 0 } = classes[className] ?? {};
    const sparedOk = due - (failed + unknown + skipped === 0 ? overEdge : 0);
    const scatter = load === 'closed' ? 3 * Math.sqrt(baselinePerSecond) : 0;
    if (load !== 'changing' && completedOk >= degradedBelow * baselinePerSecond - scatter) continue;
    if (load !== 'closed' && completedOk >= Math.min(degradedBelow * due, sparedOk)) continue;
    const last = stretches.at(-1);
    if (last?.endMs === startMs) last.endMs = second.endMs;
    else stretches.push(second);
  }
  return stretches;
}

/**
 * Time from the injection until the class was back at 95 % of its baseline: the end of the last degraded second before the
 * next drill. 0 when nothing was degraded; null when the drill's last whole second still was, or when it has none.
 */
export function recoveredAfterMs(stretches: readonly Stretch[], window: DrillWindow): number | null {
  const last = stretches.at(-1);
  if (!last) return Math.ceil(window.injectedMs / 1000) * 1000 + 1000 <= window.untilMs ? 0 : null;
  if (last.endMs + 1000 > window.untilMs) return null;
  return last.endMs - window.injectedMs;
}
