import type { Network } from './network.ts';

/** Where clients and scripts find Pgpool: the server that answers for one address. */
export interface ServiceAddress {
  /** The server that packets from `place` (null: outside the cluster) reach; null: nobody answers. */
  holderFrom(place: string | null): string | null;
}

/** The address of one server, which nobody takes over. */
export function fixedAddress(server: string): ServiceAddress {
  return { holderFrom: () => server };
}

/**
 * The virtual IP of Pgpool's watchdog. Several hosts may have it on an interface at once: one whose Pgpool was killed keeps it,
 * for only Pgpool itself takes it down. Packets go to the last that announced it (arping) on
 * their side of a partition, into silence while that host is lost (docs/method.md S34).
 */
export class DelegateAddress implements ServiceAddress {
  readonly #network: Network;
  readonly #changed: () => void;
  /** In order of their announcements. */
  #holders: readonly string[] = [];

  constructor(network: Network, changed: () => void) {
    this.#network = network;
    this.#changed = changed;
  }

  holderFrom(place: string | null): string | null {
    const network = this.#network;
    const last = this.#holders.findLast((holder) => network.isLost(holder) || network.reaches(place, holder));
    return last === undefined || network.isLost(last) ? null : last;
  }

  /** The address is up on `server` and announced. */
  take(server: string): void {
    this.#holders = [...this.#holders.filter((holder) => holder !== server), server];
    this.#changed();
  }

  /** Its interface is without the address. */
  drop(server: string): void {
    this.#holders = this.#holders.filter((holder) => holder !== server);
    this.#changed();
  }
}
