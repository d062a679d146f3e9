import type { Clock } from '../kernel/clock.ts';
import { invariant } from '../kernel/errors.ts';
import type { Random } from '../kernel/random.ts';
import { Deadline, hasCome } from './deadline.ts';
import { backOffMs, type Reaction } from './retry.ts';
import type {
  ConnectOutcome,
  ExecutionOutcome,
  ScriptCall,
  SessionTransport,
  TransportHandler,
  WireError,
} from './transport.ts';

/** Who owns a session: one object for the session's whole life. */
export interface SessionOwner {
  /** It is free: it may be given an operation, or may take writes again. */
  onIdle(): void;
  /** It is no longer free: its connection was lost or is being renewed. */
  onGone(): void;
  /** An attempt to connect failed. */
  onRefused(code: string): void;
  /** The operation that it was given has ended; the owner then says `succeeded` or `failed`. */
  onAnswer(outcome: ExecutionOutcome): void;
}

export interface ClientSessionOptions {
  clock: Clock;
  transport: SessionTransport;
  random: Random;
  lifetimeMs: number | null;
  /** It opens a connection for each operation, and holds none in between. */
  perTransaction: boolean;
  owner: SessionOwner;
}

/** Lifetimes differ by up to this share, so that sessions that began together are not renewed together. */
const lifetimeJitter = 0.2;

/**
 * One place of the pool: connected, reconnected after a loss, renewed when its lifetime is over and it is free.
 *
 * A loss is followed by an attempt at once if the connection had carried an operation, else by one after the back-off,
 * counted from the start of the failed attempt, and at least the shortest back-off after its end: an attempt that hung
 * for seconds, as at a Pgpool that looks for a primary, is repeated within 100 ms.
 *
 * With a connection per transaction it is free without one. An attempt that fails then ends its operation, which is known
 * not to be done, and the session takes the next one after the same back-off.
 */
export class ClientSession implements TransportHandler {
  readonly #options: ClientSessionOptions;
  readonly #wake: Deadline;
  #state: 'waiting' | 'connecting' | 'idle' | 'opening' | 'busy' | 'closed' = 'waiting';
  /** Tells the answer of an attempt that was given up from that of the present one. */
  #serial = 0;
  #attempts = 0;
  /** Start of the attempt that failed for an operation; null when its connection was lost after that. */
  #refusedAtMs: number | null = null;
  #connectAtMs = Number.POSITIVE_INFINITY;
  #renewAtMs = Number.POSITIVE_INFINITY;
  #writesFromMs = Number.NEGATIVE_INFINITY;
  #writeFailures = 0;
  /** It connects without an operation, to see that it can. */
  #probing = false;
  wasConnected = false;
  /** Server that answers this session's balanced reads; null while not known. */
  server: string | null = null;

  constructor(options: ClientSessionOptions) {
    this.#options = options;
    this.#wake = new Deadline(options.clock, () => this.#woken());
    options.transport.handler = this;
  }

  get connected(): boolean {
    return this.#state === 'busy' || (this.#state === 'idle' && !this.#options.perTransaction);
  }

  /** The operation that it was given waits for its connection: nothing of it was sent. */
  get opening(): boolean {
    return this.#state === 'opening';
  }

  /** Begins to connect after `delayMs`. */
  open(delayMs: number): void {
    this.#probing = true;
    this.#connectAtMs = this.#options.clock.nowMs() + delayMs;
    this.#wake.at(this.#connectAtMs);
  }

  /** Is free without a connection; with a connection per transaction only. */
  standBy(): void {
    invariant(this.#options.perTransaction, 'a session that keeps its connection opens it first');
    this.#free();
  }

  /** True when it is free and may be given an operation of this kind. */
  takes(kind: 'read' | 'write'): boolean {
    if (this.#state !== 'idle') return false;
    return kind === 'read' || this.#mayWrite();
  }

  /** Runs one call; the owner hears of its end once, unless `drop` or `close` comes first. */
  execute(call: ScriptCall): void {
    invariant(this.#state === 'idle', `a session that is ${this.#state} cannot execute`);
    if (this.#options.perTransaction) this.#openFor(call);
    else {
      this.#state = 'busy';
      this.#options.transport.execute(call);
    }
  }

  onAnswer(outcome: ExecutionOutcome): void {
    if (this.#state === 'busy') this.#options.owner.onAnswer(outcome);
  }

  onLost(_error: WireError): void {
    if (this.#state === 'idle') this.drop();
  }

  /** Asks the server to stop the running call, which then ends by an answer; false when that cannot be asked. */
  cancel(): boolean {
    const { transport } = this.#options;
    return this.#state === 'busy' && transport.cancel !== undefined && transport.cancel();
  }

  /** The execution was answered: the session is proven, and free again. */
  succeeded(): void {
    this.#attempts = 0;
    if (this.#writeFailures > 0 && this.#mayWrite()) this.#writeFailures = 0;
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
    const refusedAtMs = this.#refusedAtMs;
    this.#refusedAtMs = null;
    this.#reconnectAt(refusedAtMs ?? this.#options.clock.nowMs());
  }

  /** For good. */
  close(): void {
    this.#leave();
    this.#state = 'closed';
    this.#wake.clear();
  }

  #mayWrite(): boolean {
    const atMs = this.#writesFromMs;
    return atMs === Number.NEGATIVE_INFINITY || hasCome(this.#options.clock, atMs);
  }

  #leave(): void {
    this.#serial += 1;
    this.#state = 'waiting';
    this.#renewAtMs = Number.POSITIVE_INFINITY;
    this.#options.transport.close();
    this.#options.owner.onGone();
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
      if (!hasCome(this.#options.clock, this.#connectAtMs)) this.#wake.at(this.#connectAtMs);
      else if (this.#options.perTransaction && !this.#probing) this.#free();
      else this.#connect();
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
      this.#options.owner.onRefused(outcome.error.code);
      this.#leave();
      this.#attempts = Math.max(1, this.#attempts);
      this.#reconnectAt(startedAtMs);
      return;
    }
    this.#probing = false;
    this.wasConnected = true;
    this.server = outcome.server;
    const share = 1 + lifetimeJitter * (2 * random.unit() - 1);
    if (lifetimeMs !== null) this.#renewAtMs = clock.nowMs() + lifetimeMs * share;
    this.#free();
  }

  /** Opens the connection of one operation, and runs it. */
  #openFor(call: ScriptCall): void {
    const { clock, transport, owner } = this.#options;
    this.#state = 'opening';
    this.#serial += 1;
    const serial = this.#serial;
    const startedAtMs = clock.nowMs();
    transport.connect((outcome) => {
      if (serial !== this.#serial) return;
      if (outcome.ok) {
        this.wasConnected = true;
        this.server = outcome.server;
        this.#state = 'busy';
        transport.execute(call);
        return;
      }
      owner.onRefused(outcome.error.code);
      this.#attempts = Math.max(1, this.#attempts);
      this.#refusedAtMs = startedAtMs;
      owner.onAnswer({ ok: false, error: outcome.error, definite: true, lost: true });
    });
  }

  /** Free again: renewed when its time is over, else offered to the pool. */
  #free(): void {
    if (this.#options.perTransaction) {
      this.#serial += 1;
      this.#options.transport.close();
    }
    this.#state = 'idle';
    this.#rest();
  }

  #rest(): void {
    const { clock, owner } = this.#options;
    if (this.#renewAtMs !== Number.POSITIVE_INFINITY && hasCome(clock, this.#renewAtMs)) {
      this.#leave();
      this.#connect();
      return;
    }
    const wakeMs = this.#mayWrite() ? this.#renewAtMs : Math.min(this.#renewAtMs, this.#writesFromMs);
    if (wakeMs !== Number.POSITIVE_INFINITY) this.#wake.at(wakeMs);
    owner.onIdle();
  }
}
