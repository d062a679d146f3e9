// Goal: the client's own logic leaves next to no garbage: arrivals, pool, session and books of an ordinary operation.
// Method: warm code, then the heap's growth over many operations on a clock and a transport that allocate nothing themselves.
// Numbers with fractions that pass between functions may be boxed (16 bytes each), and a slice is handed on every 100 ms.
import { getHeapStatistics } from 'node:v8';
import { expect, test } from 'vitest';
import { Random } from '../../src/kernel/random.ts';
import { arrivalsFor } from '../../src/workload/arrivals.ts';
import { ClientPool } from '../../src/workload/client-pool.ts';
import { LoadBooks } from '../../src/workload/load-books.ts';
import { onlyWorker, sessionsOf } from '../../src/workload/share.ts';
import { executed, type SessionTransport, type TransportHandler } from '../../src/workload/transport.ts';
import { openClass, planOf } from './pool-rig.ts';

/** Some boxed numbers (how many is up to the compiler) and the slices; another object or closure an operation would show. */
const limitBytes = 180;

/** A clock that keeps its timers in reused places and looks them through. */
class PlainClock {
  readonly #fires: ((() => void) | null)[] = Array.from({ length: 64 }, () => null);
  readonly #duesMs = new Float64Array(64).fill(Number.POSITIVE_INFINITY);
  readonly #now = new Float64Array(1);

  nowMs(): number {
    return this.#now[0] ?? 0;
  }

  setTimeout(fire: () => void, delayMs: number): number {
    const at = this.#fires.indexOf(null);
    this.#fires[at] = fire;
    this.#duesMs[at] = this.nowMs() + Math.max(0, delayMs);
    return at;
  }

  clearTimeout(id: unknown): void {
    this.#fires[id as number] = null;
    this.#duesMs[id as number] = Number.POSITIVE_INFINITY;
  }

  step(): void {
    let first = 0;
    for (let at = 1; at < 64; at += 1)
      if ((this.#duesMs[at] as number) < (this.#duesMs[first] as number)) first = at;
    this.#now[0] = this.#duesMs[first] as number;
    const fire = this.#fires[first];
    this.clearTimeout(first);
    fire?.();
  }
}

class PlainTransport implements SessionTransport {
  handler: TransportHandler | null = null;
  readonly #clock: PlainClock;
  readonly #answer = (): void => this.handler?.onAnswer(executed);

  constructor(clock: PlainClock) {
    this.#clock = clock;
  }

  connect(done: (outcome: { ok: true; server: string }) => void): void {
    this.#clock.setTimeout(() => done({ ok: true, server: 'server1' }), 0);
  }

  execute(): void {
    this.#clock.setTimeout(this.#answer, 1);
  }

  close(): void {
    // Nothing is open.
  }
}

test('an operation', () => {
  const clock = new PlainClock();
  const plan = planOf({ classes: [openClass('read', 5000)], sessions: 12, durationMs: 3_600_000 });
  const books = new LoadBooks(plan, {
    servers: ['server1'],
    sink: { interval: () => undefined, latency: () => undefined },
  });
  const pool = new ClientPool({
    ...{ clock, plan, observer: books, arrivals: arrivalsFor(plan), random: new Random(1) },
    sessions: sessionsOf(plan, onlyWorker).map((session) => ({
      ...session,
      transport: new PlainTransport(clock),
    })),
  });
  pool.connect(() => pool.start(clock.nowMs(), () => undefined));
  const okSoFar = (): number => books.totals()[0]?.ok ?? 0;
  let bytes = Number.POSITIVE_INFINITY;
  for (let batch = 0; batch < 100 && bytes > limitBytes; batch += 1) {
    const okBefore = okSoFar();
    const before = getHeapStatistics().used_heap_size;
    for (let step = 0; step < 20_000; step += 1) clock.step();
    const growth = getHeapStatistics().used_heap_size - before;
    if (growth >= 0) bytes = Math.min(bytes, growth / (okSoFar() - okBefore));
  }
  expect(okSoFar()).toBeGreaterThan(9000);
  expect(bytes).toBeLessThanOrEqual(limitBytes);
});
