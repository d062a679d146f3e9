import type { KernelCalls, Mapping } from './kernel-calls.ts';
import type { RingSlot } from './ring.ts';
import { addressHalves } from './ring-words.ts';

/** Room for the messages of an ordinary transaction; more is mapped for a connection when it needs it. */
const sendBytes = 1024;
/** Connections whose memory is mapped together. */
const bankSize = 64;

/** A connection's memory as JavaScript and as the kernel see it. */
export interface SlotMemory extends RingSlot {
  sendMemory: Buffer;
}

/** Memory that a ring's connections send from; given back as a whole, after the ring is closed. */
export class RingMemory {
  readonly #calls: KernelCalls;
  readonly #mappings: Mapping[] = [];
  /** Larger send memory that no connection uses any more. */
  readonly #spare: Mapping[] = [];
  #bank: Mapping | null = null;
  #inBank = bankSize;

  constructor(calls: KernelCalls) {
    this.#calls = calls;
  }

  /** Memory for one more connection. */
  slot(fileIndex: number): SlotMemory {
    if (this.#bank === null || this.#inBank === bankSize) {
      this.#bank = this.#map(bankSize * sendBytes);
      this.#inBank = 0;
    }
    const { address, bytes } = this.#bank;
    const at = this.#inBank * sendBytes;
    this.#inBank += 1;
    const [sendLow, sendHigh] = addressHalves(address + at);
    return { fileIndex, generation: 0, sendLow, sendHigh, sendMemory: Buffer.from(bytes, at, sendBytes) };
  }

  /** Gives a connection larger send memory with the first `used` bytes of the present one. */
  grow(slot: SlotMemory, needed: number, used: number): Buffer {
    const wanted = 2 ** Math.ceil(Math.log2(needed));
    const spareAt = this.#spare.findIndex(({ bytes }) => bytes.byteLength >= wanted);
    const mapping = this.#spare.splice(spareAt, spareAt < 0 ? 0 : 1)[0] ?? this.#map(wanted);
    const larger = Buffer.from(mapping.bytes, 0, mapping.bytes.byteLength);
    larger.set(slot.sendMemory.subarray(0, used));
    this.#retire(slot);
    [slot.sendLow, slot.sendHigh] = addressHalves(mapping.address);
    slot.sendMemory = larger;
    return larger;
  }

  close(): void {
    for (const mapping of this.#mappings) this.#calls.unmap(mapping);
  }

  #retire({ sendMemory }: SlotMemory): void {
    const old = this.#mappings.find(({ bytes }) => bytes === sendMemory.buffer);
    if (old && sendMemory.byteLength === old.bytes.byteLength) this.#spare.push(old);
  }

  #map(bytes: number): Mapping {
    const mapping = this.#calls.map(bytes);
    this.#mappings.push(mapping);
    return mapping;
  }
}
