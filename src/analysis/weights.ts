import type { Recording } from '../recording/recording.ts';
import type { ClusterHistory } from './cluster-history.ts';
import type { DrillWindow } from './frame.ts';
import { pooledServers, readSharesOf, slicesIn } from './offload.ts';

/** Distance from a server's due share of reads at which it counts as carrying its weight: ten points. */
const tolerance = 0.1;

/** Length of the window in which the share is taken, ms. */
const windowMs = 1000;

/**
 * Time from each server's last attach in a drill until it carries its weight again, ms; null when it did not before the
 * next drill.
 *
 * It does when its share of the reads in a window of 1 s is within ten points of its weight over the weights of all servers
 * attached at the end of the window; the window slides by one slice, and its end counts. Servers without an attach in the
 * drill, and those of weight 0, which have nothing to carry, have no entry.
 */
export function weightRestoredAfterMs(
  recording: Recording,
  history: ClusterHistory,
  window: DrillWindow,
): Record<string, number | null> {
  const restored: Record<string, number | null> = {};
  const servers = pooledServers(recording);
  for (const { name, weight } of servers) {
    const changes = history.changesOf(name, { startMs: window.begunMs, endMs: window.untilMs });
    const attach = changes.findLast(({ to }) => to === 'in');
    if (!attach || weight === 0) continue;
    restored[name] = firstFairShare(recording, history, {
      name,
      attachMs: attach.atMs,
      untilMs: window.untilMs,
    });
  }
  return restored;
}

function firstFairShare(
  recording: Recording,
  history: ClusterHistory,
  options: { name: string; attachMs: number; untilMs: number },
): number | null {
  const { name, attachMs, untilMs } = options;
  const servers = pooledServers(recording);
  const slices = slicesIn(recording.intervals, { startMs: attachMs, endMs: untilMs });
  let first = 0;
  for (const [index, { startMs, lengthMs }] of slices.entries()) {
    const endMs = startMs + lengthMs;
    while ((slices[first]?.startMs ?? endMs) < endMs - windowMs) first += 1;
    if (endMs - windowMs < attachMs || endMs > untilMs) continue;
    const attached = servers.filter((server) => history.attachedAt(server.name, endMs) ?? true);
    const allWeights = attached.reduce((sum, { weight }) => sum + weight, 0);
    const weight = attached.find((server) => server.name === name)?.weight ?? 0;
    const share = readSharesOf(slices.slice(first, index + 1), servers)[name];
    if (share !== undefined && Math.abs(share - weight / allWeights) <= tolerance) return endMs - attachMs;
  }
  return null;
}
