import {
  BrokenMessage,
  copyRefused,
  decodeColumns,
  decodeParameter,
  decodeReport,
  decodeRow,
  decodeText,
  type KeptResult,
  ServerMessage as Message,
  type ServerReport,
} from './server-messages.ts';

/** What a server answered up to a ReadyForQuery. Valid within the callback that hands it out; the next answer overwrites it. */
export interface Answer {
  /** DataRows, over all statements of the answer. */
  readonly rows: number;
  /** Statements that ended well: CommandComplete, EmptyQueryResponse, PortalSuspended. */
  readonly completed: number;
  /** Statements that were prepared. */
  readonly parsed: number;
  /** Transaction status: `I` idle, `T` in a block, `E` in a failed block; its character code. */
  readonly status: number;
  /** The first error, or the one that ends the session; null when all went well. */
  readonly error: ServerReport | null;
  /** Notices, warnings included. */
  readonly notices: number;
  /** The latest of them; null without one. */
  readonly lastNotice: ServerReport | null;
  /** Rows by statement, when they were asked for with `keep`. */
  readonly kept: readonly KeptResult[];
}

/** Transaction status characters of ReadyForQuery. */
export const TransactionStatus = { idle: 0x49, open: 0x54, failed: 0x45 } as const;

/** Values that `scan` returns instead of a position. */
export const ScanEnd = { needsMore: -1, broken: -2 } as const;

/** How a message is treated; 0 is a type that no server sends. */
const Treatment = { skip: 1, empty: 2, row: 3, ready: 4, text: 5, body: 6, refuse: 7 } as const;

const treatments = new Uint8Array(256);
for (const type of ['authentication', 'backendKeyData', 'notification', 'parameterDescription'] as const)
  treatments[Message[type]] = Treatment.skip;
for (const type of ['copyData', 'negotiateVersion'] as const) treatments[Message[type]] = Treatment.skip;
for (const type of ['bindComplete', 'closeComplete', 'copyDone', 'emptyQuery'] as const)
  treatments[Message[type]] = Treatment.empty;
for (const type of ['noData', 'parseComplete', 'portalSuspended'] as const)
  treatments[Message[type]] = Treatment.empty;
treatments[Message.dataRow] = Treatment.row;
treatments[Message.readyForQuery] = Treatment.ready;
for (const type of ['commandComplete', 'rowDescription'] as const) treatments[Message[type]] = Treatment.text;
for (const type of ['error', 'notice', 'parameterStatus'] as const)
  treatments[Message[type]] = Treatment.body;
for (const type of ['copyIn', 'copyOut', 'copyBoth'] as const) treatments[Message[type]] = Treatment.refuse;

/** The longest message of a type that is not made for bulk; libpq holds a longer one for a damaged stream too (fe-protocol3.c). */
const plainLengthLimit = 30_000;
const bulk = new Set<number>([
  Message.rowDescription,
  Message.dataRow,
  Message.copyData,
  Message.error,
  Message.notice,
  Message.notification,
]);

/** True when the server ends the session after this report. */
export function endsSession({ severity }: ServerReport): boolean {
  return severity === 'FATAL' || severity === 'PANIC';
}

/**
 * Reads the answers of one connection from chunks that may end anywhere, a byte at a time included.
 *
 * The path of an ordinary answer allocates nothing and decodes nothing but headers; errors, notices, changed
 * parameters and rows that are kept take the slow path. A second RowDescription for the same rows is taken, as
 * Pgpool-II sends it for SHOW POOL_VERSION. What no server sends (unknown type, impossible length) breaks the stream.
 *
 * @see PostgreSQL 15 documentation, "Message Formats"
 */
export class ResponseScanner implements Answer {
  rows = 0;
  completed = 0;
  parsed = 0;
  status: number = TransactionStatus.idle;
  error: ServerReport | null = null;
  notices = 0;
  lastNotice: ServerReport | null = null;
  kept: KeptResult[] = [];
  /** Keeps columns, rows and tags of the answer that comes; `begin` ends it. */
  keep = false;
  /** The server waits for COPY data; whoever owns the connection must refuse and clear this. */
  awaitsCopy = false;
  /** Why the stream is damaged; null while it is not. */
  broken: string | null = null;
  /** Latest value of every parameter the server reported. */
  readonly parameters = new Map<string, string>();
  readonly #header = new Uint8Array(5);
  #headerLength = 0;
  #type = 0;
  /** Bytes of the current message that have not come. */
  #left = 0;
  #body: Uint8Array | null = null;
  #bodyLength = 0;
  #open: KeptResult | null = null;

  /** Forgets the last answer. Only between answers. */
  begin(): void {
    this.rows = 0;
    this.completed = 0;
    this.parsed = 0;
    if (this.error !== null) this.error = null;
    if (this.notices !== 0) {
      this.notices = 0;
      this.lastNotice = null;
    }
    if (this.keep) {
      this.keep = false;
      this.kept = [];
      this.#open = null;
    }
  }

  /**
   * Reads on up to the end of an answer.
   *
   * @returns the position after a ReadyForQuery, or a value of `ScanEnd`
   */
  scan(bytes: Uint8Array, from: number, end: number): number {
    let at = from;
    if (this.#headerLength !== 0 || this.#left !== 0) {
      at = this.#resume(bytes, at, end);
      if (at < 0) return at;
      if (this.#type === Message.readyForQuery) return at;
    }
    while (at + 5 <= end) {
      const type = bytes[at] as number;
      const length = lengthAt(bytes, at + 1);
      if (!this.#plausible(type, length)) return ScanEnd.broken;
      const next = at + 1 + length;
      if (next > end) {
        this.#startPartial(type, next - end);
        this.#collect(bytes, at + 5, end);
        return ScanEnd.needsMore;
      }
      if (type === Message.readyForQuery) return this.#ready(bytes[at + 5] as number, next);
      this.#message(type, bytes, at + 5, next);
      if (this.broken !== null) return ScanEnd.broken;
      at = next;
    }
    for (; at < end; at += 1) {
      this.#header[this.#headerLength] = bytes[at] as number;
      this.#headerLength += 1;
    }
    return ScanEnd.needsMore;
  }

  /** Goes on with a message that the last chunk did not end. */
  #resume(bytes: Uint8Array, from: number, end: number): number {
    let at = from;
    if (this.#left === 0) {
      for (; this.#headerLength < 5; at += 1) {
        if (at === end) return ScanEnd.needsMore;
        this.#header[this.#headerLength] = bytes[at] as number;
        this.#headerLength += 1;
      }
      const type = this.#header[0] as number;
      const length = lengthAt(this.#header, 1);
      if (!this.#plausible(type, length)) return ScanEnd.broken;
      this.#startPartial(type, length - 4);
    }
    const stop = Math.min(end, at + this.#left);
    this.#collect(bytes, at, stop);
    this.#left -= stop - at;
    if (this.#left > 0) return ScanEnd.needsMore;
    if (this.#type === Message.readyForQuery) return this.#ready((this.#body as Uint8Array)[0] ?? 0, stop);
    this.#message(this.#type, this.#body ?? bytes, 0, this.#bodyLength);
    return this.broken === null ? stop : ScanEnd.broken;
  }

  #startPartial(type: number, left: number): void {
    this.#type = type;
    this.#left = left;
    this.#headerLength = 0;
    this.#bodyLength = 0;
  }

  /** Keeps bytes of a message in pieces, where its content matters. */
  #collect(bytes: Uint8Array, from: number, end: number): void {
    const treatment = treatments[this.#type] as number;
    if (treatment < Treatment.row) return;
    if ((treatment === Treatment.row || treatment === Treatment.text) && !this.keep) return;
    const length = this.#bodyLength + end - from;
    let body = this.#body;
    if (body === null || body.length < length) {
      const larger = new Uint8Array(Math.max(64, length * 2));
      if (body !== null) larger.set(body.subarray(0, this.#bodyLength));
      this.#body = larger;
      body = larger;
    }
    for (let at = from; at < end; at += 1) body[this.#bodyLength + at - from] = bytes[at] as number;
    this.#bodyLength = length;
  }

  #plausible(type: number, length: number): boolean {
    const treatment = treatments[type] as number;
    if (treatment === Treatment.row) {
      if (length >= 6) return true;
    } else if (treatment === Treatment.ready) {
      if (length === 5) return true;
    } else if (treatment === Treatment.empty) {
      if (length === 4) return true;
    } else if (treatment !== 0 && length > 4 && (length <= plainLengthLimit || bulk.has(type))) return true;
    else if (type === Message.copyData && length === 4) return true;
    this.broken = `a message of type 0x${type.toString(16).padStart(2, '0')} and length ${length}`;
    return false;
  }

  #ready(status: number, next: number): number {
    if (
      status !== TransactionStatus.idle &&
      status !== TransactionStatus.open &&
      status !== TransactionStatus.failed
    ) {
      this.broken = `the transaction status 0x${status.toString(16)}`;
      return ScanEnd.broken;
    }
    this.#type = Message.readyForQuery;
    this.status = status;
    return next;
  }

  #message(type: number, bytes: Uint8Array, from: number, end: number): void {
    this.#type = type;
    if (type === Message.dataRow) this.rows += 1;
    else if (type === Message.commandComplete || type === Message.emptyQuery) this.completed += 1;
    else if (type === Message.portalSuspended) this.completed += 1;
    else if (type === Message.parseComplete) this.parsed += 1;
    const treatment = treatments[type] as number;
    if (treatment > Treatment.text || (this.keep && treatment >= Treatment.empty))
      this.#decode(type, bytes, { from, end });
  }

  #decode(type: number, bytes: Uint8Array, { from, end }: { from: number; end: number }): void {
    try {
      if (type === Message.error) this.#failed(decodeReport(bytes, from, end));
      else if (type === Message.notice) {
        this.lastNotice = decodeReport(bytes, from, end);
        this.notices += 1;
      } else if (type === Message.parameterStatus) this.parameters.set(...decodeParameter(bytes, from, end));
      else if (treatments[type] === Treatment.refuse) this.#refuseCopy(type);
      else if (type === Message.rowDescription)
        this.#open = { columns: decodeColumns(bytes, from, end), rows: [], tag: '' };
      else if (type === Message.dataRow) this.#openResult().rows.push(decodeRow(bytes, from, end));
      else if (type === Message.commandComplete) this.#closeResult(decodeText(bytes, from, end));
      else if (type === Message.emptyQuery) this.#closeResult('');
    } catch (error) {
      if (!(error instanceof BrokenMessage)) throw error;
      this.broken = `a message of type 0x${type.toString(16)} with ${error.message}`;
    }
  }

  #failed(report: ServerReport): void {
    if (this.error === null || endsSession(report)) this.error = report;
  }

  #refuseCopy(type: number): void {
    if (type === Message.copyBoth) {
      this.broken = 'a replication stream';
      return;
    }
    this.error ??= copyRefused;
    this.awaitsCopy = type === Message.copyIn;
  }

  #openResult(): KeptResult {
    this.#open ??= { columns: [], rows: [], tag: '' };
    return this.#open;
  }

  #closeResult(tag: string): void {
    const result = this.#openResult();
    result.tag = tag;
    this.kept.push(result);
    this.#open = null;
  }
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}
