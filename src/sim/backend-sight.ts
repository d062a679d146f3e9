import type { Clock } from '../kernel/clock.ts';
import type { ReplicationReport } from '../roles/pgpool-replication-check.ts';
import type { BackendGreeting } from '../roles/pgpool-sessions.ts';
import type { RecoveryAnswer } from '../topology/routing.ts';
import type { Draw } from './draws.ts';
import type { Network } from './network.ts';
import type { SimServer } from './server.ts';

/** The backends as Pgpool's host meets them: who answers, who refuses, who is silent, and what a look at them takes. */
export class BackendSight {
  readonly #clock: Clock;
  readonly #servers: readonly SimServer[];
  readonly #network: Network;
  readonly #host: string;
  readonly #connectTimeoutMs: number;
  readonly #connect: Draw;
  readonly #delays: () => readonly number[];
  readonly #unheard: { id: number; act: () => void }[] = [];

  /** @param options.connect the share of a session's start that one server, or Pgpool's own, takes */
  constructor(
    clock: Clock,
    options: {
      servers: readonly SimServer[];
      network: Network;
      host: string;
      connectTimeoutMs: number;
      connect: Draw;
      /** By node id, how far replay is behind the primary, bytes. */
      delays: () => readonly number[];
    },
  ) {
    this.#clock = clock;
    this.#servers = options.servers;
    this.#network = options.network;
    this.#host = options.host;
    this.#connectTimeoutMs = options.connectTimeoutMs;
    this.#connect = options.connect;
    this.#delays = options.delays;
  }

  /** Backends that Pgpool lists. */
  get count(): number {
    return this.#servers.length;
  }

  server(id: number): SimServer {
    return this.#servers[id] as SimServer;
  }

  /** Nothing comes back from this node: it is hung, or no packet gets there. */
  silent(id: number): boolean {
    const server = this.server(id);
    return server.hung || this.#network.isSilent(this.#host, server.name);
  }

  /** How a node meets a connection of Pgpool's. */
  greeting(id: number): BackendGreeting {
    const server = this.server(id);
    if (this.#network.isSilent(this.#host, server.name)) return 'drops';
    return server.hung ? 'hangs' : server.greeting;
  }

  /** Calls `act` once, when a node that does not answer does so again. */
  whenHeard(id: number, act: () => void): void {
    this.#unheard.push({ id, act });
  }

  /** Something is another now than it was: who waited for a node that answers again goes on. @returns whether all do */
  changed(): boolean {
    const heard = this.#unheard.filter(({ id }) => !this.silent(id));
    for (const entry of heard) this.#unheard.splice(this.#unheard.indexOf(entry), 1);
    for (const { act } of heard) act();
    return !this.#servers.some(({ id }) => this.silent(id));
  }

  /** Connects to `nodes`, one after the other: each takes its own share of a session's start on its server. */
  connectTo(nodes: readonly number[], done: () => void): void {
    const [first, ...others] = nodes;
    if (first === undefined) done();
    else this.server(first).station.run(this.#connect(), () => this.connectTo(others, done));
  }

  /** One iteration of the primary search: connects to one node after the other and asks each. */
  askRoles(nodes: readonly number[], done: (answers: readonly RecoveryAnswer[]) => void): void {
    const silent = nodes.filter((id) => this.silent(id));
    const answering = nodes.filter((id) => this.server(id).accepts && !this.silent(id));
    const ask = (): void => this.connectTo(answering, () => done(this.#rolesOf(nodes)));
    if (silent.length === 0) ask();
    else this.#clock.setTimeout(ask, silent.length * this.#connectTimeoutMs);
  }

  /** Pgpool's look at replication: so little work that it is taken as time alone. While a node hangs in it, it has no end. */
  checkReplication(nodes: readonly number[], done: (report: ReplicationReport) => void): void {
    const hung = nodes.find((id) => this.greeting(id) === 'hangs');
    if (hung !== undefined) {
      this.whenHeard(hung, () => this.checkReplication(nodes, done));
      return;
    }
    let tookMs = 0;
    for (const id of nodes)
      tookMs += this.greeting(id) === 'drops' ? this.#connectTimeoutMs : this.#connect();
    this.#clock.setTimeout(() => done(this.#replicationOf(nodes)), tookMs);
  }

  #replicationOf(nodes: readonly number[]): ReplicationReport {
    const servers = this.#servers;
    const answers = this.#rolesOf(nodes);
    return {
      answers,
      upstreams: servers.map(({ upstream }) => servers.find(({ name }) => name === upstream)?.id ?? null),
      delayBytes: this.#delays(),
      streaming: servers.map(({ id, state }) => state === 'standby' && answers[id] !== null),
    };
  }

  #rolesOf(nodes: readonly number[]): RecoveryAnswer[] {
    return this.#servers.map((server) => {
      if (!nodes.includes(server.id) || !server.accepts || this.silent(server.id)) return null;
      return server.inRecovery ? 'standby' : 'primary';
    });
  }
}
