import type { Socket } from 'node:net';
import { monotonicMs } from '../../kernel/clock.ts';
import { invariant } from '../../kernel/errors.ts';
import type { WireError } from '../../workload/transport.ts';
import { AnswerClock } from './answer-clock.ts';
import { WireConnection, type WireHandler, type WirePort } from './connection.ts';
import type { KernelCalls } from './kernel-calls.ts';
import { LoopVisits } from './loop-visits.ts';
import { ReceiveBuffers } from './receive-buffers.ts';
import { CompletionFlag, Ring, RingEvent, RingFailure } from './ring.ts';
import { RingMemory, type SlotMemory } from './ring-memory.ts';
import { RingWait } from './ring-wait.ts';
import { type StartedSession, startSession } from './session-start.ts';
import { endOf, isPassing } from './socket-errors.ts';
import { terminateMessage } from './templates.ts';
import type { OpenOptions, OpenOutcome, WireAgenda, WireIo } from './wire-io.ts';

/** Closed connections come back from the kernel at once; what has not after so long is left behind. */
const longestFarewellMs = 1000;
/** Files that the ring has room for at first; the table cannot grow. */
const fileTableSizes = [16_384, 4096, 1024, 256];

/** A connection in the ring. */
class RingSession implements WirePort {
  readonly slot: SlotMemory;
  connection: WireConnection | null = null;
  /** Our descriptor of the socket; -1 when it is closed. */
  file: number;
  readonly #io: RingIo;

  constructor(io: RingIo, slot: SlotMemory, file: number) {
    this.#io = io;
    this.slot = slot;
    this.file = file;
  }

  get memory(): Buffer {
    return this.slot.sendMemory;
  }

  grow(needed: number, used: number): Buffer {
    return this.#io.grow(this, needed, used);
  }

  send(length: number): void {
    this.#io.ring.send(this.slot, length);
  }

  urgent(message: Uint8Array): void {
    this.#io.sendNow(this, message);
  }

  release(polite: boolean): void {
    this.#io.release(this, polite);
  }
}

/**
 * Sessions on one io_uring: their sockets are taken over from Node after the log-in, and one call of the kernel sends
 * and receives for all of them. The thread blocks in that call; it visits Node's event loop when that has something to
 * do, and by the clock.
 */
export class RingIo implements WireIo {
  readonly name = 'ring';
  readonly reason: string;
  readonly ring: Ring;
  readonly #calls: KernelCalls;
  readonly #memory: RingMemory;
  readonly #buffers: ReceiveBuffers;
  readonly #loop: LoopVisits;
  readonly #sessions: (RingSession | null)[] = [];
  readonly #free: SlotMemory[] = [];
  readonly #tableSize: number;
  readonly #wait: RingWait;
  #size = 0;
  #closed = false;
  readonly #clock = new AnswerClock();
  readonly #onCompletion = (mark: number, generation: number, result: number, flags: number): void =>
    this.#completed(mark, generation, result, flags);

  /** @throws NoRing */
  constructor(calls: KernelCalls, expectedConnections: number) {
    this.#calls = calls;
    const entries = 2 ** Math.ceil(Math.log2(Math.max(4096, Math.min(32_768, expectedConnections * 2))));
    this.ring = new Ring(calls, entries);
    this.#loop = new LoopVisits(this.ring);
    this.#buffers = this.#receiveBuffers();
    this.#memory = new RingMemory(calls);
    this.#tableSize = fileTableSizes.find((size) => this.ring.openFileTable(size)) ?? 0;
    invariant(this.#tableSize > 0, 'the ring has a table of files');
    calls.sharpenTimers();
    this.#wait = new RingWait(this.ring);
    this.reason = 'io_uring';
  }

  get size(): number {
    return this.#size;
  }

  async open(options: OpenOptions): Promise<OpenOutcome> {
    if (this.#size + this.#loop.works >= this.#tableSize) return this.#full();
    const outcome = await this.accompany(startSession(options));
    if (!outcome.ok) return outcome;
    return this.#adopt(outcome.session, options);
  }

  accompany<T>(work: Promise<T>): Promise<T> {
    return this.#loop.during(work);
  }

  /** Nothing waits while this thread calls: the agenda is asked before the next wait. */
  stir(): void {}

  async drive(agenda: WireAgenda): Promise<void> {
    this.#clock.read();
    while (!agenda.finished()) {
      const dueMs = agenda.nextDueMs();
      this.#turn(dueMs);
      if (this.#clock.nowMs >= dueMs) {
        agenda.due(this.#clock.nowMs);
        this.#clock.read();
      }
      if (this.#loop.isDue(this.#clock.nowMs)) {
        await this.#loop.visit();
        this.#clock.read();
      }
    }
    this.ring.enter(0);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const session of this.#sessions) session?.connection?.close();
    const untilMs = monotonicMs() + longestFarewellMs;
    try {
      while (this.#sessions.some((session) => session !== null) && monotonicMs() < untilMs) {
        this.ring.enter(1);
        this.ring.harvest(this.#onCompletion);
      }
    } catch (error) {
      if (!(error instanceof RingFailure)) throw error;
    }
    this.#leave();
  }

  /** Gives up a ring that has failed: every session is lost. */
  abandon(reason: WireError): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const session of this.#sessions) session?.connection?.lose(reason);
    this.#leave();
  }

  /** Memory to receive into; a ring without it is of no use. @throws NoRing */
  #receiveBuffers(): ReceiveBuffers {
    try {
      return new ReceiveBuffers(this.#calls, this.ring);
    } catch (error) {
      this.ring.close();
      throw error;
    }
  }

  /** Ends the ring, and what the kernel still holds of its sessions. */
  #leave(): void {
    const left = this.#sessions.filter((session) => session !== null);
    for (const { file } of left) this.#calls.closeFile(file);
    this.ring.close();
    // The kernel may still write where a receive waits.
    if (left.length > 0) return;
    this.#memory.close();
    this.#buffers.close();
  }

  /** For a session: larger send memory. */
  grow({ slot }: RingSession, needed: number, used: number): Buffer {
    return this.#memory.grow(slot, needed, used);
  }

  /** For a session: bytes that go out at once; what the kernel does not take is a connection that is stuck. */
  sendNow({ file, connection }: RingSession, message: Uint8Array): void {
    if (this.#calls.sendNow(file, message) < message.length)
      connection?.lose({ code: 'closed', message: 'the connection takes no more bytes' });
  }

  /** For a session: ends its connection. Its place is free when the receive that waits has come back. */
  release(session: RingSession, polite: boolean): void {
    session.connection = null;
    this.#size -= 1;
    if (session.file < 0) return;
    if (polite) this.#calls.sendNow(session.file, terminateMessage);
    this.#calls.shutdown(session.file);
  }

  /** Sends what is queued, waits for answers until `untilMs` or the next visit to the loop, and handles those that came. */
  #turn(untilMs: number): void {
    if (!this.#wait.endsBefore(untilMs)) this.#clock.refresh();
    const { nowMs } = this.#clock;
    this.#wait.sleep(nowMs, untilMs, nowMs + this.#loop.everyMs);
    this.#clock.read();
    this.#wait.woke(this.#clock.nowMs, this.ring.harvest(this.#onCompletion));
  }

  #completed(mark: number, generation: number, result: number, flags: number): void {
    const event = mark & 3;
    if (event === RingEvent.poll) {
      this.#loop.called();
      return;
    }
    if (event === RingEvent.alarm) {
      this.#wait.alarmed();
      return;
    }
    const found = this.#sessions[mark >> 2];
    const session = found && found.slot.generation === generation ? found : null;
    if (event === RingEvent.send) {
      if (result < 0 && session !== null && session.file >= 0) this.#calls.shutdown(session.file);
      return;
    }
    if (flags & CompletionFlag.buffer) {
      const buffer = flags >>> 16;
      if (session !== null) this.#received(session, buffer, result);
      this.#buffers.giveBack(buffer);
    }
    if (session !== null && !(flags & CompletionFlag.more)) this.#receiveEnded(session, result);
  }

  #received({ connection }: RingSession, buffer: number, length: number): void {
    const from = this.#buffers.startOf(buffer);
    connection?.receive(this.#buffers.bytes, from, from + length, this.#clock.answerMs());
  }

  /** A receive that stays has come to an end: for a moment, or because the connection has. */
  #receiveEnded(session: RingSession, result: number): void {
    if (result > 0 || isPassing(result)) {
      this.ring.receive(session.slot, true);
      return;
    }
    const { connection } = session;
    this.#retire(session);
    connection?.lose(endOf(result));
  }

  #retire(session: RingSession): void {
    const { slot, file } = session;
    this.ring.setFile(slot.fileIndex, -1);
    this.#calls.closeFile(file);
    session.file = -1;
    this.#sessions[slot.fileIndex] = null;
    slot.generation = (slot.generation + 1) | 0;
    this.#free.push(slot);
  }

  #adopt(session: StartedSession, { index, handler }: { index: number; handler: WireHandler }): OpenOutcome {
    const socket = session.socket as Socket;
    const handle = (socket as unknown as { _handle: { fd: number; readStop(): void } | null })._handle;
    if (handle === null || socket.destroyed || this.#closed) {
      socket.destroy();
      return refused('closed', 'the connection was closed while the session was opened');
    }
    if (this.#free.length === 0 && this.#sessions.length >= this.#tableSize) {
      socket.destroy();
      return this.#full();
    }
    handle.readStop();
    this.#loop.learn(handle.fd);
    const file = this.#calls.duplicate(handle.fd);
    socket.destroy();
    if (file < 0) return refused('closed', 'no file descriptor is left (ulimit -n)');
    const slot = this.#free.pop() ?? this.#memory.slot(this.#sessions.length);
    const ringSession = new RingSession(this, slot, file);
    this.#sessions[slot.fileIndex] = ringSession;
    const { key, scanner } = session;
    const connection = new WireConnection({ index, key, port: ringSession, handler, scanner });
    ringSession.connection = connection;
    this.#size += 1;
    this.ring.setFile(slot.fileIndex, file);
    this.ring.receive(slot, true);
    this.#loop.want();
    return { ok: true, connection, session };
  }

  #full(): OpenOutcome {
    return refused('53300', `the ring holds ${this.#tableSize} sessions at most`);
  }
}

function refused(code: string, message: string): OpenOutcome {
  return { ok: false, error: { code, message } };
}
