import { DrillError } from '../../kernel/errors.ts';
import { type QueryTemplate, type StatementTemplate, syncMessage, type WireValue } from './templates.ts';

/** Room for `needed` bytes with the first `used` bytes of the old room in it. */
export type Grow = (needed: number, used: number) => Buffer;

/** Texts up to so long are copied character by character, which beats the call into native code; longer ones are not. */
const shortLength = 48;

/**
 * Builds the messages of one batch in place, in memory that the transport sends from. Nothing is allocated as long as
 * the room suffices; otherwise `grow` gives more.
 *
 * @see PostgreSQL 15 documentation, "Message Formats"
 */
export class Outbox {
  /** Bytes of the batch so far. */
  length = 0;
  /** Answers that the batch asks for: one for each simple query and each Sync. */
  answers = 0;
  #bytes: Buffer;
  readonly #grow: Grow;
  /** What the memory still holds from its beginning on, if a batch of nothing else was built there last. */
  #held: QueryTemplate | StatementTemplate | null = null;
  #heldLength = 0;
  /** By slot: where the digits of its value end, and how many characters it has; 0 for a value that is no number. */
  readonly #digitEnds: number[] = [];
  readonly #digits: number[] = [];

  constructor(bytes: Buffer, grow: Grow) {
    this.#bytes = bytes;
    this.#grow = grow;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Begins a new batch. */
  reset(): void {
    this.length = 0;
    this.answers = 0;
  }

  /** Makes a simple query the whole batch; of one that was it last time, only the digits of its values are written anew. */
  queryAlone(query: QueryTemplate, values: ArrayLike<WireValue>): void {
    if (this.#repeats(query, values)) return;
    const start = this.length;
    this.query(query, values);
    this.#hold(query, start);
  }

  /** The same for a statement that is parsed already, and its Sync. */
  statementAlone(statement: StatementTemplate, values: ArrayLike<WireValue>): void {
    if (this.#repeats(statement, values)) return;
    const start = this.length;
    this.execute(statement, values);
    this.sync();
    this.#hold(statement, start);
  }

  /** Appends a message that is sent as it stands. */
  raw(message: Uint8Array): void {
    this.#held = null;
    this.#need(message.length);
    this.#copy(message);
  }

  /** Appends a simple query. */
  query({ pieces, slots }: QueryTemplate, values: ArrayLike<WireValue>): void {
    this.#held = null;
    this.#need(6);
    const start = this.length;
    this.#bytes[start] = 0x51;
    this.length = start + 5;
    for (let at = 0; at < pieces.length; at += 1) {
      const piece = pieces[at] as Uint8Array;
      this.#need(piece.length);
      this.#copy(piece);
      if (at < slots.length) this.#value(values[slots[at] as number] ?? 'NULL', at);
    }
    this.#need(1);
    this.#bytes[this.length] = 0;
    this.length += 1;
    this.#int32(start + 1, this.length - start - 1);
    this.answers += 1;
  }

  /** Appends Bind, Describe and Execute of a statement that is, or in this batch was, parsed. */
  execute({ bindHead, slots, execute }: StatementTemplate, values: ArrayLike<WireValue>): void {
    this.#held = null;
    this.#need(bindHead.length + execute.length + 9);
    const start = this.length;
    this.#bytes[start] = 0x42;
    this.length = start + 5;
    this.#copy(bindHead);
    for (let at = 0; at < slots.length; at += 1) {
      const value = values[slots[at] as number] ?? null;
      this.#need(4);
      const lengthAt = this.length;
      this.length += 4;
      if (value !== null) this.#value(value, at);
      else this.#digits[at] = 0;
      this.#int32(lengthAt, value === null ? -1 : this.length - lengthAt - 4);
    }
    this.#need(4 + execute.length);
    const bytes = this.#bytes;
    const end = this.length;
    bytes[end] = 0;
    bytes[end + 1] = 1;
    bytes[end + 2] = 0;
    bytes[end + 3] = 0;
    this.length = end + 4;
    this.#int32(start + 1, this.length - start - 1);
    this.#copy(execute);
  }

  /** Appends a Sync, which ends a piece of work of the extended protocol. */
  sync(): void {
    this.raw(syncMessage);
    this.answers += 1;
  }

  #value(value: WireValue, slot: number): void {
    const start = this.length;
    if (typeof value === 'number' && Number.isSafeInteger(value)) {
      this.#need(17);
      this.length = writeInteger(this.#bytes, start, value);
      this.#digitEnds[slot] = this.length;
      this.#digits[slot] = this.length - start;
    } else {
      this.#text(typeof value === 'string' ? value : String(value));
      this.#digits[slot] = 0;
    }
  }

  /** @param start where it was built: behind other messages it is not the whole batch */
  #hold(held: QueryTemplate | StatementTemplate, start: number): void {
    if (start > 0) return;
    this.#held = held;
    this.#heldLength = this.length;
  }

  /** Writes the values over those of the same batch; false where one does not take exactly as many digits as the last. */
  #repeats(template: QueryTemplate | StatementTemplate, values: ArrayLike<WireValue>): boolean {
    if (this.#held !== template) return false;
    const { slots } = template;
    for (let slot = 0; slot < slots.length; slot += 1) {
      const value = values[slots[slot] as number];
      if (typeof value !== 'number' || !this.#overwrite(slot, value)) return false;
    }
    this.length = this.#heldLength;
    this.answers = 1;
    return true;
  }

  #overwrite(slot: number, value: number): boolean {
    let rest = value | 0;
    const digits = this.#digits[slot] as number;
    if (rest !== value || rest < 0 || digits === 0) return false;
    const bytes = this.#bytes;
    const end = this.#digitEnds[slot] as number;
    let digit = 0;
    for (let at = end - 1; at >= end - digits; at -= 1) {
      const tenth = (rest / 10) | 0;
      digit = rest - tenth * 10;
      bytes[at] = 48 + digit;
      rest = tenth;
    }
    return rest === 0 && (digit !== 0 || digits === 1);
  }

  #text(text: string): void {
    if (text.length <= shortLength) {
      this.#need(text.length);
      const bytes = this.#bytes;
      const from = this.length;
      let at = 0;
      for (; at < text.length; at += 1) {
        const code = text.charCodeAt(at);
        if (code === 0 || code > 127) break;
        bytes[from + at] = code;
      }
      if (at === text.length) {
        this.length = from + at;
        return;
      }
    }
    if (text.includes('\0'))
      throw new DrillError('a value holds a zero byte, which PostgreSQL cannot take in a text', {
        hint: 'change the variable that holds it',
      });
    this.#need(Buffer.byteLength(text));
    this.length += this.#bytes.write(text, this.length, 'utf8');
  }

  #copy(source: Uint8Array): void {
    const from = this.length;
    if (source.length <= shortLength) {
      const bytes = this.#bytes;
      for (let at = 0; at < source.length; at += 1) bytes[from + at] = source[at] as number;
    } else this.#bytes.set(source, from);
    this.length = from + source.length;
  }

  #int32(at: number, value: number): void {
    const bytes = this.#bytes;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }

  #need(more: number): void {
    if (this.length + more <= this.#bytes.length) return;
    this.#bytes = this.#grow(this.length + more, this.length);
  }
}

/** Writes a whole number (at most 2^53 in size) in decimal digits; returns the position after the last. */
export function writeInteger(bytes: Uint8Array, at: number, value: number): number {
  let next = at;
  let rest = value;
  if (rest < 0) {
    bytes[next] = 0x2d;
    next += 1;
    rest = -rest;
  }
  let digits = 1;
  for (let limit = 10; rest >= limit; limit *= 10) digits += 1;
  const end = next + digits;
  let position = end - 1;
  while (rest > 0x7fffffff) {
    const tenth = Math.floor(rest / 10);
    bytes[position] = 48 + (rest - tenth * 10);
    position -= 1;
    rest = tenth;
  }
  let small = rest | 0;
  for (; position >= next; position -= 1) {
    const tenth = (small / 10) | 0;
    bytes[position] = 48 + (small - tenth * 10);
    small = tenth;
  }
  return end;
}
