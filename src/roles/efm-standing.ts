import type { AgentParts } from './agent-parts.ts';
import type { AgentMachineEvent } from './efm-agent-verbs.ts';
import { keepsPrimary } from './efm-shared-state.ts';
import type { MemberStatus } from './host.ts';
import { settleMs } from './membership.ts';

/**
 * What the membership means for this agent's own server: whether it may stay the primary, whether another primary has the
 * better right, whether an isolated one may come back. It looks when members come and go, and tells the statechart.
 */
export class Standing {
  readonly #agent: AgentParts;
  readonly #tell: (event: AgentMachineEvent) => void;
  readonly #state: () => string;
  #startedAtMs = 0;
  #promotionsWhenIsolated = 0;
  #settling = false;
  #lostWhilePromoting = false;

  constructor(agent: AgentParts, options: { tell: (event: AgentMachineEvent) => void; state: () => string }) {
    this.#agent = agent;
    this.#tell = options.tell;
    this.#state = options.state;
  }

  start(): void {
    const { host, settings } = this.#agent;
    this.#startedAtMs = host.clock.nowMs();
    // Members that others know of, and that have not been heard by then, are as good as lost.
    host.clock.setTimeout(() => {
      if (this.#agent.alive) this.shrunk();
    }, settings.nodeTimeoutMs);
  }

  /** A member is lost, or has left: is this side still large enough? */
  shrunk(): void {
    const { role, membership } = this.#agent;
    if ((role !== 'primary' && role !== 'promoting') || keepsPrimary(membership.quorum())) return;
    this.#lostWhilePromoting = role === 'promoting';
    this.#tell({ type: 'quorum.lost' });
  }

  heard(status: MemberStatus): void {
    const state = this.#state();
    if (state === 'idle.isolated') this.#settle();
    else if (state === 'idle.atStart' && status.role === 'primary') this.#tell({ type: 'primary.heard' });
    else if (status.role === 'primary' && this.#agent.role === 'primary') this.#compare(status);
  }

  /** The statechart is in another state. */
  entered(state: string): void {
    if (state === 'primary.monitoring') {
      // One that an operator promoted on a small side stays, as long as that does not shrink further.
      if (this.#lostWhilePromoting) this.shrunk();
      this.#lostWhilePromoting = false;
      const rival = this.#agent.membership.otherPrimaries().find(({ role }) => role === 'primary');
      if (rival) this.#compare(rival);
    } else if (state === 'idle.isolated') {
      this.#promotionsWhenIsolated = this.#agent.membership.shared.promotions;
      this.#settle();
    }
  }

  /** Of two primaries the one promoted last stays; of two that never were, the agent that joined first. */
  #compare(other: MemberStatus): void {
    const agent = this.#agent;
    const own = agent.membership.get(agent.node);
    const joinedAtMs = own?.joinedAtMs ?? 0;
    const older =
      agent.primaryEpoch < other.primaryEpoch ||
      (agent.primaryEpoch === other.primaryEpoch &&
        (joinedAtMs > other.joinedAtMs || (joinedAtMs === other.joinedAtMs && agent.node > other.node)));
    if (!older) return;
    const atStart = agent.host.clock.nowMs() - this.#startedAtMs <= settleMs;
    this.#tell({ type: 'rival', atStart });
  }

  #settle(): void {
    if (this.#settling || !keepsPrimary(this.#agent.membership.quorum())) return;
    this.#settling = true;
    this.#agent.host.clock.setTimeout(() => {
      this.#settling = false;
      const { alive, membership } = this.#agent;
      if (!alive || this.#state() !== 'idle.isolated' || !keepsPrimary(membership.quorum())) return;
      const promoted = membership.shared.promotions > this.#promotionsWhenIsolated;
      this.#tell({ type: 'rejoined', primaryExists: promoted || membership.otherPrimaries().length > 0 });
    }, settleMs);
  }
}
