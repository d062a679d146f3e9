import type { Clock } from '../kernel/clock.ts';
import { invariant } from '../kernel/errors.ts';
import { Chain } from './chain.ts';
import { Deadline, isOver } from './deadline.ts';
import type { PoolPlace } from './pool-place.ts';

/** How long an execution that the server was asked to stop may still take to say so (docs/method.md L6). */
const cancelGraceMs = 500;

/**
 * Sent operations that have not ended, each with its class's time limit. One whose limit is over is stopped where its
 * transport can ask the server for that, and given up when nothing is heard of it within the grace; else given up at once.
 */
export class Flights {
  readonly #clock: Clock;
  readonly #timeoutsMs: readonly number[];
  readonly #giveUp: (place: PoolPlace) => void;
  /** By class, in order of sending, hence of their limits; ended ones leave at once. */
  readonly #chains: readonly Chain<PoolPlace>[];
  /** Those that the server was asked to stop, in that order. */
  readonly #stopping = new Chain<PoolPlace>();
  readonly #timer: Deadline;
  #zeroMs = 0;
  size = 0;

  /**
   * @param options.timeoutsMs by position of the class
   * @param options.giveUp takes a place out by `end`
   */
  constructor(clock: Clock, options: { timeoutsMs: readonly number[]; giveUp: (place: PoolPlace) => void }) {
    this.#clock = clock;
    this.#timeoutsMs = options.timeoutsMs;
    this.#giveUp = options.giveUp;
    this.#chains = options.timeoutsMs.map(() => new Chain<PoolPlace>());
    this.#timer = new Deadline(clock, () => this.#fired());
  }

  /** @param zeroMs instant of the clock from which `sentMs` of a place counts */
  start(zeroMs: number): void {
    this.#zeroMs = zeroMs;
  }

  /** An operation was sent at the place's `sentMs`. */
  begin(place: PoolPlace): void {
    const { classIndex } = place.call;
    (this.#chains[classIndex] as Chain<PoolPlace>).add(place);
    this.size += 1;
    this.#timer.at(this.#zeroMs + place.sentMs + (this.#timeoutsMs[classIndex] as number));
  }

  /** The operation has ended. @returns whether the server had been asked to stop it */
  end(place: PoolPlace): boolean {
    const wasStopped = this.#stopping.remove(place);
    invariant(wasStopped || this.#chains[place.call.classIndex]?.remove(place), 'an operation ends once');
    this.size -= 1;
    return wasStopped;
  }

  /** Gives all up. */
  endAll(giveUp: (place: PoolPlace) => void): void {
    for (const chain of [...this.#chains, this.#stopping])
      for (let place = chain.first; place !== null; place = chain.first) giveUp(place);
  }

  close(): void {
    this.#timer.clear();
  }

  #fired(): void {
    const nowMs = this.#clock.nowMs() - this.#zeroMs;
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [classIndex, chain] of this.#chains.entries()) {
      const timeoutMs = this.#timeoutsMs[classIndex] as number;
      let place = chain.first;
      for (; place !== null && isOver(place.sentMs + timeoutMs, nowMs); place = chain.first)
        this.#stop(place, nowMs);
      if (place !== null) nextMs = Math.min(nextMs, place.sentMs + timeoutMs);
    }
    let place = this.#stopping.first;
    for (; place !== null && isOver(place.stopAskedMs + cancelGraceMs, nowMs); place = this.#stopping.first)
      this.#giveUp(place);
    if (place !== null) nextMs = Math.min(nextMs, place.stopAskedMs + cancelGraceMs);
    if (nextMs !== Number.POSITIVE_INFINITY) this.#timer.at(this.#zeroMs + nextMs);
  }

  #stop(place: PoolPlace, nowMs: number): void {
    if (!place.session.cancel()) {
      this.#giveUp(place);
      return;
    }
    this.#chains[place.call.classIndex]?.remove(place);
    place.stopAskedMs = nowMs;
    this.#stopping.add(place);
  }
}
