import type { WatchdogInfo } from './watchdog-host.ts';

interface Peer {
  info: WatchdogInfo | null;
  lostBy: 'connection' | 'lifeCheck' | null;
  missedBeacons: number;
  heardAtMs: number;
}

/** What one watchdog node knows of the others. */
export class WatchdogMembers {
  readonly #peers: ReadonlyMap<number, Peer>;

  constructor(ids: readonly number[]) {
    this.#peers = new Map(
      ids.map((id) => [id, { info: null, lostBy: null, missedBeacons: 0, heardAtMs: 0 }]),
    );
  }

  get ids(): readonly number[] {
    return [...this.#peers.keys()];
  }

  /** Peers that have been heard and not been lost. */
  get alive(): readonly number[] {
    return this.ids.filter((id) => {
      const peer = this.#peers.get(id);
      return peer !== undefined && peer.info !== null && peer.lostBy === null;
    });
  }

  /** Peers that have been lost, for whatever reason. */
  get lostOnes(): readonly number[] {
    return this.ids.filter((id) => (this.#peers.get(id)?.lostBy ?? null) !== null);
  }

  get someoneStands(): boolean {
    return this.alive.some((id) => this.#peers.get(id)?.info?.state === 'STANDING FOR LEADER');
  }

  infoOf(id: number): WatchdogInfo | null {
    return this.#peers.get(id)?.info ?? null;
  }

  heardAtMs(id: number): number {
    return this.#peers.get(id)?.heardAtMs ?? 0;
  }

  /** A peer has spoken. One whose connection was lost is there again; one that the life check has given up is not, until that finds it or it connects anew. */
  heard(id: number, nowMs: number, info?: WatchdogInfo): void {
    const peer = this.#peers.get(id);
    if (!peer) return;
    if (info) peer.info = info;
    peer.heardAtMs = nowMs;
    peer.missedBeacons = 0;
    if (peer.lostBy === 'connection') peer.lostBy = null;
  }

  lost(id: number, by: 'connection' | 'lifeCheck'): void {
    const peer = this.#peers.get(id);
    if (!peer) return;
    peer.lostBy = by;
    peer.missedBeacons = 0;
    if (by === 'connection') peer.info = null;
  }

  found(id: number): void {
    const peer = this.#peers.get(id);
    if (peer) peer.lostBy = null;
  }

  /** Counts a beacon that goes out. @returns beacons before it that were not answered */
  beaconSent(id: number): number {
    const peer = this.#peers.get(id);
    if (!peer) return 0;
    peer.missedBeacons += 1;
    return peer.missedBeacons - 1;
  }

  forgetAll(): void {
    for (const peer of this.#peers.values()) {
      Object.assign(peer, { info: null, lostBy: null, missedBeacons: 0, heardAtMs: 0 });
    }
  }
}
