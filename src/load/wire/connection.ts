import { invariant } from '../../kernel/errors.ts';
import type { WireError } from '../../workload/transport.ts';
import { Outbox } from './outbox.ts';
import { type Answer, endsSession, type ResponseScanner, ScanEnd } from './scanner.ts';
import {
  copyFailMessage,
  type QueryTemplate,
  type StatementTemplate,
  syncMessage,
  type WireValue,
} from './templates.ts';

/** Who hears of a connection. Neither is called within a call that sends. */
export interface WireHandler {
  /** An answer was there whole at `atMs` (monotonicMs), as the transport found it. The next may be sent from within. */
  onAnswer(connection: WireConnection, answer: Answer, atMs: number): void;
  /** The connection is gone, whatever was in flight with it. Not called after `close`. */
  onLost(connection: WireConnection, error: WireError): void;
}

/** A connection's way to its transport. */
export interface WirePort {
  /** Memory that messages are built in and sent from. */
  readonly memory: Buffer;
  /** Larger memory with the first `used` bytes of the present one. */
  grow(needed: number, used: number): Buffer;
  /** Sends the first `length` bytes of the memory, which stay untouched until they are answered. */
  send(length: number): void;
  /** Sends a few bytes beside the memory, at once. */
  urgent(message: Uint8Array): void;
  /** Gives the connection up; with a goodbye where `polite`. */
  release(polite: boolean): void;
}

/** What a server takes as a cancel request for a session. */
export interface CancelKey {
  processId: number;
  secretKey: number;
}

/**
 * One open session on a transport: builds messages, reads answers, allocates nothing for an ordinary transaction.
 *
 * One batch is under way at a time: a simple query, a statement, or a pipeline of several statements with one or more
 * Syncs; each simple query and each Sync brings one `onAnswer`. Statements with a name are parsed the first time they
 * are sent, in the same batch.
 */
export class WireConnection {
  /** The caller's number for this session. */
  readonly index: number;
  readonly key: CancelKey;
  readonly #port: WirePort;
  readonly #handler: WireHandler;
  readonly #scanner: ResponseScanner;
  readonly #outbox: Outbox;
  /** By statement id: 1 when the server has it. */
  readonly #prepared: number[] = [];
  /** Statements that the batch under way parses, in order: the first `#parses`; -1 for one without a name. */
  readonly #parsing: number[] = [];
  #parses = 0;
  #parsedSoFar = 0;
  /** Statements of the extended protocol in the batch under way. */
  #statements = 0;
  #pending = 0;
  #open = true;
  /** The scanner still holds the last answer. */
  #stale = true;

  constructor({
    index,
    key,
    port,
    handler,
    scanner,
  }: {
    index: number;
    key: CancelKey;
    port: WirePort;
    handler: WireHandler;
    scanner: ResponseScanner;
  }) {
    this.index = index;
    this.key = key;
    this.#port = port;
    this.#handler = handler;
    this.#scanner = scanner;
    this.#outbox = new Outbox(port.memory, (needed, used) => port.grow(needed, used));
  }

  /** False after a loss or `close`. */
  get isOpen(): boolean {
    return this.#open;
  }

  /** Answers that have not come. */
  get pending(): number {
    return this.#pending;
  }

  /** Transaction status of the last answer; a value of `TransactionStatus`. */
  get status(): number {
    return this.#scanner.status;
  }

  /** Parameters as the server last reported them. */
  get parameters(): ReadonlyMap<string, string> {
    return this.#scanner.parameters;
  }

  /** Sends a simple query. `keep` has the rows kept in the answer. */
  sendQuery(query: QueryTemplate, values: ArrayLike<WireValue>, keep = false): void {
    this.#statements = 0;
    this.#outbox.queryAlone(query, values);
    this.flush(keep);
  }

  /** Sends one statement of the extended protocol and a Sync; parses it before where needed. */
  sendStatement(statement: StatementTemplate, values: ArrayLike<WireValue>, keep = false): void {
    if (statement.name === '' || this.#prepared[statement.id] !== 1) {
      this.addStatement(statement, values);
      this.#outbox.sync();
    } else {
      this.#statements = 1;
      this.#outbox.statementAlone(statement, values);
    }
    this.flush(keep);
  }

  /** Adds a statement to the batch that `flush` sends. */
  addStatement(statement: StatementTemplate, values: ArrayLike<WireValue>): void {
    if (this.#pending === 0 && this.#outbox.length === 0) this.#statements = 0;
    if (statement.name === '' || this.#prepared[statement.id] !== 1) this.#addParse(statement);
    this.#outbox.execute(statement, values);
    this.#statements += 1;
  }

  /** Adds a Sync to the batch that `flush` sends: one more answer. */
  addSync(): void {
    this.#outbox.sync();
  }

  /** Forgets what was added to a batch and not sent; statements that it would have parsed are parsed later. */
  discard(): void {
    if (this.#outbox.length === 0) return;
    this.#outbox.reset();
    this.#parseAgain(0);
    this.#parses = 0;
  }

  /** Sends the batch. */
  flush(keep = false): void {
    const outbox = this.#outbox;
    invariant(
      this.#open && this.#pending === 0,
      'a batch is sent on an open connection when the last is answered',
    );
    invariant(outbox.answers > 0, 'a batch ends with a query or a Sync');
    this.#beginAnswer();
    this.#scanner.keep = keep;
    this.#pending = outbox.answers;
    const { length } = outbox;
    outbox.reset();
    this.#port.send(length);
  }

  /** Ends the session, politely when nothing is under way; silent afterwards. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#port.release(this.#pending === 0);
  }

  /**
   * For the transport: bytes have come, from one position up to another, by the instant `atMs`. They may be overwritten after the
   * call. By position, for it is on the path of every answer.
   */
  receive(bytes: Uint8Array, from: number, end: number, atMs: number): void {
    const scanner = this.#scanner;
    let at = from;
    while (at < end && this.#open) {
      const { keep } = scanner;
      at = scanner.scan(bytes, at, end);
      if (at < 0) break;
      this.#answered(keep, atMs);
    }
    if (at === ScanEnd.broken) {
      this.lose({ code: '08P01', message: `the server sent ${scanner.broken}: the stream is damaged` });
    } else if (scanner.awaitsCopy) this.#refuseCopy();
  }

  /** For the transport: the connection is gone. What the server said last counts as the reason. */
  lose(reason: WireError): void {
    if (!this.#open) return;
    this.#open = false;
    const report = this.#scanner.error;
    const said = report !== null && reason.code === 'closed' && (!this.#stale || endsSession(report));
    this.#port.release(false);
    this.#handler.onLost(this, said ? { code: report.code, message: report.message } : reason);
  }

  #answered(keep: boolean, atMs: number): void {
    if (this.#pending === 0) {
      this.lose({ code: '08P01', message: 'the server answered what was not asked' });
      return;
    }
    this.#pending -= 1;
    if (this.#parses > 0) this.#settleParsed();
    this.#stale = true;
    this.#handler.onAnswer(this, this.#scanner, atMs);
    if (this.#open && this.#stale && this.#pending > 0) {
      this.#beginAnswer();
      this.#scanner.keep = keep;
    }
  }

  #beginAnswer(): void {
    this.#scanner.begin();
    this.#stale = false;
  }

  #addParse({ parse, name, id }: StatementTemplate): void {
    this.#outbox.raw(parse);
    if (name !== '') this.#prepared[id] = 1;
    this.#parsing[this.#parses] = name === '' ? -1 : id;
    this.#parses += 1;
  }

  /** Statements of a batch are parsed in order until one fails; those with a name must then be parsed again. */
  #settleParsed(): void {
    const { parsed, error } = this.#scanner;
    this.#parsedSoFar += parsed;
    if (this.#pending > 0) return;
    if (error !== null || this.#parsedSoFar < this.#parses) this.#parseAgain(this.#parsedSoFar);
    this.#parses = 0;
    this.#parsedSoFar = 0;
  }

  /** The server does not have the statements of this batch from that one on. */
  #parseAgain(first: number): void {
    for (const id of this.#parsing.slice(first, this.#parses)) if (id >= 0) this.#prepared[id] = 0;
  }

  /**
   * In the extended protocol a server ignores our Sync while it waits for data, so it gets another. Within a pipeline it
   * takes the next message for a mistake, and the answers no longer match: the session is given up.
   */
  #refuseCopy(): void {
    this.#scanner.awaitsCopy = false;
    if (!this.#open) return;
    if (this.#statements > 1) {
      this.lose({
        code: '0A000',
        message: 'COPY in a pipeline: pgdrill does not carry COPY, and gave the session up',
      });
      return;
    }
    this.#port.urgent(copyFailMessage);
    if (this.#statements === 1) this.#port.urgent(syncMessage);
  }
}
