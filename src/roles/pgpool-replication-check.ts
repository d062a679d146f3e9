import { setup } from 'xstate';
import type { RecoveryAnswer } from '../topology/routing.ts';

/** What one replication check sees, by node id. */
export interface ReplicationReport {
  /** Of the nodes that were asked; null for the others and where no answer came. */
  answers: readonly RecoveryAnswer[];
  /** The node that each standby streams from. */
  upstreams: readonly (number | null)[];
  /** How far each standby's replay is behind the primary. */
  delayBytes: readonly (number | null)[];
  /** The primary lists it as streaming, whether Pgpool uses it or not. */
  streaming: readonly boolean[];
}

/** What Pgpool keeps of the last check that could reach every node it uses. */
export interface ReplicationView {
  delayBytes: readonly number[];
  streaming: readonly boolean[];
}

export const noReplicationView: ReplicationView = { delayBytes: [], streaming: [] };

/**
 * The view after a check. Where a node in use did not answer or no primary is known, delays stay as they were and nobody counts
 * as streaming (pool_worker_child.c: check_replication_time_lag clears the states first, then gives up).
 */
export function replicationViewAfter(
  view: ReplicationView,
  report: ReplicationReport,
  { primary, asked }: { primary: number; asked: readonly number[] },
): ReplicationView {
  const answered = asked.every((id) => (report.answers[id] ?? null) !== null);
  if (primary < 0 || !answered) return { ...view, streaming: [] };
  return { delayBytes: report.delayBytes.map((bytes) => bytes ?? 0), streaming: report.streaming };
}

/** The main process ends the check's process after every request, and forks it again after its rest of a second. */
const restartMs = 1000;

const base = setup({
  types: {
    input: {} as { periodMs: number; mayCheck: () => boolean },
    context: {} as { periodMs: number; mayCheck: () => boolean },
    events: {} as { type: 'checked' } | { type: 'restart' },
    emitted: {} as { type: 'check' } | { type: 'over' },
  },
  delays: { period: ({ context }) => context.periodMs, restart: restartMs },
  guards: {
    off: ({ context }) => context.periodMs <= 0,
    mayCheck: ({ context }) => context.mayCheck(),
  },
});

/**
 * Pgpool's check of replication delay and of false primaries (`sr_check`): a look every `sr_check_period`, skipped while Pgpool is
 * switching or a follow run holds the lock. While it looks it holds that lock itself: a node that hangs in it holds up every
 * search (docs/method.md).
 *
 * Source: Pgpool-II 4.3.5, src/streaming_replication/pool_worker_child.c.
 */
export const replicationCheckMachine = base.createMachine({
  id: 'replicationCheck',
  context: ({ input }) => input,
  initial: 'due',
  states: {
    off: {},
    due: {
      always: [
        { guard: 'off', target: 'off' },
        { guard: 'mayCheck', target: 'checking' },
        { target: 'sleeping' },
      ],
    },
    checking: {
      entry: base.emit({ type: 'check' }),
      on: { checked: 'sleeping' },
      exit: base.emit({ type: 'over' }),
    },
    sleeping: { after: { period: 'due' }, on: { restart: 'restarting' } },
    restarting: { after: { restart: 'due' } },
  },
});
