import type { WorldSnapshot } from '../drills/world.ts';
import type { LiveSnapshot } from '../load/live.ts';

/** Errors of the last second, from sums that only grow. */
export class ErrorRate {
  readonly #seen: { atMs: number; errors: number }[] = [];

  /** @returns errors since the newest reading that is at least 1 s old */
  take(atMs: number, errors: number): number {
    this.#seen.push({ atMs, errors });
    while (this.#seen[1] && this.#seen[1].atMs <= atMs - 1000) this.#seen.shift();
    return errors - (this.#seen[0]?.errors ?? 0);
  }
}

/** The driver's figures in the world's terms; null before the first second. */
export function snapshotOf(
  live: LiveSnapshot,
  kinds: ReadonlyMap<string, 'read' | 'write'>,
  rate: ErrorRate,
): WorldSnapshot | null {
  if (live.atMs === null) return null;
  const classes = Object.entries(live.classes);
  const errors = classes.reduce((sum, [, { failed, unknown }]) => sum + failed + unknown, 0);
  const of = (kind: 'read' | 'write') =>
    classes.filter(([name]) => kinds.get(name) === kind).map(([, figures]) => figures);
  const perSecond = (kind: 'read' | 'write'): number =>
    of(kind).reduce((sum, figures) => sum + figures.perSecond, 0);
  const p99Ms = (kind: 'read' | 'write'): number | null => {
    const values = of(kind).flatMap((figures) => (figures.p99Ms === null ? [] : [figures.p99Ms]));
    return values.length === 0 ? null : Math.max(...values);
  };
  const reads = Object.values(live.readsByServer).reduce((sum, count) => sum + count, 0);
  return {
    readsPerSecond: perSecond('read'),
    writesPerSecond: perSecond('write'),
    readP99Ms: p99Ms('read'),
    writeP99Ms: p99Ms('write'),
    errors,
    errorsPerSecond: rate.take(live.atMs, errors),
    readShare: Object.fromEntries(
      Object.entries(live.readsByServer).map(([server, count]) => [server, count / Math.max(1, reads)]),
    ),
  };
}
