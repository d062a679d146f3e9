import { parseSynchronousNames, standbyNames, withNumSync } from '../topology/synchronous-names.ts';

/** Values of synchronous_commit. */
export const synchronousCommits = ['off', 'local', 'remote_write', 'on', 'remote_apply'] as const;
export type SynchronousCommit = (typeof synchronousCommits)[number];

/** A standby as its primary sees it: connected, and how far it has told that it is. */
export interface Acknowledger {
  name: string;
  acknowledged: number;
}

/**
 * Which commits of a primary its standbys have made safe, as synchronous_standby_names asks.
 *
 * @see PostgreSQL 15 documentation, 27.2.8 "Synchronous Replication"; src/backend/replication/syncrep.c
 */
export class SynchronousRule {
  #text: string;
  #names: string[] = [];
  #method: 'FIRST' | 'ANY' = 'FIRST';
  #numSync = 0;

  constructor(text: string) {
    this.#text = text;
    this.#read();
  }

  /** Standbys that have to answer; 0: nothing is synchronous. */
  get numSync(): number {
    return this.#numSync;
  }

  /** EFM's reconfiguration: another number, or null to clear the list. */
  change(numSync: number | null): void {
    this.#text = withNumSync(this.#text, numSync);
    this.#read();
  }

  /** Of the connected ones those that the list names. */
  candidates<Standby extends Acknowledger>(connected: readonly Standby[]): Standby[] {
    const place = (name: string): number => this.#names.findIndex((entry) => entry === '*' || entry === name);
    return connected
      .filter(({ name }) => place(name) >= 0)
      .sort((first, second) => place(first.name) - place(second.name));
  }

  /** The last position that is safe on enough of them; -1 while too few are connected. */
  safePosition(connected: readonly Acknowledger[]): number {
    if (this.#numSync === 0) return Number.POSITIVE_INFINITY;
    const positions = this.candidates(connected).map(({ acknowledged }) => acknowledged);
    if (positions.length < this.#numSync) return -1;
    const counted = this.#method === 'FIRST' ? positions.slice(0, this.#numSync) : positions;
    return counted.sort((a, b) => b - a)[this.#numSync - 1] ?? -1;
  }

  #read(): void {
    const parsed = parseSynchronousNames(this.#text);
    this.#names = parsed ? standbyNames(parsed) : [];
    this.#method = parsed?.method ?? 'FIRST';
    this.#numSync = parsed?.numSync ?? 0;
  }
}
