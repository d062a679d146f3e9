/** Who reaches whom among played servers: lost hosts reach nobody, and the sides of a partition not each other. */
export class PlayedNetwork {
  readonly lost = new Set<string>();
  /** Single ways that are cut: `from>to`. */
  readonly cut = new Set<string>();
  /** Nodes that do not reach the well-known host. */
  readonly orphans = new Set<string>();
  #side = new Map<string, number>();

  partition(...sides: readonly string[]): void {
    this.#side = new Map(sides.flatMap((side, index) => [...side].map((node) => [node, index] as const)));
  }

  heal(): void {
    this.#side.clear();
  }

  reaches(from: string, to: string): boolean {
    if (this.lost.has(from) || this.lost.has(to) || this.cut.has(`${from}>${to}`)) return false;
    return from === to || this.#side.get(from) === this.#side.get(to);
  }
}
