import { invariant } from '../../kernel/errors.ts';

/** Values that a statement is sent with: whole numbers as digits, text as it stands, null as NULL. */
export type WireValue = number | bigint | string | boolean | null;

/** Text of a simple query with gaps: `pieces[0] value[slots[0]] pieces[1] …`, one piece more than slots. */
export interface QueryTemplate {
  readonly pieces: readonly Uint8Array[];
  /** Position of each gap's value in the array of values. */
  readonly slots: readonly number[];
}

/** A statement of the extended protocol: its messages as they are sent, but for the values. */
export interface StatementTemplate {
  /** Small whole number, unique among the statements of one connection that have a name. */
  readonly id: number;
  /** Empty for the unnamed statement, which is parsed anew each time. */
  readonly name: string;
  readonly slots: readonly number[];
  /** Parse, whole. */
  readonly parse: Uint8Array;
  /** Bind from its portal's name up to the number of values. */
  readonly bindHead: Uint8Array;
  /** Describe (unless it was left out) and Execute. */
  readonly execute: Uint8Array;
}

/** A query from its text with gaps. */
export function compileQuery(pieces: readonly string[], slots: readonly number[]): QueryTemplate {
  invariant(pieces.length === slots.length + 1, `${pieces.length} pieces around ${slots.length} gaps`);
  return { pieces: pieces.map((piece) => Buffer.from(sendable(piece))), slots };
}

/**
 * A statement with `$1 …` in its text, values sent and received as text, as libpq's PQsendQueryPrepared does it.
 *
 * @param describe whether each execution asks for the columns, as libpq always does; without, rows cannot be kept by name
 */
export function compileStatement({
  id,
  name,
  sql,
  slots,
  describe = true,
}: {
  id: number;
  name: string;
  sql: string;
  slots: readonly number[];
  describe?: boolean;
}): StatementTemplate {
  const named = cstring(name);
  const portal = Buffer.from([0]);
  const bindHead = [portal, named, int16(0), int16(slots.length)];
  const execute = [frame('E', [portal, int32(0)])];
  if (describe) execute.unshift(frame('D', [Buffer.from('P'), portal]));
  return {
    id,
    name,
    slots,
    parse: frame('P', [named, cstring(sql), int16(0)]),
    bindHead: Buffer.concat(bindHead),
    execute: Buffer.concat(execute),
  };
}

export const syncMessage = frame('S', []);
export const terminateMessage = frame('X', []);

/** Tells a server that waits for COPY data that none will come. */
export const copyFailMessage = frame('f', [cstring('pgdrill does not carry COPY')]);

/** What a second connection sends to cancel the statement that the session with this key runs. */
export function cancelRequest(processId: number, secretKey: number): Buffer {
  return Buffer.concat([int32(16), int32(80_877_102), int32(processId), int32(secretKey)]);
}

function frame(type: string, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type, 'latin1'), int32(body.length + 4), body]);
}

function cstring(text: string): Buffer {
  return Buffer.from(`${sendable(text)}\0`);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value | 0);
  return bytes;
}

function sendable(text: string): string {
  invariant(!text.includes('\0'), 'the protocol cannot carry a zero byte in a text');
  return text;
}
