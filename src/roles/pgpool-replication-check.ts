import type { Clock, TimerId } from '../kernel/clock.ts';
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

export interface ReplicationCheckOptions {
  clock: Clock;
  /** `sr_check_period`; 0 is off. */
  periodMs: number;
  mayCheck: () => boolean;
  /** Look at the nodes; `checked` ends it. */
  check: () => void;
  /** The look is over. */
  over: () => void;
}

/**
 * Pgpool's check of replication delay and of false primaries (`sr_check`): a look every `sr_check_period`, skipped while Pgpool is
 * switching or a follow run holds the lock. While it looks it holds that lock itself: a node that hangs in it holds up every
 * search (docs/method.md). After a request it starts anew, unless it is looking.
 *
 * Timers and no statechart, for it goes round as long as Pgpool runs and nothing happens.
 * Source: Pgpool-II 4.3.5, src/streaming_replication/pool_worker_child.c.
 */
export class ReplicationCheck {
  readonly #options: ReplicationCheckOptions;
  #state: 'off' | 'checking' | 'sleeping' | 'restarting' = 'off';
  #timer: TimerId = null;

  constructor(options: ReplicationCheckOptions) {
    this.#options = options;
  }

  get state(): string {
    return this.#state;
  }

  start(): void {
    if (this.#options.periodMs > 0) this.#due();
  }

  stop(): void {
    this.#options.clock.clearTimeout(this.#timer);
    this.#state = 'off';
  }

  checked(): void {
    if (this.#state !== 'checking') return;
    this.#options.over();
    this.#wait('sleeping', this.#options.periodMs);
  }

  restart(): void {
    if (this.#state !== 'sleeping') return;
    this.#options.clock.clearTimeout(this.#timer);
    this.#wait('restarting', restartMs);
  }

  #due(): void {
    const { mayCheck, check, periodMs } = this.#options;
    if (mayCheck()) {
      this.#state = 'checking';
      check();
    } else this.#wait('sleeping', periodMs);
  }

  #wait(state: 'sleeping' | 'restarting', forMs: number): void {
    this.#state = state;
    this.#timer = this.#options.clock.setTimeout(() => this.#due(), forMs);
  }
}
