import type { Clock, TimerId } from '../kernel/clock.ts';
import { roundMs } from '../kernel/time.ts';
import type { RecordedEventWithoutTime } from '../roles/host.ts';
import type { Draws } from './draws.ts';
import type { PgpoolFront } from './pgpool-front.ts';
import type { Replication } from './replication.ts';
import type { SimServer } from './server.ts';
import type { Station } from './station.ts';

/** Distances between two looks: those of the live observers, so that both worlds see a change equally late. */
const pgpoolPeriodMs = 200;
const serverPeriodMs = 250;
const processorPeriodMs = 1000;

/** A host whose processor time is looked at. A station does not tell its programs apart: Pgpool's beside a database counts as the database's. */
export interface WatchedHost {
  name: string;
  runs: 'postgres' | 'pgpool';
  station: Station;
}

export interface Observed {
  hosts: readonly WatchedHost[];
  /** Pgpools by the server that they run on. */
  pgpools: readonly { name: string; front: Pick<PgpoolFront, 'pgpool' | 'alive'> }[];
  servers: readonly SimServer[];
  replication: Replication;
  draws: Draws;
  record(event: RecordedEventWithoutTime): void;
}

/**
 * Looks at Pgpool's node list and at each server as the live observers do, and records what changed since the last look;
 * processor time and positions once a second.
 *
 * The first look is at once; the later ones are a period apart, beginning at a drawn moment of the first period: real
 * observers are in step neither with each other nor with the drills.
 */
export class Observers {
  readonly #clock: Clock;
  readonly #observed: Observed;
  readonly #seen = new Map<string, string>();
  #timers: Map<string, TimerId> = new Map();

  constructor(clock: Clock, observed: Observed) {
    this.#clock = clock;
    this.#observed = observed;
  }

  start(): void {
    for (const [position, place] of this.#observed.pgpools.entries()) {
      const name = position === 0 ? 'pgpool' : `pgpool ${position}`;
      this.#watch(name, pgpoolPeriodMs, () => this.#lookAtPgpool(place));
    }
    for (const server of this.#observed.servers) {
      this.#watch(server.name, serverPeriodMs, () => this.#lookAtServer(server));
      this.#watch(`position of ${server.name}`, processorPeriodMs, () => this.#notePosition(server));
    }
    for (const host of this.#observed.hosts) this.#watchProcessors(host);
  }

  stop(): void {
    for (const timer of this.#timers.values()) this.#clock.clearTimeout(timer);
    this.#timers = new Map();
  }

  #watch(name: string, periodMs: number, look: () => void): void {
    const turn = (waitMs: number): void => {
      look();
      this.#timers.set(
        name,
        this.#clock.setTimeout(() => turn(periodMs), waitMs),
      );
    };
    turn(this.#observed.draws.between(0, periodMs, `observer of ${name}`)());
  }

  #lookAtPgpool({ name, front }: Observed['pgpools'][number]): void {
    const { servers, record } = this.#observed;
    if (!front.alive) return;
    for (const [id, { status, role }] of front.pgpool.nodes().entries()) {
      const server = servers[id]?.name ?? String(id);
      if (this.#isNew(`node ${id} of ${name}`, `${status} ${role}`)) {
        record({ type: 'backendStatus', pgpool: name, server, status, role });
      }
    }
  }

  #lookAtServer(server: SimServer): void {
    const { replication, record } = this.#observed;
    const role = server.visibleRole;
    if (!this.#isNew(server.name, role)) return;
    const position = role === 'down' ? null : replication.positionTextOf(server);
    record({ type: 'serverRole', server: server.name, role, position });
  }

  #notePosition(server: SimServer): void {
    const { replication, record } = this.#observed;
    const role = server.visibleRole;
    if (role === 'down') return;
    record({ type: 'walPosition', server: server.name, role, position: replication.positionTextOf(server) });
  }

  #watchProcessors({ name, runs, station }: WatchedHost): void {
    let before: { atMs: number; usedMs: number; throttledMs: number } | null = null;
    this.#watch(`processors of ${name}`, processorPeriodMs, () => {
      const now = { atMs: this.#clock.nowMs(), usedMs: station.usedMs(), throttledMs: station.throttledMs() };
      if (before && now.atMs > before.atMs) {
        const spentMs = roundMs(now.usedMs - before.usedMs);
        this.#observed.record({
          type: 'cpu',
          server: name,
          lengthMs: roundMs(now.atMs - before.atMs),
          postgresMs: runs === 'postgres' ? spentMs : null,
          pgpoolMs: runs === 'pgpool' ? spentMs : null,
          throttledMs: station.cap === null ? null : roundMs(now.throttledMs - before.throttledMs),
        });
      }
      before = now;
    });
  }

  #isNew(what: string, value: string): boolean {
    if (this.#seen.get(what) === value) return false;
    this.#seen.set(what, value);
    return true;
  }
}
