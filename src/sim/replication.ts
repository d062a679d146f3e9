import type { Clock } from '../kernel/clock.ts';
import { invariant } from '../kernel/errors.ts';
import type { ServerState } from '../roles/postgres-server.ts';
import type { Draw, Draws } from './draws.ts';
import type { Network } from './network.ts';
import type { SimServer } from './server.ts';

/** WAL position of an empty cluster after initialisation, and bytes that one commit of a small transaction adds. */
const basePosition = 0x3000000;
const bytesPerCommit = 600;

/** How long a standby waits before it asks a lost upstream again (PostgreSQL's wal_retrieve_retry_interval). */
const retryMs = 5000;

interface Link {
  upstream: SimServer;
  /** No commit is replayed before an earlier one. */
  lastDueMs: number;
  /** Commits under way. */
  pending: Set<string>;
}

/**
 * Asynchronous streaming replication: a commit is on a standby `replication` later, in order.
 *
 * What is under way when the sender dies is lost; a sender that stops in good order sends everything first. A standby
 * that starts catches up with its upstream, unless it has commits that the upstream lacks: then it does not stream until it is
 * rebuilt. A commit is received and replayed at one instant (docs/method.md S4).
 */
export class Replication {
  readonly #clock: Clock;
  readonly #servers: readonly SimServer[];
  readonly #links = new Map<SimServer, Link>();
  readonly #delays: ReadonlyMap<SimServer, Draw>;
  readonly #network: Network | null;

  /** @param options.network left out: every server reaches every other */
  constructor(
    clock: Clock,
    draws: Draws,
    { servers, network }: { servers: readonly SimServer[]; network?: Network },
  ) {
    this.#clock = clock;
    this.#network = network ?? null;
    this.#servers = servers;
    this.#delays = new Map(servers.map((server) => [server, draws.of('replication', server.name)]));
    for (const server of servers) server.onEnter((state) => this.#entered(server, state));
  }

  /** A write is durable on `primary` now. */
  commit(primary: SimServer, operationId: string): void {
    invariant(primary.state === 'primary', `${primary.name} cannot commit: it is ${primary.state}`);
    this.#append(primary, operationId);
  }

  /** Bytes of WAL that a server has written, or received and replayed. */
  positionOf(server: SimServer): number {
    return basePosition + server.rows.length * bytesPerCommit;
  }

  /** A position as PostgreSQL prints it. */
  positionTextOf(server: SimServer): string {
    const bytes = this.positionOf(server);
    return `${Math.floor(bytes / 2 ** 32).toString(16)}/${(bytes % 2 ** 32).toString(16)}`.toUpperCase();
  }

  /** The operator copies `source`: every commit it has, and none that it lacks. */
  copy(target: SimServer, source: SimServer): void {
    target.rows = [...source.rows];
  }

  #append(server: SimServer, operationId: string): void {
    server.rows.push(operationId);
    for (const [standby, link] of this.#links) {
      if (link.upstream === server) this.#ship(standby, link, operationId);
    }
  }

  #ship(standby: SimServer, link: Link, operationId: string): void {
    const dueMs = Math.max(link.lastDueMs, this.#clock.nowMs() + this.#delayOf(standby)());
    link.lastDueMs = dueMs;
    link.pending.add(operationId);
    this.#clock.setTimeout(() => {
      if (this.#links.get(standby) !== link || !link.pending.delete(operationId)) return;
      if (this.#streams(standby, link.upstream)) this.#append(standby, operationId);
      else this.#lost(standby);
    }, dueMs - this.#clock.nowMs());
  }

  #delayOf(standby: SimServer): Draw {
    return this.#delays.get(standby) as Draw;
  }

  #entered(server: SimServer, state: ServerState): void {
    if (state === 'standby') this.#connectAfter(server, this.#delayOf(server)());
    if (state === 'stopping') this.#flush(server);
    if (state === 'stopping' || state === 'down') {
      this.#links.delete(server);
      for (const [standby, link] of [...this.#links]) if (link.upstream === server) this.#lost(standby);
    }
    if (state === 'primary') this.#links.delete(server);
  }

  /** Sends all that is under way from a server, at once. */
  #flush(server: SimServer): void {
    for (const [standby, link] of this.#links) {
      if (link.upstream !== server) continue;
      const pending = [...link.pending];
      link.pending.clear();
      for (const operationId of pending) this.#append(standby, operationId);
    }
  }

  #streams(standby: SimServer, upstream: SimServer): boolean {
    return !standby.hung && (this.#network?.reaches(standby.name, upstream.name) ?? true);
  }

  #lost(standby: SimServer): void {
    this.#links.delete(standby);
    this.#connectAfter(standby, retryMs);
  }

  #connectAfter(standby: SimServer, delayMs: number): void {
    const { incarnation } = standby;
    this.#clock.setTimeout(() => {
      if (standby.state === 'standby' && standby.incarnation === incarnation && !this.#links.has(standby)) {
        this.#connect(standby);
      }
    }, delayMs);
  }

  #connect(standby: SimServer): void {
    const upstream = this.#servers.find(({ name }) => name === standby.upstream);
    if (!upstream?.accepts || !this.#streams(standby, upstream)) {
      this.#connectAfter(standby, retryMs);
      return;
    }
    const have = standby.rows.length;
    const diverged =
      have > upstream.rows.length || (have > 0 && standby.rows[have - 1] !== upstream.rows[have - 1]);
    if (diverged) return;
    const link: Link = { upstream, lastDueMs: 0, pending: new Set() };
    this.#links.set(standby, link);
    for (const operationId of upstream.rows.slice(have)) this.#append(standby, operationId);
  }
}
