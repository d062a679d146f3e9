import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { monotonicMs, RealClock, type TimerId } from '../../kernel/clock.ts';
import { AnswerClock } from './answer-clock.ts';
import { WireConnection, type WireHandler, type WirePort } from './connection.ts';
import { type RawWrite, rawWriteOf } from './raw-write.ts';
import { type StartedSession, startSession } from './session-start.ts';
import { terminateMessage } from './templates.ts';
import type { OpenOptions, OpenOutcome, WireAgenda, WireIo } from './wire-io.ts';

/** Room for the messages of an ordinary transaction. */
const sendBytes = 1024;
/** An agenda is asked whether it has finished at least so often, ms. */
const longestWaitMs = 100;
/** Node's timers fire up to a millisecond late; within this span of an instant shorter waits take over, ms. */
const timerErrorMs = 1.2;
/** A timer for the same instant as before may be reckoned later by so much, ms. */
const roundingMs = 0.001;
/** Length of such a wait, in which nothing is read. */
const shortWaitMs = 0.1;
/** A socket that was told goodbye and still stands after so long is cut, ms. */
const goodbyeMs = 1000;

/** A connection on a socket of Node. */
class StreamSession implements WirePort {
  memory = Buffer.allocUnsafeSlow(sendBytes);
  connection: WireConnection | null = null;
  /** It waits for an answer. */
  busy = false;
  readonly #io: StreamIo;
  readonly #socket: Socket;
  readonly #write: RawWrite;
  /** The first bytes of the memory by their number, so that messages of a usual length cost no new view. */
  #views: (Buffer | undefined)[] = [];
  #toSend = 0;

  constructor(io: StreamIo, socket: Socket) {
    this.#io = io;
    this.#socket = socket;
    const raw = socket instanceof TLSSocket ? null : rawWriteOf(socket);
    this.#write = raw ?? ((bytes) => void socket.write(Buffer.from(bytes)));
  }

  grow(needed: number, used: number): Buffer {
    const larger = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(needed)));
    this.memory.copy(larger, 0, 0, used);
    this.memory = larger;
    this.#views = [];
    return larger;
  }

  send(length: number): void {
    this.#toSend = length;
    this.#io.later(this);
  }

  /** Sends what `send` was given; after all answers of this turn of the event loop were read. */
  flush(): void {
    const length = this.#toSend;
    if (this.#socket.destroyed) return;
    this.#write(length <= sendBytes ? this.#view(length) : this.memory.subarray(0, length));
  }

  urgent(message: Uint8Array): void {
    if (!this.#socket.destroyed) this.#write(message);
  }

  release(polite: boolean): void {
    this.connection = null;
    this.#io.released(this);
    const socket = this.#socket;
    if (!polite || socket.destroyed) {
      socket.destroy();
      return;
    }
    this.#write(terminateMessage);
    socket.end();
    const clock = new RealClock();
    const timer = clock.setTimeout(() => socket.destroy(), goodbyeMs);
    timer.unref();
    socket.on('close', () => clock.clearTimeout(timer));
  }

  #view(length: number): Buffer {
    const view = this.#views[length] ?? this.memory.subarray(0, length);
    this.#views[length] = view;
    return view;
  }
}

/** Sessions on Node's own sockets, plain or TLS: answers come from the event loop, sends are gathered once a turn. */
export class StreamIo implements WireIo {
  readonly name = 'stream';
  readonly reason: string;
  readonly #clock = new RealClock();
  readonly #sessions = new Set<StreamSession>();
  /** Sessions whose sends go out in this turn: the first `#sends`. An array that is emptied would give its memory back each turn. */
  readonly #waiting: StreamSession[] = [];
  #sends = 0;
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4));
  #turnComes = false;
  #closed = false;
  /** Sessions that wait for an answer. */
  #busy = 0;
  readonly #answers = new AnswerClock();
  #agenda: WireAgenda | null = null;
  #finish: () => void = () => undefined;
  #fail: (error: unknown) => void = () => undefined;
  #timer: TimerId = null;
  #timerAtMs = Number.POSITIVE_INFINITY;
  readonly #onTurn = (): void => {
    try {
      this.#turn();
    } catch (error) {
      this.#faulted(error);
    }
  };
  readonly #onTimer = (): void => {
    this.#timer = null;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    this.#onTurn();
  };

  constructor(reason: string) {
    this.reason = reason;
  }

  get size(): number {
    return this.#sessions.size;
  }

  async open(options: OpenOptions): Promise<OpenOutcome> {
    const outcome = await startSession(options);
    return outcome.ok ? this.#adopt(outcome.session, options) : outcome;
  }

  drive(agenda: WireAgenda): Promise<void> {
    this.#agenda = agenda;
    return new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
      this.#turnSoon();
    });
  }

  /** The event loop does this work anyway. */
  accompany<T>(work: Promise<T>): Promise<T> {
    return work;
  }

  stir(): void {
    if (this.#agenda !== null) this.#turnSoon();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { connection } of [...this.#sessions]) connection?.close();
  }

  /** For a session: its send goes out with the others of this turn. */
  later(session: StreamSession): void {
    if (!session.busy) this.#busy += 1;
    session.busy = true;
    this.#waiting[this.#sends] = session;
    this.#sends += 1;
    this.#turnSoon();
  }

  /** For a session: it is no longer open. */
  released(session: StreamSession): void {
    this.#sessions.delete(session);
    if (session.busy) this.#calmed(session);
  }

  #calmed(session: StreamSession): void {
    session.busy = false;
    this.#busy -= 1;
  }

  #turnSoon(): void {
    if (this.#turnComes) return;
    this.#turnComes = true;
    setImmediate(this.#onTurn);
  }

  /** A turn of the event loop is over: what is due, then all sends, then the next wait. */
  #turn(): void {
    // What is stirred up by what is due is seen to in this turn.
    this.#turnComes = true;
    const agenda = this.#agenda;
    const nowMs = monotonicMs();
    if (agenda !== null && nowMs >= agenda.nextDueMs()) agenda.due(nowMs);
    const waiting = this.#waiting;
    for (let at = 0; at < this.#sends; at += 1) (waiting[at] as StreamSession).flush();
    this.#sends = 0;
    this.#answers.expire();
    this.#turnComes = false;
    if (agenda === null) return;
    if (agenda.finished()) this.#end();
    else {
      const dueMs = agenda.nextDueMs();
      // On the path of every answer: the timer that runs is early enough.
      const isWoken = this.#timer !== null && this.#timerAtMs <= dueMs - timerErrorMs + roundingMs;
      if (!isWoken) this.#wait(dueMs);
    }
  }

  /**
   * Waits for the next instant. While answers are awaited only the event loop will do, whose timers are coarse, but every
   * answer ends the wait; with none awaited, short waits that hear nothing are exact to some 60 µs.
   */
  #wait(dueMs: number): void {
    const nowMs = monotonicMs();
    const waitMs = dueMs - nowMs;
    if (waitMs > timerErrorMs || (waitMs > 0 && this.#busy > 0)) {
      const lengthMs = Math.min(longestWaitMs, Math.max(1, waitMs - timerErrorMs));
      if (this.#timerAtMs <= nowMs + lengthMs) return;
      this.#clock.clearTimeout(this.#timer);
      this.#timerAtMs = nowMs + lengthMs;
      this.#timer = this.#clock.setTimeout(this.#onTimer, lengthMs);
      return;
    }
    if (waitMs > 0.02) Atomics.wait(this.#sleeper, 0, 0, Math.min(shortWaitMs, waitMs));
    this.#turnSoon();
  }

  #end(): void {
    this.#agenda = null;
    this.#turnComes = false;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    this.#finish();
  }

  /** A fault of whoever drives ends the drive, as it would on a ring. */
  #faulted(error: unknown): void {
    if (this.#agenda === null) throw error;
    const fail = this.#fail;
    this.#end();
    fail(error);
  }

  #adopt(session: StartedSession, { index, handler }: { index: number; handler: WireHandler }): OpenOutcome {
    const { socket, key, scanner, tap } = session;
    if (socket.destroyed || this.#closed) {
      socket.destroy();
      const message = 'the connection was closed while the session was opened';
      return { ok: false, error: { code: 'closed', message } };
    }
    const streamSession = new StreamSession(this, socket);
    const connection = new WireConnection({ index, key, port: streamSession, handler, scanner });
    streamSession.connection = connection;
    this.#sessions.add(streamSession);
    const lose = (message: string): void => {
      connection.lose({ code: 'closed', message });
      if (this.#agenda !== null) this.#turnSoon();
    };
    socket.on('error', (error) => lose(`the connection broke (${error.message})`));
    socket.on('end', () => lose('the server closed the connection'));
    socket.on('close', () => lose('the connection was closed'));
    const receive = (bytes: Uint8Array, length: number): void => {
      try {
        connection.receive(bytes, 0, length, this.#answers.answerMs());
      } catch (error) {
        this.#faulted(error);
      }
      if (streamSession.busy && connection.pending === 0) this.#calmed(streamSession);
      if (this.#agenda !== null) this.#turnSoon();
      else this.#answers.expire();
    };
    tap.onBytes = receive;
    if (socket instanceof TLSSocket) socket.on('data', (chunk: Buffer) => receive(chunk, chunk.length));
    socket.resume();
    return { ok: true, connection, session };
  }
}
