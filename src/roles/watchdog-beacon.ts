import type { Clock, TimerId } from '../kernel/clock.ts';

const beaconMs = 10_000;

/** Beacons that a standby may leave unanswered, and that one may hear none of. */
const missedBeacons = 3;

interface BeaconParts {
  clock: Clock;
  /** `leads`: sends beacons; `follows`: expects them; null: neither. */
  part(): 'leads' | 'follows' | null;
  alive(): readonly number[];
  /** Counts a beacon. @returns beacons before it that were not answered */
  count(node: number): number;
  send(to: readonly number[]): void;
  leaderHeardAtMs(): number;
  lostFollower(node: number): void;
  lostLeader(): void;
  /** Peers that were lost are connected to again. */
  retryLost(): void;
}

/** The leader's beacon every 10 s, and what three missed ones mean to either side; lost connections are tried again as often (watchdog.c: MIN_SECS_CONNECTION_RETRY). */
export class WatchdogBeacon {
  readonly #parts: BeaconParts;
  #timer: TimerId | null = null;

  constructor(parts: BeaconParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = this.#parts.clock.setTimeout(() => this.#turn(), beaconMs);
  }

  stop(): void {
    this.#parts.clock.clearTimeout(this.#timer);
  }

  #turn(): void {
    const parts = this.#parts;
    parts.retryLost();
    const part = parts.part();
    if (part === 'leads') {
      for (const node of parts.alive()) {
        if (parts.count(node) >= missedBeacons) parts.lostFollower(node);
      }
      parts.send(parts.alive());
    } else if (
      part === 'follows' &&
      parts.clock.nowMs() - parts.leaderHeardAtMs() >= missedBeacons * beaconMs
    ) {
      parts.lostLeader();
    }
    this.start();
  }
}
