import type { Clock } from '../kernel/clock.ts';
import { invariant } from '../kernel/errors.ts';
import type { Random } from '../kernel/random.ts';
import { Deadline, hasCome } from './deadline.ts';
import { backOffMs, type Reaction } from './retry.ts';
import type { ConnectOutcome, ExecutionOutcome, ScriptCall, SessionTransport } from './transport.ts';

export interface ClientSessionOptions {
  clock: Clock;
  transport: SessionTransport;
  random: Random;
  lifetimeMs: number | null;
  /** It has a connection and nothing to do, or may take writes again. */
  onIdle: (session: ClientSession) => void;
  /** It is no longer free: its connection was lost or is being renewed. */
  onGone: (session: ClientSession) => void;
  /** An attempt to connect failed. */
  onRefused: (code: string) => void;
}

/** Lifetimes differ by up to this share, so that sessions that began together are not renewed together. */
const lifetimeJitter = 0.2;

/**
 * One place of the pool: connected, reconnected after a loss, renewed when its lifetime is over and it is free.
 *
 * A loss is followed by an attempt at once if the connection had carried an operation, else by one after the back-off,
 * counted from the start of the failed attempt, and at least the shortest back-off after its end: an attempt that hung
 * for seconds, as at a Pgpool that looks for a primary, is repeated within 100 ms.
 */
export class ClientSession {
  readonly #options: ClientSessionOptions;
  readonly #wake: Deadline;
  #state: 'waiting' | 'connecting' | 'idle' | 'busy' | 'closed' = 'waiting';
  /** Tells the answer of a connection that was given up from that of the present one. */
  #serial = 0;
  #attempts = 0;
  #connectAtMs = Number.POSITIVE_INFINITY;
  #renewAtMs = Number.POSITIVE_INFINITY;
  #writesFromMs = Number.NEGATIVE_INFINITY;
  #writeFailures = 0;
  wasConnected = false;
  /** Server that answers this session's balanced reads; null while not known. */
  server: string | null = null;

  constructor(options: ClientSessionOptions) {
    this.#options = options;
    this.#wake = new Deadline(options.clock, () => this.#woken());
    options.transport.onLost = () => this.#lostIdle();
  }

  get connected(): boolean {
    return this.#state === 'idle' || this.#state === 'busy';
  }

  /** Begins to connect after `delayMs`. */
  open(delayMs: number): void {
    this.#connectAtMs = this.#options.clock.nowMs() + delayMs;
    this.#wake.at(this.#connectAtMs);
  }

  /** True when it is free and may be given an operation of this kind. */
  takes(kind: 'read' | 'write'): boolean {
    if (this.#state !== 'idle') return false;
    return kind === 'read' || hasCome(this.#options.clock, this.#writesFromMs);
  }

  /** Runs one call; `done` is called once, unless `drop` or `close` comes first. The owner then says how it went. */
  execute(call: ScriptCall, done: (outcome: ExecutionOutcome) => void): void {
    invariant(this.#state === 'idle', `a session that is ${this.#state} cannot execute`);
    this.#state = 'busy';
    const serial = this.#serial;
    this.#options.transport.execute(call, (outcome) => {
      if (serial === this.#serial) done(outcome);
    });
  }

  /** The execution was answered: the session is proven, and free again. */
  succeeded(): void {
    this.#attempts = 0;
    if (hasCome(this.#options.clock, this.#writesFromMs)) this.#writeFailures = 0;
    this.#free();
  }

  /** The execution failed: acts as the reaction says. */
  failed(reaction: Reaction): void {
    if (reaction === 'reconnect') {
      this.drop();
      return;
    }
    if (reaction === 'backOffWrites') {
      this.#writeFailures += 1;
      this.#writesFromMs = this.#options.clock.nowMs() + backOffMs(this.#writeFailures, this.#options.random);
    }
    this.#free();
  }

  /** Drops the connection and gets another one. */
  drop(): void {
    if (this.#state === 'closed') return;
    this.#leave();
    this.#reconnectAt(this.#options.clock.nowMs());
  }

  /** For good. */
  close(): void {
    this.#leave();
    this.#state = 'closed';
    this.#wake.clear();
  }

  #leave(): void {
    this.#serial += 1;
    this.#state = 'waiting';
    this.#renewAtMs = Number.POSITIVE_INFINITY;
    this.#options.transport.close();
    this.#options.onGone(this);
  }

  #lostIdle(): void {
    if (this.#state === 'idle') this.drop();
  }

  /** Plans the next attempt: at once when none has failed since the last success. */
  #reconnectAt(attemptedAtMs: number): void {
    const { clock, random } = this.#options;
    const nowMs = clock.nowMs();
    this.#attempts += 1;
    const shortest = backOffMs(1, random);
    const waitMs = backOffMs(this.#attempts - 1, random);
    this.#connectAtMs =
      this.#attempts === 1 ? nowMs : Math.max(attemptedAtMs + waitMs, nowMs + Math.min(shortest, waitMs));
    this.#wake.at(this.#connectAtMs);
  }

  #woken(): void {
    if (this.#state === 'waiting') {
      if (hasCome(this.#options.clock, this.#connectAtMs)) this.#connect();
      else this.#wake.at(this.#connectAtMs);
    } else if (this.#state === 'idle') this.#rest();
  }

  #connect(): void {
    const { clock, transport } = this.#options;
    this.#state = 'connecting';
    this.#serial += 1;
    const serial = this.#serial;
    const startedAtMs = clock.nowMs();
    transport.connect((outcome) => {
      if (serial === this.#serial) this.#connected(outcome, startedAtMs);
    });
  }

  #connected(outcome: ConnectOutcome, startedAtMs: number): void {
    const { clock, random, lifetimeMs } = this.#options;
    if (!outcome.ok) {
      this.#options.onRefused(outcome.error.code);
      this.#leave();
      this.#attempts = Math.max(1, this.#attempts);
      this.#reconnectAt(startedAtMs);
      return;
    }
    this.wasConnected = true;
    this.server = outcome.server;
    const share = 1 + lifetimeJitter * (2 * random.unit() - 1);
    if (lifetimeMs !== null) this.#renewAtMs = clock.nowMs() + lifetimeMs * share;
    this.#free();
  }

  /** Free again: renewed when its time is over, else offered to the pool. */
  #free(): void {
    this.#state = 'idle';
    this.#rest();
  }

  #rest(): void {
    const { clock, onIdle } = this.#options;
    if (hasCome(clock, this.#renewAtMs)) {
      this.#leave();
      this.#connect();
      return;
    }
    const mayWrite = hasCome(clock, this.#writesFromMs);
    this.#wake.at(mayWrite ? this.#renewAtMs : Math.min(this.#renewAtMs, this.#writesFromMs));
    onIdle(this);
  }
}
