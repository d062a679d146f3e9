import { invariant } from '../kernel/errors.ts';

/** What a member of a chain carries: its neighbours, and the one chain that it is in. */
export interface Linked<T extends Linked<T>> {
  next: T | null;
  previous: T | null;
  chain: Chain<T> | null;
}

/** A queue whose members hold its links: joining, leaving from anywhere and looking at the first allocate nothing. */
export class Chain<T extends Linked<T>> {
  first: T | null = null;
  #last: T | null = null;

  /** Adds a member of no chain at the end. */
  add(member: T): void {
    invariant(member.chain === null, 'a member is in one chain at a time');
    member.chain = this;
    member.previous = this.#last;
    if (this.#last === null) this.first = member;
    else this.#last.next = member;
    this.#last = member;
  }

  /** Takes a member out; false when it is not in this chain. */
  remove(member: T): boolean {
    if (member.chain !== this) return false;
    const { next, previous } = member;
    if (previous === null) this.first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    member.next = null;
    member.previous = null;
    member.chain = null;
    return true;
  }
}
