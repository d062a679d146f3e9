import type { Clock } from '../kernel/clock.ts';
import { createPgpool, type Pgpool, type PgpoolSettings } from '../roles/pgpool.ts';
import { type Cut, primaryMeantBy } from '../roles/pgpool-failover.ts';
import {
  type AdmissionResult,
  admitSession,
  type ClientError,
  cutError,
  lostBackend,
} from '../roles/pgpool-sessions.ts';
import type { RecoveryAnswer } from '../topology/routing.ts';
import { type Backends, Children } from './children.ts';
import type { Draw, Draws } from './draws.ts';
import type { SimServer } from './server.ts';
import type { Station } from './station.ts';

/** From the death of a backend to the error that its sessions get (measured 40 to 100 ms, docs/method.md S5). */
const backendLossMs = [40, 100] as const;

/** From the kill of a child to the end of its client's connection (measured within 70 ms, docs/method.md S5). */
const cutMs = [5, 70] as const;

/** From the death of a backend to the request of an idle child that sees it, with failover_on_backend_shutdown (measured 12 to 20 ms). */
const shutdownSeenMs = 15;

/** Work that the end of a child takes, and the end of each server process that it was connected to, ms of one core (measured, docs/method.md S10). */
const childEndMs = 0.9;
const backendEndMs = 1.8;

/** Work until a child that has ended is replaced by one that serves, ms: forked, ended by the flag it inherits, forked again (measured, docs/method.md S10). */
const childForkMs = 1;

/** One client session at Pgpool, as the front sees it. */
export interface FrontSession {
  /** Backends it is connected to: node id and the server's incarnation. */
  readonly backends: ReadonlyMap<number, number>;
  readonly loadBalanceNode: number;
  /** Its connection ends with this error; called once. `killed`: the main process ended its child and has another in its place. */
  end(error: ClientError, killed: boolean): void;
}

export interface PgpoolFrontOptions {
  servers: readonly SimServer[];
  /** Processors of Pgpool's own server. */
  station: Station;
  weights: readonly number[];
  settings: PgpoolSettings;
  primary: number;
  /** The follow command; `done` is called when it returns. */
  follow(run: { node: number; oldPrimary: number }, done: () => void): void;
}

/**
 * Pgpool between the clients and the servers: the statechart of its main process, its children, and which session
 * ends when.
 */
export class PgpoolFront {
  readonly pgpool: Pgpool;
  readonly children: Children;
  readonly #clock: Clock;
  readonly #options: PgpoolFrontOptions;
  readonly #sessions = new Map<FrontSession, 'alive' | 'doomed'>();
  readonly #held: (() => void)[] = [];
  readonly #unit: Draw;
  readonly #lossDelay: Draw;
  readonly #cutDelay: Draw;
  readonly #connect: Draw;
  #killedAll = false;
  /** Children killed for the node that goes down: forked again when the request is done. */
  #killed = 0;

  constructor(clock: Clock, draws: Draws, options: PgpoolFrontOptions) {
    this.#clock = clock;
    this.#options = options;
    this.#unit = draws.units('load balance');
    this.#lossDelay = draws.between(...backendLossMs, 'backend loss');
    this.#cutDelay = draws.between(...cutMs, 'cut sessions');
    const whole = draws.of('connect', 'pgpool');
    this.#connect = () => whole() / (options.servers.length + 1);
    this.children = new Children(options.settings.numInitChildren, {
      mayFork: () => this.pgpool.reaps(),
      fork: (done) => options.station.run(childForkMs, done),
      closed: (backends, ended) => {
        this.#closed(backends, ended);
        if (ended) this.pgpool.childEnded();
      },
    });
    const wallPhaseMs = 1000 * draws.units('time of day')();
    this.pgpool = createPgpool(
      {
        clock,
        wallMs: () => clock.nowMs() + wallPhaseMs,
        askRoles: (nodes, done) => this.#askRoles(nodes, done),
        runFollowCommand: (run, done) => options.follow(run, done),
        cutSessions: (cut) => this.#cut(cut),
        renewChildren: () => this.children.renew(),
        serving: () => this.#serving(),
        reaping: () => this.children.forkDead(),
      },
      options.settings,
      {
        status: options.servers.map(() => 'waiting'),
        primary: options.primary,
        main: 0,
      },
    );
    for (const server of options.servers) {
      server.onEnter((state) => {
        if (state === 'down' || state === 'stopping') this.#backendLost(server);
      });
    }
  }

  /** The part of a session's start that is the child's: accepts the client and checks its password. */
  acceptClient(done: () => void): void {
    this.#options.station.run(this.#connect(), done);
  }

  /** A child connects to `nodes`, one after the other: each takes its own share of a session's start on its server. */
  connectTo(nodes: readonly number[], done: () => void): void {
    const [first, ...others] = nodes;
    if (first === undefined) done();
    else this.server(first).station.run(this.#connect(), () => this.connectTo(others, done));
  }

  /** True while all children are killed: connections wait unanswered. */
  get holding(): boolean {
    return this.#killedAll;
  }

  /** Calls `dropped` when Pgpool drops the connections that waited while all children were killed. @returns what forgets it */
  hold(dropped: () => void): () => void {
    this.#held.push(dropped);
    return () => {
      const at = this.#held.indexOf(dropped);
      if (at >= 0) this.#held.splice(at, 1);
    };
  }

  /** Tries to open a session now. */
  admit(): AdmissionResult {
    const { servers, weights, settings } = this.#options;
    const result = admitSession({
      state: this.pgpool.state(),
      switching: this.pgpool.switching(),
      greetings: servers.map(({ greeting }) => greeting),
      weights,
      failoverOnBackendError: settings.failoverOnBackendError,
      unit: this.#unit(),
    });
    if (result.ok) this.pgpool.sessionConnected(result.nodes, result.skippedMain);
    else if (result.degenerate !== null) this.pgpool.sessionSawError(result.degenerate);
    return result;
  }

  /** Backends that a session opened now would connect to, with their incarnations. */
  backendsNow(nodes: readonly number[]): Map<number, number> {
    return new Map(nodes.map((id) => [id, (this.#options.servers[id] as SimServer).incarnation]));
  }

  server(id: number): SimServer {
    return this.#options.servers[id] as SimServer;
  }

  /** The main process has killed a child: it is replaced when the request is done, at once if that is over. */
  childKilled(backends: Backends | null): void {
    if (!this.pgpool.switching()) this.children.replaced(backends);
    else {
      this.#killed += 1;
      this.children.died(backends);
    }
  }

  /** A session has begun; `left` ends what the front knows of it. */
  joined(session: FrontSession): void {
    this.#sessions.set(session, 'alive');
  }

  left(session: FrontSession): void {
    this.#sessions.delete(session);
  }

  /** It will end soon, and carries out nothing more. */
  isDoomed(session: FrontSession): boolean {
    return this.#sessions.get(session) !== 'alive';
  }

  /** The node that "primary" means to a session; null when it has none. */
  primaryOf(session: FrontSession): number | null {
    return primaryMeantBy(this.pgpool.state(), [...session.backends.keys()]);
  }

  /** The session's connection to this node still is the one it opened. */
  connectedTo(session: FrontSession, node: number): boolean {
    const server = this.#options.servers[node];
    return server?.accepts === true && session.backends.get(node) === server.incarnation;
  }

  #cut(cut: Cut): void {
    this.children.renew();
    if (cut.scope === 'all') {
      this.#killedAll = true;
      this.children.replaceFree();
    }
    for (const [session] of [...this.#sessions]) {
      if (cut.scope === 'all' || (cut.scope === 'balancedTo' && session.loadBalanceNode === cut.node)) {
        this.#doom(session, cutError, this.#cutDelay());
      }
    }
  }

  #serving(): void {
    this.children.forkDead(this.#killedAll ? this.children.dead : this.#killed);
    this.#killedAll = false;
    this.#killed = 0;
    for (const dropped of this.#held.splice(0)) dropped();
  }

  #backendLost(server: SimServer): void {
    let used = false;
    for (const [session] of [...this.#sessions]) {
      const uses = server.id === session.loadBalanceNode || server.id === this.primaryOf(session);
      if (!uses || !session.backends.has(server.id)) continue;
      used = true;
      this.#doom(session, lostBackend(server.id), this.#lossDelay());
    }
    if (used) this.#clock.setTimeout(() => this.pgpool.sessionSawShutdown(server.id), shutdownSeenMs);
  }

  #doom(session: FrontSession, error: ClientError, delayMs: number): void {
    if (this.#sessions.get(session) !== 'alive') return;
    this.#sessions.set(session, 'doomed');
    this.#clock.setTimeout(() => {
      if (this.#sessions.delete(session)) session.end(error, error === cutError);
    }, delayMs);
  }

  /** One iteration of the primary search: connects to one node after the other and asks each. */
  #askRoles(nodes: readonly number[], done: (answers: readonly RecoveryAnswer[]) => void): void {
    const { servers } = this.#options;
    const answering = nodes.filter((id) => this.server(id).accepts);
    this.connectTo(answering, () => {
      done(
        servers.map((server) => {
          if (!nodes.includes(server.id) || !server.accepts) return null;
          return server.inRecovery ? 'standby' : 'primary';
        }),
      );
    });
  }

  #closed(backends: Backends | null, ended: boolean): void {
    if (ended) this.#options.station.run(childEndMs, () => {});
    for (const [id, incarnation] of backends ?? []) {
      const server = this.server(id);
      if (server.incarnation === incarnation) server.station.run(backendEndMs, () => {});
    }
  }
}
