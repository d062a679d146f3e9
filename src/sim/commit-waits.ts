import type { VirtualClock } from '../kernel/clock.ts';
import type { EventKernel } from '../kernel/event-kernel.ts';
import type { Draw, Draws } from './draws.ts';
import type { SimServer } from './server.ts';
import { type Acknowledger, type SynchronousCommit, SynchronousRule } from './synchronous.ts';

/** A commit whose client is not answered before standbys have told that they have it; then its event happens. */
interface Waiting {
  position: number;
  kind: number;
  a: number;
  b: number;
}

/** What one server knows of those that stream from it, as a primary. */
interface Primary {
  rule: SynchronousRule;
  connected: (Acknowledger & { server: SimServer })[];
  /** In order of position. */
  waiting: Waiting[];
}

/**
 * Synchronous replication: standbys tell what they have received (remote_write), flushed (on) or replayed (remote_apply), and
 * commits wait for it. A flush on a standby takes one draw of `commit` where the model has it, else no time.
 */
export class CommitWaits {
  readonly #kernel: EventKernel;
  readonly #servers: readonly SimServer[];
  readonly #primaries: readonly Primary[];
  readonly #mode: SynchronousCommit;
  readonly #network: Draw;
  readonly #flush: Draw | null;
  readonly #told: number;

  constructor(
    clock: VirtualClock,
    draws: Draws,
    options: {
      servers: readonly SimServer[];
      synchronousCommit: SynchronousCommit;
      synchronousNames: string;
    },
  ) {
    this.#kernel = clock.kernel;
    this.#servers = options.servers;
    this.#mode = options.synchronousCommit;
    this.#network = draws.of('network', 'standbys');
    this.#flush = this.#mode === 'on' ? draws.optional('commit', 'standbys') : null;
    this.#primaries = options.servers.map(() => ({
      rule: new SynchronousRule(options.synchronousNames),
      connected: [],
      waiting: [],
    }));
    this.#told = this.#kernel.kind((standby, position) => this.#tell(standby, position));
  }

  /** A commit is as safe as the settings ask. */
  isSafe(primary: SimServer, position: number): boolean {
    if (!this.#cares(primary)) return true;
    const { rule, connected } = this.#of(primary);
    return rule.safePosition(connected) >= position;
  }

  /** Lets an event happen when its commit is as safe as the settings ask. */
  add(primary: SimServer, waiting: Waiting): void {
    this.#of(primary).waiting.push(waiting);
  }

  /** num_sync of a server's synchronous_standby_names, and how many of the named standbys are connected; null for an empty list. */
  stateOf(server: SimServer): { numSync: number; connected: number } | null {
    const { rule, connected } = this.#of(server);
    return rule.numSync === 0
      ? null
      : { numSync: rule.numSync, connected: rule.candidates(connected).length };
  }

  /** EFM's reconfiguration of one server, with a reload. */
  change(server: SimServer, numSync: number | null): void {
    this.#of(server).rule.change(numSync);
    this.#release(server);
  }

  joined(primary: SimServer, standby: SimServer): void {
    const { name, wal } = standby;
    const acknowledged = this.#mode === 'remote_apply' ? wal.applied : wal.received;
    this.#of(primary).connected.push({ name, server: standby, acknowledged });
    this.#release(primary);
  }

  left(primary: SimServer, standby: SimServer): void {
    const of = this.#of(primary);
    of.connected = of.connected.filter(({ server }) => server !== standby);
    this.#release(primary);
  }

  /** The server's processes have ended, and with them who waited. */
  ended(server: SimServer): void {
    this.#of(server).waiting = [];
  }

  received(primary: SimServer, standby: SimServer): void {
    if (this.#mode === 'remote_apply' || !this.#cares(primary)) return;
    const delayMs = this.#network() + (this.#flush?.() ?? 0);
    this.#kernel.schedule(delayMs, this.#told, standby.id, standby.wal.received);
  }

  applied(primary: SimServer, standby: SimServer): void {
    if (this.#mode !== 'remote_apply' || !this.#cares(primary)) return;
    this.#kernel.schedule(this.#network(), this.#told, standby.id, standby.wal.applied);
  }

  #of(server: SimServer): Primary {
    return this.#primaries[server.id] as Primary;
  }

  #cares(primary: SimServer): boolean {
    return this.#mode !== 'off' && this.#mode !== 'local' && this.#of(primary).rule.numSync > 0;
  }

  #tell(id: number, position: number): void {
    const standby = this.#servers[id] as SimServer;
    for (const [primaryId, { connected }] of this.#primaries.entries()) {
      const known = connected.find(({ server }) => server === standby);
      if (!known) continue;
      known.acknowledged = Math.max(known.acknowledged, Math.min(position, standby.wal.received));
      this.#release(this.#servers[primaryId] as SimServer);
    }
  }

  #release(primary: SimServer): void {
    const of = this.#of(primary);
    if (of.waiting.length === 0) return;
    const safe = of.rule.safePosition(of.connected);
    let released = 0;
    while (released < of.waiting.length && (of.waiting[released] as Waiting).position <= safe) released += 1;
    for (const { kind, a, b } of of.waiting.splice(0, released)) this.#kernel.schedule(0, kind, a, b);
  }
}
