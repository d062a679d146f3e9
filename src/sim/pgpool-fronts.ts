import type { Pgpool } from '../roles/pgpool.ts';
import type { BackendSight } from './backend-sight.ts';
import { type Network, outside } from './network.ts';
import type { PgpoolFront } from './pgpool-front.ts';
import type { ServiceAddress } from './service-address.ts';

/**
 * The Pgpools of a cluster and the address that clients and scripts use: which of them answers there, now and from where. One
 * Pgpool answers at its own address for ever.
 */
export class PgpoolFronts {
  readonly all: readonly PgpoolFront[];
  readonly #address: ServiceAddress;
  readonly #listeners: (() => void)[] = [];
  /** The last that had the address. */
  #last: PgpoolFront;
  #reached: PgpoolFront | null;

  /** @param all one at least */
  constructor(
    all: readonly PgpoolFront[],
    { address, network }: { address: ServiceAddress; network: Network },
  ) {
    this.all = all;
    this.#address = address;
    this.#last = all[0] as PgpoolFront;
    this.#reached = this.#last;
    if (all.length === 1) return;
    network.onChange(() => this.moved());
    this.moved();
  }

  /** The Pgpool that clients' packets reach; null when nothing comes back. */
  get reached(): PgpoolFront | null {
    return this.#reached;
  }

  /** Pgpool as scripts find it: the one that has the address, or had it last. */
  get pgpool(): Pgpool {
    return this.#last.pgpool;
  }

  /** The servers as the same Pgpool meets them. */
  get sight(): BackendSight {
    return this.#last.sight;
  }

  /** Server of the Pgpool that clients use, else of the one that leads; null where none does either. */
  get host(): string | null {
    const front = this.#reached?.alive ? this.#reached : this.all.find(({ leads }) => leads);
    return (front ?? (this.all.length === 1 ? this.#last : null))?.host ?? null;
  }

  on(server: string): PgpoolFront | undefined {
    return this.all.find(({ host }) => host === server);
  }

  /** What a command from a server meets at the address. */
  meets(from: string): 'answers' | 'refuses' | 'silent' {
    if (this.all.length === 1) return this.#last.meets(from);
    return this.#at(from)?.meets(from) ?? 'silent';
  }

  get switching(): boolean {
    return this.all.some((front) => front.pgpool.switching());
  }

  /** Hears of everything that may change what a new session meets. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
    for (const front of this.all) front.onChange(listener);
  }

  /** The address, or the way to it, is another. */
  moved(): void {
    this.#reached = this.#at(outside);
    this.#last = this.#reached ?? this.#last;
    for (const front of this.all) front.isReached = front === this.#reached;
    for (const listener of this.#listeners) listener();
  }

  #at(place: string | null): PgpoolFront | null {
    const holder = this.#address.holderFrom(place);
    return (holder === null ? undefined : this.on(holder)) ?? null;
  }
}
