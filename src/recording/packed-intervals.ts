import type { ClassInterval, Interval } from './intervals.ts';

type Counts = Record<string, number>;

/** Numbers of a class, in the order in which they are kept; its errors follow. NaN stands for null. */
const fields = [
  ...(['due', 'ok', 'failed', 'unknown', 'skipped', 'completedOk'] as const),
  ...(['firstOkMs', 'lastOkMs', 'maxLatencyMs'] as const),
];

/** Numbers in one array. */
const chunkLength = 2 ** 16;

/**
 * Keeps many intervals as numbers in a few long arrays: a fifth of what the objects take. What it gives back is an
 * interval like any other, whose parts are made anew each time they are looked at.
 */
export class IntervalPacker {
  /** Names of classes, servers and error codes by the number that stands for them. */
  readonly #names: string[] = [];
  readonly #numbers = new Map<string, number>();
  #chunk = new Float64Array(chunkLength);
  #used = 0;

  pack(interval: Interval): Interval {
    const values = this.#valuesOf(interval);
    if (this.#used + values.length > this.#chunk.length) {
      this.#chunk = new Float64Array(Math.max(chunkLength, values.length));
      this.#used = 0;
    }
    this.#chunk.set(values, this.#used);
    const packed = new PackedInterval(interval.startMs, this.#names, { values: this.#chunk, at: this.#used });
    this.#used += values.length;
    return packed;
  }

  /** Length and lag, three lists of counts, and the classes. */
  #valuesOf(interval: Interval): number[] {
    const values = [interval.lengthMs, interval.scheduleLagMs ?? Number.NaN];
    for (const counts of [interval.readsByServer, interval.sessionsByServer, interval.refusedSessions])
      this.#append(values, counts);
    const classes = Object.entries(interval.classes);
    values.push(classes.length);
    for (const [name, counts] of classes) {
      values.push(this.#numberOf(name));
      for (const field of fields) values.push(counts[field] ?? Number.NaN);
      this.#append(values, counts.errors);
    }
    return values;
  }

  #append(values: number[], counts: Counts): void {
    const entries = Object.entries(counts);
    values.push(entries.length);
    for (const [name, count] of entries) values.push(this.#numberOf(name), count);
  }

  #numberOf(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const number = this.#names.push(name) - 1;
    this.#numbers.set(name, number);
    return number;
  }
}

class PackedInterval implements Interval {
  readonly startMs: number;
  readonly #names: readonly string[];
  readonly #values: Float64Array;
  readonly #at: number;

  constructor(
    startMs: number,
    names: readonly string[],
    { values, at }: { values: Float64Array; at: number },
  ) {
    this.startMs = startMs;
    this.#names = names;
    this.#values = values;
    this.#at = at;
  }

  get lengthMs(): number {
    return this.#values[this.#at] as number;
  }

  get scheduleLagMs(): number | null {
    return orNull(this.#values[this.#at + 1]);
  }

  get readsByServer(): Counts {
    return this.#countsAt(this.#at + 2);
  }

  get sessionsByServer(): Counts {
    return this.#countsAt(this.#after(this.#at + 2));
  }

  get refusedSessions(): Counts {
    return this.#countsAt(this.#after(this.#after(this.#at + 2)));
  }

  get classes(): Record<string, ClassInterval> {
    const values = this.#values;
    const classes: Record<string, ClassInterval> = {};
    let at = this.#after(this.#after(this.#after(this.#at + 2)));
    const count = values[at++] as number;
    for (let position = 0; position < count; position += 1) {
      const name = this.#nameAt(at);
      const errorsAt = at + 1 + fields.length;
      classes[name] = {
        due: values[at + 1] as number,
        ok: values[at + 2] as number,
        failed: values[at + 3] as number,
        unknown: values[at + 4] as number,
        skipped: values[at + 5] as number,
        completedOk: values[at + 6] as number,
        errors: this.#countsAt(errorsAt),
        firstOkMs: orNull(values[at + 7]),
        lastOkMs: orNull(values[at + 8]),
        maxLatencyMs: orNull(values[at + 9]),
      };
      at = this.#after(errorsAt);
    }
    return classes;
  }

  /** All of it as plain values. */
  toJSON(): Interval {
    const { startMs, lengthMs, classes, readsByServer, scheduleLagMs, sessionsByServer, refusedSessions } =
      this;
    return { startMs, lengthMs, classes, readsByServer, scheduleLagMs, sessionsByServer, refusedSessions };
  }

  #countsAt(at: number): Counts {
    const counts: Counts = {};
    const count = this.#values[at] as number;
    for (let place = at + 1; place < at + 1 + 2 * count; place += 2)
      counts[this.#nameAt(place)] = this.#values[place + 1] as number;
    return counts;
  }

  /** Where the list of counts that stands at a place ends. */
  #after(at: number): number {
    return at + 1 + 2 * (this.#values[at] as number);
  }

  #nameAt(at: number): string {
    return this.#names[this.#values[at] as number] as string;
  }
}

function orNull(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}
