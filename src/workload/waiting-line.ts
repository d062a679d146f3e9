import type { DueOperation } from './arrivals.ts';

/** Due operations that no session has taken yet: one queue for each kind, each in order of due times. */
export class WaitingLine {
  readonly #queues = { read: new Fifo(), write: new Fifo() };

  get length(): number {
    return this.#queues.read.length + this.#queues.write.length;
  }

  has(kind: 'read' | 'write'): boolean {
    return this.#queues[kind].length > 0;
  }

  add(kind: 'read' | 'write', operation: DueOperation): void {
    this.#queues[kind].add(operation);
  }

  /** Earliest due time; Infinity when nobody waits. */
  nextDueMs(): number {
    const { read, write } = this.#queues;
    return Math.min(
      read.first?.dueMs ?? Number.POSITIVE_INFINITY,
      write.first?.dueMs ?? Number.POSITIVE_INFINITY,
    );
  }

  /** Takes out the one that was due first among the kinds that `takes` allows. */
  take(takes: (kind: 'read' | 'write') => boolean): DueOperation | null {
    const { read, write } = this.#queues;
    const reads = takes('read') ? read.first : undefined;
    const writes = takes('write') ? write.first : undefined;
    if (reads && (!writes || reads.dueMs <= writes.dueMs)) return read.take();
    return writes ? write.take() : null;
  }
}

/** A queue on an array whose taken front is cut off now and then: constant time a step, also when thousands wait. */
class Fifo {
  #items: DueOperation[] = [];
  #front = 0;

  get length(): number {
    return this.#items.length - this.#front;
  }

  get first(): DueOperation | undefined {
    return this.#items[this.#front];
  }

  add(operation: DueOperation): void {
    this.#items.push(operation);
  }

  take(): DueOperation {
    const taken = this.#items[this.#front] as DueOperation;
    this.#front += 1;
    if (this.#front > 64 && this.#front * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#front);
      this.#front = 0;
    }
    return taken;
  }
}
