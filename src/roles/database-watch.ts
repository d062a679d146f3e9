import type { Clock, TimerId } from '../kernel/clock.ts';
import type { CommandOutcome } from './host.ts';

/**
 * The background check of the local database: one attempt every `local.period`, and a word when none has succeeded for
 * `local.timeout` (method.md EFM procedure B). A passing check only moves the deadline; no statechart hears of it.
 */
export class DatabaseWatch {
  readonly #clock: Clock;
  readonly #periodMs: number;
  readonly #timeoutMs: number;
  readonly #query: (done: (outcome: CommandOutcome) => void) => void;
  readonly #tell: (what: 'overdue' | 'wrongState') => void;
  #generation = 0;
  #expectRecovery = false;
  #lastOkMs = 0;
  #asking = false;
  #watching = false;
  #tick: TimerId = null;
  #deadline: TimerId = null;

  constructor(options: {
    clock: Clock;
    periodMs: number;
    timeoutMs: number;
    query: (done: (outcome: CommandOutcome) => void) => void;
    tell: (what: 'overdue' | 'wrongState') => void;
  }) {
    this.#clock = options.clock;
    this.#periodMs = options.periodMs;
    this.#timeoutMs = options.timeoutMs;
    this.#query = options.query;
    this.#tell = options.tell;
  }

  get watching(): boolean {
    return this.#watching;
  }

  start(expectRecovery: boolean): void {
    this.stop();
    this.#watching = true;
    this.#expectRecovery = expectRecovery;
    this.#lastOkMs = this.#clock.nowMs();
    this.#deadline = this.#clock.setTimeout(() => this.#checkDeadline(), this.#timeoutMs);
    this.#check();
  }

  stop(): void {
    this.#generation += 1;
    this.#watching = false;
    this.#asking = false;
    this.#clock.clearTimeout(this.#tick);
    this.#clock.clearTimeout(this.#deadline);
  }

  #check(): void {
    this.#tick = this.#clock.setTimeout(() => this.#check(), this.#periodMs);
    if (this.#asking) return;
    this.#asking = true;
    const generation = this.#generation;
    this.#query((outcome) => {
      if (generation !== this.#generation) return;
      this.#asking = false;
      if (!outcome.ok) return;
      if (outcome.inRecovery === this.#expectRecovery) this.#lastOkMs = this.#clock.nowMs();
      else this.#end('wrongState');
    });
  }

  #checkDeadline(): void {
    const leftMs = this.#lastOkMs + this.#timeoutMs - this.#clock.nowMs();
    if (leftMs <= 0.5) this.#end('overdue');
    else this.#deadline = this.#clock.setTimeout(() => this.#checkDeadline(), leftMs);
  }

  #end(what: 'overdue' | 'wrongState'): void {
    this.stop();
    this.#tell(what);
  }
}
