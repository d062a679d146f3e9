// Our generator as one process, everything it records switched on: a closed loop at full speed, or an open one at a rate.
// Prints one line of JSON: figures of the measured window, and of the whole process.
import { selectBooks } from './books.mjs';
import { built } from './built.mjs';

const { openWire } = await built('load/wire/open-wire');
const { compileQuery, compileStatement } = await built('load/wire/templates');
const { monotonicMs } = await built('kernel/clock');
const { Random } = await built('kernel/random');
const { LatencyCounts, newHistogram, percentilesOf, unpackInto } = await built('recording/histogram');

const plan = JSON.parse(process.argv[2]);
const { target, transport, protocol, sessions, seconds, warmupSeconds, scale, perSecond } = plan;
const accounts = scale * 100_000;
const random = new Random(1);
const values = [1];
const sql = 'SELECT abalance FROM pgbench_accounts WHERE aid = ';
const query = compileQuery([sql, ';'], [0]);
const statement = compileStatement({ id: 0, name: 'P0_1', sql: `${sql}$1;`, slots: [0] });
const unnamed = compileStatement({ id: 1, name: '', sql: `${sql}$1;`, slots: [0] });
const send = {
  simple: (connection) => connection.sendQuery(query, values),
  prepared: (connection) => connection.sendStatement(statement, values),
  extended: (connection) => connection.sendStatement(unnamed, values),
}[protocol];

let intervals = 0;
let batches = 0;
const { recorder, call } = selectBooks({
  interval: () => {
    intervals += 1;
  },
  latency: () => {
    batches += 1;
  },
});
const late = new LatencyCounts();
const dueMs = new Float64Array(sessions);
const sentMs = new Float64Array(sessions);
const free = [];
const byServer = { primary: sessions };
let startMs = 0;
let stopMs = Number.POSITIVE_INFINITY;
let ended = 0;
let errors = 0;
let lost = 0;

function start(connection, due, nowMs) {
  values[0] = 1 + Math.floor(random.unit() * accounts);
  dueMs[connection.index] = due;
  sentMs[connection.index] = nowMs;
  recorder.due(0, due);
  send(connection);
}

const handler = {
  onAnswer(connection, answer, atMs) {
    const nowMs = atMs - startMs;
    call.dueMs = dueMs[connection.index];
    call.sentMs = sentMs[connection.index];
    call.endedMs = nowMs;
    call.outcome = answer.error === null ? 0 : 1;
    if (answer.error !== null) errors += 1;
    recorder.ended(call);
    ended += 1;
    if (perSecond === 0) {
      if (nowMs < stopMs) start(connection, nowMs, nowMs);
    } else next(connection, nowMs);
  },
  onLost: () => {
    lost += 1;
  },
};

// The open loop: Poisson arrivals; a due operation takes the first free session or waits for one.
let nextArrivalMs = Number.POSITIVE_INFINITY;
const waiting = [];
function next(connection, nowMs) {
  if (waiting.length > 0) launch(connection, waiting.shift(), nowMs);
  else free.push(connection);
}
function launch(connection, due, nowMs) {
  if (due >= warmupSeconds * 1000) late.recordMs(monotonicMs() - startMs - due);
  start(connection, due, nowMs);
}
function arrive(nowMs) {
  while (nextArrivalMs <= nowMs) {
    const connection = free.pop();
    if (connection) launch(connection, nextArrivalMs, nowMs);
    else waiting.push(nextArrivalMs);
    nextArrivalMs -= (Math.log(1 - random.unit()) * 1000) / perSecond;
    if (nextArrivalMs >= stopMs) nextArrivalMs = Number.POSITIVE_INFINITY;
  }
}

let windowAtMs = Number.POSITIVE_INFINITY;
let books = 0;
let openCpu;
let closeCpu;
let openEnded = 0;
let closeEnded = 0;
const agenda = {
  nextDueMs: () => startMs + Math.min(nextArrivalMs, windowAtMs, books),
  due(now) {
    const nowMs = now - startMs;
    if (nowMs >= nextArrivalMs) arrive(nowMs);
    if (nowMs >= books) {
      recorder.advance(nowMs, byServer);
      books = nowMs + 100;
    }
    if (nowMs >= windowAtMs) turnWindow();
  },
  finished: () => windowAtMs === Number.POSITIVE_INFINITY && open.every(({ pending }) => pending === 0),
};
function turnWindow() {
  if (openCpu === undefined) {
    openCpu = process.cpuUsage();
    openEnded = ended;
    windowAtMs = stopMs;
  } else {
    closeCpu = process.cpuUsage(openCpu);
    closeEnded = ended;
    windowAtMs = Number.POSITIVE_INFINITY;
  }
}

const io = await openWire({ prefer: transport, expectedConnections: sessions });
const open = [];
while (open.length < sessions) {
  const indexes = Array.from({ length: Math.min(16, sessions - open.length) }, (_, at) => open.length + at);
  const attempts = indexes.map((index) => io.open({ target, applicationName: 'bench', index, handler }));
  for (const outcome of await Promise.all(attempts)) {
    if (!outcome.ok) throw new Error(outcome.error.message);
    open.push(outcome.connection);
  }
}
startMs = monotonicMs();
windowAtMs = warmupSeconds * 1000;
stopMs = (warmupSeconds + seconds) * 1000;
if (perSecond === 0) for (const connection of open) start(connection, 0, 0);
else {
  free.push(...open);
  nextArrivalMs = 1;
}
await io.drive(agenda);
const endMs = monotonicMs() - startMs;
recorder.finish(endMs, byServer);
await io.close();
const whole = process.cpuUsage();
const histogram = newHistogram();
unpackInto(histogram, late.take());
const micros = ({ user, system }) => user + system;
process.stdout.write(
  `${JSON.stringify({
    transport: io.name,
    reason: io.reason,
    ended,
    residentBytes: process.memoryUsage.rss(),
    transactions: closeEnded - openEnded,
    perSecond: (closeEnded - openEnded) / seconds,
    cpuMicros: micros(closeCpu) / (closeEnded - openEnded),
    wholeCpuMicros: micros(whole) / ended,
    cpuShare: micros(closeCpu) / 1e6 / seconds,
    lateMs: percentilesOf(histogram),
    intervals,
    batches,
    errors,
    lost,
  })}\n`,
);
