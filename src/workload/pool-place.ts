import type { Clock } from '../kernel/clock.ts';
import { Random } from '../kernel/random.ts';
import type { DueOperation } from './arrivals.ts';
import type { Chain, Linked } from './chain.ts';
import type { ClosedLoad, LoadPlan } from './plan.ts';
import { ClientSession, type SessionOwner } from './session.ts';
import type { PlannedSession } from './share.ts';
import type { ExecutionOutcome, ScriptCall, SessionTransport } from './transport.ts';

/** What a pool needs to know of the load. */
export type PoolPlan = Pick<
  LoadPlan,
  'seed' | 'classes' | 'durationMs' | 'late' | 'connect' | 'sessionLifetimeMs' | 'patienceMs'
>;

/** A session of a pool and what carries it. */
export interface PoolSession extends PlannedSession {
  transport: SessionTransport;
}

/** Whom a place tells of its session. */
export interface PlaceOwner {
  becameIdle(place: PoolPlace): void;
  gone(place: PoolPlace): void;
  refused(code: string): void;
  answered(place: PoolPlace, outcome: ExecutionOutcome): void;
}

/** The operation that a place has at hand; filled anew for each. */
export interface PlaceCall extends DueOperation, ScriptCall {
  classIndex: number;
  number: number;
  kind: 'read' | 'write';
}

/** One session of a pool with the operation that it has at hand: everything about an operation that lives as long as it does. */
export class PoolPlace implements SessionOwner, Linked<PoolPlace> {
  next: PoolPlace | null = null;
  previous: PoolPlace | null = null;
  chain: Chain<PoolPlace> | null = null;
  readonly session: ClientSession;
  /** Null: it serves the open classes. */
  readonly user: ClosedUser | null;
  readonly call: PlaceCall = { classIndex: 0, number: 0, kind: 'read', dueMs: Number.NaN };
  sentMs = Number.NaN;
  endedMs = Number.NaN;
  stopAskedMs = Number.NaN;
  /** The operation was sent in the turn in which it became due. */
  foundFree = false;
  /** Server of the session as the books last asked for it, and its position there. */
  server: string | null = null;
  serverPosition = -1;
  readonly #owner: PlaceOwner;

  constructor(options: {
    clock: Clock;
    plan: PoolPlan;
    session: PoolSession;
    random: Random;
    owner: PlaceOwner;
  }) {
    const { clock, plan, session, random, owner } = options;
    const perTransaction = plan.connect === 'perTransaction';
    this.#owner = owner;
    this.user = userOf(plan, session);
    this.call.classIndex = session.closedClass ?? 0;
    this.session = new ClientSession({
      ...{ clock, transport: session.transport, random, perTransaction, owner: this },
      lifetimeMs: perTransaction ? null : plan.sessionLifetimeMs,
    });
  }

  onIdle(): void {
    this.#owner.becameIdle(this);
  }

  onGone(): void {
    this.#owner.gone(this);
  }

  onRefused(code: string): void {
    this.#owner.refused(code);
  }

  onAnswer(outcome: ExecutionOutcome): void {
    this.#owner.answered(this, outcome);
  }
}

/**
 * One user of a closed class: thinks, has one operation due, waits for its end, thinks again. Its operations are numbered
 * so that no other user of the class has the same, and its pauses come from a stream of its own, whichever worker it is at.
 */
class ClosedUser {
  readonly #load: ClosedLoad;
  readonly #number: number;
  readonly #random: Random;
  #operations = 0;

  constructor(load: ClosedLoad, number: number, random: Random) {
    this.#load = load;
    this.#number = number;
    this.#random = random;
  }

  /** When its first operation is due, ms since load start: fixed pauses begin spread evenly, random ones as if under way. */
  firstDueMs(): number {
    const { think, thinkTimeMs, sessions } = this.#load;
    return think === 'exponential' ? this.pauseMs() : (thinkTimeMs * (this.#number + 0.5)) / sessions;
  }

  /** The next pause, ms. */
  pauseMs(): number {
    const { think, thinkTimeMs } = this.#load;
    return think === 'exponential' && thinkTimeMs > 0 ? this.#random.exponential(thinkTimeMs) : thinkTimeMs;
  }

  /** Number in its class of the operation that is due now. */
  nextNumber(): number {
    const number = this.#number + this.#operations * this.#load.sessions;
    this.#operations += 1;
    return number;
  }
}

function userOf({ seed, classes }: PoolPlan, { closedClass, number }: PlannedSession): ClosedUser | null {
  const load = closedClass === null ? null : (classes[closedClass]?.closed ?? null);
  if (load === null) return null;
  return new ClosedUser(
    load,
    number,
    new Random(seed).fork(`pauses of class ${closedClass}, user ${number}`),
  );
}
