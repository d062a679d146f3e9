// Goal: what goes out is byte for byte what libpq and `pg` would send, in any room, whatever the values.
// Method: random texts and values through our templates and through the serializer of `pg`.
import fc from 'fast-check';
import { serialize } from 'pg-protocol';
import { describe, expect, test } from 'vitest';
import { Outbox, writeInteger } from '../../../src/load/wire/outbox.ts';
import {
  cancelRequest,
  compileQuery,
  compileStatement,
  type WireValue,
} from '../../../src/load/wire/templates.ts';

function newOutbox(room: number): Outbox {
  return new Outbox(Buffer.alloc(room), (needed, used) => {
    const larger = Buffer.alloc(needed + 3, 0xee);
    outbox.bytes.copy(larger, 0, 0, used);
    return larger;
  });
}
let outbox: Outbox;

function built(room: number, build: (outbox: Outbox) => void): Buffer {
  outbox = newOutbox(room);
  build(outbox);
  return outbox.bytes.subarray(0, outbox.length);
}

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 200 }).map((value) => value.replaceAll('\0', '')),
  fc.constantFrom('grün', 'x'.repeat(5000)),
);
const value: fc.Arbitrary<WireValue> = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer({ min: -20, max: 20 }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  text,
);
const room = fc.constantFrom(0, 5, 64, 1024);

test('whole numbers are written as JavaScript prints them', () => {
  const bytes = Buffer.alloc(20);
  const check = (number: number): void => {
    expect(bytes.toString('latin1', 0, writeInteger(bytes, 0, number))).toBe(
      String(number === 0 ? 0 : number),
    );
  };
  for (const number of [0, -0, 9, 10, 2147483647, 2147483648, -2147483648, 2 ** 53 - 1, -(2 ** 53) + 1])
    check(number);
  fc.assert(fc.property(fc.maxSafeInteger(), check), { numRuns: 2000 });
});

describe('messages equal those of pg', () => {
  test('a simple query with gaps', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(text, value)), text, room, (gaps, last, size) => {
        const query = compileQuery(
          [...gaps.map(([piece]) => piece), last],
          gaps.map((_, index) => index),
        );
        const values = gaps.map(([, one]) => one);
        const sent = built(size, (box) => box.query(query, values));
        const filled =
          gaps.map(([piece, one]) => piece + (one === null ? 'NULL' : String(one))).join('') + last;
        expect(sent.equals(serialize.query(filled))).toBe(true);
        expect(outbox.answers).toBe(1);
      }),
    );
  });

  test('Parse, Bind, Describe, Execute and Sync', () => {
    fc.assert(
      fc.property(fc.constantFrom('', 'P0_1'), text, fc.array(value), room, (name, sql, values, size) => {
        const slots = values.map((_, index) => index);
        const statement = compileStatement({ id: 3, name, sql, slots });
        const sent = built(size, (box) => {
          box.raw(statement.parse);
          box.execute(statement, values);
          box.sync();
        });
        const asText = values.map((one) => (one === null ? null : String(one)));
        const bind = serialize.bind({ portal: '', statement: name, values: asText });
        // Ours asks for text by format code 0, once for all columns, as libpq does; so does pg.
        const expected = Buffer.concat([
          serialize.parse({ text: sql, name, types: [] }),
          withoutFormats(bind, asText.length),
          serialize.describe({ type: 'P' }),
          serialize.execute(),
          serialize.sync(),
        ]);
        expect(sent.toString('hex')).toBe(expected.toString('hex'));
      }),
    );
  });

  test('a request to cancel', () => {
    expect(cancelRequest(4711, -123456).equals(serialize.cancel(4711, -123456))).toBe(true);
  });
});

/** pg names a format for each value; libpq, and we, name none, which means text as well. */
function withoutFormats(bind: Buffer, count: number): Buffer {
  const at = bind.indexOf(0, 6) + 1;
  const body = Buffer.concat([bind.subarray(5, at), Buffer.from([0, 0]), bind.subarray(at + 2 + count * 2)]);
  const head = Buffer.from([0x42, 0, 0, 0, 0]);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

describe('a batch that is sent again with other values', () => {
  const statements = [0, 1, 2].map((id) =>
    compileStatement({ id, name: `P${id}`, sql: 'SELECT 1', slots: [1, 0].slice(0, id) }),
  );
  const queries = [[], [0], [1, 0]].map((slots) =>
    compileQuery(['SELECT ', ', ', ' '].slice(0, slots.length + 1), slots),
  );
  const digits = fc
    .integer({ min: 0, max: 12 })
    .chain((length) => fc.maxSafeInteger().map((one) => one % 10 ** length));
  const batch = fc.record({
    template: fc.constantFrom(...statements, ...queries),
    values: fc.tuple(
      fc.oneof(digits, value),
      fc.oneof(digits, fc.constantFrom(7, 8, 99, -7, -0, 1.5, null, '7')),
    ),
    // What else may be built in between.
    between: fc.constantFrom('nothing', 'nothing', 'nothing', 'pipeline'),
  });

  test('is the batch that would be built anew, whatever was built before it', () => {
    fc.assert(
      fc.property(fc.array(batch, { minLength: 2, maxLength: 12 }), (batches) => {
        const kept = newOutbox(1024);
        outbox = kept;
        for (const { template, values, between } of batches) {
          const isQuery = 'pieces' in template;
          if (isQuery) kept.queryAlone(template, values);
          else kept.statementAlone(template, values);
          const fresh = new Outbox(Buffer.alloc(20_000), () => Buffer.alloc(0));
          if (isQuery) fresh.query(template, values);
          else fresh.execute(template, values);
          if (!isQuery) fresh.sync();
          expect(kept.bytes.toString('latin1', 0, kept.length)).toBe(
            fresh.bytes.toString('latin1', 0, fresh.length),
          );
          expect(kept.answers).toBe(1);
          kept.reset();
          if (between !== 'pipeline') continue;
          const [first, second, third] = statements;
          if (values[0] === 0) kept.raw(Buffer.alloc(30, 0xee));
          else if (isQuery && second) kept.execute(second, [8, 9]);
          else if (queries[1]) kept.query(queries[1], [8, 9]);
          if (isQuery && first && third) kept.execute(third, [8, 9]);
          kept.reset();
        }
      }),
      { numRuns: 3000 },
    );
  });
});

test('what was built behind other messages is sent again without them', () => {
  const query = compileQuery(['SELECT ', ''], [0]);
  const statement = compileStatement({ id: 0, name: 'P0', sql: 'SELECT $1', slots: [0] });
  const alone = [
    (box: Outbox, value: number): void => box.queryAlone(query, [value]),
    (box: Outbox, value: number): void => box.statementAlone(statement, [value]),
  ];
  for (const build of alone) {
    outbox = newOutbox(1024);
    outbox.execute(statement, [1]);
    outbox.sync();
    build(outbox, 1);
    expect(outbox.answers).toBe(2);
    outbox.reset();
    build(outbox, 2);
    const again = Buffer.from(outbox.bytes.subarray(0, outbox.length));
    expect(again.equals(built(1024, (box) => build(box, 2)))).toBe(true);
  }
});

test('a zero byte in a value is refused, for the protocol cannot carry it', () => {
  const query = compileQuery(['SELECT ', ''], [0]);
  expect(() => built(64, (box) => box.query(query, ['a\0b']))).toThrow(/zero byte/);
});
