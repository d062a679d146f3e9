import type { TimelinePhase } from '../recording/summary.ts';
import type { DrillWindow } from './frame.ts';

/** One drill and the phases found in it. */
export interface DrillTimeline {
  window: DrillWindow;
  timeline: readonly TimelinePhase[];
}

/**
 * Shares lost commits out to the drills that lost them.
 *
 * A commit is acknowledged before the server that holds it is lost, so it belongs to the first drill whose promotion had not
 * ended when the client was told; without one, to the drill under way at that instant.
 *
 * @param lostAtMs instants at which the lost commits were acknowledged, ms since load start
 * @returns counts by drill id, 0 included, and the number that no drill explains
 */
export function lostByDrill(
  lostAtMs: readonly number[],
  drills: readonly DrillTimeline[],
): { byDrill: Map<string, number>; unexplained: number } {
  const byDrill = new Map(drills.map(({ window }) => [window.id, 0]));
  let unexplained = 0;
  for (const atMs of lostAtMs) {
    const promoting = drills.find(({ timeline }) =>
      timeline.some(({ name, endMs }) => name === 'promote' && endMs >= atMs),
    );
    const underWay = drills.find(({ window }) => window.begunMs <= atMs && atMs < window.untilMs);
    const id = (promoting ?? underWay)?.window.id;
    if (id === undefined) unexplained += 1;
    else byDrill.set(id, (byDrill.get(id) ?? 0) + 1);
  }
  return { byDrill, unexplained };
}
