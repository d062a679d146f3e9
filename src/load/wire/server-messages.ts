/** What a server says in an ErrorResponse or a NoticeResponse. */
export interface ServerReport {
  /** Not translated: ERROR, FATAL, PANIC, WARNING, NOTICE … */
  severity: string;
  /** SQLSTATE. */
  code: string;
  message: string;
  detail: string | null;
  hint: string | null;
  /** Character of the statement, counted from 1. */
  position: number | null;
  /** The functions it arose in. */
  context: string | null;
}

/** Rows of one statement, kept on request; values as the server's text. */
export interface KeptResult {
  columns: string[];
  rows: (string | null)[][];
  /** CommandComplete, as `SELECT 1`; empty for an empty statement. */
  tag: string;
}

/** Message types of a server, protocol 3.0. */
export const ServerMessage = {
  authentication: 0x52,
  backendKeyData: 0x4b,
  bindComplete: 0x32,
  closeComplete: 0x33,
  commandComplete: 0x43,
  copyBoth: 0x57,
  copyData: 0x64,
  copyDone: 0x63,
  copyIn: 0x47,
  copyOut: 0x48,
  dataRow: 0x44,
  emptyQuery: 0x49,
  error: 0x45,
  noData: 0x6e,
  notice: 0x4e,
  notification: 0x41,
  parameterDescription: 0x74,
  parameterStatus: 0x53,
  parseComplete: 0x31,
  portalSuspended: 0x73,
  readyForQuery: 0x5a,
  rowDescription: 0x54,
  negotiateVersion: 0x76,
} as const;

/** What stands in place of the server's answer to a COPY. */
export const copyRefused: ServerReport = {
  severity: 'ERROR',
  code: '0A000',
  message: 'pgdrill does not carry COPY: the statement was refused',
  detail: null,
  hint: 'load data with INSERT, or before the run',
  position: null,
  context: null,
};

/** A message body ends before the values it announces: the stream is damaged. */
export class BrokenMessage extends Error {}

/** Reads the values of one message body; every read checks the end of the body. */
class BodyReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  at: number;

  constructor(bytes: Uint8Array, from: number, end: number) {
    this.#bytes = bytes;
    this.at = from;
    this.#end = end;
  }

  byte(): number {
    this.#need(1);
    const value = this.#bytes[this.at] as number;
    this.at += 1;
    return value;
  }

  int16(): number {
    return (this.byte() << 8) | this.byte();
  }

  int32(): number {
    return (this.int16() << 16) | this.int16();
  }

  /** Text up to a zero byte, which is read too. */
  cstring(): string {
    const zero = this.#bytes.indexOf(0, this.at);
    if (zero < 0 || zero >= this.#end) throw new BrokenMessage('a text without end');
    const text = textOf(this.#bytes, this.at, zero);
    this.at = zero + 1;
    return text;
  }

  text(length: number): string {
    this.skip(length);
    return textOf(this.#bytes, this.at - length, this.at);
  }

  skip(length: number): void {
    this.#need(length);
    this.at += length;
  }

  #need(length: number): void {
    if (length < 0 || this.at + length > this.#end) throw new BrokenMessage('values beyond the message');
  }
}

/** Fields of an ErrorResponse or NoticeResponse. @throws BrokenMessage */
export function decodeReport(bytes: Uint8Array, from: number, end: number): ServerReport {
  const body = new BodyReader(bytes, from, end);
  const fields = new Map<string, string>();
  for (let type = body.byte(); type !== 0; type = body.byte())
    fields.set(String.fromCharCode(type), body.cstring());
  const position = fields.get('P');
  return {
    severity: fields.get('V') ?? fields.get('S') ?? '',
    code: fields.get('C') ?? '',
    message: fields.get('M') ?? '',
    detail: fields.get('D') ?? null,
    hint: fields.get('H') ?? null,
    position: position === undefined ? null : Number(position),
    context: fields.get('W') ?? null,
  };
}

/** Column names of a RowDescription. @throws BrokenMessage */
export function decodeColumns(bytes: Uint8Array, from: number, end: number): string[] {
  const body = new BodyReader(bytes, from, end);
  return Array.from({ length: body.int16() }, () => {
    const name = body.cstring();
    body.skip(18);
    return name;
  });
}

/** Values of a DataRow as text, null for NULL. @throws BrokenMessage */
export function decodeRow(bytes: Uint8Array, from: number, end: number): (string | null)[] {
  const body = new BodyReader(bytes, from, end);
  return Array.from({ length: body.int16() }, () => {
    const length = body.int32();
    return length === -1 ? null : body.text(length);
  });
}

/** Name and value of a ParameterStatus. @throws BrokenMessage */
export function decodeParameter(bytes: Uint8Array, from: number, end: number): [string, string] {
  const body = new BodyReader(bytes, from, end);
  return [body.cstring(), body.cstring()];
}

/** The one text of a CommandComplete. @throws BrokenMessage */
export function decodeText(bytes: Uint8Array, from: number, end: number): string {
  return new BodyReader(bytes, from, end).cstring();
}

function textOf(bytes: Uint8Array, from: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, end - from).toString('utf8');
}
