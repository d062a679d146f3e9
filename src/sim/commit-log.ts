import { operationIdOf } from '../workload/calls.ts';

/** Classes that an entry can tell apart. */
const mostClasses = 64;

/** The commits of one timeline in order, as numbers; servers that follow the same timeline share it, each up to a length of its own. */
export class CommitLog {
  #entries = new Float64Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(classIndex: number, number: number): void {
    if (this.#length === this.#entries.length) {
      const entries = new Float64Array(this.#length * 2);
      entries.set(this.#entries);
      this.#entries = entries;
    }
    this.#entries[this.#length++] = number * mostClasses + classIndex;
  }

  /** Forgets what came after the first `length` commits. */
  truncate(length: number): void {
    this.#length = Math.min(this.#length, length);
  }

  /** A log of its own of the first `length` commits: another timeline may follow them. */
  branch(length: number): CommitLog {
    const branch = new CommitLog();
    branch.#entries = this.#entries.slice(0, Math.max(1024, length));
    branch.#length = length;
    return branch;
  }

  /** Both logs have the same commit at a position, hence (one writes at a time) all before it. */
  agreesAt(position: number, other: CommitLog): boolean {
    return this.#entries[position] === other.#entries[position];
  }

  /** Ids of the first `length` commits, as the ledger knows them. */
  *ids(length: number): Iterable<string> {
    for (let at = 0; at < length; at += 1) {
      const entry = this.#entries[at] as number;
      yield operationIdOf(entry % mostClasses, Math.floor(entry / mostClasses));
    }
  }
}
