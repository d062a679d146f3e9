import { invariant } from './errors.ts';

/**
 * Pending items ordered by due time, then by insertion: a binary heap on typed arrays with lazy removal.
 *
 * Times are milliseconds. `push` returns a handle that `remove` takes; a handle is never used twice.
 */
export class EventQueue<T> {
  #dueMs = new Float64Array(64);
  #ids = new Float64Array(64);
  #size = 0;
  #nextId = 1;
  readonly #items = new Map<number, T>();

  /** Items waiting, removed ones not counted. */
  get size(): number {
    return this.#items.size;
  }

  push(dueMs: number, item: T): number {
    invariant(!Number.isNaN(dueMs), 'a due time must be a number');
    const id = this.#nextId++;
    this.#items.set(id, item);
    if (this.#size === this.#dueMs.length) this.#grow();
    this.#siftUp(this.#size++, dueMs, id);
    return id;
  }

  remove(id: number): void {
    this.#items.delete(id);
  }

  /** Due time of the first item; Infinity when nothing waits. */
  nextDueMs(): number {
    while (this.#size > 0 && !this.#items.has(this.#ids[0] as number)) this.#dropRoot();
    return this.#size > 0 ? (this.#dueMs[0] as number) : Number.POSITIVE_INFINITY;
  }

  /** Takes the first item out. */
  pop(): T {
    invariant(this.nextDueMs() !== Number.POSITIVE_INFINITY, 'pop from an empty event queue');
    const id = this.#ids[0] as number;
    const item = this.#items.get(id) as T;
    this.#items.delete(id);
    this.#dropRoot();
    return item;
  }

  #before(dueMs: number, id: number, at: number): boolean {
    const otherMs = this.#dueMs[at] as number;
    return dueMs < otherMs || (dueMs === otherMs && id < (this.#ids[at] as number));
  }

  #siftUp(start: number, dueMs: number, id: number): void {
    let hole = start;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (!this.#before(dueMs, id, parent)) break;
      this.#move(parent, hole);
      hole = parent;
    }
    this.#dueMs[hole] = dueMs;
    this.#ids[hole] = id;
  }

  #dropRoot(): void {
    const last = --this.#size;
    if (last === 0) return;
    const dueMs = this.#dueMs[last] as number;
    const id = this.#ids[last] as number;
    let hole = 0;
    for (let child = 1; child < last; child = 2 * hole + 1) {
      if (
        child + 1 < last &&
        this.#before(this.#dueMs[child + 1] as number, this.#ids[child + 1] as number, child)
      ) {
        child += 1;
      }
      if (this.#before(dueMs, id, child)) break;
      this.#move(child, hole);
      hole = child;
    }
    this.#dueMs[hole] = dueMs;
    this.#ids[hole] = id;
  }

  #move(from: number, to: number): void {
    this.#dueMs[to] = this.#dueMs[from] as number;
    this.#ids[to] = this.#ids[from] as number;
  }

  #grow(): void {
    const dueMs = new Float64Array(this.#dueMs.length * 2);
    const ids = new Float64Array(this.#ids.length * 2);
    dueMs.set(this.#dueMs);
    ids.set(this.#ids);
    this.#dueMs = dueMs;
    this.#ids = ids;
  }
}
