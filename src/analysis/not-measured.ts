import type { Recording } from '../recording/recording.ts';
import type { BackendSummary, DrillSummary, Summary } from '../recording/summary.ts';
import type { ClusterHistory } from './cluster-history.ts';
import type { Frame } from './frame.ts';
import { unattributedReads } from './offload.ts';
import { standbysStillOut } from './phases.ts';

type Gap = Summary['notMeasured'][number];

/** What the gaps are read from. */
export interface Findings {
  recording: Recording;
  history: ClusterHistory;
  frame: Frame;
  drills: readonly DrillSummary[];
  backends: readonly BackendSummary[];
  offload: number | null;
}

/** Lists every field of the summary that has no measurement behind it, and why. */
export function gapsOf(findings: Findings): Gap[] {
  const { recording, frame, backends, offload } = findings;
  const gaps: Gap[] = [];
  if (frame.drills.length > 0) {
    gaps.push({ field: 'drills[].staleReads', why: 'reads are not checked for age in this release' });
  }
  if (!recording.ledger && frame.drills.length > 0) {
    const why =
      'acknowledged writes were not compared with rows (no write script fills :operation, or they could not be read)';
    gaps.push({ field: 'drills[].lostCommits', why });
  }
  if (frame.baseline === null && frame.drills.length > 0) {
    const why =
      'no whole second of load lies between the warm-up and the first drill, so there is no baseline';
    gaps.push({ field: 'drills[].degraded, spike, recoveredAfterMs', why });
  }
  if (offload === null) gaps.push({ field: 'offload', why: 'no read could be attributed to a server' });
  const reads = unattributedReads(recording, frame.measured);
  if (reads.unknown > 0 && offload !== null) {
    const why = `${reads.unknown} of ${reads.all} reads could not be attributed to a server and are left out`;
    gaps.push({ field: 'offload, backends[].readShare', why });
  }
  if (backends.some(({ writes }) => writes === null)) {
    gaps.push({ field: 'backends[].writes', why: 'writes are not attributed to servers' });
  }
  if (backends.some(({ sessions }) => sessions === null)) {
    gaps.push({ field: 'backends[].sessions', why: 'sessions were not counted by server' });
  }
  return [...gaps, ...findings.drills.flatMap((drill) => drillGaps(drill, findings))];
}

function drillGaps(drill: DrillSummary, { recording, history, frame }: Findings): Gap[] {
  const window = frame.drills.find(({ id }) => id === drill.id);
  if (!window) return [];
  const gaps: Gap[] = [];
  const field = (name: string): string => `drills[${drill.id}].${name}`;
  for (const [className, afterMs] of Object.entries(drill.recoveredAfterMs)) {
    if (afterMs !== null || frame.baseline === null) continue;
    const why =
      'under 95 % of the baseline, or no whole second seen, when the next drill began or the load ended';
    gaps.push({ field: field(`recoveredAfterMs.${className}`), why });
  }
  for (const [className, spike] of Object.entries(drill.spike)) {
    if (spike === null && frame.baseline !== null) {
      gaps.push({
        field: field(`spike.${className}`),
        why: 'no answer of the class in the baseline or in the drill',
      });
    }
  }
  for (const server of standbysStillOut(recording, history, window)) {
    const why = `${server} was not attached again before the next drill or the end of the load`;
    gaps.push({ field: field('timeline.standbysAttached'), why });
  }
  for (const [server, afterMs] of Object.entries(drill.weightRestoredAfterMs)) {
    if (afterMs !== null) continue;
    const why = 'attached, but without its share of reads when the next drill began or the load ended';
    gaps.push({ field: field(`weightRestoredAfterMs.${server}`), why });
  }
  if (Object.keys(drill.weightRestoredAfterMs).length === 0) {
    gaps.push({
      field: field('weightRestoredAfterMs'),
      why: 'no server with a weight was attached in this drill',
    });
  }
  return gaps;
}
