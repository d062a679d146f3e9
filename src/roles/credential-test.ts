import type { AgentParts } from './agent-parts.ts';
import type { CommandOutcome, MemberStatus } from './host.ts';
import { settleMs } from './membership.ts';

const hasDatabase = ({ role }: MemberStatus): boolean => role === 'primary' || role === 'standby';

/**
 * Who joins a cluster makes sure that the databases there let it in, and those who are there make sure of its own (method.md
 * EFM A). An agent that a database turns away ends; one that cannot be reached is told of (docs/method.md E27).
 */
export class CredentialTest {
  readonly #agent: AgentParts;

  constructor(agent: AgentParts) {
    this.#agent = agent;
  }

  /** The own role is taken. */
  started(): void {
    const { host, membership, node } = this.#agent;
    host.clock.setTimeout(() => {
      if (!this.#agent.alive) return;
      for (const member of membership.all())
        if (member.node !== node && hasDatabase(member))
          this.#try(member.node, (outcome) => this.#own(member.node, outcome));
    }, settleMs);
  }

  /** A heartbeat; `before` is undefined for a member that joins. */
  heard(status: MemberStatus, before: MemberStatus | undefined): void {
    if (!hasDatabase(status) || (before !== undefined && before.role !== 'starting')) return;
    const { membership, node } = this.#agent;
    const joinedAtMs = membership.get(node)?.joinedAtMs ?? Number.POSITIVE_INFINITY;
    if (joinedAtMs >= status.joinedAtMs) return;
    this.#try(status.node, ({ ok }) => {
      if (!ok && membership.get(status.node)?.role === status.role)
        this.#agent.notify('databaseConnectionFailure', { node: status.node });
    });
  }

  #own(node: string, { refusal }: CommandOutcome): void {
    if (refusal === undefined) return;
    this.#agent.notify('cannotConnect', { node });
    if (refusal === 'credentials') this.#agent.end(1);
  }

  #try(node: string, done: (outcome: CommandOutcome) => void): void {
    const { host, settings } = this.#agent;
    const timeoutMs = settings.remoteTimeoutMs;
    host.perform({ type: 'queryDatabase', node, timeoutMs }, (outcome) => {
      if (this.#agent.alive) done(outcome);
    });
  }
}
