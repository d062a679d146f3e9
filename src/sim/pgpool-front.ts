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
import { Children } from './children.ts';
import type { Draw, Draws } from './draws.ts';
import type { SimServer } from './server.ts';

/** From the death of a backend to the error that its sessions get (measured 40 to 100 ms, docs/method.md S5). */
const backendLossMs = [40, 100] as const;

/** From the kill of a child to the end of its client's connection (measured within 70 ms, docs/method.md S5). */
const cutMs = [5, 70] as const;

/** From the death of a backend to the request of an idle child that sees it, with failover_on_backend_shutdown (measured 12 to 20 ms). */
const shutdownSeenMs = 15;

/** One client session at Pgpool, as the front sees it. */
export interface FrontSession {
  /** Backends it is connected to: node id and the server's incarnation. */
  readonly backends: ReadonlyMap<number, number>;
  readonly loadBalanceNode: number;
  /** Its connection ends with this error; called once. */
  end(error: ClientError): void;
}

export interface PgpoolFrontOptions {
  servers: readonly SimServer[];
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

  constructor(clock: Clock, draws: Draws, options: PgpoolFrontOptions) {
    this.#clock = clock;
    this.#options = options;
    this.#unit = draws.units('load balance');
    this.#lossDelay = draws.between(...backendLossMs, 'backend loss');
    this.#cutDelay = draws.between(...cutMs, 'cut sessions');
    const whole = draws.of('connect', 'pgpool');
    this.#connect = () => whole() / options.servers.length;
    this.children = new Children(options.settings.numInitChildren);
    this.pgpool = createPgpool(
      {
        clock,
        askRoles: (nodes, done) => this.#askRoles(nodes, done),
        runFollowCommand: (run, done) => options.follow(run, done),
        cutSessions: (cut) => this.#cut(cut),
        renewChildren: () => this.children.renew(),
        serving: () => this.#serving(),
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

  /** How long one backend takes to accept and check a connection of Pgpool, ms. */
  connectCostMs(): number {
    return this.#connect();
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
    if (cut.scope === 'all') this.#killedAll = true;
    for (const [session] of [...this.#sessions]) {
      if (cut.scope === 'all' || (cut.scope === 'balancedTo' && session.loadBalanceNode === cut.node)) {
        this.#doom(session, cutError, this.#cutDelay());
      }
    }
  }

  #serving(): void {
    this.#killedAll = false;
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
      if (this.#sessions.delete(session)) session.end(error);
    }, delayMs);
  }

  /** One iteration of the primary search: connects to one node after the other and asks each. */
  #askRoles(nodes: readonly number[], done: (answers: readonly RecoveryAnswer[]) => void): void {
    const { servers } = this.#options;
    const costMs = nodes.reduce((sum, id) => sum + (this.server(id).accepts ? this.#connect() : 0), 0);
    this.#clock.setTimeout(() => {
      done(
        servers.map((server) => {
          if (!nodes.includes(server.id) || !server.accepts) return null;
          return server.inRecovery ? 'standby' : 'primary';
        }),
      );
    }, costMs);
  }
}
