import type { Clock } from '../kernel/clock.ts';
import { invariant } from '../kernel/errors.ts';
import { EventQueue } from '../kernel/event-queue.ts';
import type { Random } from '../kernel/random.ts';
import { intervalMs } from '../recording/intervals.ts';
import type { Arrivals } from './arrivals.ts';
import { Chain } from './chain.ts';
import { Deadline, hasCome, isOver } from './deadline.ts';
import { Flights } from './flights.ts';
import { kindOf } from './plan.ts';
import { EndNotes, type PoolObserver } from './pool-observer.ts';
import { type PlaceOwner, PoolPlace, type PoolPlan, type PoolSession } from './pool-place.ts';
import { reactionTo } from './retry.ts';
import { OutcomeCode } from './slice-recorder.ts';
import { StartLine } from './start-line.ts';
import type { ExecutionOutcome } from './transport.ts';
import { WaitingRoom } from './waiting-room.ts';

export interface ClientPoolOptions {
  clock: Clock;
  plan: PoolPlan;
  /** The sessions of this pool's share of the load (`sessionsOf`), each with what carries it. */
  sessions: readonly PoolSession[];
  /** Operations of the open classes. */
  arrivals: Arrivals;
  observer: PoolObserver;
  /** For back-off and lifetimes only. */
  random: Random;
  /** Distance between the first connects of two sessions; 5 ms unless told. */
  staggerMs?: number;
}

/** SQLSTATE of an execution that the server stopped because it was asked to. */
const queryCanceled = '57014';

/**
 * The application's connection pool: sessions that survive everything and carry out due operations in due order, and beside
 * them those of closed classes, each of which carries out its own operations one after the other.
 *
 * An operation that was not sent within the patience is skipped; when late ones are caught up with, only what is left that
 * long after the end of the schedule. One that was sent ends at its class's timeout: the server is asked to stop it, where the
 * transport can ask; without an answer within a grace of 0.5 s, or a way to ask, a write is unknown, a read failed, and the
 * connection is dropped. Free sessions take turns, so that each carries the same share. Runs on any clock; instants handed
 * to the observer count from the load start given to `start`.
 */
export class ClientPool {
  readonly #options: ClientPoolOptions;
  readonly #kinds: readonly ('read' | 'write')[];
  readonly #places: readonly PoolPlace[];
  readonly #waiting: WaitingRoom;
  readonly #notes: EndNotes;
  /** Free places of the open classes, the one that has rested longest first. */
  readonly #idle = new Chain<PoolPlace>();
  readonly #flights: Flights;
  /** Places of closed classes in a pause, by the due time of their next operation. */
  readonly #pausing = new EventQueue<PoolPlace>();
  readonly #arrivalTimer: Deadline;
  readonly #sweepTimer: Deadline;
  #zeroMs = 0;
  /** Nothing becomes due from here on. */
  #endMs: number;
  #stopped = false;
  /** Number of the next sweep, which is due so many slices after load start. */
  #sweeps = 1;
  #state: 'idle' | 'running' | 'draining' | 'closed' = 'idle';
  #startLine: StartLine | null = null;
  #onDrained: (() => void) | null = null;

  constructor(options: ClientPoolOptions) {
    const { clock, plan, sessions, random } = options;
    this.#options = options;
    this.#endMs = plan.durationMs;
    this.#kinds = plan.classes.map(kindOf);
    this.#notes = new EndNotes(options.observer);
    this.#waiting = new WaitingRoom(clock, {
      plan,
      skip: (operation) => this.#notes.skipped(operation, this.#now()),
      skipHeld: (place) => {
        this.#notes.skipped(place.call, this.#now());
        this.#goOn(place);
      },
      onSkipped: () => this.#drainIfDone(),
    });
    this.#flights = new Flights(clock, {
      timeoutsMs: plan.classes.map(({ timeoutMs }) => timeoutMs),
      giveUp: (place) => {
        this.#cut(place, 'timeout');
        this.#drainIfDone();
      },
    });
    const owner: PlaceOwner = {
      becameIdle: (place) => this.#becameIdle(place),
      gone: (place) => this.#idle.remove(place),
      refused: (code) => {
        if (this.#state === 'running') this.#options.observer.refused(code, Math.max(0, this.#now()));
      },
      answered: (place, outcome) => this.#answered(place, outcome),
    };
    this.#places = sessions.map(
      (session, index) =>
        new PoolPlace({ clock, plan, session, owner, random: random.fork(`session ${index}`) }),
    );
    this.#arrivalTimer = new Deadline(clock, () => this.#takeArrivals());
    this.#sweepTimer = new Deadline(clock, () => this.#sweep());
  }

  /** Opens the sessions (`StartLine`); `onReady` is called once when the load may start. */
  connect(onReady: () => void): void {
    const { clock, plan, staggerMs = 5 } = this.#options;
    const perTransaction = plan.connect === 'perTransaction';
    this.#startLine = new StartLine(this.#places, { clock, perTransaction, staggerMs, onReady });
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
    this.#flights.start(zeroMs);
    this.#waiting.start(zeroMs);
    this.#onDrained = onDrained;
    for (const place of this.#places)
      if (place.user !== null) this.#pauseUntil(place, place.user.firstDueMs());
    this.#armArrival();
    this.#sweepTimer.at(zeroMs + intervalMs);
  }

  /** No more operations become due; those that are due end as they would. */
  stop(): void {
    if (this.#state === 'idle') this.#close();
    this.#takeArrivals();
    if (this.#state !== 'running') return;
    this.#stopped = true;
    this.#endMs = Math.min(this.#endMs, Math.max(0, this.#now()));
    while (this.#pausing.size > 0) this.#pausing.pop();
    this.#arrivalTimer.clear();
    this.#waiting.endSchedule(this.#endMs);
    this.#drainIfDone();
  }

  /** Ends everything now: waiting operations are skipped, sent ones end as if their connections were lost. */
  abort(): void {
    this.stop();
    if (this.#state !== 'running') return;
    this.#waiting.clear();
    this.#flights.endAll((place) => this.#cut(place, 'closed'));
    this.#drainIfDone();
  }

  /** Sessions that are connected now, by the server that answers their reads. */
  sessionsByServer(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { session } of this.#places) {
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
    const dueMs = Math.min(this.#options.arrivals.dueMs, this.#pausing.nextDueMs());
    if (dueMs !== Number.POSITIVE_INFINITY) this.#arrivalTimer.at(this.#zeroMs + dueMs);
    else this.#drainIfDone();
  }

  #takeArrivals(): void {
    if (this.#state !== 'running' || this.#stopped) return;
    const { arrivals, observer } = this.#options;
    for (let nowMs = this.#now(); isOver(arrivals.dueMs, nowMs); nowMs = this.#now()) {
      const { classIndex, number, dueMs } = arrivals;
      const kind = this.#kinds[classIndex] ?? 'write';
      observer.due(classIndex, dueMs);
      const place = this.#waiting.hasLine(kind) ? null : this.#freePlace(kind);
      if (place !== null) {
        place.call.classIndex = classIndex;
        place.call.number = number;
        place.call.dueMs = dueMs;
        this.#send(place, true);
      } else this.#waiting.add(kind, arrivals);
      arrivals.advance();
    }
    for (let dueMs = this.#pausing.nextDueMs(); isOver(dueMs, this.#now()); dueMs = this.#pausing.nextDueMs())
      this.#userIsDue(this.#pausing.pop(), dueMs);
    this.#armArrival();
  }

  #freePlace(kind: 'read' | 'write'): PoolPlace | null {
    for (let place = this.#idle.first; place !== null; place = place.next)
      if (place.session.takes(kind)) return place;
    return null;
  }

  /** @param foundFree it is sent in the turn in which it became due */
  #send(place: PoolPlace, foundFree: boolean): void {
    place.chain?.remove(place);
    place.call.kind = this.#kinds[place.call.classIndex] ?? 'write';
    place.sentMs = this.#now();
    place.foundFree = foundFree;
    this.#flights.begin(place);
    place.session.execute(place.call);
  }

  #answered(place: PoolPlace, outcome: ExecutionOutcome): void {
    if (outcome.ok) {
      this.#end(place, OutcomeCode.ok, '');
      place.session.succeeded();
    } else {
      const { error, definite, lost } = outcome;
      const inDoubt = !definite && place.call.kind === 'write';
      this.#end(place, inDoubt ? OutcomeCode.unknown : OutcomeCode.failed, error.code);
      place.session.failed(lost ? 'reconnect' : reactionTo(error));
    }
    this.#goOn(place);
    this.#drainIfDone();
  }

  /** A session is free: it takes the operation that waits for it, or the earliest waiting one that it may, or rests. */
  #becameIdle(place: PoolPlace): void {
    this.#startLine?.becameIdle(place);
    const takesWrites = place.session.takes('write');
    if (place.user !== null) {
      if (!takesWrites && place.call.kind === 'write') return;
      if (this.#waiting.release(place)) this.#send(place, false);
      return;
    }
    if (place.chain === null) this.#idle.add(place);
    if (this.#state === 'running' && this.#waiting.take(place.call, takesWrites)) this.#send(place, false);
  }

  /** The user of a closed class has the next operation due after a pause from now. */
  #goOn(place: PoolPlace): void {
    if (place.user === null) return;
    const nowMs = this.#now();
    const pauseMs = place.user.pauseMs();
    if (pauseMs > 0) this.#pauseUntil(place, nowMs + pauseMs);
    else if (nowMs < this.#endMs) this.#userIsDue(place, nowMs);
  }

  #pauseUntil(place: PoolPlace, dueMs: number): void {
    if (dueMs >= this.#endMs) return;
    this.#pausing.push(dueMs, place);
    this.#arrivalTimer.at(this.#zeroMs + dueMs);
  }

  #userIsDue(place: PoolPlace, dueMs: number): void {
    const { call, user } = place;
    invariant(user !== null, 'a place of open classes has no user');
    call.number = user.nextNumber();
    call.dueMs = dueMs;
    call.kind = this.#kinds[call.classIndex] ?? 'write';
    this.#options.observer.due(call.classIndex, dueMs);
    if (place.session.takes(call.kind)) this.#send(place, true);
    else this.#waiting.hold(place);
  }

  /** Gives an operation up: nobody can tell what became of a write that was sent. */
  #cut(place: PoolPlace, code: 'timeout' | 'closed'): void {
    const inDoubt = place.call.kind === 'write' && !place.session.opening;
    place.session.drop();
    this.#end(place, inDoubt ? OutcomeCode.unknown : OutcomeCode.failed, code);
    this.#goOn(place);
  }

  #end(place: PoolPlace, outcome: number, code: string): void {
    const wasStopped = this.#flights.end(place);
    place.endedMs = this.#now();
    this.#notes.sent(place, outcome, wasStopped && code === queryCanceled ? 'timeout' : code);
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
    if (this.#state !== 'running') return;
    if (this.#flights.size > 0 || !this.#waiting.isEmpty) return;
    const { arrivals, observer } = this.#options;
    const isOverForAll = arrivals.dueMs === Number.POSITIVE_INFINITY && this.#pausing.size === 0;
    if (!this.#stopped && !isOverForAll) return;
    this.#state = 'draining';
    const sessions = this.sessionsByServer();
    const nowMs = Math.max(0, this.#now());
    this.#close();
    observer.finish(nowMs, sessions);
    this.#onDrained?.();
  }

  #close(): void {
    this.#state = 'closed';
    for (const part of [this.#arrivalTimer, this.#sweepTimer]) part.clear();
    this.#waiting.close();
    this.#flights.close();
    for (const { session } of this.#places) session.close();
  }
}
