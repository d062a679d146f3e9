import type { Clock } from '../kernel/clock.ts';
import { invariant } from '../kernel/errors.ts';
import type { Random } from '../kernel/random.ts';
import { intervalMs } from '../recording/intervals.ts';
import type { EndedOperation } from './accounting.ts';
import type { Arrivals, DueOperation } from './arrivals.ts';
import { Deadline, hasCome } from './deadline.ts';
import type { Outcome } from './ledger.ts';
import { reactionTo } from './retry.ts';
import { ClientSession } from './session.ts';
import type { ExecutionOutcome, ScriptCall, SessionTransport } from './transport.ts';
import { WaitingLine } from './waiting-line.ts';

/** Who keeps the books of a pool. Instants are ms since load start. */
export interface PoolObserver {
  due(classIndex: number, dueMs: number): void;
  /** Once for every due operation. */
  ended(operation: EndedOperation): void;
  /** A session could not be opened, after load start. */
  refused(code: string, atMs: number): void;
  /** Every 100 ms after load start: nothing becomes due or ends before `nowMs` any more. */
  advance(nowMs: number, sessionsByServer: Readonly<Record<string, number>>): void;
  /** The load is over and every due operation has ended. */
  finish(nowMs: number, sessionsByServer: Readonly<Record<string, number>>): void;
}

export interface ClientPoolOptions {
  clock: Clock;
  /** One for each session. */
  transports: readonly SessionTransport[];
  arrivals: Arrivals;
  /** Kind of each class, by position. */
  kinds: readonly ('read' | 'write')[];
  callFor: (operation: DueOperation) => ScriptCall;
  observer: PoolObserver;
  /** For back-off and lifetimes only. */
  random: Random;
  sessionLifetimeMs: number | null;
  patienceMs: number;
  timeoutMs: number;
  /** Distance between the first connects of two sessions; 5 ms unless told. */
  staggerMs?: number;
}

interface Flight {
  operation: DueOperation;
  session: ClientSession;
  kind: 'read' | 'write';
  sentMs: number;
  foundFree: boolean;
}

const always = (): boolean => true;

/**
 * The application's connection pool: N sessions that survive everything and carry out due operations in due order.
 *
 * An operation that was not sent within `patienceMs` of its due time is skipped. One that was sent ends at `timeoutMs`
 * at the latest: a write unknown, a read failed, the connection dropped. Free sessions take turns, so that each carries
 * the same share. Runs on any clock; instants handed to the observer count from the load start given to `start`.
 */
export class ClientPool {
  readonly #options: ClientPoolOptions;
  readonly #sessions: ClientSession[];
  readonly #waiting = new WaitingLine();
  /** In order of sending, hence of their deadlines; ended ones leave at once. */
  readonly #flights = new Set<Flight>();
  /** Free sessions, the one that has rested longest first. */
  readonly #idle = new Set<ClientSession>();
  readonly #arrivalTimer: Deadline;
  readonly #patienceTimer: Deadline;
  readonly #timeoutTimer: Deadline;
  readonly #sweepTimer: Deadline;
  #zeroMs = 0;
  /** Number of the next sweep, which is due so many slices after load start. */
  #sweeps = 1;
  #state: 'idle' | 'running' | 'draining' | 'closed' = 'idle';
  #arrivalsEnded = false;
  #onReady: (() => void) | null = null;
  #onDrained: (() => void) | null = null;

  constructor(options: ClientPoolOptions) {
    const { clock, transports, random, sessionLifetimeMs } = options;
    this.#options = options;
    this.#sessions = transports.map(
      (transport, index) =>
        new ClientSession({
          clock,
          transport,
          random: random.fork(`session ${index}`),
          lifetimeMs: sessionLifetimeMs,
          onIdle: (session) => this.#becameIdle(session),
          onGone: (session) => this.#idle.delete(session),
          onRefused: (code) => {
            if (this.#state === 'running') this.#options.observer.refused(code, Math.max(0, this.#now()));
          },
        }),
    );
    this.#arrivalTimer = new Deadline(clock, () => this.#takeArrivals());
    this.#patienceTimer = new Deadline(clock, () => this.#skipImpatient());
    this.#timeoutTimer = new Deadline(clock, () => this.#dropOverdue());
    this.#sweepTimer = new Deadline(clock, () => this.#sweep());
  }

  /** Opens all sessions, one after the other; `onReady` is called once when every one has been connected. */
  connect(onReady: () => void): void {
    this.#onReady = onReady;
    const { staggerMs = 5 } = this.#options;
    for (const [index, session] of this.#sessions.entries()) session.open(index * staggerMs);
  }

  /**
   * Starts the load.
   *
   * @param zeroMs instant of load start on the pool's clock, now or later
   * @param onDrained called once when the schedule is over (or stopped) and every due operation has ended; the
   *   connections are closed then
   */
  start(zeroMs: number, onDrained: () => void): void {
    invariant(this.#state === 'idle', 'a pool starts once');
    this.#state = 'running';
    this.#zeroMs = zeroMs;
    this.#onDrained = onDrained;
    this.#armArrival();
    this.#sweepTimer.at(zeroMs + intervalMs);
  }

  /** No more operations become due; those that are due end as they would. */
  stop(): void {
    if (this.#state === 'idle') this.#close();
    if (this.#state !== 'running') return;
    this.#takeArrivals();
    this.#arrivalsEnded = true;
    this.#arrivalTimer.clear();
    this.#drainIfDone();
  }

  /** Ends everything now: waiting operations are skipped, sent ones end as if their connections were lost. */
  abort(): void {
    this.stop();
    if (this.#state !== 'running') return;
    for (let next = this.#waiting.take(always); next; next = this.#waiting.take(always)) this.#skip(next);
    for (const flight of [...this.#flights]) this.#cut(flight, 'closed');
    this.#drainIfDone();
  }

  /** Sessions that are connected now, by the server that answers their reads. */
  sessionsByServer(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const session of this.#sessions) {
      if (!session.connected) continue;
      const server = session.server ?? '?';
      counts[server] = (counts[server] ?? 0) + 1;
    }
    return counts;
  }

  #now(): number {
    return this.#options.clock.nowMs() - this.#zeroMs;
  }

  #armArrival(): void {
    const dueMs = this.#options.arrivals.nextDueMs();
    if (dueMs === Number.POSITIVE_INFINITY) {
      this.#arrivalsEnded = true;
      this.#drainIfDone();
    } else this.#arrivalTimer.at(this.#zeroMs + dueMs);
  }

  #takeArrivals(): void {
    if (this.#state !== 'running' || this.#arrivalsEnded) return;
    const { arrivals, clock, observer, kinds } = this.#options;
    while (hasCome(clock, this.#zeroMs + arrivals.nextDueMs())) {
      const operation = arrivals.next() as DueOperation;
      const kind = kinds[operation.classIndex] ?? 'write';
      observer.due(operation.classIndex, operation.dueMs);
      const session = this.#waiting.has(kind) ? null : this.#freeSession(kind);
      if (session) this.#send(operation, session, true);
      else {
        this.#waiting.add(kind, operation);
        this.#armPatience();
      }
    }
    this.#armArrival();
  }

  #freeSession(kind: 'read' | 'write'): ClientSession | null {
    for (const session of this.#idle) if (session.takes(kind)) return session;
    return null;
  }

  #send(operation: DueOperation, session: ClientSession, foundFree: boolean): void {
    const call = this.#options.callFor(operation);
    this.#idle.delete(session);
    const flight: Flight = { operation, session, kind: call.kind, sentMs: this.#now(), foundFree };
    this.#flights.add(flight);
    if (this.#flights.size === 1) this.#armTimeout();
    session.execute(call, (outcome) => this.#answered(flight, outcome));
  }

  #answered(flight: Flight, outcome: ExecutionOutcome): void {
    if (outcome.ok) {
      this.#end(flight, 'ok', null);
      flight.session.succeeded();
    } else {
      const { error, definite, lost } = outcome;
      this.#end(flight, definite || flight.kind === 'read' ? 'failed' : 'unknown', error.code);
      flight.session.failed(lost ? 'reconnect' : reactionTo(error));
    }
    this.#drainIfDone();
  }

  /** A session is free: it takes the earliest waiting operation that it may, or rests. */
  #becameIdle(session: ClientSession): void {
    this.#reportReady();
    this.#idle.add(session);
    if (this.#state !== 'running') return;
    const operation = this.#waiting.take((kind) => session.takes(kind));
    if (!operation) return;
    this.#send(operation, session, false);
  }

  #reportReady(): void {
    if (!this.#onReady || this.#sessions.some(({ wasConnected }) => !wasConnected)) return;
    const onReady = this.#onReady;
    this.#onReady = null;
    onReady();
  }

  #armPatience(): void {
    const dueMs = this.#waiting.nextDueMs();
    if (dueMs < Number.POSITIVE_INFINITY)
      this.#patienceTimer.at(this.#zeroMs + dueMs + this.#options.patienceMs);
  }

  #skipImpatient(): void {
    const { clock, patienceMs } = this.#options;
    while (hasCome(clock, this.#zeroMs + this.#waiting.nextDueMs() + patienceMs)) {
      const impatient = this.#waiting.take(always);
      if (impatient) this.#skip(impatient);
    }
    this.#armPatience();
    this.#drainIfDone();
  }

  #skip({ classIndex, number, dueMs }: DueOperation): void {
    const end = {
      sentMs: null,
      endedMs: this.#now(),
      outcome: 'skipped',
      code: null,
      server: null,
      foundFree: false,
    } as const;
    this.#options.observer.ended({ classIndex, number, dueMs, ...end });
  }

  #armTimeout(): void {
    const [first] = this.#flights;
    if (first) this.#timeoutTimer.at(this.#zeroMs + first.sentMs + this.#options.timeoutMs);
  }

  #dropOverdue(): void {
    const { clock, timeoutMs } = this.#options;
    for (const flight of this.#flights) {
      if (!hasCome(clock, this.#zeroMs + flight.sentMs + timeoutMs)) break;
      this.#cut(flight, 'timeout');
    }
    this.#armTimeout();
    this.#drainIfDone();
  }

  /** Gives a sent operation up: nobody can tell what became of a write. */
  #cut(flight: Flight, code: 'timeout' | 'closed'): void {
    flight.session.drop();
    this.#end(flight, flight.kind === 'read' ? 'failed' : 'unknown', code);
  }

  #end(flight: Flight, outcome: Outcome, code: string | null): void {
    const { operation, session, kind, sentMs, foundFree } = flight;
    invariant(this.#flights.delete(flight), 'an operation ends once');
    const server = kind === 'read' ? session.server : null;
    this.#options.observer.ended({
      ...operation,
      sentMs,
      endedMs: this.#now(),
      outcome,
      code,
      server,
      foundFree,
    });
  }

  /** Reads the time before it takes the arrivals in: what becomes due meanwhile lies in a slice that stays open. */
  #sweep(): void {
    if (this.#state !== 'running') return;
    const sweepMs = this.#sweeps * intervalMs;
    if (hasCome(this.#options.clock, this.#zeroMs + sweepMs)) {
      const nowMs = Math.max(sweepMs, this.#now());
      this.#takeArrivals();
      this.#options.observer.advance(nowMs, this.sessionsByServer());
      this.#sweeps = Math.floor(nowMs / intervalMs) + 1;
    }
    if (this.#state === 'running') this.#sweepTimer.at(this.#zeroMs + this.#sweeps * intervalMs);
  }

  #drainIfDone(): void {
    if (this.#state !== 'running' || !this.#arrivalsEnded) return;
    if (this.#flights.size > 0 || this.#waiting.length > 0) return;
    this.#state = 'draining';
    const sessions = this.sessionsByServer();
    const nowMs = Math.max(0, this.#now());
    this.#close();
    this.#options.observer.finish(nowMs, sessions);
    this.#onDrained?.();
  }

  #close(): void {
    this.#state = 'closed';
    for (const timer of [this.#arrivalTimer, this.#patienceTimer, this.#timeoutTimer, this.#sweepTimer])
      timer.clear();
    for (const session of this.#sessions) session.close();
  }
}
