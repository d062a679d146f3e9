import fc from 'fast-check';

/** Bytes of one or more messages. */
export type Piece = Buffer;

/** A message: its type, its length, its content. */
export function frame(type: string, content: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 'latin1');
  head.writeInt32BE(content.length + 4, 1);
  return Buffer.concat([head, content]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const zero = Buffer.from([0]);

function report(fields: Record<string, string>): Buffer {
  const parts = Object.entries(fields).map(([type, text]) => Buffer.from(`${type}${text}\0`));
  return Buffer.concat([...parts, zero]);
}

/** Messages as a server makes them. */
export const backend = {
  dataRow: (values: readonly (string | null)[]): Buffer =>
    frame(
      'D',
      Buffer.concat([
        int16(values.length),
        ...values.flatMap((value) =>
          value === null ? [int32(-1)] : [int32(Buffer.byteLength(value)), Buffer.from(value)],
        ),
      ]),
    ),
  rowDescription: (columns: readonly string[]): Buffer =>
    frame(
      'T',
      Buffer.concat([
        int16(columns.length),
        ...columns.flatMap((name) => [Buffer.from(`${name}\0`), Buffer.alloc(18, 0x5a)]),
      ]),
    ),
  complete: (tag: string): Buffer => frame('C', Buffer.from(`${tag}\0`)),
  ready: (status: string): Buffer => frame('Z', Buffer.from(status)),
  error: (fields: Record<string, string>): Buffer => frame('E', report(fields)),
  notice: (fields: Record<string, string>): Buffer => frame('N', report(fields)),
  parameter: (name: string, value: string): Buffer => frame('S', Buffer.from(`${name}\0${value}\0`)),
  notification: (): Buffer => frame('A', Buffer.concat([int32(7), Buffer.from('channel\0payload\0')])),
};

/** The stream in chunks of these sizes, over and over. */
export function cut(stream: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, turn = 0; at < stream.length; turn += 1) {
    const size = sizes[turn % sizes.length] as number;
    chunks.push(Buffer.from(stream.subarray(at, at + size)));
    at += size;
  }
  return chunks;
}

const text = fc.oneof(
  fc.constantFrom('', 'Z', 'ZZZZZ\u0005I', 'E', 'grün', '\u{1F418}'),
  fc.string({ unit: 'grapheme', maxLength: 40 }).map((value) => value.replaceAll('\0', '')),
);
const row = fc.array(fc.option(text, { nil: null }), { maxLength: 6 }).map(backend.dataRow);
const description = fc.array(text, { maxLength: 4 }).map(backend.rowDescription);
const fields = fc.record({
  S: fc.constantFrom('ERROR', 'FATAL'),
  C: fc.constantFrom('23505', '57P01', 'XX000'),
  M: text,
  D: text,
  H: text,
});
const statement = fc
  .tuple(fc.array(description, { maxLength: 2 }), fc.array(row, { maxLength: 8 }), text)
  .map(([descriptions, rows, tag]) => Buffer.concat([...descriptions, ...rows, backend.complete(tag)]));
const aside = fc.oneof(
  fields.map(backend.notice),
  fc.tuple(text, text).map(([name, value]) => backend.parameter(`p${name}`, value)),
  fc.constant(backend.notification()),
);
const part = fc.oneof(
  { weight: 6, arbitrary: statement },
  { weight: 2, arbitrary: aside },
  { weight: 1, arbitrary: fields.map(backend.error) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('1', '2', '3', 'n', 's', 'I').map((type) => frame(type, Buffer.alloc(0))),
  },
);
const answer = fc
  .tuple(fc.array(part, { maxLength: 6 }), fc.constantFrom('I', 'T', 'E'))
  .map(([parts, status]) => Buffer.concat([...parts, backend.ready(status)]));

/** Several answers, each of any messages in any order. */
export const streamArbitrary: fc.Arbitrary<Piece[]> = fc.array(answer, { maxLength: 6 });
