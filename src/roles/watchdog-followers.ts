import type { WatchdogConf } from '../topology/pgpool-conf.ts';
import type { WatchdogHost, WatchdogMessage } from './watchdog-host.ts';
import { type QuorumStatus, quorumOf } from './watchdog-quorum.ts';

/** The standbys that have joined this node since it leads. */
export class WatchdogFollowers {
  readonly #host: WatchdogHost;
  readonly #settings: WatchdogConf;
  readonly #nodes = new Set<number>();

  constructor(host: WatchdogHost, settings: WatchdogConf) {
    this.#host = host;
    this.#settings = settings;
  }

  add(node: number): void {
    this.#nodes.add(node);
  }

  lose(node: number): void {
    this.#nodes.delete(node);
  }

  loseAll(): void {
    this.#nodes.clear();
  }

  /** Of a leader with these followers. */
  quorum(): QuorumStatus {
    const { nodes, enableConsensusWithHalfVotes } = this.#settings;
    return quorumOf(nodes.length, 1 + this.#nodes.size, enableConsensusWithHalfVotes);
  }

  tell(message: WatchdogMessage): void {
    for (const node of this.#nodes) this.#host.send(node, message);
  }
}
