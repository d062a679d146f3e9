// Goal: answers are read right wherever chunks end, and a damaged stream is told from a sound one.
// Method: random streams of messages, cut anywhere, down to single bytes, through our scanner and through the parser of
// `pg`; what both say of every answer must be equal. Damage is single and known.
import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { parse } from 'pg-protocol';
import { describe, expect, test } from 'vitest';
import { ResponseScanner, ScanEnd } from '../../../src/load/wire/scanner.ts';
import type { ServerReport } from '../../../src/load/wire/server-messages.ts';
import { backend, cut, frame, type Piece, streamArbitrary } from './server-stream.ts';

/** What an answer came to, in values both parsers know. */
interface Told {
  rows: number;
  completed: number;
  parsed: number;
  notices: number;
  status: string;
  error: Partial<ServerReport> | null;
  kept: { columns: string[]; rows: (string | null)[][]; tag: string }[];
  parameters: Record<string, string>;
}

function scanAll(chunks: readonly Buffer[], keep: boolean): Told[] {
  const scanner = new ResponseScanner();
  const told: Told[] = [];
  scanner.keep = keep;
  for (const chunk of chunks) {
    for (let at = 0; at >= 0 && at < chunk.length; ) {
      at = scanner.scan(chunk, at, chunk.length);
      if (at === ScanEnd.broken) throw new Error(scanner.broken ?? 'broken without a reason');
      if (at < 0) break;
      const { rows, completed, parsed, notices, error, kept } = scanner;
      told.push({
        ...{ rows, completed, parsed, notices, kept },
        status: String.fromCharCode(scanner.status),
        error: error && pick(error),
        parameters: Object.fromEntries(scanner.parameters),
      });
      scanner.begin();
      scanner.keep = keep;
    }
    chunk.fill(0xee); // Whoever keeps a chunk beyond the call will read rubbish.
  }
  return told;
}

function pick({ severity, code, message, detail, hint }: ServerReport): Partial<ServerReport> {
  return { severity, code, message, detail, hint };
}

interface PgMessage {
  name: string;
  [field: string]: unknown;
}

/** The same from the messages that pg-protocol makes of the whole stream. */
function referenceOf(stream: Buffer, keep: boolean): Told[] {
  const socket = new EventEmitter();
  const messages: PgMessage[] = [];
  void parse(socket as never, (message) => messages.push(message as unknown as PgMessage));
  socket.emit('data', stream);
  const told: Told[] = [];
  const parameters: Record<string, string> = {};
  const fresh = (): Omit<Told, 'status' | 'parameters'> => ({
    ...{ rows: 0, completed: 0, parsed: 0, notices: 0, error: null, kept: [] },
  });
  let now = fresh();
  let columns: string[] = [];
  let rows: (string | null)[][] = [];
  for (const message of messages) {
    switch (message.name) {
      case 'dataRow':
        now.rows += 1;
        rows.push(message.fields as (string | null)[]);
        break;
      case 'rowDescription':
        columns = (message.fields as { name: string }[]).map(({ name }) => name);
        break;
      case 'commandComplete':
      case 'emptyQuery':
        now.completed += 1;
        if (keep) now.kept.push({ columns, rows, tag: (message.text as string) ?? '' });
        columns = [];
        rows = [];
        break;
      case 'portalSuspended':
        now.completed += 1;
        break;
      case 'parseComplete':
        now.parsed += 1;
        break;
      case 'notice':
        now.notices += 1;
        break;
      case 'parameterStatus':
        parameters[message.parameterName as string] = message.parameterValue as string;
        break;
      case 'error': {
        const { severity, code, detail, hint } = message as unknown as ServerReport;
        const report = { severity, code, message: message.message as string, detail, hint };
        const filled = { ...report, detail: detail ?? null, hint: hint ?? null };
        if (now.error === null || severity === 'FATAL') now.error = filled;
        break;
      }
      case 'readyForQuery':
        told.push({ ...now, status: message.status as string, parameters: { ...parameters } });
        now = fresh();
        columns = [];
        rows = [];
        break;
    }
  }
  return told;
}

const chunkSizes = fc.oneof(
  fc.constant([1]),
  fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1 }),
  fc.array(fc.integer({ min: 1, max: 4096 }), { minLength: 1 }),
);

describe('the scanner says what the parser of pg says', () => {
  for (const keep of [false, true])
    test(`of any stream cut anywhere, rows ${keep ? 'kept' : 'counted'}`, () => {
      fc.assert(
        fc.property(streamArbitrary, chunkSizes, (pieces: Piece[], sizes) => {
          const stream = Buffer.concat(pieces);
          const told = scanAll(cut(stream, sizes), keep);
          expect(told).toEqual(referenceOf(stream, keep));
        }),
        { numRuns: 1500 },
      );
    });

  test('of a long row in small pieces', () => {
    const value = 'ä'.repeat(40_000);
    const stream = Buffer.concat([
      backend.rowDescription(['a']),
      backend.dataRow([value, null]),
      backend.complete('SELECT 1'),
      backend.ready('T'),
    ]);
    const told = scanAll(cut(stream, [1000]), true);
    expect(told).toEqual(referenceOf(stream, true));
    expect(told[0]?.kept[0]?.rows).toEqual([[value, null]]);
  });
});

describe('a damaged stream', () => {
  function scanBroken(stream: Buffer): string | null {
    const scanner = new ResponseScanner();
    for (const chunk of cut(stream, [3])) {
      for (let at = 0; at >= 0 && at < chunk.length; ) {
        at = scanner.scan(chunk, at, chunk.length);
        if (at === ScanEnd.broken) return scanner.broken;
      }
    }
    return null;
  }

  test.each([
    ['a type that no server sends', Buffer.from([0x00, 0, 0, 0, 4]), /type 0x00 and length 4/],
    ['a length below its own size', Buffer.from([0x43, 0, 0, 0, 3]), /type 0x43 and length 3/],
    ['a negative length', Buffer.from([0x44, 255, 255, 255, 255]), /length -1/],
    ['a small message of impossible length', Buffer.from([0x43, 0, 1, 0, 0]), /length 65536/],
    ['an unknown transaction status', frame('Z', Buffer.from('Q')), /status 0x51/],
    ['a ready message with more in it', frame('Z', Buffer.from('II')), /type 0x5a and length 6/],
    ['an error without end', frame('E', Buffer.from('SERROR')), /type 0x45 with a text without end/],
    ['a replication stream', frame('W', Buffer.from([0, 0, 0])), /replication/],
  ])('%s', (_, stream, reason) => {
    expect(scanBroken(stream)).toMatch(reason);
  });
});

test('COPY is refused by the scanner itself, in either direction', () => {
  const scanner = new ResponseScanner();
  const out = Buffer.concat([
    frame('H', Buffer.from([0, 0, 0])),
    frame('d', Buffer.from('x\n')),
    frame('d', Buffer.alloc(0)),
    frame('c', Buffer.alloc(0)),
    backend.complete('COPY 1'),
    backend.ready('I'),
  ]);
  expect(scanner.scan(out, 0, out.length)).toBe(out.length);
  expect(scanner.error).toMatchObject({ code: '0A000' });
  expect(scanner.awaitsCopy).toBe(false);
  scanner.begin();
  const copyIn = frame('G', Buffer.from([0, 0, 0]));
  expect(scanner.scan(copyIn, 0, copyIn.length)).toBe(ScanEnd.needsMore);
  expect(scanner.awaitsCopy).toBe(true);
});
