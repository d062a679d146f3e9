import type { Clock } from '../kernel/clock.ts';
import type { DueOperation } from './arrivals.ts';
import { Chain } from './chain.ts';
import { Deadline, isOver } from './deadline.ts';
import type { PoolPlace, PoolPlan } from './pool-place.ts';
import { WaitingLine } from './waiting-line.ts';

const anyKind = { reads: true, writes: true };
const onlyReads = { reads: true, writes: false };

/** What becomes of operations that wait too long. */
interface WaitingRules {
  plan: Pick<PoolPlan, 'late' | 'patienceMs' | 'durationMs'>;
  /** An operation of an open class is given up; the object is used again. */
  skip: (operation: Readonly<DueOperation>) => void;
  /** The one that a closed class's place holds is given up; it is in the room no more. */
  skipHeld: (place: PoolPlace) => void;
  /** Called after some were given up. */
  onSkipped: () => void;
}

/**
 * Everything that is due and waits for a session: operations of open classes for any, those of closed classes for their own.
 * Late ones are skipped when their patience is over, or, when they are caught up with, so long after the end of the schedule.
 */
export class WaitingRoom {
  readonly #clock: Clock;
  readonly #rules: WaitingRules;
  readonly #line = new WaitingLine();
  /** Places of closed classes whose operation waits for their session, in order of due times. */
  readonly #held = new Chain<PoolPlace>();
  readonly #timer: Deadline;
  readonly #late: DueOperation = { classIndex: 0, number: 0, dueMs: Number.NaN };
  #zeroMs = 0;
  #endMs: number;

  constructor(clock: Clock, rules: WaitingRules) {
    this.#clock = clock;
    this.#rules = rules;
    this.#endMs = rules.plan.durationMs;
    this.#timer = new Deadline(clock, () => this.#fired());
  }

  get isEmpty(): boolean {
    return this.#line.length === 0 && this.#held.first === null;
  }

  /** @param zeroMs instant of the clock from which due times count */
  start(zeroMs: number): void {
    this.#zeroMs = zeroMs;
  }

  /** Nothing becomes due after `atMs`: the schedule was ended early. */
  endSchedule(atMs: number): void {
    this.#endMs = Math.min(this.#endMs, atMs);
    this.#arm();
  }

  /** Some operation of that kind waits for any session. */
  hasLine(kind: 'read' | 'write'): boolean {
    return this.#line.has(kind);
  }

  /** An operation of an open class begins to wait. */
  add(kind: 'read' | 'write', operation: Readonly<DueOperation>): void {
    this.#line.add(kind, operation);
    this.#arm();
  }

  /** Takes the earliest operation of the line that a session may take into `target`; false when there is none. */
  take(target: DueOperation, takesWrites: boolean): boolean {
    return this.#line.length > 0 && this.#line.take(target, takesWrites ? anyKind : onlyReads);
  }

  /** A closed class's operation begins to wait for its session. */
  hold(place: PoolPlace): void {
    this.#held.add(place);
    this.#arm();
  }

  /** Whether a place's operation waited here; it does no more. */
  release(place: PoolPlace): boolean {
    return this.#held.remove(place);
  }

  /** Gives up all that waits. */
  clear(): void {
    while (this.#line.take(this.#late, anyKind)) this.#rules.skip(this.#late);
    for (let place = this.#held.first; place !== null; place = this.#held.first) this.#skipHeld(place);
  }

  close(): void {
    this.#timer.clear();
  }

  #skipAtMs(dueMs: number): number {
    const { late, patienceMs } = this.#rules.plan;
    return (late === 'skip' ? dueMs : this.#endMs) + patienceMs;
  }

  #arm(): void {
    const heldMs = this.#held.first?.call.dueMs ?? Number.POSITIVE_INFINITY;
    const dueMs = Math.min(this.#line.nextDueMs(), heldMs);
    if (dueMs !== Number.POSITIVE_INFINITY) this.#timer.at(this.#zeroMs + this.#skipAtMs(dueMs));
  }

  #fired(): void {
    const nowMs = this.#clock.nowMs() - this.#zeroMs;
    while (isOver(this.#skipAtMs(this.#line.nextDueMs()), nowMs) && this.#line.take(this.#late, anyKind))
      this.#rules.skip(this.#late);
    for (let place = this.#held.first; place !== null; place = this.#held.first) {
      if (!isOver(this.#skipAtMs(place.call.dueMs), nowMs)) break;
      this.#skipHeld(place);
    }
    this.#arm();
    this.#rules.onSkipped();
  }

  #skipHeld(place: PoolPlace): void {
    this.#held.remove(place);
    this.#rules.skipHeld(place);
  }
}
