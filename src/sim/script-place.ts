import type { EventKernel } from '../kernel/event-kernel.ts';
import { Destination, noPlan, type ScriptPlan } from './script-plan.ts';
import type { Connection } from './session-state.ts';
import type { SessionView } from './session-view.ts';

/**
 * Where an execution is in its script: at which statement, at which of that one's nodes, in a sleep or not. Nothing on the path of a
 * statement allocates.
 */
export class ScriptPlace {
  readonly #kernel: EventKernel;
  #script: ScriptPlan = noPlan;
  /** The present statement, and whether it goes to the second of its nodes. */
  #at = 0;
  #isSecondHop = false;
  /** End of the script's present sleep. */
  #sleepsUntilMs = Number.NEGATIVE_INFINITY;

  constructor(kernel: EventKernel) {
    this.#kernel = kernel;
  }

  /** At the first statement of a script. */
  begin(script: ScriptPlan): void {
    this.#script = script;
    this.#at = 0;
    this.#isSecondHop = false;
    this.#sleepsUntilMs = Number.NEGATIVE_INFINITY;
  }

  /** At the next statement. */
  next(): void {
    this.#isSecondHop = false;
    this.#at += 1;
  }

  /** The script's pause at this place, ms, which begins now. */
  pauseMs(): number {
    const pauseMs = this.#script.pausesMs[this.#at] as number;
    if (pauseMs > 0) this.#sleepsUntilMs = this.#kernel.nowMs + pauseMs;
    return pauseMs;
  }

  /** In a sleep of the script: the present statement was not sent yet. */
  get isAsleep(): boolean {
    return this.#kernel.nowMs < this.#sleepsUntilMs;
  }

  /** Behind the last statement. */
  get isOver(): boolean {
    return this.#at === this.#script.destinations.length;
  }

  /** A value of `Destination`. */
  get destination(): number {
    return this.#script.destinations[this.#at] as number;
  }

  get isWrite(): boolean {
    return this.#script.writes[this.#at] === 1;
  }

  get isLastCommit(): boolean {
    return this.#at === this.#script.lastCommit;
  }

  /** The statement left with the one before it. */
  get isTogether(): boolean {
    return this.#script.together[this.#at] === 1;
  }

  /** A statement that commits was sent. */
  get hasSentCommit(): boolean {
    const sent = this.isAsleep ? this.#at : this.#at + 1;
    return this.#script.sendsCommit.subarray(0, sent).includes(1);
  }

  /** A statement before this one has committed. */
  get hasCommitted(): boolean {
    return this.#script.commits.subarray(0, this.#at).includes(1);
  }

  goesToPrimary({ loadBalanceNode, primary }: Connection, view: SessionView): boolean {
    const { destination } = this;
    if (destination === Destination.primary) return true;
    if (destination === Destination.balanced)
      return loadBalanceNode !== primary && view.isLate(loadBalanceNode);
    if (primary === loadBalanceNode) return true;
    return (destination === Destination.primaryThenBalanced) !== this.#isSecondHop;
  }

  /** Turns to the second node of the statement. @returns whether it has one that it was not at yet */
  toSecondNode({ loadBalanceNode, primary }: Connection): boolean {
    if (this.#isSecondHop || primary === loadBalanceNode) return false;
    const { destination } = this;
    this.#isSecondHop =
      destination === Destination.primaryThenBalanced || destination === Destination.balancedThenPrimary;
    return this.#isSecondHop;
  }
}
