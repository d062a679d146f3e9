import type { Clock } from '../kernel/clock.ts';
import type { Pgpool } from '../roles/pgpool.ts';
import { type Cut, primaryMeantBy } from '../roles/pgpool-failover.ts';
import { type ClientError, cutError, lostBackend } from '../roles/pgpool-sessions.ts';
import type { Draw, Draws } from './draws.ts';
import type { SimServer } from './server.ts';

/** From the death of a backend to the error that its sessions get (measured 40 to 100 ms, docs/method.md S5). */
const backendLossMs = [40, 100] as const;

/** From the kill of a child to the end of its client's connection (measured within 70 ms, docs/method.md S5). */
const cutMs = [5, 70] as const;

/** From the death of a backend to the request of an idle child that sees it, with failover_on_backend_shutdown (measured 12 to 20 ms). */
const shutdownSeenMs = 15;

/** One client session at Pgpool, as the front sees it. */
export interface FrontSession {
  /** Backends it is connected to: node id and the server's incarnation. */
  readonly backends: ReadonlyMap<number, number>;
  readonly loadBalanceNode: number;
  /** It will end soon, and carries out nothing more. */
  isDoomed: boolean;
  /** Its connection ends with this error; called once. `killed`: the main process ended its child and has another in its place. */
  end(error: ClientError, killed: boolean): void;
}

/** The client sessions at Pgpool, and which of them ends when. */
export class FrontSessions {
  readonly #clock: Clock;
  readonly #pgpool: () => Pgpool;
  readonly #sessions = new Set<FrontSession>();
  readonly #lossDelay: Draw;
  readonly #cutDelay: Draw;

  /** @param pgpool the one that runs now */
  constructor(clock: Clock, draws: Draws, pgpool: () => Pgpool) {
    this.#clock = clock;
    this.#pgpool = pgpool;
    this.#lossDelay = draws.between(...backendLossMs, 'backend loss');
    this.#cutDelay = draws.between(...cutMs, 'cut sessions');
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** A session has begun; `left` ends what is known of it. */
  joined(session: FrontSession): void {
    this.#sessions.add(session);
  }

  left(session: FrontSession): void {
    this.#sessions.delete(session);
    session.isDoomed = true;
  }

  /** The node that "primary" means to a session; null when it has none. */
  primaryOf(session: FrontSession): number | null {
    return primaryMeantBy(this.#pgpool().state(), [...session.backends.keys()]);
  }

  cut(cut: Cut): void {
    for (const session of [...this.#sessions]) {
      if (cut.scope === 'all' || (cut.scope === 'balancedTo' && session.loadBalanceNode === cut.node)) {
        this.#doom(session, cutError, this.#cutDelay());
      }
    }
  }

  /** A server's processes have ended: the sessions that use it hear of it. */
  backendLost(server: SimServer): void {
    let used = false;
    for (const session of [...this.#sessions]) {
      const uses = server.id === session.loadBalanceNode || server.id === this.primaryOf(session);
      if (!uses || !session.backends.has(server.id)) continue;
      used = true;
      this.#doom(session, lostBackend(server.id), this.#lossDelay());
    }
    if (used) this.#clock.setTimeout(() => this.#pgpool().sessionSawShutdown(server.id), shutdownSeenMs);
  }

  #doom(session: FrontSession, error: ClientError, delayMs: number): void {
    if (session.isDoomed) return;
    session.isDoomed = true;
    this.#clock.setTimeout(() => {
      if (this.#sessions.delete(session)) session.end(error, error === cutError);
    }, delayMs);
  }
}
