/**
 * Who else than Pgpool's own follow runs holds its follow lock: the replication check, a follow run of the watchdog's leader.
 *
 * A count beside the statechart, which looks at it when it wants the lock: a check that passes is no event of its own.
 */
export class FollowLock {
  #holders = 0;

  get held(): boolean {
    return this.#holders > 0;
  }

  /** One more holds it, or one fewer. */
  hold(held: boolean): void {
    this.#holders = Math.max(0, this.#holders + (held ? 1 : -1));
  }
}
