import type { WatchdogHost } from './watchdog-host.ts';

/** Escalation of one node: who leads with quorum runs its command and takes the virtual IP. */
export class WatchdogVip {
  readonly #host: Pick<WatchdogHost, 'escalate' | 'deEscalate'>;
  #escalated = false;
  #held = false;

  constructor(host: Pick<WatchdogHost, 'escalate' | 'deEscalate'>) {
    this.#host = host;
  }

  get escalated(): boolean {
    return this.#escalated;
  }

  /** The address is up here, as far as this node has to do with it. */
  get held(): boolean {
    return this.#held;
  }

  escalate(): void {
    this.#escalated = true;
    this.#host.escalate(() => {
      this.#held = this.#escalated;
    });
  }

  deEscalate(): void {
    this.#escalated = false;
    this.#host.deEscalate(() => {
      this.#held = this.#escalated;
    });
  }
}
