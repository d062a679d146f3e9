import { epochMs, monotonicMs } from '../../kernel/clock.ts';
import { DrillError, invariant } from '../../kernel/errors.ts';
import { EventQueue } from '../../kernel/event-queue.ts';
import { Random } from '../../kernel/random.ts';
import { ScriptCompiler } from '../../workload/pgbench/compile.ts';
import { drawThrottleGap, type PgRandom } from '../../workload/pgbench/random.ts';
import { chooseScript, seedStreams, setAutomaticVariables } from '../../workload/pgbench/selection.ts';
import { VariableStore } from '../../workload/pgbench/variables.ts';
import { backOffMs } from '../../workload/retry.ts';
import type { WireError } from '../../workload/transport.ts';
import type { LoadedScript } from '../script/execution.ts';
import { wireScript } from '../script/statements.ts';
import { Doorway } from '../wire/doorway.ts';
import { openWire } from '../wire/open-wire.ts';
import type { WireIo } from '../wire/wire-io.ts';
import { ThreadBooks } from './books.ts';
import { PgbenchClient } from './client.ts';
import type { ClientHost, HostedClient } from './client-host.ts';
import type { FromThread, PgbenchPlan, ThreadSetup } from './plan.ts';
import { say } from './say.ts';

/** How often slices are closed, ms: their length. */
const bookPeriodMs = 100;

/** Lost sessions that are told of one by one. */
const mostLossesTold = 8;

/** After Ctrl-C transactions under way may end for so long, ms. */
const callOffPatienceMs = 2000;

/**
 * One thread of a pgbench run: its clients, their sessions on one transport, the schedule they share, and the books.
 */
export class PgbenchThread implements ClientHost {
  readonly plan: PgbenchPlan;
  readonly scripts: readonly LoadedScript[];
  readonly books: ThreadBooks;
  /** Of this thread's monotonic clock; every other instant here counts from it. */
  startMs = 0;
  /** No transaction begins from here on. */
  endMs = Number.POSITIVE_INFINITY;
  readonly #wire: WireIo;
  readonly #clients: PgbenchClient[];
  readonly #wakes = new EventQueue<HostedClient>();
  readonly #wakeOf: (number | undefined)[] = [];
  readonly #choice: PgRandom;
  readonly #throttle: PgRandom;
  readonly #jitter: Random;
  readonly #weights: readonly number[];
  readonly #gapMs: number;
  readonly #firstClient: number;
  readonly #stopWord: Int32Array | undefined;
  readonly #tell: (message: FromThread) => void;
  #arrivalMs = 0;
  #running: number;
  #lastEndMs = 0;
  #booksMs = bookPeriodMs;
  #progressNumber = 1;
  #callOffMs = Number.POSITIVE_INFINITY;
  readonly #doorway = new Doorway();
  #lossesTold = 0;

  private constructor(setup: ThreadSetup, wire: WireIo, tell: (message: FromThread) => void) {
    const { plan, thread, firstClient, clients } = setup;
    const { seed, defines, scale } = plan;
    this.plan = plan;
    this.#wire = wire;
    this.#tell = tell;
    this.#firstClient = firstClient;
    this.#stopWord = setup.stopWord;
    this.#running = clients;
    this.#jitter = new Random(Number(seed & 0xffffffffn)).fork(`sessions of thread ${thread}`);
    this.#weights = plan.scripts.map(({ weight }) => weight);
    this.#gapMs = plan.perSecond === null ? 0 : (1000 * plan.threads) / plan.perSecond;
    const compiler = new ScriptCompiler();
    this.scripts = loadScripts(plan, compiler);
    const streams = seedStreams(seed, {
      ...{ clients: plan.clients, threads: plan.threads },
      drawsDefaultSeed: defines.default_seed === undefined,
    });
    const { script: choice, throttle, sample } = streams.threads[thread] ?? {};
    invariant(choice && throttle && sample, `thread ${thread} has its streams`);
    this.#choice = choice;
    this.#throttle = throttle;
    this.books = new ThreadBooks({
      ...{ plan, scripts: this.scripts.map(({ script }) => script), thread, sample },
      sink: {
        interval: (interval) => tell({ type: 'interval', interval }),
        latency: (batch) => tell({ type: 'latency', batch }),
      },
    });
    this.#clients = Array.from({ length: clients }, (_, index) => {
      const number = firstClient + index;
      const variables = new VariableStore(compiler.names);
      for (const [name, text] of Object.entries(defines)) variables.setText(compiler.names.slot(name), text);
      const { defaultSeed } = streams;
      setAutomaticVariables(variables, { scale, client: number, seed, defaultSeed });
      const random = streams.clients[number];
      invariant(random, `client ${number} has its stream`);
      return new PgbenchClient(this, number, { random, variables });
    });
  }

  /**
   * Opens the transport and, unless each transaction opens its own, every session.
   *
   * @throws DrillError when a session cannot be opened
   */
  static async prepare(setup: ThreadSetup, tell: (message: FromThread) => void): Promise<PgbenchThread> {
    const { plan, clients } = setup;
    const wire = await openWire({
      ...{ prefer: plan.transport, expectedConnections: clients, tls: Boolean(plan.tls) },
    });
    const thread = new PgbenchThread(setup, wire, tell);
    if (!plan.connectPerTransaction) await thread.#openAll();
    tell({ type: 'ready', transport: wire.name, reason: wire.reason });
    return thread;
  }

  async #openAll(): Promise<void> {
    const errors = await Promise.all(this.#clients.map((client) => this.open(client)));
    for (const [index, error] of errors.entries()) {
      if (error === null) continue;
      await this.#wire.close();
      throw new DrillError(error.message, {
        hint: `could not create connection for client ${this.#firstClient + index}`,
      });
    }
  }

  /** Runs all clients to their ends, from the given instant on (ms since 1970), and tells the result. */
  async run(atEpochMs: number): Promise<void> {
    this.startMs = atEpochMs - epochMs() + monotonicMs();
    this.endMs = Math.min(this.endMs, this.plan.durationMs ?? Number.POSITIVE_INFINITY);
    this.books.start(atEpochMs);
    for (const client of this.#clients) this.wakeAt(client, 0);
    await this.#wire.drive({
      nextDueMs: () => this.startMs + this.#nextDueMs(),
      due: (now) => this.#due(now - this.startMs),
      finished: () => this.mustLeave || (this.#running === 0 && this.#doorway.size === 0),
    });
    if (this.mustLeave) {
      await this.leave();
      return;
    }
    const nowMs = this.nowMs();
    const result = this.books.finish(nowMs);
    await this.#wire.close();
    this.#tell({ type: 'ended', result: { ...result, endedMs: this.#lastEndMs } });
  }

  /** Whoever started this thread wants it gone. */
  get mustLeave(): boolean {
    return this.#stopWord !== undefined && Atomics.load(this.#stopWord, 0) !== 0;
  }

  /** Ends every session and gives the transport's memory back. */
  leave(): Promise<void> {
    return this.#wire.close();
  }

  /** Calls the run off: no transaction begins any more, and those under way may end for a moment. */
  stop(): void {
    const nowMs = this.nowMs();
    this.endMs = Math.min(this.endMs, nowMs);
    this.#callOffMs = nowMs + callOffPatienceMs;
  }

  nowMs(): number {
    return monotonicMs() - this.startMs;
  }

  wakeAt(client: HostedClient, atMs: number): void {
    this.forget(client);
    this.#wakeOf[client.number - this.#firstClient] = this.#wakes.push(atMs, client);
  }

  forget({ number }: HostedClient): void {
    const index = number - this.#firstClient;
    const id = this.#wakeOf[index];
    if (id === undefined) return;
    this.#wakes.remove(id);
    this.#wakeOf[index] = undefined;
  }

  chooseScript(): number {
    return chooseScript(this.#choice, this.#weights);
  }

  /** When the next transaction of this thread is due, with a rate. @see PostgreSQL 15, pgbench.c: gaps in whole microseconds */
  nextArrivalMs(): number {
    this.#arrivalMs += drawThrottleGap(this.#throttle, this.#gapMs * 1000) / 1000;
    return this.#arrivalMs;
  }

  backOffMs(attempt: number): number {
    return backOffMs(attempt, this.#jitter);
  }

  /** Opens a client's session, when it is its turn; null when that went well. */
  async open(client: HostedClient): Promise<WireError | null> {
    const { target, tls, connectPerTransaction } = this.plan;
    const outcome = await this.#doorway.pass(() =>
      this.#wire.open({
        ...{ target, applicationName: 'pgdrill', index: client.number, handler: client },
        ...{ withoutProbe: connectPerTransaction, ...(tls && { tls }) },
      }),
    );
    if (!outcome.ok) return outcome.error;
    const { connection, session } = outcome;
    if (!connection.isOpen) return { code: 'closed', message: 'the session was lost at once' };
    if (client.isOver) {
      connection.close();
      return null;
    }
    const server = this.books.serverPosition(session.servedBy);
    client.opened(connection, server);
    this.books.countSession(server, 1);
    return null;
  }

  sayLost(client: number, { code, message }: WireError): void {
    this.#lossesTold += 1;
    if (this.#lossesTold > mostLossesTold) return;
    const told = message.split('\n')[0];
    say(`client ${client} lost its session (${code}: ${told}) and connects again`);
    if (this.#lossesTold === mostLossesTold) say('further lost sessions are counted only');
  }

  clientEnded(client: HostedClient, nowMs: number): void {
    this.forget(client);
    this.#running -= 1;
    this.#lastEndMs = Math.max(this.#lastEndMs, nowMs);
  }

  #nextDueMs(): number {
    const progressMs = this.#progressMs();
    return Math.min(this.#wakes.nextDueMs(), this.#booksMs, progressMs, this.#callOffMs);
  }

  #progressMs(): number {
    const { progressSeconds } = this.plan;
    return progressSeconds > 0 ? this.#progressNumber * progressSeconds * 1000 : Number.POSITIVE_INFINITY;
  }

  #due(nowMs: number): void {
    if (this.endMs <= nowMs && this.#callOffMs < Number.POSITIVE_INFINITY) this.#endWaiting(nowMs);
    for (let left = this.#wakes.size; left > 0 && this.#wakes.nextDueMs() <= nowMs; left -= 1) {
      const client = this.#wakes.pop();
      this.#wakeOf[client.number - this.#firstClient] = undefined;
      client.wake(nowMs);
    }
    if (nowMs >= this.#progressMs()) {
      this.#tell({ type: 'progress', number: this.#progressNumber, counts: this.books.counts });
      this.#progressNumber += 1;
    }
    if (nowMs >= this.#booksMs) {
      if (this.plan.answerTimeoutMs !== null) for (const client of this.#clients) client.checkAnswer(nowMs);
      const throttled = this.plan.perSecond !== null;
      this.books.advance(throttled ? Math.min(nowMs, this.#arrivalMs) : nowMs);
      this.#booksMs = Math.max(this.#booksMs + bookPeriodMs, nowMs);
    }
  }

  /** After `stop`: whoever waits for an instant need not; what is still under way when patience ends is given up. */
  #endWaiting(nowMs: number): void {
    const givesUp = nowMs >= this.#callOffMs;
    if (givesUp) this.#callOffMs = Number.POSITIVE_INFINITY;
    for (const client of this.#clients) {
      const waits = this.#wakeOf[client.number - this.#firstClient] !== undefined;
      if (!client.isOver && (givesUp || waits)) client.callOff(nowMs);
    }
  }
}

function loadScripts(plan: PgbenchPlan, compiler: ScriptCompiler): LoadedScript[] {
  let ids = 0;
  return plan.scripts.map(({ text, description }) => {
    const compiled = compiler.compile(text, description);
    invariant('script' in compiled, `script ${description} was checked before`);
    const { script } = compiled;
    return { script, wire: wireScript(script, plan.protocol, () => ids++), description };
  });
}
