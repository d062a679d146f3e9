import { type KernelCalls, type Mapping, NoRing } from './kernel-calls.ts';
import type { Ring } from './ring.ts';
import { refusal, setAddress } from './ring-words.ts';

/** How many; a power of two. Kernels from 6.13 on hand over some twenty answers at a time, older ones all there are. */
const bufferCount = 128;
/** A longer answer takes several. */
const bufferBytes = 8192;
/** From one to the next: a little more, so that their first lines do not crowd the same places of the processor's cache. */
const strideBytes = bufferBytes + 192;

/**
 * Memory that the kernel receives into, shared by all sessions of a ring: it takes the buffers in their order, and they
 * are given back once they are read. When all are taken, what has arrived waits in the sockets.
 *
 * @see Linux io_uring_register_buf_ring(3); struct io_uring_buf of io_uring.h: address, length, number, and in the first
 * one the tail of the list
 */
export class ReceiveBuffers {
  /** A buffer of Node, as those that are read while a session is opened: code that meets one kind of array only is quicker. */
  readonly bytes: Buffer;
  readonly #calls: KernelCalls;
  readonly #memory: Mapping;
  readonly #list: Mapping;
  readonly #words: Int32Array;
  readonly #halves: Uint16Array;
  #tail = 0;

  /** @throws NoRing when the kernel does not take them */
  constructor(calls: KernelCalls, ring: Ring) {
    this.#calls = calls;
    this.#memory = calls.map(bufferCount * strideBytes);
    this.#list = calls.map(bufferCount * 16);
    this.bytes = Buffer.from(this.#memory.bytes);
    this.#words = new Int32Array(this.#list.bytes);
    this.#halves = new Uint16Array(this.#list.bytes);
    const result = ring.provideBuffers(this.#list.address, bufferCount);
    if (result < 0) {
      this.close();
      throw new NoRing(refusal(-result));
    }
    for (let number = 0; number < bufferCount; number += 1) this.giveBack(number);
  }

  /** Where in `bytes` a buffer begins. */
  startOf(number: number): number {
    return number * strideBytes;
  }

  /** Lets the kernel have a buffer (again). In their own order they lie where they lay. */
  giveBack(number: number): void {
    const place = this.#tail & (bufferCount - 1);
    if (this.#halves[place * 8 + 6] !== number || this.#words[place * 4 + 2] !== bufferBytes)
      this.#lay(place, number);
    this.#tail = (this.#tail + 1) & 0xffff;
    this.#halves[7] = this.#tail;
  }

  /** Only when nothing is received any more. */
  close(): void {
    for (const mapping of [this.#memory, this.#list]) this.#calls.unmap(mapping);
  }

  #lay(place: number, number: number): void {
    setAddress(this.#words, place * 4, this.#memory.address + number * strideBytes);
    this.#words[place * 4 + 2] = bufferBytes;
    this.#halves[place * 8 + 6] = number;
  }
}
