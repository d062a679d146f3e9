import { monotonicMs, yieldToEvents } from '../../kernel/clock.ts';
import { eventLoopFile } from './event-loop-watch.ts';
import type { Ring } from './ring.ts';

/** The longest wait in the kernel: Node cannot end a thread that waits there, and the agenda may have finished. */
const longestWaitMs = 100;
/** Visits to the event loop while it has work of ours: by the clock, where its descriptor is not known. */
const workingVisitMs = 1;
/** The same where it is known; timers are not told by the descriptor. */
const watchedVisitMs = 10;

/**
 * When a thread that waits in a ring goes to see to Node's event loop: when the loop has something to do, which the ring
 * is told by the loop's own descriptor, and by the clock.
 */
export class LoopVisits {
  readonly #ring: Ring;
  /** Pieces of work that the event loop has to do: sessions being opened, cancel requests. */
  #works = 0;
  #file: number | null = null;
  /** The ring looks out for the loop's descriptor. */
  #watched = false;
  #wanted = false;
  #lastMs = 0;

  constructor(ring: Ring) {
    this.#ring = ring;
  }

  get works(): number {
    return this.#works;
  }

  /** Visits more often until this piece of work is done. */
  async during<T>(work: Promise<T>): Promise<T> {
    this.#works += 1;
    this.#wanted = true;
    try {
      return await work;
    } finally {
      this.#works -= 1;
    }
  }

  /** The loop is visited soon. */
  want(): void {
    this.#wanted = true;
  }

  /** Finds the loop's descriptor by one that the loop waits for. */
  learn(memberFile: number): void {
    this.#file ??= eventLoopFile(memberFile);
  }

  /** For the ring: the loop has something to do. */
  called(): void {
    this.#watched = false;
    this.#wanted = true;
  }

  /** The longest span between two visits. */
  get everyMs(): number {
    if (this.#works === 0) return longestWaitMs;
    return this.#file === null ? workingVisitMs : watchedVisitMs;
  }

  isDue(nowMs: number): boolean {
    return this.#wanted || nowMs - this.#lastMs >= this.everyMs;
  }

  /** Lets the event loop do what it has to do. */
  async visit(): Promise<void> {
    await yieldToEvents();
    this.#wanted = false;
    this.#lastMs = monotonicMs();
    if (this.#file === null || this.#watched) return;
    this.#ring.poll(this.#file);
    this.#watched = true;
  }
}
