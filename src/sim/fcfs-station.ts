import type { VirtualClock } from '../kernel/clock.ts';
import { invariant } from '../kernel/errors.ts';
import type { EventKernel } from '../kernel/event-kernel.ts';

/**
 * First come, first served, by `servers` equal servers.
 *
 * Jobs wait in a ring of arrays, so that one allocates nothing.
 */
export class FcfsStation {
  readonly #kernel: EventKernel;
  readonly #servers: number;
  readonly #ended: number;
  /** Jobs by slot: what they need, and the event at their end. */
  #works = new Float64Array(64);
  #kinds = new Int32Array(64);
  #as = new Int32Array(64);
  #bs = new Int32Array(64);
  readonly #free: number[] = [];
  #slots = 0;
  #queue = new Int32Array(64);
  #queueStart = 0;
  #queued = 0;
  #busy = 0;
  #served = 0;
  #busyMs = 0;

  constructor(clock: VirtualClock, servers: number) {
    invariant(Number.isInteger(servers) && servers > 0, `a station needs a server, got ${servers}`);
    this.#kernel = clock.kernel;
    this.#servers = servers;
    this.#ended = this.#kernel.kind((slot) => this.#end(slot));
  }

  /** Jobs that ended. */
  get served(): number {
    return this.#served;
  }

  /** Jobs that wait or are served. */
  get jobs(): number {
    return this.#queued + this.#busy;
  }

  /** Service begun until now, ms, over all servers. */
  get busyMs(): number {
    return this.#busyMs;
  }

  /** Serves a job that takes `workMs`; at its end an event of `kind` happens. */
  serve(workMs: number, kind: number, a: number, b: number): void {
    const slot = this.#free.pop() ?? this.#slots++;
    if (slot >= this.#works.length) this.#grow();
    this.#works[slot] = Math.max(workMs, 0);
    this.#kinds[slot] = kind;
    this.#as[slot] = a;
    this.#bs[slot] = b;
    if (this.#busy < this.#servers) this.#begin(slot);
    else {
      this.#queue[(this.#queueStart + this.#queued) & (this.#queue.length - 1)] = slot;
      this.#queued += 1;
    }
  }

  #begin(slot: number): void {
    const workMs = this.#works[slot] as number;
    this.#busy += 1;
    this.#busyMs += workMs;
    this.#kernel.schedule(workMs, this.#ended, slot, 0);
  }

  #end(slot: number): void {
    this.#busy -= 1;
    this.#served += 1;
    this.#free.push(slot);
    const kind = this.#kinds[slot] as number;
    const a = this.#as[slot] as number;
    const b = this.#bs[slot] as number;
    if (this.#queued > 0) {
      const next = this.#queue[this.#queueStart] as number;
      this.#queueStart = (this.#queueStart + 1) & (this.#queue.length - 1);
      this.#queued -= 1;
      this.#begin(next);
    }
    this.#kernel.happen(kind, a, b);
  }

  #grow(): void {
    const length = this.#works.length * 2;
    const wide = (values: Int32Array): Int32Array<ArrayBuffer> => {
      const grown = new Int32Array(length);
      grown.set(values);
      return grown;
    };
    const works = new Float64Array(length);
    works.set(this.#works);
    this.#works = works;
    this.#kinds = wide(this.#kinds);
    this.#as = wide(this.#as);
    this.#bs = wide(this.#bs);
    const queue = new Int32Array(length);
    for (let at = 0; at < this.#queued; at += 1)
      queue[at] = this.#queue[(this.#queueStart + at) & (this.#queue.length - 1)] as number;
    this.#queue = queue;
    this.#queueStart = 0;
  }
}
