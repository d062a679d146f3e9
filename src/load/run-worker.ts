import { epochMs, monotonicMs } from '../kernel/clock.ts';
import { Random } from '../kernel/random.ts';
import { newHistogram, percentilesOf, unpackInto } from '../recording/histogram.ts';
import { arrivalsFor } from '../workload/arrivals.ts';
import { ClientPool } from '../workload/client-pool.ts';
import type { PoolObserver } from '../workload/pool-observer.ts';
import { sessionsOf } from '../workload/share.ts';
import { AgendaClock } from './agenda-clock.ts';
import type { ToWorker, WorkerPort, WorkerResult, WorkerSetup } from './protocol.ts';
import { ScenarioScripts } from './scenario-scripts.ts';
import { healthSpanMs, ThreadHealth } from './thread-health.ts';
import { Doorway } from './wire/doorway.ts';
import { openWire, wireLabel } from './wire/open-wire.ts';
import type { WireIo } from './wire/wire-io.ts';
import { WireTransport } from './wire-transport.ts';
import { WorkerBooks } from './worker-books.ts';

/** First connects come so far apart, and all within so long; the doorway lets no more through than a server bears. */
const longestStaggerMs = 5;
const firstConnectsWithinMs = 3000;

/**
 * Carries out one worker's share of the load: connects its sessions, says `ready`, starts at the instant it is told, hands
 * slices on as they become final, says `ended` and closes the port.
 *
 * @throws NoRing when a ring was asked for by name and cannot be had here
 */
export async function runWorker(setup: WorkerSetup, port: WorkerPort): Promise<void> {
  const { plan, worker, workers } = setup;
  const sessions = sessionsOf(plan, { worker, workers });
  const wire = await openWire({ prefer: plan.transport, expectedConnections: sessions.length });
  await new LoadWorker(setup, { port, wire }).run();
}

/** One worker's sessions on their transport, the pool that uses them, and the books. */
class LoadWorker {
  readonly #setup: WorkerSetup;
  readonly #port: WorkerPort;
  readonly #wire: WireIo;
  readonly #clock: AgendaClock;
  readonly #books: WorkerBooks;
  readonly #pool: ClientPool;
  readonly #health = new ThreadHealth();
  readonly #probes: Record<string, number> = {};
  #started = false;
  #over = false;

  constructor(setup: WorkerSetup, { port, wire }: { port: WorkerPort; wire: WireIo }) {
    const { plan, worker, workers, serverByAddress } = setup;
    this.#setup = setup;
    this.#port = port;
    this.#wire = wire;
    this.#clock = new AgendaClock(() => wire.stir());
    this.#books = new WorkerBooks(plan, { port, servers: [...new Set(Object.values(serverByAddress))] });
    this.#pool = this.#newPool(this.#books, { worker, workers });
  }

  get #isOver(): boolean {
    const { stopWord } = this.#setup;
    return this.#over || (stopWord !== undefined && Atomics.load(stopWord, 0) !== 0);
  }

  async run(): Promise<void> {
    const clock = this.#clock;
    this.#port.on('message', (message) => this.#heard(message));
    this.#pool.connect(() => this.#port.postMessage({ type: 'ready', transport: wireLabel(this.#wire) }));
    await this.#wire.drive({
      nextDueMs: () => clock.nextDueMs(),
      due: (nowMs) => clock.run(nowMs),
      finished: () => this.#isOver,
    });
    await this.#wire.close();
    if (this.#over) this.#port.postMessage({ type: 'ended', result: this.#result() });
    this.#port.close();
  }

  #newPool(observer: PoolObserver, share: { worker: number; workers: number }): ClientPool {
    const { plan, target, serverByAddress } = this.#setup;
    const scripts = new ScenarioScripts(plan);
    const doorway = new Doorway();
    const shared = {
      ...{ clock: this.#clock, wire: this.#wire, doorway, target, serverByAddress },
      asksForServer: plan.connect === 'pooled',
      onProbe: (server: string) => {
        this.#probes[server] = (this.#probes[server] ?? 0) + 1;
      },
      onConnectError: ({ code, message }: { code: string; message: string }) => {
        if (!this.#started) this.#port.postMessage({ type: 'connectFailed', code, message });
      },
    };
    const sessions = sessionsOf(plan, share).map((session, number) => ({
      ...session,
      transport: new WireTransport({ ...shared, number, scripts: scripts.session(number) }),
    }));
    return new ClientPool({
      clock: this.#clock,
      plan,
      sessions,
      staggerMs: Math.min(longestStaggerMs, firstConnectsWithinMs / Math.max(1, sessions.length)),
      arrivals: arrivalsFor(plan, share),
      observer,
      random: new Random(plan.seed).fork(`sessions of worker ${share.worker}`),
    });
  }

  #heard(message: ToWorker): void {
    if (message.type === 'start') this.#start(message.atEpochMs - epochMs() + monotonicMs());
    else {
      if (message.type === 'stop') this.#pool.stop();
      else this.#pool.abort();
      if (!this.#started) this.#end();
    }
  }

  #start(zeroMs: number): void {
    this.#started = true;
    this.#pool.start(zeroMs, () => this.#end());
    let second = 0;
    const beat = (): void => {
      const nowMs = this.#clock.nowMs();
      if (second === 0) this.#health.start(nowMs);
      else this.#health.sample(nowMs);
      second += 1;
      this.#clock.setTimeout(beat, zeroMs + second * healthSpanMs - nowMs);
    };
    this.#clock.setTimeout(beat, zeroMs - this.#clock.nowMs());
  }

  #end(): void {
    this.#over = true;
    this.#wire.stir();
  }

  #result(): WorkerResult {
    const lateness = newHistogram();
    unpackInto(lateness, this.#clock.lateness.take());
    return {
      ...this.#books.result(),
      ...this.#health.finish(),
      transport: wireLabel(this.#wire),
      eventLoopDelayMs: percentilesOf(lateness),
      sessionProbes: this.#probes,
    };
  }
}
