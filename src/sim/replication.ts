import type { VirtualClock } from '../kernel/clock.ts';
import { invariant } from '../kernel/errors.ts';
import type { ServerState } from '../roles/postgres-server.ts';
import { CommitWaits } from './commit-waits.ts';
import type { Draw, Draws } from './draws.ts';
import { Network } from './network.ts';
import { Replay } from './replay.ts';
import type { SimServer } from './server.ts';
import type { SynchronousCommit } from './synchronous.ts';

/** WAL position of an empty cluster after initialisation, and bytes that one commit of a small transaction adds. */
const basePosition = 0x3000000;
const usualBytesPerCommit = 600;

/** How long a standby waits before it asks a lost upstream again (PostgreSQL's wal_retrieve_retry_interval). */
const retryMs = 5000;

/** A standby that takes nothing for so long loses its connection (wal_sender_timeout). */
const senderTimeoutMs = 60_000;

/** With synchronous_commit = off the WAL writer flushes so often (wal_writer_delay). */
const walWriterMs = 200;

/** A standby's stream; its number is that of the standby. */
interface Link {
  readonly standby: SimServer;
  upstream: SimServer | null;
  /** Grows with every connection and loss: events of an earlier one do nothing. */
  turn: number;
  /** No commit arrives before an earlier one. */
  lastDueMs: number;
  /** Commits that were sent, and those that are at the standby's host. */
  sent: number;
  arrived: number;
}

export interface ReplicationOptions {
  servers: readonly SimServer[];
  /** Left out: every server reaches every other. */
  network?: Network;
  synchronousCommit?: SynchronousCommit;
  /** synchronous_standby_names; a standby's name is that of its server. */
  synchronousNames?: string;
  bytesPerCommit?: number;
}

/**
 * Streaming replication: a commit arrives at a standby `replication` later, in order, and is replayed there.
 *
 * What is under way when the sender dies is lost; a sender that stops in good order sends everything first. A standby
 * that starts catches up with its upstream, unless it has commits that the upstream lacks: then it does not stream until it is
 * rebuilt (docs/method.md S4).
 */
export class Replication {
  /** Replay on the standbys. */
  readonly replay: Replay;
  /** Commits that wait for standbys. */
  readonly waits: CommitWaits;
  readonly #clock: VirtualClock;
  readonly #servers: readonly SimServer[];
  readonly #links: readonly Link[];
  readonly #delays: readonly Draw[];
  readonly #network: Network;
  readonly #bytesPerCommit: number;
  readonly #flushesLate: boolean;
  readonly #arrived: number;
  readonly #flushDue = new Set<SimServer>();

  constructor(clock: VirtualClock, draws: Draws, options: ReplicationOptions) {
    const { servers, network, synchronousCommit = 'on', synchronousNames = '' } = options;
    this.#clock = clock;
    this.#network = network ?? new Network([]);
    this.#servers = servers;
    this.#bytesPerCommit = options.bytesPerCommit ?? usualBytesPerCommit;
    this.#flushesLate = synchronousCommit === 'off';
    this.#delays = servers.map((server) => draws.of('replication', server.name));
    this.#links = servers.map((standby) => ({
      standby,
      upstream: null,
      turn: 0,
      lastDueMs: 0,
      sent: 0,
      arrived: 0,
    }));
    this.#arrived = clock.kernel.kind((standby, turn) => this.#arrive(standby, turn));
    this.waits = new CommitWaits(clock, draws, { servers, synchronousCommit, synchronousNames });
    this.replay = new Replay(clock, draws, { servers, applied: (server) => this.#applied(server) });
    for (const server of servers) {
      server.onEnter((state, before) => this.#entered(server, state, before));
      server.onChange(() => this.#woken(server));
    }
  }

  /** A write is committed on `primary` now: its rows can be seen. @returns the number of commits that it has now */
  commit(primary: SimServer, classIndex: number, number: number): number {
    invariant(primary.state === 'primary', `${primary.name} cannot commit: it is ${primary.state}`);
    const { wal } = primary;
    wal.log.append(classIndex, number);
    wal.applied = wal.log.length;
    if (this.#flushesLate) this.#flushSoon(primary);
    else this.#flush(primary);
    return wal.applied;
  }

  /** Bytes of WAL that a server has written, or received. */
  positionOf({ wal }: SimServer): number {
    return basePosition + Math.max(wal.received, wal.applied) * this.#bytesPerCommit;
  }

  /** Bytes of WAL that a server has written, or replayed. */
  replayedOf({ wal }: SimServer): number {
    return basePosition + wal.applied * this.#bytesPerCommit;
  }

  /** A position as PostgreSQL prints it: of what was written, or replayed. */
  positionTextOf(server: SimServer): string {
    const bytes = this.replayedOf(server);
    return `${Math.floor(bytes / 2 ** 32).toString(16)}/${(bytes % 2 ** 32).toString(16)}`.toUpperCase();
  }

  /** By server id, how far its replay is behind the primary, bytes; 0 without a primary. */
  delays(): readonly number[] {
    const primary = this.#servers.find(({ state }) => state === 'primary');
    const written = primary ? this.positionOf(primary) : 0;
    return this.#servers.map((server) => Math.max(0, written - this.replayedOf(server)));
  }

  /** The standby has a connection to its upstream. */
  streams(standby: SimServer): boolean {
    return this.#links[standby.id]?.upstream != null;
  }

  /** The operator copies `source`: every commit it has, and none that it lacks. */
  copy(target: SimServer, source: SimServer): void {
    const { log, applied } = source.wal;
    target.wal = { log, applied, received: applied };
  }

  #flushSoon(primary: SimServer): void {
    if (this.#flushDue.has(primary)) return;
    this.#flushDue.add(primary);
    const { incarnation } = primary;
    this.#clock.setTimeout(() => {
      this.#flushDue.delete(primary);
      if (primary.incarnation === incarnation) this.#flush(primary);
    }, walWriterMs);
  }

  /** What was committed is durable, and goes to the standbys. */
  #flush(primary: SimServer): void {
    primary.wal.received = primary.wal.applied;
    this.#passOn(primary);
  }

  /** Sends a server's new commits to those that stream from it. */
  #passOn(upstream: SimServer): void {
    for (const link of this.#links) {
      if (link.upstream !== upstream) continue;
      for (; link.sent < upstream.wal.received; link.sent += 1) this.#send(link);
    }
  }

  #send(link: Link): void {
    const { kernel } = this.#clock;
    const dueMs = Math.max(link.lastDueMs, kernel.nowMs + this.#delayOf(link.standby)());
    link.lastDueMs = dueMs;
    kernel.schedule(dueMs - kernel.nowMs, this.#arrived, link.standby.id, link.turn);
  }

  #delayOf({ id }: SimServer): Draw {
    return this.#delays[id] as Draw;
  }

  #arrive(id: number, turn: number): void {
    const link = this.#links[id] as Link;
    if (link.turn !== turn || link.upstream === null) return;
    const { standby, upstream } = link;
    link.arrived += 1;
    if (!this.#network.reaches(standby.name, upstream.name)) this.#lost(link);
    else if (!standby.hung) this.#receive(standby, link.arrived);
    else if (link.arrived === standby.wal.received + 1) this.#giveUpLate(link);
  }

  /** A hung standby keeps its connection for a while: what arrives waits for it to wake. */
  #giveUpLate(link: Link): void {
    const { turn, standby } = link;
    const { received } = standby.wal;
    this.#clock.setTimeout(() => {
      if (link.turn === turn && standby.wal.received === received) this.#lost(link);
    }, senderTimeoutMs);
  }

  #woken(standby: SimServer): void {
    const link = this.#links[standby.id] as Link;
    if (link.upstream && !standby.hung && link.arrived > standby.wal.received)
      this.#receive(standby, link.arrived);
  }

  #receive(standby: SimServer, count: number): void {
    standby.wal.received = count;
    const link = this.#links[standby.id] as Link;
    if (link.upstream) this.waits.received(link.upstream, standby);
    this.#passOn(standby);
    this.replay.goOn(standby);
  }

  #applied(standby: SimServer): void {
    const link = this.#links[standby.id] as Link;
    if (link.upstream) this.waits.applied(link.upstream, standby);
  }

  #entered(server: SimServer, state: ServerState, before: ServerState): void {
    const { wal } = server;
    if (state === 'standby') {
      wal.applied = wal.received;
      this.#connectAfter(server, this.#delayOf(server)());
    }
    if (state === 'stopping') this.#sendAll(server);
    if (state === 'down' && before === 'primary' && wal.applied > wal.received) {
      wal.log.truncate(wal.received);
      wal.applied = wal.received;
    }
    if (state === 'stopping' || state === 'down') {
      this.#part(this.#links[server.id] as Link);
      this.waits.ended(server);
      for (const link of this.#links) if (link.upstream === server) this.#lost(link);
    }
    if (state === 'primary') {
      this.#part(this.#links[server.id] as Link);
      wal.applied = wal.received;
      wal.log = wal.log.branch(wal.applied);
    }
  }

  /** Flushes, and sends all that is under way from a server, at once. */
  #sendAll(server: SimServer): void {
    const { wal } = server;
    if (wal.applied > wal.received) wal.received = wal.applied;
    for (const link of this.#links) {
      if (link.upstream !== server) continue;
      link.turn += 1;
      link.sent = wal.received;
      link.arrived = wal.received;
      if (this.#reaches(link.standby, server)) this.#receive(link.standby, wal.received);
    }
  }

  #reaches(standby: SimServer, upstream: SimServer): boolean {
    return !standby.hung && this.#network.reaches(standby.name, upstream.name);
  }

  #part(link: Link): void {
    const { upstream } = link;
    link.turn += 1;
    link.upstream = null;
    if (upstream) this.waits.left(upstream, link.standby);
  }

  #lost(link: Link): void {
    this.#part(link);
    this.#connectAfter(link.standby, retryMs);
  }

  #connectAfter(standby: SimServer, delayMs: number): void {
    const { incarnation } = standby;
    this.#clock.setTimeout(() => {
      const isWaiting = standby.state === 'standby' && standby.incarnation === incarnation;
      if (isWaiting && !this.streams(standby)) this.#connect(standby);
    }, delayMs);
  }

  #connect(standby: SimServer): void {
    const upstream = this.#servers.find(({ name }) => name === standby.upstream);
    if (!upstream?.accepts || !this.#reaches(standby, upstream)) {
      this.#connectAfter(standby, retryMs);
      return;
    }
    const have = standby.wal.received;
    const { log, received } = upstream.wal;
    const diverged = have > received || (have > 0 && !standby.wal.log.agreesAt(have - 1, log));
    if (diverged) return;
    const link = this.#links[standby.id] as Link;
    link.turn += 1;
    link.upstream = upstream;
    link.lastDueMs = 0;
    link.sent = received;
    link.arrived = received;
    standby.wal.log = log;
    this.waits.joined(upstream, standby);
    if (received > have) this.#receive(standby, received);
  }
}
