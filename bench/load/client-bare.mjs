// The least that a loop in JavaScript can cost on each transport: sessions logged in as ours are, then one message sent again and again
// with other digits, an answer taken as whole when its last bytes say so. No scanner, no clock, no books, no schedule: a floor, not a client.
import { built } from './built.mjs';

const { startSession } = await built('load/wire/session-start');
const { rawWriteOf } = await built('load/wire/raw-write');
const { compileStatement } = await built('load/wire/templates');
const { Outbox } = await built('load/wire/outbox');

const plan = JSON.parse(process.argv[2]);
const { target, transport, sessions, seconds, warmupSeconds } = plan;
const sql = 'SELECT abalance FROM pgbench_accounts WHERE aid = $1;';
const statement = compileStatement({ id: 0, name: 'P0_1', sql, slots: [0] });

/** The messages of one transaction in `memory`; where its digits end. */
function messageIn(memory, first) {
  const outbox = new Outbox(memory, () => memory);
  if (first) outbox.raw(statement.parse);
  outbox.execute(statement, [100_000]);
  outbox.sync();
  return { length: outbox.length, digitsEnd: memory.indexOf('100000') + 6 };
}

let state = 1;
function redial(memory, end) {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
  let rest = 100_000 + ((state >>> 8) % 900_000);
  for (let at = end - 1; at >= end - 6; at -= 1) {
    const tenth = (rest / 10) | 0;
    memory[at] = 48 + (rest - tenth * 10);
    rest = tenth;
  }
}

let ended = 0;
let open;
let result;
/** Opens the measured window, closes it, and tells. @returns whether the run is over */
function clocked() {
  const elapsed = (performance.now() - startMs) / 1000;
  if (open === undefined && elapsed >= warmupSeconds) open = { cpu: process.cpuUsage(), ended, elapsed };
  if (open === undefined || elapsed < warmupSeconds + seconds) return false;
  const { user, system } = process.cpuUsage(open.cpu);
  const transactions = ended - open.ended;
  result = { cpuMicros: (user + system) / transactions, perSecond: transactions / (elapsed - open.elapsed) };
  return true;
}

async function logIn() {
  const outcome = await startSession({ target, applicationName: 'bench' });
  if (!outcome.ok) throw new Error(outcome.error.message);
  return outcome.session;
}

/** Node's sockets: one shared buffer to read into, the sends of a turn of the event loop together. */
async function stream() {
  const waiting = [];
  let sends = 0;
  const flush = () => {
    for (let at = 0; at < sends; at += 1) waiting[at]();
    sends = 0;
  };
  const later = (send) => {
    if (sends === 0) setImmediate(flush);
    waiting[sends] = send;
    sends += 1;
  };
  const all = await Promise.all(Array.from({ length: sessions }, logIn));
  await new Promise((resolve) => {
    const over = () => {
      if (!clocked()) return;
      for (const { socket } of all) socket.destroy();
      clearInterval(timer);
      resolve();
    };
    const timer = setInterval(over, 20);
    for (const { socket, tap } of all) {
      const memory = Buffer.alloc(256);
      const write = rawWriteOf(socket);
      const { length } = messageIn(memory, true);
      write(Buffer.from(memory.subarray(0, length)));
      const again = messageIn(memory, false);
      const message = memory.subarray(0, again.length);
      const send = () => write(message);
      tap.onBytes = (bytes, end) => {
        if (bytes[end - 6] !== 0x5a) return;
        ended += 1;
        redial(memory, again.digitsEnd);
        later(send);
      };
      socket.resume();
    }
  });
}

/** One io_uring with receives that stay. */
async function ring() {
  const { loadKernelCalls } = await built('load/wire/kernel-calls');
  const { CompletionFlag, Ring, RingEvent } = await built('load/wire/ring');
  const { RingMemory } = await built('load/wire/ring-memory');
  const { ReceiveBuffers } = await built('load/wire/receive-buffers');
  const calls = await loadKernelCalls();
  const uring = new Ring(calls, 4096);
  const buffers = new ReceiveBuffers(calls, uring);
  const memory = new RingMemory(calls);
  uring.openFileTable(sessions);
  const all = await Promise.all(Array.from({ length: sessions }, logIn));
  const slots = all.map(({ socket }, at) => {
    const handle = socket._handle;
    handle.readStop();
    const slot = memory.slot(at);
    uring.setFile(at, calls.duplicate(handle.fd));
    socket.destroy();
    const { length } = messageIn(slot.sendMemory, true);
    uring.receive(slot, true);
    uring.send(slot, length);
    return { slot, message: null };
  });
  const completed = (mark, _, bytesCome, flags) => {
    if ((mark & 3) !== RingEvent.receive || bytesCome <= 0)
      throw new Error(`a session was lost (${bytesCome})`);
    const number = flags >>> 16;
    const session = slots[mark >> 2];
    const last = buffers.bytes[buffers.startOf(number) + bytesCome - 6];
    buffers.giveBack(number);
    if ((flags & CompletionFlag.more) === 0) uring.receive(session.slot, true);
    if (last !== 0x5a) return;
    ended += 1;
    session.message ??= messageIn(session.slot.sendMemory, false);
    redial(session.slot.sendMemory, session.message.digitsEnd);
    uring.send(session.slot, session.message.length);
  };
  for (let turns = 0; ; turns += 1) {
    uring.enter(Number.POSITIVE_INFINITY);
    uring.harvest(completed);
    if (turns % 256 === 0 && clocked()) return;
  }
}

const startMs = performance.now();
await { stream, ring }[transport]();
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
