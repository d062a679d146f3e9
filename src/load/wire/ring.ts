import { DrillError, invariant } from '../../kernel/errors.ts';
import { type KernelCalls, type Mapping, NoRing } from './kernel-calls.ts';
import { type RingOffsets, readOffsets, refusal, setAddress, setTime } from './ring-words.ts';

/** What an entry of the completion queue belongs to; two bits of `userData`. */
export const RingEvent = { receive: 0, send: 1, poll: 2, alarm: 3 } as const;

/** Called for each completion: what the submission was marked with, the result (bytes, or a negative errno), flags; by position, for it is on the path of every answer. */
export type OnCompletion = (mark: number, generation: number, result: number, flags: number) => void;

/** Bits of a completion's flags; the number of the buffer stands in the upper half. */
export const CompletionFlag = { buffer: 1, more: 2 } as const;

const setupFlags = (1 << 3) | (1 << 12) | (1 << 13); // CQSIZE, SINGLE_ISSUER, DEFER_TASKRUN
const singleMmap = 1;
const submissionOffset = 0x10000000;
const Enter = { getEvents: 1, extendedArgument: 8, registeredRing: 16 } as const;
const Register = { files: 2, filesUpdate: 6, ringFiles: 20, buffers: 22 } as const;
const Operation = { pollAdd: 6, timeout: 11, send: 26, receive: 27 } as const;
const fixedFile = 1;
const bufferSelect = 32;
const skipSuccess = 64;
const pollFirst = 1;
const manyTimes = 2; // IORING_RECV_MULTISHOT
const sendFlags = 0x4000 | 0x100; // MSG_NOSIGNAL, MSG_WAITALL: a long message is sent whole
const pollIn = 1;
const timedOut = -62;
const interrupted = -4;
const busy = [-11, -16];
const submissionEntries = 1024;
const noFile = -1;

/** The kernel refuses to go on with a ring that worked. */
export class RingFailure extends DrillError {
  constructor(errno: number) {
    super(`io_uring failed (errno ${errno})`);
  }
}

/**
 * One io_uring, for the thread that made it: submissions are collected in shared memory and handed over, and
 * completions fetched, by one call of the kernel for a whole batch.
 *
 * Without a polling thread the kernel reads submissions, and with deferred work posts completions, within that call
 * only; so plain reads and writes of the shared memory need no barriers.
 *
 * @see Linux io_uring_setup(2), io_uring_enter(2); flags of Linux 6.1
 */
export class Ring {
  readonly #calls: KernelCalls;
  readonly #file: number;
  /** What `enter` is given: the file, or its registered index. */
  #enterFile: number;
  #enterFlags: number = Enter.getEvents;
  readonly #memory: Mapping;
  readonly #shared: Mapping;
  readonly #submissions: Mapping;
  readonly #words: Int32Array;
  readonly #entries: Int32Array;
  readonly #scratch: Int32Array;
  readonly #offsets: RingOffsets;
  #tail: number;
  #unsubmitted = 0;
  #files = 0;

  /** @throws NoRing when this kernel has no ring for us, with the reason */
  constructor(calls: KernelCalls, completionEntries: number) {
    this.#calls = calls;
    this.#memory = calls.map(4096);
    this.#scratch = new Int32Array(this.#memory.bytes);
    this.#scratch[2] = setupFlags;
    this.#scratch[1] = completionEntries;
    const file = calls.ringSetup(submissionEntries, this.#memory.address);
    if (file < 0) {
      calls.unmap(this.#memory);
      throw new NoRing(refusal(-file));
    }
    this.#file = file;
    this.#enterFile = file;
    this.#offsets = readOffsets(this.#scratch);
    invariant(this.#offsets.features & singleMmap, 'both queues lie in one mapping since Linux 5.4');
    this.#shared = calls.mapRing(file, 0, this.#offsets.sharedBytes);
    this.#submissions = calls.mapRing(file, submissionOffset, submissionEntries * 64);
    this.#words = new Int32Array(this.#shared.bytes);
    this.#entries = new Int32Array(this.#submissions.bytes);
    for (let at = 0; at < submissionEntries; at += 1) this.#words[this.#offsets.array + at] = at;
    this.#tail = this.#words[this.#offsets.submissionTail] as number;
    this.#scratch.fill(0);
    this.#registerRing();
  }

  /** Opens a table of `count` files, all empty. False when the limit of open files forbids it. */
  openFileTable(count: number): boolean {
    const table = this.#calls.map(count * 4);
    new Int32Array(table.bytes).fill(noFile);
    const result = this.#calls.ringRegister(this.#file, Register.files, table.address, count);
    this.#calls.unmap(table);
    if (result === 0) this.#files = count;
    return result === 0;
  }

  /** Puts a file into the table, or with -1 takes it out. */
  setFile(index: number, file: number): void {
    invariant(index < this.#files, `file ${index} of ${this.#files}`);
    const scratch = this.#scratch;
    scratch[16] = index;
    scratch[17] = 0;
    setAddress(scratch, 18, this.#memory.address + 96);
    scratch[24] = file;
    const result = this.#calls.ringRegister(this.#file, Register.filesUpdate, this.#memory.address + 64, 1);
    invariant(result === 1, `the ring's file ${index} could not be set (${result})`);
  }

  /** Gives the ring a list of `count` buffers to receive into. @returns 0, or a negative errno */
  provideBuffers(listAddress: number, count: number): number {
    const scratch = this.#scratch;
    scratch.fill(0, 16, 26);
    setAddress(scratch, 16, listAddress);
    scratch[18] = count;
    return this.#calls.ringRegister(this.#file, Register.buffers, this.#memory.address + 64, 1);
  }

  /**
   * Queues a receive that stays: a completion for every piece that comes, each in a buffer of the list, until one lacks the
   * flag `more`. `expectMore` when bytes may have come already.
   */
  receive({ fileIndex, generation }: RingSlot, expectMore: boolean): void {
    const at = this.#next();
    const entries = this.#entries;
    const how = manyTimes | (expectMore ? 0 : pollFirst);
    entries[at] = Operation.receive | ((fixedFile | bufferSelect) << 8) | (how << 16);
    entries[at + 1] = fileIndex;
    entries.fill(0, at + 4, at + 8);
    entries[at + 8] = (fileIndex << 2) | RingEvent.receive;
    entries[at + 9] = generation;
  }

  /** Queues a send of the first `length` bytes of the slot's send memory; its completion comes only if it failed. */
  send(slot: RingSlot, length: number): void {
    const at = this.#next();
    const entries = this.#entries;
    entries[at] = Operation.send | ((fixedFile | skipSuccess) << 8);
    entries[at + 1] = slot.fileIndex;
    entries[at + 4] = slot.sendLow;
    entries[at + 5] = slot.sendHigh;
    entries[at + 6] = length;
    entries[at + 7] = sendFlags;
    entries[at + 8] = (slot.fileIndex << 2) | RingEvent.send;
    entries[at + 9] = slot.generation;
  }

  /** Queues one look-out for a plain descriptor to become readable. */
  poll(file: number): void {
    const at = this.#next();
    const entries = this.#entries;
    entries[at] = Operation.pollAdd;
    entries[at + 1] = file;
    entries.fill(0, at + 4, at + 7);
    entries[at + 7] = pollIn;
    entries[at + 8] = RingEvent.poll;
    entries[at + 9] = 0;
  }

  /** Queues a completion that comes after so long; it ends a wait. One at a time. */
  alarm(afterMs: number): void {
    setTime(this.#scratch, 28, afterMs);
    const at = this.#next();
    const entries = this.#entries;
    entries[at] = Operation.timeout;
    entries[at + 1] = noFile;
    setAddress(entries, at + 4, this.#memory.address + 112);
    entries[at + 6] = 1;
    entries[at + 7] = 0;
    entries[at + 8] = RingEvent.alarm;
    entries[at + 9] = 0;
  }

  /**
   * Hands over what is queued, and waits for a completion for at most `waitMs`: 0 does not wait, and Infinity waits until
   * one comes, which costs less. Ends early when a signal comes.
   *
   * @throws RingFailure
   */
  enter(waitMs: number): void {
    const toSubmit = this.#unsubmitted;
    let result: number;
    if (waitMs <= 0 || waitMs === Number.POSITIVE_INFINITY)
      result = this.#calls.ringEnter(this.#enterFile, toSubmit, waitMs > 0 ? 1 : 0, this.#enterFlags, 0, 0);
    else {
      setTime(this.#scratch, 8, waitMs);
      result = this.#calls.ringEnter(
        this.#enterFile,
        toSubmit,
        1,
        this.#enterFlags | Enter.extendedArgument,
        this.#memory.address,
        24,
      );
    }
    if (result >= 0) this.#unsubmitted -= result;
    else if (result === timedOut || result === interrupted) this.#unsubmitted = this.#left();
    else if (!busy.includes(result)) throw new RingFailure(-result);
  }

  /** Gives every completion that has come to `onCompletion`, oldest first; the number of them. */
  harvest(onCompletion: OnCompletion): number {
    const { completionHead, completionTail, completionMask, completions } = this.#offsets;
    const words = this.#words;
    const first = words[completionHead] as number;
    const last = words[completionTail] as number;
    for (let head = first; head !== last; head = (head + 1) | 0) {
      const at = completions + (head & completionMask) * 4;
      const mark = words[at] as number;
      const generation = words[at + 1] as number;
      const result = words[at + 2] as number;
      const flags = words[at + 3] as number;
      words[completionHead] = (head + 1) | 0;
      onCompletion(mark, generation, result, flags);
    }
    return (last - first) | 0;
  }

  /** Ends the ring; the memory that slots lie in must outlive this call. */
  close(): void {
    this.#calls.closeFile(this.#file);
    for (const mapping of [this.#shared, this.#submissions, this.#memory]) this.#calls.unmap(mapping);
  }

  #next(): number {
    while (this.#unsubmitted === submissionEntries) this.enter(0);
    const at = (this.#tail & (submissionEntries - 1)) * 16;
    this.#tail = (this.#tail + 1) | 0;
    this.#words[this.#offsets.submissionTail] = this.#tail;
    this.#unsubmitted += 1;
    return at;
  }

  #left(): number {
    return (this.#tail - (this.#words[this.#offsets.submissionHead] as number)) | 0;
  }

  /** Spares the kernel the look-up of the ring's file in every call (Linux 5.18). */
  #registerRing(): void {
    const scratch = this.#scratch;
    scratch[16] = -1;
    setAddress(scratch, 18, this.#file);
    const result = this.#calls.ringRegister(this.#file, Register.ringFiles, this.#memory.address + 64, 1);
    if (result === 1) {
      this.#enterFile = scratch[16] as number;
      this.#enterFlags |= Enter.registeredRing;
    }
    // The argument of a timed wait: no signal mask, and the address of the time.
    scratch.fill(0);
    setAddress(scratch, 4, this.#memory.address + 32);
  }
}

/** One connection's place in a ring: its file in the table, and the memory the kernel sends from. */
export interface RingSlot {
  readonly fileIndex: number;
  /** Counts the connections that had this place, so that a late completion finds its own. */
  generation: number;
  sendLow: number;
  sendHigh: number;
}
