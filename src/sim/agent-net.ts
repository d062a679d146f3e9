import type { Clock } from '../kernel/clock.ts';
import type { AgentMessage } from '../roles/host.ts';
import type { Draw, Draws } from './draws.ts';
import type { Network } from './network.ts';

type Receive = (from: string, message: AgentMessage) => void;

/**
 * Carries messages between agents: in order per pair, each after a network delay; what cannot pass is lost without
 * notice. A message is handed on as it is: neither side changes one after it was sent.
 */
export class AgentNet {
  readonly #clock: Clock;
  readonly #network: Network;
  readonly #delay: Draw;
  readonly #agents = new Map<string, Receive>();

  constructor(clock: Clock, draws: Draws, network: Network) {
    this.#clock = clock;
    this.#network = network;
    this.#delay = draws.of('network', 'agents');
  }

  /** From now on messages to `node` go to `receive`: an agent that starts anew takes the place of the one before it. */
  join(node: string, receive: Receive): void {
    this.#agents.set(node, receive);
  }

  /**
   * What sends for one node. Messages of one instant travel together: an agent tells all others the same, and most
   * messages are heartbeats.
   */
  sender(from: string): (to: string, message: AgentMessage) => void {
    let lastDueMs = Number.NEGATIVE_INFINITY;
    let sentMs = Number.NEGATIVE_INFINITY;
    let parcel: { to: string; message: AgentMessage }[] = [];
    return (to, message) => {
      if (!this.#network.reaches(from, to)) return;
      const nowMs = this.#clock.nowMs();
      if (nowMs === sentMs) {
        parcel.push({ to, message });
        return;
      }
      sentMs = nowMs;
      lastDueMs = Math.max(nowMs + this.#delay(), lastDueMs);
      const sent = [{ to, message }];
      parcel = sent;
      this.#clock.setTimeout(() => {
        // Without a delay the parcel is gone in the instant in which it was sent, and what follows needs another.
        if (parcel === sent) sentMs = Number.NEGATIVE_INFINITY;
        this.#deliver(from, sent);
      }, lastDueMs - nowMs);
    };
  }

  #deliver(from: string, sent: { to: string; message: AgentMessage }[]): void {
    for (const { to, message } of sent) {
      if (this.#network.reaches(from, to)) this.#agents.get(to)?.(from, message);
    }
  }
}
