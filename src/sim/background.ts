import type { Clock, TimerId } from '../kernel/clock.ts';
import type { Draws } from './draws.ts';
import type { SimServer } from './server.ts';

/** Background work comes in pieces, so far apart, ms; and in one larger piece in each second. */
const pieceMs = 100;
const secondMs = 1000;

/**
 * Part of it that comes at once in each second: a check by an agent or observer that opens a connection (docs/method.md S20). Beside
 * load that leaves little of a capped server's quota it is such a piece that ends a quota.
 */
const checkShare = 0.4;

/**
 * What the processors of database servers do without any load: checks of agents and observers, PostgreSQL's own housekeeping.
 * A model that does not say (`serviceTimes.background`, work in each second) has none.
 */
export class Background {
  readonly #clock: Clock;
  readonly #draws: Draws;
  readonly #servers: readonly SimServer[];
  readonly #timers = new Set<TimerId>();

  constructor(clock: Clock, draws: Draws, servers: readonly SimServer[]) {
    this.#clock = clock;
    this.#draws = draws;
    this.#servers = servers;
  }

  start(): void {
    for (const server of this.#servers) {
      const second = this.#draws.optional('background', server.name);
      if (!second) return;
      const phase = this.#draws.between(0, secondMs, `background of ${server.name}`);
      this.#repeat(server, { everyMs: secondMs, phaseMs: phase() }, () => checkShare * second());
      const piece = ((1 - checkShare) * pieceMs) / secondMs;
      this.#repeat(server, { everyMs: pieceMs, phaseMs: phase() % pieceMs }, () => piece * second());
    }
  }

  #repeat(
    server: SimServer,
    { everyMs, phaseMs }: { everyMs: number; phaseMs: number },
    workMs: () => number,
  ): void {
    const turn = (waitMs: number): void => {
      const timer = this.#clock.setTimeout(() => {
        this.#timers.delete(timer);
        if (server.accepts) server.station.run(workMs(), () => {});
        turn(everyMs);
      }, waitMs);
      this.#timers.add(timer);
    };
    turn(phaseMs);
  }

  stop(): void {
    for (const timer of this.#timers) this.#clock.clearTimeout(timer);
    this.#timers.clear();
  }
}
