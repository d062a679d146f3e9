import type { EfmAgent } from '../../src/roles/efm-agent.ts';
import type { AgentCluster } from './agent-cluster.ts';

/** A silence that is no doubt a loss: node.timeout of these tests. */
const nodeTimeoutMs = 20_000;

/** The last heartbeat of a node may have been that long ago when it was last in sight. */
const heartbeatMs = 1000;

/**
 * Who counts for the quorum before 5.0, found without the agents' own arithmetic: everybody whom a node has ever had in sight,
 * without those that left in good order, and without those whose silence a side that was large enough has outlasted
 * (method.md EFM 2.7). The fewest that can count: losses are taken to be agreed on as early as they can be.
 */
export class AgreedMembers {
  readonly #cluster: AgentCluster;
  readonly #agreed = new Map<string, Set<string>>();
  readonly #seenMs = new Map<string, number>();
  readonly #agents = new Map<string, EfmAgent>();

  constructor(cluster: AgentCluster) {
    this.#cluster = cluster;
  }

  /** The fewest members that a node can count. */
  least(node: string): number {
    return this.#agreed.get(node)?.size ?? 0;
  }

  /** An agent has ended in good order: who has it in sight counts it no more. */
  left(node: string): void {
    for (const [other, agreed] of this.#agreed)
      if (this.#cluster.network.reaches(node, other)) agreed.delete(node);
  }

  look(): void {
    const { members, clock } = this.#cluster;
    const nowMs = clock.nowMs();
    for (const node of members) {
      const agent = this.#cluster.agent(node);
      if (!agent.alive) continue;
      if (this.#agents.get(node) !== agent) this.#agreed.set(node, new Set());
      this.#agents.set(node, agent);
      const agreed = this.#agreed.get(node) ?? new Set();
      const side = members.filter((other) => this.#inSight(node, other));
      for (const other of side) {
        agreed.add(other);
        this.#seenMs.set(`${node} ${other}`, nowMs);
      }
      this.#outlast(node, agreed, nowMs);
    }
  }

  /** Who has been silent for less than node.timeout is not lost yet, and counts on the side that goes on. */
  #outlast(node: string, agreed: Set<string>, nowMs: number): void {
    const silentMs = (other: string): number => nowMs - (this.#seenMs.get(`${node} ${other}`) ?? 0);
    const heard = [...agreed].filter((other) => silentMs(other) < nodeTimeoutMs - heartbeatMs);
    const hasPrimary = heard.some((other) => this.#cluster.agent(other).role === 'primary');
    const enough = hasPrimary ? heard.length * 2 >= agreed.size : heard.length * 2 > agreed.size;
    if (!enough) return;
    for (const other of [...agreed]) if (!heard.includes(other)) agreed.delete(other);
  }

  #inSight(node: string, other: string): boolean {
    const { network } = this.#cluster;
    return this.#cluster.agent(other).alive && !network.lost.has(other) && network.reaches(node, other);
  }
}
