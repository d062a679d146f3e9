// CPU of the client's own logic, in nanoseconds an operation: arrivals, pool, session and books for reads of one statement,
// on a transport that answers after a millisecond of virtual time and a clock of a few timers, so that neither weighs.
//   npm run build && node bench/workload/run.mjs [operations]
import { built } from '../load/built.mjs';

const { arrivalsFor } = await built('workload/arrivals');
const { builtinScript } = await built('workload/builtin');
const { ClientPool } = await built('workload/client-pool');
const { LoadBooks } = await built('workload/load-books');
const { onlyWorker, sessionsOf } = await built('workload/share');
const { executed } = await built('workload/transport');
const { Random } = await built('kernel/random');

const operations = Number(process.argv[2] ?? 1_000_000);
const perSecond = 5000;
const never = Number.POSITIVE_INFINITY;

/** A clock for a handful of timers, looked through one by one, and a ring of answers that come in the order of their questions. */
class BenchClock {
  #now = 0;
  #duesMs = new Float64Array(64).fill(never);
  #fires = new Array(64).fill(null);
  #used = 0;
  #answerDuesMs = new Float64Array(65536);
  #answers = new Array(65536).fill(null);
  #first = 0;
  #end = 0;

  nowMs() {
    return this.#now;
  }

  setTimeout(fire, delayMs) {
    let at = 0;
    while (this.#fires[at] !== null) at += 1;
    if (at >= this.#used) this.#used = at + 1;
    this.#fires[at] = fire;
    this.#duesMs[at] = this.#now + Math.max(0, delayMs);
    return at;
  }

  clearTimeout(at) {
    this.#fires[at] = null;
    this.#duesMs[at] = never;
  }

  answerLater(transport, delayMs) {
    this.#answerDuesMs[this.#end & 65535] = this.#now + delayMs;
    this.#answers[this.#end & 65535] = transport;
    this.#end += 1;
  }

  run(isOver) {
    while (!isOver()) {
      let next = -1;
      let dueMs = this.#first < this.#end ? this.#answerDuesMs[this.#first & 65535] : never;
      for (let at = 0; at < this.#used; at += 1) {
        if (this.#duesMs[at] >= dueMs) continue;
        next = at;
        dueMs = this.#duesMs[at];
      }
      this.#now = dueMs;
      if (next < 0) {
        this.#first += 1;
        this.#answers[(this.#first - 1) & 65535].answer();
      } else {
        const fire = this.#fires[next];
        this.clearTimeout(next);
        fire();
      }
    }
  }
}

/** Connects at once and answers after a millisecond. */
class BenchTransport {
  handler = null;
  #clock;

  constructor(clock) {
    this.#clock = clock;
  }

  connect(done) {
    this.#clock.setTimeout(() => done({ ok: true, server: 'server2' }), 0);
  }

  execute() {
    this.#clock.answerLater(this, 1);
  }

  answer() {
    this.handler.onAnswer(executed);
  }

  close() {}
}

function planOf(arrivals) {
  const { script } = builtinScript('builtin:select-only');
  return {
    ...{
      seed: 1,
      scale: 10,
      protocol: 'simple',
      transport: 'auto',
      arrivals,
      late: 'skip',
      connect: 'pooled',
    },
    durationMs: (operations / perSecond) * 1000,
    classes: [{ name: 'read', script, perSecond, closed: null, timeoutMs: 5000 }],
    ...{ sessions: 24, sessionLifetimeMs: null, patienceMs: 1000, timeoutMs: 5000 },
  };
}

/** @returns nanoseconds of CPU time an operation */
function nanosOf(arrivals) {
  const plan = planOf(arrivals);
  const clock = new BenchClock();
  const books = new LoadBooks(plan, {
    servers: ['server1', 'server2', 'server3'],
    sink: { interval: () => undefined, latency: () => undefined },
  });
  const pool = new ClientPool({
    clock,
    plan,
    sessions: sessionsOf(plan, onlyWorker).map((session) => ({
      ...session,
      transport: new BenchTransport(clock),
    })),
    arrivals: arrivalsFor(plan),
    observer: books,
    random: new Random(1),
  });
  let over = false;
  let startCpu = process.cpuUsage();
  pool.connect(() => {
    startCpu = process.cpuUsage();
    pool.start(clock.nowMs(), () => {
      over = true;
    });
  });
  clock.run(() => over);
  const { user, system } = process.cpuUsage(startCpu);
  const { ok } = books.totals()[0];
  if (Math.abs(ok / operations - 1) > 0.01) throw new Error(`${ok} of ${operations} were answered`);
  return ((user + system) * 1000) / ok;
}

function schedule(arrivals) {
  const plan = planOf(arrivals);
  const stream = arrivalsFor(plan);
  const startCpu = process.cpuUsage();
  let count = 0;
  for (; stream.dueMs < never; stream.advance()) count += 1;
  const { user, system } = process.cpuUsage(startCpu);
  return ((user + system) * 1000) / count;
}

function median(measure) {
  measure();
  return [measure(), measure(), measure(), measure(), measure()].sort((a, b) => a - b)[2];
}

const rows = [
  ['the schedule alone, constant', () => schedule('constant')],
  ['the schedule alone, Poisson', () => schedule('poisson')],
  ['everything, constant arrivals', () => nanosOf('constant')],
  ['everything, Poisson arrivals', () => nanosOf('poisson')],
];
for (const [name, measure] of rows)
  process.stdout.write(`${name.padEnd(46)}${median(measure).toFixed(0).padStart(6)} ns CPU an operation\n`);
