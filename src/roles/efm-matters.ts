import type { AgentParts } from './agent-parts.ts';
import { hasSince } from './efm-abilities.ts';
import { keepsPrimary } from './efm-shared-state.ts';
import type { MemberStatus } from './host.ts';
import { settleMs } from './membership.ts';

/** What a coordinator has to see to, one after the other. */
export type Matter =
  /** `promotions` had begun by then. */
  | { kind: 'databaseFailed'; node: string; promotions: number }
  | { kind: 'primaryLeft'; node: string }
  | { kind: 'lost'; node: string; role: 'primary' | 'standby' };

/**
 * What has happened to members and is not seen to yet.
 *
 * Every agent notes losses, for the coordinator may be among them: the next one sees to what it left undone, the loss of a
 * primary however old, others only of the same moment.
 */
export class Matters {
  readonly #agent: AgentParts;
  #waiting: Matter[] = [];
  readonly #losses = new Map<string, { role: MemberStatus['role']; atMs: number; seenTo: boolean }>();
  #small = true;

  constructor(agent: AgentParts) {
    this.#agent = agent;
  }

  get any(): boolean {
    return this.#waiting.length > 0;
  }

  add(matter: Matter): void {
    this.#waiting.push(matter);
  }

  /** @param role what the member was when it was last heard */
  noteLoss(node: string, role: MemberStatus['role']): void {
    this.#losses.set(node, { role, atMs: this.#agent.host.clock.nowMs(), seenTo: false });
  }

  noteReturn(node: string): void {
    this.#losses.delete(node);
    this.#waiting = this.#waiting.filter(
      (matter) => matter.kind === 'databaseFailed' || matter.node !== node,
    );
    this.#small = this.#agent.membership.all().length < 3;
  }

  /** This agent is the coordinator: makes matters of the losses that nobody has seen to. */
  takeOver(): void {
    const agent = this.#agent;
    const sameMomentMs = agent.settings.remoteTimeoutMs + settleMs;
    const nowMs = agent.host.clock.nowMs();
    for (const [node, loss] of this.#losses) {
      if (loss.seenTo) continue;
      const { role } = loss;
      const wasPrimary = role === 'primary' || role === 'promoting';
      loss.seenTo = true;
      if (!wasPrimary && nowMs - loss.atMs > sameMomentMs) continue;
      if (role === 'witness') agent.notify('witnessFailed');
      else if (role === 'idle') agent.notify('idleFailed');
      else if (role === 'standby') this.add({ kind: 'lost', node, role });
      else if (wasPrimary) this.add({ kind: 'lost', node, role: 'primary' });
    }
    this.noticeSize();
  }

  /** Tells once that fewer than three nodes are left. */
  noticeSize(): void {
    const small = this.#agent.membership.all().length < 3;
    if (small && !this.#small) this.#agent.notify('belowThree');
    this.#small = small;
  }

  /**
   * The next matter, that of a primary first. One that is void by now is dropped: another primary is there or was begun, or this node is
   * isolated and looks after no standby (5.2 and later).
   */
  next(): Matter | undefined {
    const urgent = this.#waiting.findIndex((matter) => matter.kind !== 'lost' || matter.role === 'primary');
    const [matter] = this.#waiting.splice(Math.max(0, urgent), 1);
    if (!matter || !this.#isVoid(matter)) return matter;
    return this.next();
  }

  #isVoid(matter: Matter): boolean {
    const { membership, settings } = this.#agent;
    if (matter.kind === 'lost' && matter.role === 'standby')
      return hasSince(settings, '5.2') && !keepsPrimary(membership.quorum());
    const { promotions } = membership.shared;
    if (matter.kind === 'databaseFailed' && promotions > matter.promotions) return true;
    return membership.with('primary').length > 0 || membership.with('promoting').length > 0;
  }
}
