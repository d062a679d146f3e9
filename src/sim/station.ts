import { invariant } from '../kernel/errors.ts';
import { callKind, type EventKernel } from '../kernel/event-kernel.ts';
import { TimeHeap } from '../kernel/time-heap.ts';

/** What is left of a quota at its end is less than this: rounding. */
const roundingMs = 1e-6;

/** Of a quota, so much at most goes into jobs that begin anew: a machine runs few of many long jobs in one period. */
const mostForRestarts = 0.5;

/** Processor time that a server may use: `budgetMs` in each period, begun anew at whole multiples of it from `phaseMs`. */
export interface Quota {
  budgetMs: number;
  periodMs: number;
  phaseMs: number;
  /** Work more of each job in service when it was used up; left out: none. */
  restartMs?: number;
}

/** What a station needs of the processor that it shares. */
export interface SharedCores {
  readonly kernel: EventKernel;
  readonly cores: number;
  /** Virtual time now, brought up to date. */
  advance(): number;
  /** So many jobs more run, or less. */
  changeRunning(by: number): void;
  /** A job of this size has come: sets the next event anew where it must come earlier. */
  armFor(workMs: number): void;
  /** A job has ended: its event happens in this turn. */
  ended(kind: number, a: number, b: number): void;
}

/**
 * One server's share of a processor: its jobs, and the processor time that they used.
 *
 * With a quota its jobs stop when it is used up in a period, and go on with the next (Linux: CFS bandwidth control, without bursts;
 * what several cores use at once counts together).
 */
export class Station {
  readonly #processor: SharedCores;
  readonly #quota: Quota | null;
  /** Work more of each job in service when the present stop ends. */
  #restartMs = 0;
  /** Jobs by slot, ordered by the virtual time at which they end; free slots are used again. */
  readonly #jobs = new TimeHeap();
  #kinds = new Int32Array(16);
  #as = new Int32Array(16);
  #bs = new Int32Array(16);
  readonly #free: number[] = [];
  #slots = 0;
  #served = 0;
  /** Virtual time of the processor less that of this station: what it was suspended for. */
  #behindMs = 0;
  #suspendedAtMs: number | null = null;
  #usedMs = 0;
  #usedUntilMs = 0;
  /** Of the present period. */
  #leftMs = 0;
  #periodEndMs = Number.NEGATIVE_INFINITY;
  #throttledMs = 0;
  #throttledFromMs = 0;

  constructor(processor: SharedCores, quota: Quota | null) {
    if (quota) invariant(quota.budgetMs > 0 && quota.periodMs > 0, 'a quota has a budget and a period');
    this.#processor = processor;
    this.#quota = quota;
    if (quota) this.#leftMs = quota.budgetMs;
  }

  /** Jobs that ended. */
  get served(): number {
    return this.#served;
  }

  /** Cores of the machine that it runs on. */
  get cores(): number {
    return this.#processor.cores;
  }

  /** Cores that its quota amounts to; null without one. */
  get cap(): number | null {
    return this.#quota ? this.#quota.budgetMs / this.#quota.periodMs : null;
  }

  /** Processor time used until now, ms. */
  usedMs(): number {
    this.#account(this.#processor.advance());
    return this.#usedMs;
  }

  /** Time that its quota held its jobs up, ms. */
  throttledMs(): number {
    const sinceMs = this.#suspendedAtMs === null ? 0 : this.#processor.kernel.nowMs - this.#throttledFromMs;
    return this.#throttledMs + sinceMs;
  }

  /** Serves a job that needs `workMs` of one core; at its end an event of `kind` happens. */
  serve(workMs: number, kind: number, a: number, b: number): void {
    const virtualMs = this.#processor.advance();
    this.#account(virtualMs);
    const slot = this.#free.pop() ?? this.#slots++;
    if (slot >= this.#kinds.length) this.#grow();
    this.#kinds[slot] = kind;
    this.#as[slot] = a;
    this.#bs[slot] = b;
    if (this.#quota) this.#beginPeriod(this.#quota);
    const ownMs =
      this.#suspendedAtMs === null ? virtualMs - this.#behindMs : this.#suspendedAtMs - this.#restartMs;
    const neededMs = Math.max(workMs, 0);
    this.#jobs.push(ownMs + neededMs, slot, 0);
    if (this.#suspendedAtMs === null) this.#processor.changeRunning(1);
    this.#processor.armFor(neededMs);
  }

  /** The same, and calls `done`: for what happens seldom. */
  run(workMs: number, done: () => void): void {
    this.serve(workMs, callKind, this.#processor.kernel.keep(done), 0);
  }

  /** Virtual time of the processor at which the next job ends; Infinity when none runs. */
  nextEndMs(): number {
    return this.#suspendedAtMs === null
      ? (this.#jobs.top[0] as number) + this.#behindMs
      : Number.POSITIVE_INFINITY;
  }

  /** Takes out the jobs that end up to `virtualMs` of the processor. */
  takeEnded(virtualMs: number): void {
    const jobs = this.#jobs;
    if (this.#suspendedAtMs !== null || (jobs.top[0] as number) + this.#behindMs > virtualMs) return;
    this.#account(this.#processor.advance());
    while (jobs.size > 0 && (jobs.top[0] as number) + this.#behindMs <= virtualMs) {
      const slot = jobs.topItem;
      this.#processor.ended(this.#kinds[slot] as number, this.#as[slot] as number, this.#bs[slot] as number);
      jobs.drop();
      this.#free.push(slot);
      this.#served += 1;
      this.#processor.changeRunning(-1);
    }
  }

  /** Time until its quota is used up, or until the present period ends, at this rate; Infinity when neither matters. */
  quotaMatterMs(rate: number, virtualMs: number): number {
    const running = this.#jobs.size;
    if (running === 0) return Number.POSITIVE_INFINITY;
    this.#account(virtualMs);
    const periodMs = Math.max(0, this.#periodEndMs - this.#processor.kernel.nowMs);
    if (this.#suspendedAtMs !== null) return periodMs;
    return Math.min(periodMs, Math.max(0, this.#leftMs) / (running * rate));
  }

  /** Begins the next period, or suspends the jobs, when it is time to. */
  settleQuota(nowMs: number): void {
    if (!this.#quota || this.#jobs.size === 0) return;
    const virtualMs = this.#processor.advance();
    this.#account(virtualMs);
    if (nowMs >= this.#periodEndMs - roundingMs) {
      this.#leftMs = this.#quota.budgetMs;
      this.#periodEndMs = this.#endOfPeriod(this.#quota, nowMs + roundingMs);
      if (this.#suspendedAtMs !== null) this.#resume(virtualMs);
    } else if (this.#suspendedAtMs === null && this.#leftMs <= roundingMs) {
      this.#suspendedAtMs = virtualMs - this.#behindMs;
      const { restartMs = 0, budgetMs } = this.#quota;
      this.#restartMs = Math.min(restartMs, (mostForRestarts * budgetMs) / this.#jobs.size);
      this.#throttledFromMs = nowMs;
      this.#processor.changeRunning(-this.#jobs.size);
    }
  }

  #resume(virtualMs: number): void {
    this.#behindMs = virtualMs - (this.#suspendedAtMs as number) + this.#restartMs;
    this.#suspendedAtMs = null;
    this.#throttledMs += this.#processor.kernel.nowMs - this.#throttledFromMs;
    this.#processor.changeRunning(this.#jobs.size);
  }

  /** A station that was idle at the end of a period begins the present one when its next job comes. */
  #beginPeriod(quota: Quota): void {
    const { nowMs } = this.#processor.kernel;
    if (this.#jobs.size > 0 || nowMs < this.#periodEndMs - roundingMs) return;
    this.#leftMs = quota.budgetMs;
    this.#periodEndMs = this.#endOfPeriod(quota, nowMs + roundingMs);
  }

  #endOfPeriod({ periodMs, phaseMs }: Quota, nowMs: number): number {
    return phaseMs + periodMs * (Math.floor((nowMs - phaseMs) / periodMs) + 1);
  }

  /** Adds what the jobs used since the last change of their number. */
  #account(virtualMs: number): void {
    if (this.#suspendedAtMs === null) {
      const usedMs = this.#jobs.size * (virtualMs - this.#usedUntilMs);
      this.#usedMs += usedMs;
      this.#leftMs -= usedMs;
    }
    this.#usedUntilMs = virtualMs;
  }

  #grow(): void {
    const wide = (values: Int32Array): Int32Array<ArrayBuffer> => {
      const grown = new Int32Array(values.length * 2);
      grown.set(values);
      return grown;
    };
    this.#kinds = wide(this.#kinds);
    this.#as = wide(this.#as);
    this.#bs = wide(this.#bs);
  }
}
