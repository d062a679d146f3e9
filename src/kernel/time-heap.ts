import { invariant } from './errors.ts';

const firstCapacity = 64;

/** Up to so many entries a new one that sinks from the top looks at every step whether it has arrived. */
const few = 48;

/**
 * Entries (two whole numbers of 32 bits each) in order of their times, ties in order of insertion: a binary heap on typed
 * arrays.
 *
 * It knows no removal: an owner passes by what is void when it comes to the top, or calls `retain`.
 */
export class TimeHeap {
  /** Time of the first entry, Infinity when there is none: in an array, since reading a fraction from there allocates nothing. */
  readonly top = new Float64Array([Number.POSITIVE_INFINITY]);
  #times = new Float64Array(firstCapacity);
  /** Number of each entry's insertion. */
  #serials = new Float64Array(firstCapacity);
  #items = new Int32Array(firstCapacity);
  #extras = new Int32Array(firstCapacity);
  #size = 0;
  #serial = 0;

  get size(): number {
    return this.#size;
  }

  /** First number of the first entry; there is one. */
  get topItem(): number {
    return this.#items[0] as number;
  }

  /** Second number of the first entry; there is one. */
  get topExtra(): number {
    return this.#extras[0] as number;
  }

  push(time: number, item: number, extra: number): void {
    if (this.#size === this.#times.length) this.#grow();
    this.#rise(this.#size++, { time, serial: this.#serial++, item, extra });
    this.top[0] = this.#times[0] as number;
  }

  /** Takes the first entry out. */
  drop(): void {
    invariant(this.#size > 0, 'an empty heap has no first entry');
    const last = --this.#size;
    if (last > 0) {
      const time = this.#times[last] as number;
      const serial = this.#serials[last] as number;
      this.#sink({ time, serial, item: this.#items[last] as number, extra: this.#extras[last] as number });
      this.top[0] = this.#times[0] as number;
    } else this.top[0] = Number.POSITIVE_INFINITY;
  }

  /** The same as `drop` and `push`, in one go. */
  replaceTop(time: number, item: number, extra: number): void {
    this.#sink({ time, serial: this.#serial++, item, extra });
    this.top[0] = this.#times[0] as number;
  }

  /** Takes out every entry that `keeps` does not want; linear time. */
  retain(keeps: (item: number, extra: number) => boolean): void {
    let kept = 0;
    for (let at = 0; at < this.#size; at += 1) {
      if (!keeps(this.#items[at] as number, this.#extras[at] as number)) continue;
      this.#move(at, kept);
      kept += 1;
    }
    this.#size = kept;
    for (let at = 1; at < kept; at += 1) this.#rise(at, this.#entryAt(at));
    this.top[0] = kept > 0 ? (this.#times[0] as number) : Number.POSITIVE_INFINITY;
  }

  #entryAt(at: number): Entry {
    return {
      time: this.#times[at] as number,
      serial: this.#serials[at] as number,
      item: this.#items[at] as number,
      extra: this.#extras[at] as number,
    };
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from] as number;
    this.#serials[to] = this.#serials[from] as number;
    this.#items[to] = this.#items[from] as number;
    this.#extras[to] = this.#extras[from] as number;
  }

  /** Puts an entry at `start` or as far above it as it belongs. */
  #rise(start: number, { time, serial, item, extra }: Entry): void {
    const times = this.#times;
    const serials = this.#serials;
    let hole = start;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const above = times[parent] as number;
      if (above < time || (above === time && (serials[parent] as number) < serial)) break;
      this.#move(parent, hole);
      hole = parent;
    }
    times[hole] = time;
    serials[hole] = serial;
    this.#items[hole] = item;
    this.#extras[hole] = extra;
  }

  /**
   * Puts an entry in the place of the first one. Among many it belongs near the leaves: the hole walks there without a look
   * at it, and it rises from there.
   */
  #sink(entry: Entry): void {
    const { time } = entry;
    const times = this.#times;
    const serials = this.#serials;
    const size = this.#size;
    const looks = size < few;
    let hole = 0;
    let child = 1;
    while (child < size) {
      let least = times[child] as number;
      const right = child + 1;
      if (right < size) {
        const other = times[right] as number;
        if (other < least || (other === least && (serials[right] as number) < (serials[child] as number))) {
          child = right;
          least = other;
        }
      }
      if (looks && time < least) break;
      this.#move(child, hole);
      hole = child;
      child = 2 * hole + 1;
    }
    this.#rise(hole, entry);
  }

  #grow(): void {
    const length = this.#times.length * 2;
    const times = new Float64Array(length);
    const serials = new Float64Array(length);
    const items = new Int32Array(length);
    const extras = new Int32Array(length);
    times.set(this.#times);
    serials.set(this.#serials);
    items.set(this.#items);
    extras.set(this.#extras);
    this.#times = times;
    this.#serials = serials;
    this.#items = items;
    this.#extras = extras;
  }
}

/** One entry on its way to its place; never kept, so that it costs nothing once compiled. */
interface Entry {
  time: number;
  serial: number;
  item: number;
  extra: number;
}
