/** How a server that cannot be reached meets a packet: by silence, or by a refusal of the machine it ran on. */
export type LossStyle = 'silent' | 'refused';

/** The world outside the cluster: clients' way to Pgpool is not modelled, the well-known host of EFM's ping is here. */
export const outside = null;

type Place = string | typeof outside;

/**
 * Who reaches whom: hosts that are gone, and a partition of those that are left.
 *
 * The outside world is on the side of the servers that no side of a partition names, else on the last side
 * (docs/method.md S12).
 */
export class Network {
  readonly lossStyle: LossStyle;
  readonly #servers: readonly string[];
  readonly #lost = new Set<string>();
  readonly #listeners: (() => void)[] = [];
  #sides: ReadonlyMap<Place, number> | null = null;

  constructor(servers: readonly string[], lossStyle: LossStyle = 'silent') {
    this.#servers = servers;
    this.lossStyle = lossStyle;
  }

  /** Packets pass between the two, both ways; a lost host reaches nobody. */
  reaches(from: Place, to: Place): boolean {
    if (this.#lost.size > 0 && (this.isLost(from) || this.isLost(to))) return false;
    return this.#sides === null || from === to || this.#sides.get(from) === this.#sides.get(to);
  }

  isLost(place: Place): boolean {
    return place !== outside && this.#lost.has(place);
  }

  /** What a connection to a place meets that is not reached: nothing comes back, or a refusal. */
  isSilent(from: Place, to: Place): boolean {
    return !this.reaches(from, to) && !(this.lossStyle === 'refused' && this.isLost(to));
  }

  lose(server: string): void {
    this.#lost.add(server);
    this.#changed();
  }

  /** The host is there again. */
  repair(server: string): void {
    if (this.#lost.delete(server)) this.#changed();
  }

  partition(sides: readonly (readonly string[])[]): void {
    const sideOf = new Map<Place, number>();
    for (const [index, side] of sides.entries()) for (const server of side) sideOf.set(server, index);
    const unnamed = this.#servers.filter((server) => !sideOf.has(server));
    for (const server of unnamed) sideOf.set(server, sides.length);
    sideOf.set(outside, unnamed.length > 0 ? sides.length : sides.length - 1);
    this.#sides = sideOf;
    this.#changed();
  }

  heal(): void {
    this.#sides = null;
    this.#changed();
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
