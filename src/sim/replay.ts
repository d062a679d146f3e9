import type { VirtualClock } from '../kernel/clock.ts';
import type { Draw, Draws } from './draws.ts';
import type { SimServer } from './server.ts';

/**
 * Replay of what standbys have received: one process on each, a write after the other, on the server's processors. Without
 * `replay` in the model it takes nothing.
 */
export class Replay {
  readonly #servers: readonly SimServer[];
  readonly #works: readonly (Draw | null)[];
  readonly #applied: (server: SimServer) => void;
  readonly #ended: number;
  /** Incarnation of each server in which a write is being replayed; 0 for none. */
  readonly #busy: number[];

  /** @param options.applied hears of every write that was replayed */
  constructor(
    clock: VirtualClock,
    draws: Draws,
    { servers, applied }: { servers: readonly SimServer[]; applied: (server: SimServer) => void },
  ) {
    this.#servers = servers;
    this.#applied = applied;
    this.#works = servers.map(({ name }) => draws.optional('replay', name));
    this.#busy = servers.map(() => 0);
    this.#ended = clock.kernel.kind((id, incarnation) => this.#end(id, incarnation));
  }

  /** Something was received: replays it, if nothing is being replayed. */
  goOn(standby: SimServer): void {
    const { id, wal, incarnation } = standby;
    const work = this.#works[id] ?? null;
    if (work === null) {
      wal.applied = wal.received;
      this.#applied(standby);
    } else if (this.#busy[id] !== incarnation && wal.applied < wal.received) {
      this.#busy[id] = incarnation;
      standby.station.serve(work(), this.#ended, id, incarnation);
    }
  }

  #end(id: number, incarnation: number): void {
    const server = this.#servers[id] as SimServer;
    if (server.incarnation !== incarnation || !server.inRecovery) return;
    if (server.hung) {
      server.freeze(this.#ended, id, incarnation);
      return;
    }
    this.#busy[id] = 0;
    const { wal } = server;
    if (wal.applied < wal.received) {
      wal.applied += 1;
      this.#applied(server);
    }
    this.goOn(server);
  }
}
