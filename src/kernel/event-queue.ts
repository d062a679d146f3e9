import { invariant } from './errors.ts';
import { TimeHeap } from './time-heap.ts';

/** Void entries are cleared away when they are more than half of the heap, and more than this. */
const clearAwayFrom = 64;

/** A handle holds a slot in its low digits and the slot's generation above. */
const mostSlots = 2 ** 22;

/**
 * Pending items ordered by due time, then by insertion, with removal.
 *
 * Times are milliseconds. `push` returns a handle that `remove` takes; a handle of an item that is gone is no error.
 */
export class EventQueue<T> {
  readonly #heap = new TimeHeap();
  /** By slot. */
  readonly #items: (T | undefined)[] = [];
  readonly #isLive: boolean[] = [];
  readonly #generations: number[] = [];
  readonly #free: number[] = [];
  #size = 0;

  /** Items waiting, removed ones not counted. */
  get size(): number {
    return this.#size;
  }

  push(dueMs: number, item: T): number {
    invariant(!Number.isNaN(dueMs), 'a due time must be a number');
    const slot = this.#free.pop() ?? this.#items.length;
    invariant(slot < mostSlots, `more than ${mostSlots} items wait`);
    this.#items[slot] = item;
    this.#isLive[slot] = true;
    const generation = this.#generations[slot] ?? 1;
    this.#generations[slot] = generation;
    this.#heap.push(dueMs, slot, 0);
    this.#size += 1;
    return generation * mostSlots + slot;
  }

  remove(handle: number): void {
    const slot = handle % mostSlots;
    if (!this.#isLive[slot] || this.#generations[slot] !== Math.floor(handle / mostSlots)) return;
    this.#isLive[slot] = false;
    this.#items[slot] = undefined;
    this.#size -= 1;
    const voided = this.#heap.size - this.#size;
    if (voided > clearAwayFrom && voided > this.#size) this.#clearAway();
  }

  /** Due time of the first item; Infinity when nothing waits. */
  nextDueMs(): number {
    const heap = this.#heap;
    while (heap.size > 0 && !this.#isLive[heap.topItem]) this.#dropTop();
    return heap.top[0] as number;
  }

  /** Takes the first item out. */
  pop(): T {
    invariant(this.nextDueMs() !== Number.POSITIVE_INFINITY, 'pop from an empty event queue');
    const slot = this.#heap.topItem;
    const item = this.#items[slot] as T;
    this.#isLive[slot] = false;
    this.#items[slot] = undefined;
    this.#size -= 1;
    this.#dropTop();
    return item;
  }

  #dropTop(): void {
    this.#release(this.#heap.topItem);
    this.#heap.drop();
  }

  #clearAway(): void {
    this.#heap.retain((slot) => {
      if (this.#isLive[slot]) return true;
      this.#release(slot);
      return false;
    });
  }

  #release(slot: number): void {
    this.#generations[slot] = (this.#generations[slot] as number) + 1;
    this.#free.push(slot);
  }
}
