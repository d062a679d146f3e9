import type { Draw, Draws } from './draws.ts';

/** Work that the end of a child takes, and the end of each server process that it was connected to, ms of one core (measured, docs/method.md S10). */
const childEndMs = 0.9;
const childBackendEndMs = 1.8;

/** By so much it varies between the requests that end many at once (coefficient of variation; measured, docs/method.md S10). */
const endVariation = 0.35;

/** Work until a child that has ended is replaced by one that serves, ms: forked, ended by the flag it inherits, forked again (measured, docs/method.md S10). */
const childForkMs = 1;

/** The same of one of all the children that are forked at the end of a request, by the state of the machine (measured, docs/method.md S5). */
const anewForkMs = [0.5, 1.5] as const;

/** What ending and forking the children of one Pgpool takes, ms of one core. */
export class ChildWork {
  /** Of a child's fork. */
  forkMs = childForkMs;
  /** Of a child's end, on Pgpool's server. */
  endMs = childEndMs;
  /** Of its connection's end, on the server that it leads to. */
  backendEndMs = childBackendEndMs;
  readonly #anew: Draw;
  readonly #ends: Draw;

  constructor(draws: Draws) {
    this.#anew = draws.between(...anewForkMs, 'fork children');
    this.#ends = draws.varying(endVariation, 'end children');
  }

  /** A request begins to end children: what each of them takes depends on what the machine does just then. */
  endsMany(): void {
    const factor = this.#ends();
    this.endMs = childEndMs * factor;
    this.backendEndMs = childBackendEndMs * factor;
  }

  /** A request forks children in the place of those that it has ended. */
  forksAnew(): void {
    this.forkMs = this.#anew();
  }

  /** The request is over: children end and are forked one by one again. */
  isOver(): void {
    this.forkMs = childForkMs;
    this.endMs = childEndMs;
    this.backendEndMs = childBackendEndMs;
  }
}
