import { within } from '../../analysis/frame.ts';
import { studentQuantile } from '../../analysis/student.ts';
import type { WalPositionEvent } from '../../recording/events.ts';
import type { RunFacts } from './facts.ts';
import { bytesAt } from './wal.ts';

/** How long after the primary a standby has replayed what was written, ms, with the half width of its 95 % interval. */
export interface ReplicationLag {
  meanMs: number;
  halfWidthMs: number;
  count: number;
}

interface Position {
  atMs: number;
  bytes: number;
}

/**
 * The delay of the standbys from positions that were seen about once a second: what a standby lacks of the primary's
 * position at that instant, over the WAL that the primary wrote a ms. Null where no WAL moved while positions were seen.
 *
 * The primary's position between two looks lies on a straight line; writes that come by chance make each look uncertain by
 * some of them, which the interval tells.
 */
export function replicationLag(runs: readonly RunFacts[]): ReplicationLag | null {
  const lags = runs.flatMap(lagsIn);
  const count = lags.length;
  if (count < 2) return null;
  const meanMs = lags.reduce((sum, lag) => sum + lag, 0) / count;
  const squares = lags.reduce((sum, lag) => sum + (lag - meanMs) ** 2, 0);
  const error = Math.sqrt(squares / (count - 1) / count);
  return { meanMs, halfWidthMs: studentQuantile(count - 1, 0.95) * error, count };
}

function lagsIn({ events, steady, roleOf }: RunFacts): number[] {
  const seen = events.filter((event): event is WalPositionEvent => event.type === 'walPosition');
  const servers = [...new Set(seen.map(({ server }) => server))];
  const positionsOf = (server: string): Position[] =>
    seen
      .filter((event) => event.server === server && within(event.atMs, steady))
      .map(({ atMs, position }) => ({ atMs, bytes: bytesAt(position) }));
  const primary = servers.find((server) => roleOf(server) === 'primary');
  if (primary === undefined) return [];
  const written = positionsOf(primary);
  return servers
    .filter((server) => roleOf(server) === 'standby')
    .flatMap((server) => positionsOf(server).flatMap((position) => lagOf(position, written)));
}

/** Of one look at a standby; none where the primary wrote nothing between the looks before and after. */
function lagOf({ atMs, bytes }: Position, written: readonly Position[]): number[] {
  const next = written.findIndex((position) => position.atMs > atMs);
  const [before, after] = [written[next - 1], written[next]];
  if (!before || !after || after.bytes <= before.bytes) return [];
  const perMs = (after.bytes - before.bytes) / (after.atMs - before.atMs);
  return [(before.bytes + (atMs - before.atMs) * perMs - bytes) / perMs];
}
