import { invariant } from './errors.ts';
import { TimeHeap } from './time-heap.ts';

/** What happens at an event's instant; `a` and `b` are whole numbers that its scheduler gave: below 2²⁴, and of 32 bits. */
export type EventHandler = (a: number, b: number) => void;

/** An event's kind stands in the low digits of its first number, `a` above. */
const kindBits = 8;
const mostKinds = 2 ** kindBits;

/** The kind of an event that calls a closure: its `a` is what `keep` returned. */
export const callKind = 0;

/** A handle holds a closure's number in its low digits and the number's generation above; generations begin at 1. */
const mostCalls = 2 ** 22;

/** Generations begin anew after so many: a handle that old is not held by anyone. */
const lastGeneration = 2 ** 30 - 1;

/** Cancelled calls are cleared away when they are more than half of all events, and more than this. */
const clearAwayFrom = 64;

/**
 * A discrete-event simulation on typed arrays: events are numbers (a kind, two arguments), handlers stand in a table, and
 * an event allocates nothing.
 *
 * Time moves only from event to event. Events of one instant happen in the order in which they were scheduled, those
 * without delay after all that were due at this instant already. Times are ms.
 */
export class EventKernel {
  readonly #heap = new TimeHeap();
  readonly #handlers: EventHandler[] = [(at) => this.#call(at)];
  /** Closures by number; null of one that was cancelled. Free numbers are used again. */
  readonly #calls: ((() => void) | null)[] = [];
  readonly #generations: number[] = [];
  readonly #freeCalls: number[] = [];
  /** Cancelled calls that still stand in the heap. */
  #voided = 0;
  /** Events without delay, in a ring of pairs. */
  #ring = new Int32Array(128);
  #ringStart = 0;
  #ringCount = 0;
  /** The first entry of the heap is the event that happens now: the first one it schedules takes its place. */
  #rootIsFree = false;
  #nowMs = 0;
  #happened = 0;

  /** @param startMs the instant at which time begins */
  constructor(startMs = 0) {
    this.#nowMs = startMs;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events that have happened. */
  get happened(): number {
    return this.#happened;
  }

  /** Closures that are kept and were neither called nor cancelled. */
  get pendingCalls(): number {
    return this.#calls.length - this.#freeCalls.length - this.#voided;
  }

  /** Adds a handler. @returns the kind of its events */
  kind(handler: EventHandler): number {
    const kind = this.#handlers.push(handler) - 1;
    invariant(kind < mostKinds, `more than ${mostKinds} kinds of events`);
    return kind;
  }

  /** Schedules an event; a negative delay counts as 0. */
  schedule(delayMs: number, kind: number, a: number, b: number): void {
    const dueMs = this.#nowMs + delayMs;
    const item = kind | (a << kindBits);
    if (dueMs > this.#nowMs) {
      if (this.#rootIsFree) {
        this.#rootIsFree = false;
        this.#heap.replaceTop(dueMs, item, b);
      } else this.#heap.push(dueMs, item, b);
    } else {
      invariant(!Number.isNaN(dueMs), 'a delay must be a number');
      this.#enqueue(item, b);
    }
  }

  /** Lets an event happen now, within the present one. */
  happen(kind: number, a: number, b: number): void {
    (this.#handlers[kind] as EventHandler)(a, b);
  }

  /** Keeps a closure for one event of `callKind`. @returns the event's `a` */
  keep(call: () => void): number {
    const at = this.#freeCalls.pop() ?? this.#calls.length;
    invariant(at < mostCalls, `more than ${mostCalls} timers wait`);
    this.#calls[at] = call;
    this.#generations[at] ??= 1;
    return at;
  }

  /** Schedules a call. @returns a handle for `cancel`, never given twice */
  callAfter(delayMs: number, call: () => void): number {
    const at = this.keep(call);
    this.schedule(delayMs, callKind, at, 0);
    return (this.#generations[at] as number) * mostCalls + at;
  }

  /** Cancels a call; one that was made or cancelled is no error. */
  cancel(handle: number): void {
    const at = handle % mostCalls;
    if (this.#generations[at] !== Math.floor(handle / mostCalls) || this.#calls[at] === null) return;
    this.#calls[at] = null;
    this.#voided += 1;
    if (this.#voided > clearAwayFrom && this.#voided * 2 > this.#heap.size) this.#clearAway();
  }

  /** Lets everything happen that is due up to and including `untilMs`, what is scheduled meanwhile included; then it is `untilMs`. */
  runUntil(untilMs: number): void {
    const heap = this.#heap;
    this.#closeRoot();
    for (;;) {
      const dueMs = heap.top[0] as number;
      let item: number;
      let extra: number;
      if (this.#ringCount > 0 && !(dueMs <= this.#nowMs)) {
        item = this.#ring[this.#ringStart] as number;
        extra = this.#ring[this.#ringStart + 1] as number;
        this.#ringStart = (this.#ringStart + 2) & (this.#ring.length - 1);
        this.#ringCount -= 1;
      } else {
        if (heap.size === 0 || !(dueMs <= untilMs)) break;
        item = heap.topItem;
        extra = heap.topExtra;
        this.#nowMs = dueMs;
        this.#rootIsFree = true;
      }
      this.#happened += 1;
      (this.#handlers[item & (mostKinds - 1)] as EventHandler)(item >>> kindBits, extra);
      if (this.#rootIsFree) this.#closeRoot();
    }
    if (untilMs > this.#nowMs) this.#nowMs = untilMs;
  }

  #call(at: number): void {
    const call = this.#calls[at];
    this.#giveUp(at);
    if (call) call();
    else this.#voided -= 1;
  }

  #giveUp(at: number): void {
    this.#calls[at] = null;
    this.#generations[at] = ((this.#generations[at] as number) & lastGeneration) + 1;
    this.#freeCalls.push(at);
  }

  #closeRoot(): void {
    if (!this.#rootIsFree) return;
    this.#rootIsFree = false;
    this.#heap.drop();
  }

  #enqueue(item: number, extra: number): void {
    if (this.#ringCount * 2 === this.#ring.length) this.#growRing();
    const at = (this.#ringStart + this.#ringCount * 2) & (this.#ring.length - 1);
    this.#ring[at] = item;
    this.#ring[at + 1] = extra;
    this.#ringCount += 1;
  }

  /** Cancelled calls leave the heap; the few in the ring are passed by. */
  #clearAway(): void {
    this.#closeRoot();
    this.#heap.retain((item) => {
      const at = item >>> kindBits;
      if ((item & (mostKinds - 1)) !== callKind || this.#calls[at] !== null) return true;
      this.#voided -= 1;
      this.#giveUp(at);
      return false;
    });
  }

  #growRing(): void {
    const ring = new Int32Array(this.#ring.length * 2);
    ring.set(this.#ring.subarray(this.#ringStart));
    ring.set(this.#ring.subarray(0, this.#ringStart), this.#ring.length - this.#ringStart);
    this.#ring = ring;
    this.#ringStart = 0;
  }
}
