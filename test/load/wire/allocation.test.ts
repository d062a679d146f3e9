// Goal: an ordinary transaction leaves no garbage: messages built, an answer read, everything recorded.
// Method: warm code, then the heap's growth over many transactions without a pause in between. Numbers with fractions that
// pass between functions may be boxed (16 bytes each); an object, a view or a closure a transaction would show.
import { getHeapStatistics } from 'node:v8';
import { expect, test } from 'vitest';
import { WireConnection, type WirePort } from '../../../src/load/wire/connection.ts';
import { ResponseScanner } from '../../../src/load/wire/scanner.ts';
import { compileQuery, compileStatement } from '../../../src/load/wire/templates.ts';
import { type EndedCall, SliceRecorder } from '../../../src/workload/slice-recorder.ts';
import { backend, frame } from './server-stream.ts';

/** Seven boxed numbers; how many there are is up to the compiler. */
const limitBytes = 112.5;

/**
 * Bytes a transaction: the least of batches of 10,000, tried until one is below the limit, for code that is not compiled
 * yet boxes every number. A batch with a collection in it says nothing.
 */
function growthOf(transaction: (at: number) => void, limitBytes: number): { batches: number; bytes: number } {
  let bytes = Number.POSITIVE_INFINITY;
  let batches = 0;
  for (; batches < 100 && bytes > limitBytes; batches += 1) {
    const before = getHeapStatistics().used_heap_size;
    for (let at = 0; at < 10_000; at += 1) transaction(at);
    const growth = (getHeapStatistics().used_heap_size - before) / 10_000;
    if (growth >= 0) bytes = Math.min(bytes, growth);
  }
  return { batches, bytes };
}

function rig() {
  let ended = 0;
  const recorder = new SliceRecorder({
    classes: [{ name: 'read', kind: 'read' }],
    servers: ['s1'],
    sink: { interval: () => undefined, latency: () => undefined },
  });
  const call: EndedCall = {
    ...{
      classIndex: 0,
      server: 0,
      outcome: 0,
      dueMs: 1.5,
      sentMs: 1.75,
      endedMs: 2.25,
      code: '',
      foundFree: true,
    },
  };
  const nothing = (): void => undefined;
  const port: WirePort = {
    memory: Buffer.alloc(1024),
    grow: () => Buffer.alloc(0),
    ...{ send: nothing, urgent: nothing, release: nothing },
  };
  const handler = {
    onAnswer: (_: WireConnection, { rows, error }: { rows: number; error: unknown }): void => {
      recorder.due(0, 1.5);
      recorder.ended(call);
      if (rows === 1 && error === null) ended += 1;
    },
    onLost: nothing,
  };
  const key = { processId: 1, secretKey: 1 };
  const connection = new WireConnection({ index: 0, key, port, handler, scanner: new ResponseScanner() });
  return { connection, ended: () => ended };
}

const rows = [
  backend.rowDescription(['a']),
  backend.dataRow(['12345']),
  backend.complete('SELECT 1'),
  backend.ready('I'),
];
const values = [0, 'text'];

test('a simple query', () => {
  const { connection, ended } = rig();
  const query = compileQuery(['SELECT ', ', ', ''], [0, 1]);
  const answer = Buffer.concat(rows);
  const { batches, bytes } = growthOf((at) => {
    values[0] = at * 1000;
    connection.sendQuery(query, values);
    connection.receive(answer, 0, answer.length, 0);
  }, limitBytes);
  expect(ended()).toBe(batches * 10_000);
  expect(bytes).toBeLessThanOrEqual(limitBytes);
});

test('a prepared statement, its answer in two chunks', () => {
  const { connection, ended } = rig();
  const statement = compileStatement({ id: 0, name: 'P0', sql: 'SELECT $1, $2', slots: [0, 1] });
  const answer = Buffer.concat([frame('1', Buffer.alloc(0)), frame('2', Buffer.alloc(0)), ...rows]);
  const first = answer.subarray(0, 20);
  const rest = answer.subarray(20);
  const { batches, bytes } = growthOf((at) => {
    values[0] = at;
    connection.sendStatement(statement, values);
    connection.receive(first, 0, first.length, 0);
    connection.receive(rest, 0, rest.length, 0);
  }, limitBytes);
  expect(ended()).toBe(batches * 10_000);
  expect(bytes).toBeLessThanOrEqual(limitBytes);
});
