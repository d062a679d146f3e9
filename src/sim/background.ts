import type { Clock, TimerId } from '../kernel/clock.ts';
import type { Draws } from './draws.ts';
import type { SimServer } from './server.ts';

/** Background work comes in pieces, so far apart, ms. */
const pieceMs = 100;

/**
 * What the processors of database servers do without any load: checks of agents and observers, PostgreSQL's own housekeeping.
 * A model that does not say (`serviceTimes.background`, work in each second) has none.
 */
export class Background {
  readonly #clock: Clock;
  readonly #draws: Draws;
  readonly #servers: readonly SimServer[];
  readonly #timers = new Map<SimServer, TimerId>();

  constructor(clock: Clock, draws: Draws, servers: readonly SimServer[]) {
    this.#clock = clock;
    this.#draws = draws;
    this.#servers = servers;
  }

  start(): void {
    for (const server of this.#servers) {
      const second = this.#draws.optional('background', server.name);
      if (!second) return;
      const phase = this.#draws.between(0, pieceMs, `background of ${server.name}`);
      const turn = (waitMs: number): void => {
        this.#timers.set(
          server,
          this.#clock.setTimeout(() => {
            if (server.accepts) server.station.run((second() * pieceMs) / 1000, () => {});
            turn(pieceMs);
          }, waitMs),
        );
      };
      turn(phase());
    }
  }

  stop(): void {
    for (const timer of this.#timers.values()) this.#clock.clearTimeout(timer);
    this.#timers.clear();
  }
}
