import type { BackendSight } from './backend-sight.ts';
import type { FrontSession, FrontSessions } from './front-sessions.ts';
import type { Connection, Reach } from './session-state.ts';

/**
 * What the sessions at Pgpool meet, asked at every statement: worked out when something has changed, and kept until then.
 */
export class SessionView {
  readonly #sight: BackendSight;
  readonly #sessions: FrontSessions;
  readonly #delayThresholdBytes: number;
  readonly #delayBytes: (node: number) => number;
  /** Grows with everything that may change what a session meets. */
  #changes = 1;
  #isSwitching = false;

  /** @param options.delayBytes replay of a node behind the primary, as Pgpool's last look at replication saw it */
  constructor(options: {
    sight: BackendSight;
    sessions: FrontSessions;
    delayThresholdBytes: number;
    delayBytes: (node: number) => number;
  }) {
    this.#sight = options.sight;
    this.#sessions = options.sessions;
    this.#delayThresholdBytes = options.delayThresholdBytes;
    this.#delayBytes = options.delayBytes;
  }

  /** Pgpool is carrying a change of its nodes out. */
  get isSwitching(): boolean {
    return this.#isSwitching;
  }

  /** A server, the network or Pgpool is not as it was. */
  changed(isSwitching: boolean): void {
    this.#changes += 1;
    this.#isSwitching = isSwitching;
  }

  /** Brings what a session knows of its nodes up to date. */
  lookFrom(connection: Connection): void {
    if (connection.seen === this.#changes) return;
    connection.seen = this.#changes;
    connection.primary = this.#sessions.primaryOf(connection);
    connection.primaryReach = this.#reachOf(connection, connection.primary);
    connection.balancedReach = this.#reachOf(connection, connection.loadBalanceNode);
  }

  /** A standby is further behind than `delay_threshold` lets reads be. */
  isLate(node: number): boolean {
    return this.#delayThresholdBytes > 0 && this.#delayBytes(node) > this.#delayThresholdBytes;
  }

  #reachOf({ backends }: FrontSession, node: number | null): Reach {
    if (node === null || !backends.has(node)) return 'lost';
    if (this.#sight.silent(node)) return 'silent';
    const { accepts, incarnation } = this.#sight.server(node);
    return accepts && backends.get(node) === incarnation ? 'open' : 'lost';
  }
}
