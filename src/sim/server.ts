import type { VirtualClock } from '../kernel/clock.ts';
import type { EventKernel } from '../kernel/event-kernel.ts';
import type { BackendGreeting } from '../roles/pgpool-sessions.ts';
import { createPostgresServer, type PostgresServer, type ServerState } from '../roles/postgres-server.ts';
import { CommitLog } from './commit-log.ts';
import type { Draws } from './draws.ts';
import type { Station } from './station.ts';

const accepting: ReadonlySet<ServerState> = new Set(['standby', 'promoting', 'primary']);

/** What a server has of its timeline's commits, as counts: visible, and written or received; a primary that flushes late has written less. */
export interface Wal {
  log: CommitLog;
  applied: number;
  received: number;
}

export interface SimServerOptions {
  name: string;
  /** Pgpool's node id. */
  id: number;
  /** Processors that it runs on, its own or shared. */
  station: Station;
  upstream: string | null;
}

/**
 * One simulated PostgreSQL server: its statechart, its processors, and the commits that it has.
 *
 * `incarnation` grows when its processes end: connections of an earlier one are dead.
 */
export class SimServer {
  readonly name: string;
  readonly id: number;
  readonly station: Station;
  wal: Wal = { log: new CommitLog(), applied: 0, received: 0 };
  incarnation = 1;
  /** It takes connections and answers queries. */
  accepts = false;
  readonly #machine: PostgresServer;
  readonly #listeners: ((state: ServerState, before: ServerState) => void)[] = [];
  readonly #watchers: (() => void)[] = [];
  /** Events that wait for it to wake: kind and arguments, three numbers each. */
  readonly #frozen: number[] = [];
  readonly #kernel: EventKernel;
  #state: ServerState = 'down';
  #hung = false;
  #stopDue = false;

  constructor(clock: VirtualClock, draws: Draws, { name, id, station, upstream }: SimServerOptions) {
    this.name = name;
    this.id = id;
    this.station = station;
    this.#kernel = clock.kernel;
    const timings = {
      startMs: draws.of('startServer', name),
      stopMs: draws.of('stopServer', name),
      promoteMs: draws.of('promoteServer', name),
    };
    this.#machine = createPostgresServer(clock, { timings, upstream }, (state) => this.#entered(state));
  }

  get state(): ServerState {
    return this.#state;
  }

  get upstream(): string | null {
    return this.#machine.upstream();
  }

  get guarded(): boolean {
    return this.#machine.guarded();
  }

  get standbySignal(): boolean {
    return this.#machine.standbySignal();
  }

  /** Its processes are stopped (SIGSTOP): the kernel takes connections, nobody answers. */
  get hung(): boolean {
    return this.#hung;
  }

  get inRecovery(): boolean {
    return this.#state === 'standby' || this.#state === 'promoting';
  }

  /** To one that reaches it; a hung server gives none. */
  get greeting(): BackendGreeting {
    if (accepting.has(this.#state)) return 'accepts';
    return this.#state === 'down' ? 'refuses' : 'rejects';
  }

  /** What an observer that asks the server itself sees. */
  get visibleRole(): 'primary' | 'standby' | 'down' {
    if (!this.accepts) return 'down';
    return this.#state === 'primary' ? 'primary' : 'standby';
  }

  /** An event of a hung server happens when it wakes; never when its processes end before. */
  freeze(kind: number, a: number, b: number): void {
    this.#frozen.push(kind, a, b);
  }

  /** SIGSTOP to all its processes. */
  hang(): void {
    this.#hung = this.#state !== 'down';
    this.accepts = false;
    this.#changed();
  }

  /** SIGCONT: what was due meanwhile happens now, a stop that was asked for included. */
  wake(): void {
    if (!this.#hung) return;
    this.#hung = false;
    this.accepts = accepting.has(this.#state);
    if (this.#stopDue) this.send({ type: 'stop' });
    this.#stopDue = false;
    const frozen = this.#frozen.splice(0);
    for (let at = 0; at < frozen.length; at += 3)
      this.#kernel.schedule(0, frozen[at] as number, frozen[at + 1] as number, frozen[at + 2] as number);
    this.#changed();
  }

  /** A hung server gets a stop's signal only when it wakes. */
  stop(): void {
    if (this.#hung) this.#stopDue = true;
    else this.send({ type: 'stop' });
  }

  send(event: Parameters<PostgresServer['send']>[0]): void {
    this.#machine.send(event);
  }

  onEnter(listener: (state: ServerState, before: ServerState) => void): void {
    this.#listeners.push(listener);
  }

  /** Hears of every state, hang and waking, after those of `onEnter`. */
  onChange(listener: () => void): void {
    this.#watchers.push(listener);
  }

  /** Calls `done` once, in the turn in which the server next enters a state that `reached` accepts, or at once if it is in one. */
  whenIn(reached: (state: ServerState) => boolean, done: (state: ServerState) => void): void {
    if (reached(this.#state)) {
      done(this.#state);
      return;
    }
    const listener = (state: ServerState): void => {
      if (!reached(state)) return;
      this.#listeners.splice(this.#listeners.indexOf(listener), 1);
      done(state);
    };
    this.#listeners.push(listener);
  }

  close(): void {
    this.#machine.stop();
  }

  #entered(state: ServerState): void {
    const before = this.#state;
    this.#state = state;
    if (state === 'down') {
      this.#hung = false;
      this.#stopDue = false;
      this.#frozen.length = 0;
    }
    this.accepts = accepting.has(state) && !this.#hung;
    if (accepting.has(before) && !accepting.has(state)) {
      this.incarnation += 1;
    }
    for (const listener of [...this.#listeners]) listener(state, before);
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#watchers) listener();
  }
}
