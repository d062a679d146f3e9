import type { Interval } from '../recording/intervals.ts';
import type { ManifestServer } from '../recording/manifest.ts';
import type { Recording } from '../recording/recording.ts';
import type { BackendSummary } from '../recording/summary.ts';
import type { ClusterHistory } from './cluster-history.ts';
import type { Frame, Stretch } from './frame.ts';
import { within } from './frame.ts';
import { mergedPercentiles } from './latencies.ts';

/** The name under which slices count what could not be attributed to a server. */
const unattributed = '?';

/** A server that Pgpool lists, with its node id and weight. */
export type PooledServer = ManifestServer & { backendId: number; weight: number };

/** The servers that Pgpool lists, by node id. */
export function pooledServers({
  manifest,
}: {
  manifest: Pick<Recording['manifest'], 'servers'>;
}): PooledServer[] {
  return manifest.servers
    .flatMap((server) =>
      server.backendId === null
        ? []
        : [{ ...server, backendId: server.backendId, weight: server.weight ?? 0 }],
    )
    .toSorted((first, second) => first.backendId - second.backendId);
}

/** The slices whose middle lies in a stretch. */
export function slicesIn(intervals: readonly Interval[], stretch: Stretch): Interval[] {
  return intervals.filter(({ startMs, lengthMs }) => within(startMs + lengthMs / 2, stretch));
}

/**
 * Share of the attributed reads that a server answered while it was a standby, 0..1.
 *
 * The role is the one seen last before the middle of each slice. Null without an attributed read.
 */
export function offloadOf(recording: Recording, history: ClusterHistory, stretch: Stretch): number | null {
  let attributed = 0;
  let byStandbys = 0;
  for (const { startMs, lengthMs, readsByServer } of slicesIn(recording.intervals, stretch)) {
    for (const [server, reads] of Object.entries(readsByServer)) {
      if (server === unattributed || reads === 0) continue;
      attributed += reads;
      if (history.roleAt(server, startMs + lengthMs / 2) === 'standby') byStandbys += reads;
    }
  }
  return attributed === 0 ? null : byStandbys / attributed;
}

/** Reads without a known server and all reads of a stretch. */
export function unattributedReads(recording: Recording, stretch: Stretch): { unknown: number; all: number } {
  const totals = readsOf(slicesIn(recording.intervals, stretch));
  const all = [...totals.values()].reduce((sum, reads) => sum + reads, 0);
  return { unknown: totals.get(unattributed) ?? 0, all };
}

/**
 * Share of the attributed reads by server, 0..1, in a stretch; every listed server has an entry. Empty when the stretch
 * holds no attributed read.
 */
export function readShareOf(recording: Recording, stretch: Stretch): Record<string, number> {
  return readSharesOf(slicesIn(recording.intervals, stretch), pooledServers(recording));
}

/** The same for slices that were chosen before. */
export function readSharesOf(
  slices: readonly Interval[],
  servers: readonly PooledServer[],
): Record<string, number> {
  const totals = readsOf(slices);
  const all = servers.reduce((sum, { name }) => sum + (totals.get(name) ?? 0), 0);
  if (all === 0) return {};
  return Object.fromEntries(servers.map(({ name }) => [name, (totals.get(name) ?? 0) / all]));
}

/** What each server that Pgpool lists did in the measured stretch. */
export function backendSummaries(
  recording: Recording,
  history: ClusterHistory,
  frame: Frame,
): BackendSummary[] {
  const { measured, loadEndMs } = frame;
  const slices = slicesIn(recording.intervals, measured);
  const totals = readsOf(slices);
  const shares = readShareOf(recording, measured);
  const kinds = new Map(recording.manifest.scenario.classes.map(({ name, kind }) => [name, kind]));
  const latency = recording.latency.filter(({ startMs, lengthMs }) =>
    within(startMs + lengthMs / 2, measured),
  );
  const writes = writesByPrimary(recording, history, slices);
  return pooledServers(recording).map((server) => {
    const own = latency.filter((slice) => slice.server === server.name);
    const reads = own.filter(({ className }) => kinds.get(className) === 'read');
    return {
      id: server.backendId,
      name: server.name,
      address: server.port === null ? server.address : `${server.address}:${server.port}`,
      roleAtStart: history.roleAt(server.name, 0) ?? server.roleAtStart,
      roleAtEnd: history.roleAt(server.name, loadEndMs),
      weight: server.weight,
      sessions: meanSessions(slices, server.name),
      reads: totals.get(server.name) ?? 0,
      readShare: shares[server.name] ?? null,
      writes: writes.get(server.name) ?? 0,
      latencyMs: mergedPercentiles(reads, 'latency'),
    };
  });
}

/**
 * Ok write operations by server. Inferred: a write can only have been done by the server that was primary, which is the
 * one last seen in that role before the middle of its slice.
 */
function writesByPrimary(
  recording: Recording,
  history: ClusterHistory,
  slices: readonly Interval[],
): Map<string, number> {
  const names = recording.manifest.scenario.classes
    .filter(({ kind }) => kind === 'write')
    .map(({ name }) => name);
  const writes = new Map<string, number>();
  for (const { startMs, lengthMs, classes } of slices) {
    const primary = history.lastPrimaryBy(startMs + lengthMs / 2);
    const done = names.reduce((sum, name) => sum + (classes[name]?.completedOk ?? 0), 0);
    if (primary) writes.set(primary, (writes.get(primary) ?? 0) + done);
  }
  return writes;
}

function meanSessions(slices: readonly Interval[], server: string): number | null {
  const known = slices.filter(({ sessionsByServer }) => Object.keys(sessionsByServer).length > 0);
  if (known.length === 0) return null;
  return known.reduce((sum, { sessionsByServer }) => sum + (sessionsByServer[server] ?? 0), 0) / known.length;
}

function readsOf(slices: readonly Interval[]): Map<string, number> {
  const totals = new Map<string, number>();
  for (const { readsByServer } of slices) {
    for (const [server, reads] of Object.entries(readsByServer)) {
      totals.set(server, (totals.get(server) ?? 0) + reads);
    }
  }
  return totals;
}
