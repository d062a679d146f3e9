import type { Clock } from '../kernel/clock.ts';
import type { Pgpool } from '../roles/pgpool.ts';
import type { Cut, NodeStatus, PgpoolState } from '../roles/pgpool-failover.ts';
import type { ReplicationReport } from '../roles/pgpool-replication-check.ts';
import { type AdmissionResult, admitSession } from '../roles/pgpool-sessions.ts';
import { startState } from '../roles/pgpool-status-file.ts';
import { pgpoolFeatures } from '../roles/pgpool-versions.ts';
import { usualPgpoolVersion } from '../topology/config/pgpool-catalogue.ts';
import type { RecoveryAnswer } from '../topology/routing.ts';
import { BackendSight } from './backend-sight.ts';
import { ChildWork } from './child-work.ts';
import { type Backends, type Child, Children, type ChildrenHost } from './children.ts';
import type { Draw, Draws } from './draws.ts';
import type { PgpoolFrontOptions } from './front-options.ts';
import { FrontSessions } from './front-sessions.ts';
import { Network } from './network.ts';
import { PgpoolProcess } from './pgpool-process.ts';
import type { SimServer } from './server.ts';
import { SessionView } from './session-view.ts';
import type { Station } from './station.ts';
import { StuckChildren } from './stuck-children.ts';

/** Pgpool's connect_timeout, where its settings do not say. */
const usualConnectTimeoutMs = 10_000;

/** A session's start may wait: for a server that does not answer, or (from 4.5 on) for the end of a switch. */
export type FrontAdmission = AdmissionResult | { ok: 'waits'; for: 'server' | 'switch' };

/**
 * Pgpool between the clients and the servers: the statechart of its main process, its children, and which session
 * ends when.
 */
export class PgpoolFront {
  readonly children: Children;
  readonly sessions: FrontSessions;
  /** The backends as Pgpool meets them, and as its sessions do. */
  readonly sight: BackendSight;
  readonly view: SessionView;
  readonly #clock: Clock;
  readonly #network: Network;
  readonly #host: string;
  readonly #wallPhaseMs: number;
  readonly #sessionsWait: boolean;
  readonly #listeners: (() => void)[] = [];
  #statusFile: readonly NodeStatus[] | null = null;
  #process: PgpoolProcess;
  #alive = true;
  /** Clients' packets get here, and what they ask is answered. */
  isReached = true;
  readonly #options: PgpoolFrontOptions;
  readonly #held: (() => void)[] = [];
  readonly #stuck: StuckChildren;
  readonly #unit: Draw;
  readonly #connect: Draw;
  /** Children killed for the node that goes down: forked again when the request is done. */
  #killed = 0;
  readonly #work: ChildWork;
  /** The main process has put children in the place of those that it kills. */
  #forks = false;

  constructor(clock: Clock, draws: Draws, options: PgpoolFrontOptions) {
    this.#clock = clock;
    this.#options = options;
    this.#unit = draws.units('load balance');
    this.#work = new ChildWork(draws);
    this.sessions = new FrontSessions(clock, draws, () => this.pgpool);
    const whole = draws.of('connect', 'pgpool');
    this.#connect = () => whole() / (options.servers.length + 1);
    const childHost: ChildrenHost = {
      mayFork: () => this.pgpool.reaps(),
      fork: (done) => options.station.run(this.#work.forkMs, done),
      closed: (backends, ended) => {
        this.#closed(backends, ended);
        if (ended) this.pgpool.childEnded();
      },
    };
    this.children = new Children(options.settings.numInitChildren, childHost, options.childLimits);
    this.#stuck = new StuckChildren(clock, (child) => this.children.release(child, null));
    this.#network = options.network ?? new Network([]);
    this.#host = options.host ?? '';
    this.#sessionsWait = pgpoolFeatures(options.settings.version ?? usualPgpoolVersion).sessionsWait;
    const connectMs = options.settings.nodes?.map(({ healthCheck }) => healthCheck.connectTimeoutMs) ?? [];
    this.sight = new BackendSight(clock, {
      servers: options.servers,
      network: this.#network,
      host: this.#host,
      connectTimeoutMs: Math.max(0, ...connectMs) || usualConnectTimeoutMs,
      connect: this.#connect,
      delays: options.delays ?? (() => options.servers.map(() => 0)),
    });
    this.view = new SessionView({
      sight: this.sight,
      sessions: this.sessions,
      delayThresholdBytes: options.delayThresholdBytes ?? 0,
      delayBytes: (node) => this.pgpool.replication().delayBytes[node] ?? 0,
    });
    this.#wallPhaseMs = 1000 * draws.units('time of day')();
    this.#process = this.#create({
      status: options.servers.map(() => 'waiting'),
      primary: options.primary,
      main: 0,
    });
    for (const server of options.servers) {
      server.onEnter((state) => {
        if (state === 'stopping' || (state === 'down' && !this.sight.silent(server.id)))
          this.sessions.backendLost(server);
      });
      server.onChange(() => this.#changed());
    }
    this.#network.onChange(() => this.#changed());
  }

  /** The running Pgpool; after a kill the dead one, until another is started. */
  get pgpool(): Pgpool {
    return this.#process.pgpool;
  }

  /** It takes clients and commands: one with a watchdog as soon as that has found its place. */
  get alive(): boolean {
    return this.#alive && this.#process.accepts;
  }

  /** Server that it runs on. */
  get host(): string {
    return this.#host;
  }

  /** It is the leader of the watchdog that it knows of. */
  get leads(): boolean {
    return this.#alive && this.#process.leads;
  }

  start(): void {
    this.#process.start();
  }

  stop(): void {
    this.#process.stop();
  }

  /** Hears of everything that may change what a new session meets. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** What a client or a PCP command from a server meets at Pgpool's port. */
  meets(from: string): 'answers' | 'refuses' | 'silent' {
    if (this.#network.isSilent(from, this.#host)) return 'silent';
    return this.alive && this.#network.reaches(from, this.#host) ? 'answers' : 'refuses';
  }

  /** SIGKILL to all its processes: every client is cut. */
  kill(): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#process.kill();
    this.sessions.cut({ scope: 'all' });
    for (const dropped of this.#held.splice(0)) dropped();
    this.children.killFree();
    this.#changed();
  }

  /** Starts Pgpool anew: it reads the nodes' states from its status file, and searches for the primary. */
  restart(): void {
    if (this.#alive) return;
    this.#killed = 0;
    this.#forks = false;
    this.#work.isOver();
    this.#process = this.#create(startState(this.#options.servers.length, this.#statusFile), true);
    this.#alive = true;
    this.start();
    this.children.forkDead();
    this.#changed();
  }

  /** The part of a session's start that is the child's: accepts the client and checks its password. */
  acceptClient(done: () => void): void {
    this.#options.station.run(this.#connect(), done);
  }

  /** Calls `dropped` when a switch is over, for a client that waits for its end (from 4.5 on). @returns what forgets it */
  hold(dropped: () => void): () => void {
    this.#held.push(dropped);
    return () => {
      const at = this.#held.indexOf(dropped);
      if (at >= 0) this.#held.splice(at, 1);
    };
  }

  /** Processors of Pgpool's own server. */
  get station(): Station {
    return this.#options.station;
  }

  /** Tries to open a session now. */
  admit(): FrontAdmission {
    if (!this.alive) {
      return { ok: false, error: { code: 'ECONNREFUSED', message: 'connection refused' }, degenerate: null };
    }
    const result = this.#admission(this.#unit());
    if ((result.afterMs ?? 0) > 0) return { ok: 'waits', for: this.pgpool.switching() ? 'switch' : 'server' };
    if (!result.ok && result.reached) this.pgpool.sessionConnected(result.reached, false);
    if (result.ok) this.pgpool.sessionConnected(result.nodes, result.skippedMain);
    else if (result.connected) this.pgpool.sessionConnected(result.connected, false);
    else if (result.degenerate !== null) this.pgpool.sessionSawError(result.degenerate);
    return result;
  }

  /** A session that comes now is served at once. */
  get serves(): boolean {
    const { ok, afterMs = 0 } = this.#admission(0.5);
    return this.alive && this.children.hasFree && ok && afterMs === 0;
  }

  #admission(unit: number): AdmissionResult {
    const { servers, weights, settings } = this.#options;
    return admitSession({
      state: this.pgpool.state(),
      switching: this.pgpool.switching(),
      greetings: servers.map(({ id }) => this.sight.greeting(id)),
      weights,
      failoverOnBackendError: settings.failoverOnBackendError,
      sessionsWait: this.#sessionsWait,
      unit,
    });
  }

  /** Backends that a session opened now would connect to, with their incarnations. */
  backendsNow(nodes: readonly number[]): Map<number, number> {
    return new Map(nodes.map((id) => [id, (this.#options.servers[id] as SimServer).incarnation]));
  }

  /** The main process has killed a child: it is replaced when the request is done, at once if that is over. */
  childKilled(backends: Backends | null): void {
    if (this.#forks || !this.pgpool.switching()) this.children.replaced(backends);
    else {
      this.#killed += 1;
      this.children.died(backends);
    }
  }

  /** A child waits for a node that does not answer: missing until all children are killed, or the kernel gives the connection up. */
  stick(child: Child): void {
    this.#stuck.add(child);
  }

  /** Children without a client that no request kills, but what a watchdog's leader tells, are forked again at once (pgpool_main.c: `sync_backend_from_watchdog`). */
  #cut(cut: Cut): void {
    this.#forks = false;
    if (this.pgpool.switching()) this.#work.endsMany();
    this.children.renew();
    if (cut.scope === 'all') {
      this.children.killFree();
      this.#stuck.releaseAll();
    }
    this.sessions.cut(cut);
    if (this.pgpool.reaps()) this.children.forkDead();
  }

  /** A child that is forked takes a client that waits at once, and ends where Pgpool is still switching. */
  #fork(cut: Cut, done: () => void): void {
    this.#forks = true;
    const count = cut.scope === 'all' ? this.children.dead : this.#killed;
    this.#killed = 0;
    this.#work.forksAnew();
    this.children.forkDead(count, () => {
      this.#work.isOver();
      this.#clock.setTimeout(done, 0);
    });
  }

  #serving(): void {
    for (const dropped of this.#held.splice(0)) dropped();
  }

  #closed(backends: Backends | null, ended: boolean): void {
    const { endMs, backendEndMs } = this.#work;
    if (ended) this.#options.station.run(endMs, () => {});
    for (const [id, incarnation] of backends ?? []) {
      const server = this.sight.server(id);
      if (server.incarnation === incarnation) server.station.run(backendEndMs, () => {});
    }
  }

  #create(shared: PgpoolState, searchAtStart = false): PgpoolProcess {
    const { follow, command, watchdog } = this.#options;
    const settings = searchAtStart ? { ...this.#options.settings, searchAtStart } : this.#options.settings;
    const { sight } = this;
    const host = {
      wallMs: () => this.#clock.nowMs() + this.#wallPhaseMs,
      greeting: (id: number) => sight.greeting(id),
      checkReplication: (nodes: readonly number[], done: (report: ReplicationReport) => void) =>
        sight.checkReplication(nodes, done),
      clients: () => this.sessions.size,
      askRoles: (nodes: readonly number[], done: (answers: readonly RecoveryAnswer[]) => void) =>
        sight.askRoles(nodes, done),
      runFollowCommand: follow,
      ...(command ? { runCommand: command } : {}),
      cutSessions: (cut: Cut) => this.#cut(cut),
      renewChildren: () => this.children.renew(),
      forkChildren: (cut: Cut, done: () => void) => this.#fork(cut, done),
      serving: () => this.#serving(),
      reaping: () => this.children.forkDead(),
      writeStatusFile: (lines: readonly NodeStatus[]) => {
        this.#statusFile = lines;
      },
    };
    const changed = (): void => this.#changed();
    return new PgpoolProcess({ ...host, clock: this.#clock }, { settings, shared, watchdog, changed });
  }

  #changed(): void {
    this.view.changed(this.#alive && this.pgpool.switching());
    for (const listener of this.#listeners) listener();
    const allAnswer = this.sight.changed();
    if (allAnswer) this.#stuck.releaseAll();
  }
}
