import type { Clock } from '../kernel/clock.ts';
import type { BackendGreeting } from '../roles/pgpool-sessions.ts';
import { createPostgresServer, type PostgresServer, type ServerState } from '../roles/postgres-server.ts';
import type { Draws } from './draws.ts';
import type { Station } from './station.ts';

const accepting: ReadonlySet<ServerState> = new Set(['standby', 'promoting', 'primary']);

export interface SimServerOptions {
  name: string;
  /** Pgpool's node id. */
  id: number;
  /** Processors that it runs on, its own or shared. */
  station: Station;
  upstream: string | null;
}

/**
 * One simulated PostgreSQL server: its statechart, its processors, and the rows on its timeline.
 *
 * `incarnation` grows when its processes end: connections of an earlier one are dead.
 */
export class SimServer {
  readonly name: string;
  readonly id: number;
  readonly station: Station;
  /** Operation ids of the committed writes, in order of commit. */
  rows: string[] = [];
  incarnation = 1;
  readonly #machine: PostgresServer;
  readonly #listeners: ((state: ServerState, before: ServerState) => void)[] = [];
  readonly #watchers: (() => void)[] = [];
  readonly #frozen: (() => void)[] = [];
  #state: ServerState = 'down';
  #hung = false;
  #stopDue = false;

  constructor(clock: Clock, draws: Draws, { name, id, station, upstream }: SimServerOptions) {
    this.name = name;
    this.id = id;
    this.station = station;
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

  /** It takes connections and answers queries. */
  get accepts(): boolean {
    return accepting.has(this.#state) && !this.#hung;
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

  /** Work of `workMs` on one core; `done` is called at its end unless the server's processes have ended before. */
  run(workMs: number, done: () => void): void {
    const { incarnation } = this;
    const end = (): void => {
      if (incarnation !== this.incarnation) return;
      if (this.#hung) this.#frozen.push(end);
      else done();
    };
    this.station.run(workMs, end);
  }

  /** SIGSTOP to all its processes. */
  hang(): void {
    this.#hung = this.#state !== 'down';
    this.#changed();
  }

  /** SIGCONT: what was due meanwhile happens now, a stop that was asked for included. */
  wake(): void {
    if (!this.#hung) return;
    this.#hung = false;
    if (this.#stopDue) this.send({ type: 'stop' });
    this.#stopDue = false;
    for (const end of this.#frozen.splice(0)) end();
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
