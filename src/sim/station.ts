import type { Clock, TimerId } from '../kernel/clock.ts';
import { invariant } from '../kernel/errors.ts';
import { EventQueue } from '../kernel/event-queue.ts';

/** Jobs that need this little more are done: what rounding leaves over. */
const roundingMs = 1e-9;

/** Virtual time is set back to 0 when the station is empty, or every so often, so that its fractions stay exact. */
const rebaseAtMs = 1e9;

/**
 * Processor sharing on `cores` equal cores: n jobs each advance at rate min(1, cores / n).
 *
 * Virtual time V advances at that rate; a job of size S that arrives at V leaves at V + S, so an arrival or departure
 * moves one timer, whatever the number of jobs.
 */
export class Station {
  readonly #clock: Clock;
  readonly #cores: number;
  readonly #jobs = new EventQueue<() => void>();
  #virtualMs = 0;
  #updatedAtMs: number;
  #timer: TimerId | null = null;
  #served = 0;

  constructor(clock: Clock, cores: number) {
    invariant(cores > 0, `a station needs a core, got ${cores}`);
    this.#clock = clock;
    this.#cores = cores;
    this.#updatedAtMs = clock.nowMs();
  }

  /** Jobs that ended. */
  get served(): number {
    return this.#served;
  }

  /** Serves a job that needs `workMs` of one core; `done` is called at its end. */
  run(workMs: number, done: () => void): void {
    this.#advance();
    this.#jobs.push(this.#virtualMs + Math.max(0, workMs), done);
    this.#arm();
  }

  #rate(): number {
    return Math.min(1, this.#cores / Math.max(1, this.#jobs.size));
  }

  #advance(): void {
    const nowMs = this.#clock.nowMs();
    if (this.#jobs.size === 0) this.#virtualMs = 0;
    else this.#virtualMs += (nowMs - this.#updatedAtMs) * this.#rate();
    this.#updatedAtMs = nowMs;
    invariant(this.#virtualMs < rebaseAtMs, 'a station was never idle in eleven days');
  }

  #arm(): void {
    if (this.#timer !== null) this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#jobs.size === 0) return;
    const leftMs = Math.max(0, this.#jobs.nextDueMs() - this.#virtualMs) / this.#rate();
    this.#timer = this.#clock.setTimeout(() => this.#finish(), leftMs);
  }

  #finish(): void {
    this.#timer = null;
    this.#advance();
    const ended: (() => void)[] = [];
    const untilMs = this.#virtualMs + roundingMs;
    if (this.#jobs.nextDueMs() > untilMs) this.#virtualMs = this.#jobs.nextDueMs();
    while (this.#jobs.nextDueMs() <= this.#virtualMs + roundingMs) ended.push(this.#jobs.pop());
    this.#served += ended.length;
    this.#arm();
    for (const done of ended) done();
  }
}
