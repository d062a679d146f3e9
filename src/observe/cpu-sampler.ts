import { TreeMeter } from './cpu-time.ts';
import { failureOf, type Observer, type ObserverOptions, repeat } from './observer.ts';

/** Between two readings, ms. */
const periodMs = 1000;

/** A server whose processor time is watched. */
export interface CpuTarget {
  server: string;
  /** First process of PostgreSQL and of Pgpool there, null while it does not run; undefined where the server has none. */
  postgres?: () => number | null;
  pgpool?: () => number | null;
  /** Time for which a cap has held the server's processes back so far, ms; null without a cap. */
  throttledMs: () => number | null;
  /** Hears of processes that a program was started anew with. */
  onStarted?: (pids: readonly number[]) => void;
}

/**
 * Reads a server's processor time every second and emits what was used since the reading before, from the second reading
 * on. A program that is started between two readings counts from its start.
 */
export function watchCpu(target: CpuTarget, options: ObserverOptions): Observer {
  const { server } = target;
  const { clock, emit } = options;
  const meters = { postgres: new TreeMeter('postgres'), pgpool: new TreeMeter('pgpool') };
  const spent = (part: 'postgres' | 'pgpool'): number | null => {
    const root = target[part];
    if (!root) return null;
    const { spentMs, pids, isNew } = meters[part].read(root());
    if (isNew) target.onStarted?.(pids);
    return spentMs;
  };
  let before: { atMs: number; throttledMs: number | null } | null = null;
  const look = async (): Promise<void> => {
    const atMs = clock.nowMs();
    const postgresMs = spent('postgres');
    const pgpoolMs = spent('pgpool');
    const throttledMs = target.throttledMs();
    if (before) {
      const held = throttledMs === null ? null : throttledMs - (before.throttledMs ?? 0);
      const lengthMs = atMs - before.atMs;
      emit({ type: 'cpu', atMs, lengthMs, server, postgresMs, pgpoolMs, throttledMs: held });
    }
    before = { atMs, throttledMs };
  };
  return repeat(clock, periodMs, {
    look,
    onFailure: failureOf(options, { observer: 'cpu', target: server }),
  });
}
