// Costs without a server, in nanoseconds: what our own code takes of a transaction (an empty transport: messages built,
// an answer of four messages read, everything recorded, no call of the kernel), and recording one completion beside
// hdr-histogram-js.
import { build } from 'hdr-histogram-js';
import { selectBooks } from './books.mjs';
import { built } from './built.mjs';

const { WireConnection } = await built('load/wire/connection');
const { ResponseScanner } = await built('load/wire/scanner');
const { compileStatement } = await built('load/wire/templates');
const { LatencyCounts } = await built('recording/histogram');
const { Random } = await built('kernel/random');

const random = new Random(1);
const spansMs = Float64Array.from({ length: 65_536 }, () => 0.05 + 5 * random.unit() ** 4);

function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Nanoseconds of processor time of one call: the median of several rounds after one that warms up. */
function nanosOf(calls, work) {
  const rounds = Array.from({ length: 7 }, () => {
    const startMs = cpuMs();
    for (let at = 0; at < calls; at += 1) work(at);
    return ((cpuMs() - startMs) * 1e6) / calls;
  });
  return rounds.slice(1).sort((a, b) => a - b)[3];
}

const answer = Buffer.concat([
  Buffer.from([0x31, 0, 0, 0, 4]),
  Buffer.from([0x32, 0, 0, 0, 4]),
  Buffer.from('5400000021000161626c616e63650000000000000000000017000400000000ffff0000', 'hex'),
  Buffer.from('440000000b00010000000131', 'hex'),
  Buffer.from('430000000d53454c454354203100', 'hex'),
  Buffer.from('5a0000000549', 'hex'),
]);
const rowAt = answer.indexOf(0x44, 35);
answer.writeUInt32BE(rowAt - 11, 11);

/** One transaction of our own code, without a transport. */
export function emptyTransportNanos() {
  const { recorder, call } = selectBooks();
  const port = {
    memory: Buffer.alloc(1024),
    grow: () => Buffer.alloc(0),
    send: () => undefined,
    urgent: () => undefined,
    release: () => undefined,
  };
  const values = [0];
  const statement = compileStatement({ id: 0, name: 'P0_1', sql: 'SELECT $1', slots: [0] });
  let answers = 0;
  const handler = {
    onAnswer: (_, { error }) => {
      call.dueMs = 1;
      call.sentMs = 1.001;
      call.endedMs = 1.2;
      call.outcome = error === null ? 0 : 1;
      recorder.ended(call);
      answers += 1;
    },
    onLost: (_, error) => {
      throw new Error(error.message);
    },
  };
  const key = { processId: 1, secretKey: 1 };
  const connection = new WireConnection({ index: 0, key, port, handler, scanner: new ResponseScanner() });
  const nanos = nanosOf(500_000, (at) => {
    values[0] = at;
    recorder.due(0, 1);
    connection.sendStatement(statement, values);
    connection.receive(answer, 0, answer.length, 0);
  });
  if (answers !== 3_500_000) throw new Error(`${answers} answers`);
  return nanos;
}

/** Recording one value: our counts, and hdr-histogram-js with 32-bit counters. */
export function recordingNanos() {
  const counts = new LatencyCounts();
  const histogram = build({ bitBucketSize: 32, numberOfSignificantValueDigits: 3, useWebAssembly: false });
  const ours = nanosOf(1_000_000, (at) => counts.recordMs(spansMs[at & 65_535]));
  const theirs = nanosOf(1_000_000, (at) => histogram.recordValue(Math.round(spansMs[at & 65_535] * 1000)));
  return { ours, theirs, ratio: ours / theirs };
}

if (process.argv[1]?.endsWith('micro.mjs')) {
  const { ours, theirs, ratio } = recordingNanos();
  process.stdout.write(`${JSON.stringify({ emptyTransport: emptyTransportNanos(), ours, theirs, ratio })}\n`);
}
