import type { DueOperation } from './arrivals.ts';

/** Due operations of open classes that no session has taken yet: one queue for each kind, each in order of due times. */
export class WaitingLine {
  readonly #reads = new OperationQueue();
  readonly #writes = new OperationQueue();

  get length(): number {
    return this.#reads.length + this.#writes.length;
  }

  has(kind: 'read' | 'write'): boolean {
    return (kind === 'read' ? this.#reads : this.#writes).length > 0;
  }

  add(kind: 'read' | 'write', operation: Readonly<DueOperation>): void {
    (kind === 'read' ? this.#reads : this.#writes).add(operation);
  }

  /** Earliest due time; Infinity when nobody waits. */
  nextDueMs(): number {
    return Math.min(this.#reads.firstDueMs, this.#writes.firstDueMs);
  }

  /**
   * Takes out the one that was due first among the kinds that are allowed, into `target`.
   * @returns false when none waits; `target` is as it was then
   */
  take(target: DueOperation, allowed: { reads: boolean; writes: boolean }): boolean {
    const readMs = allowed.reads ? this.#reads.firstDueMs : Number.POSITIVE_INFINITY;
    const writeMs = allowed.writes ? this.#writes.firstDueMs : Number.POSITIVE_INFINITY;
    if (readMs === Number.POSITIVE_INFINITY && writeMs === Number.POSITIVE_INFINITY) return false;
    (readMs <= writeMs ? this.#reads : this.#writes).take(target);
    return true;
  }
}

/** A ring on typed arrays that doubles when it is full: constant time a step and no object a member, also when thousands wait. */
class OperationQueue {
  #classes = new Int32Array(64);
  #numbers = new Float64Array(64);
  #duesMs = new Float64Array(64);
  #front = 0;
  length = 0;

  get firstDueMs(): number {
    return this.length > 0 ? (this.#duesMs[this.#front] as number) : Number.POSITIVE_INFINITY;
  }

  add({ classIndex, number, dueMs }: Readonly<DueOperation>): void {
    if (this.length === this.#classes.length) this.#grow();
    const at = (this.#front + this.length) & (this.#classes.length - 1);
    this.#classes[at] = classIndex;
    this.#numbers[at] = number;
    this.#duesMs[at] = dueMs;
    this.length += 1;
  }

  /** Takes the first out; there must be one. */
  take(target: DueOperation): void {
    const at = this.#front;
    target.classIndex = this.#classes[at] as number;
    target.number = this.#numbers[at] as number;
    target.dueMs = this.#duesMs[at] as number;
    this.#front = (at + 1) & (this.#classes.length - 1);
    this.length -= 1;
  }

  #grow(): void {
    this.#classes = unrolled(new Int32Array(this.length * 2), this.#classes, this.#front);
    this.#numbers = unrolled(new Float64Array(this.length * 2), this.#numbers, this.#front);
    this.#duesMs = unrolled(new Float64Array(this.length * 2), this.#duesMs, this.#front);
    this.#front = 0;
  }
}

/** A full ring's members in `target`, the one at `front` first. */
function unrolled<A extends Int32Array | Float64Array>(target: A, ring: A, front: number): A {
  target.set(ring.subarray(front));
  target.set(ring.subarray(0, front), ring.length - front);
  return target;
}
