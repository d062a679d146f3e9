import { type Histogram, JsHistogram } from 'hdr-histogram-js';

/** Values of one step are told apart up to here; beyond it steps double with every doubling of the value (3 digits). */
const halfBits = 10;

/**
 * The counts of a histogram, only those that are there: a byte or two each for the distance to the one before and for the
 * count. A second of a few hundred latencies takes some hundred bytes, where a histogram takes sixteen thousand and more.
 */
export class PackedHistogram {
  readonly totalCount: number;
  readonly #bytes: Uint8Array;

  private constructor(totalCount: number, bytes: Uint8Array) {
    this.totalCount = totalCount;
    this.#bytes = bytes;
  }

  /** Packs one of three digits from 1 on, as `newHistogram` makes them; another kind is given back as it is. */
  static of(histogram: Histogram): PackedHistogram | Histogram {
    const isOurs = histogram instanceof JsHistogram && histogram.numberOfSignificantValueDigits === 3;
    if (!isOurs || histogram.lowestDiscernibleValue !== 1) return histogram;
    const bytes: number[] = [];
    let last = 0;
    for (let index = 0; index < histogram.countsArrayLength; index += 1) {
      const count = histogram.getCountAtIndex(index);
      if (count === 0) continue;
      append(bytes, index - last);
      append(bytes, count);
      last = index;
    }
    return new PackedHistogram(histogram.totalCount, Uint8Array.from(bytes));
  }

  /** Adds the counts to a histogram of the same kind. */
  addTo(histogram: Histogram): void {
    const bytes = this.#bytes;
    let at = 0;
    const next = (): number => {
      let value = 0;
      for (let scale = 1; ; scale *= 128) {
        const byte = bytes[at++] as number;
        value += (byte & 127) * scale;
        if (byte < 128) return value;
      }
    };
    for (let index = 0; at < bytes.length; ) {
      index += next();
      histogram.recordValueWithCount(valueAt(index), next());
    }
  }
}

/** Least value of a bucket. */
function valueAt(index: number): number {
  const shift = Math.max(0, (index >> halfBits) - 1);
  return (index - (shift << halfBits)) * 2 ** shift;
}

/** Seven bits a byte, the lowest first; the last byte is below 128. */
function append(bytes: number[], value: number): void {
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
}
