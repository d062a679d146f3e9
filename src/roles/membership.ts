import type { Clock, TimerId } from '../kernel/clock.ts';
import {
  firstSharedState,
  keepsPrimary,
  mayPromote,
  mergeShared,
  type Quorum,
  type SharedState,
} from './efm-shared-state.ts';
import type { MemberStatus } from './host.ts';

/** EFM documents no heartbeat interval; a tenth of the shortest usable node.timeout (docs/method.md E1). */
export const heartbeatPeriodMs = 1000;

/** Until every member that is there has been heard, with what it knows (docs/method.md E14). */
export const settleMs = 2 * heartbeatPeriodMs;

/** An agent as it tells the others of itself, without what all hold in common. */
export type OwnStatus = Omit<MemberStatus, 'shared'>;

export interface MembershipOptions {
  clock: Clock;
  /** Every server that may be a member, the own one included, in the order of the node list. */
  nodes: readonly string[];
  nodeTimeoutMs: number;
  /** Members that are down count for the quorum until they are forgotten (EFM 5.0 and later). */
  countsDown: boolean;
  /** Where down members do not count for ever: for how long after the last loss they do, on the side that goes on (docs/method.md E13). */
  agreementMs: number;
  self: () => OwnStatus;
  send: (toNode: string, status: MemberStatus) => void;
  /** No heartbeat for node.timeout. */
  onLost: (node: string, last: MemberStatus) => void;
  /** A member was started anew before its silence was long enough to lose it. */
  onRestarted: (node: string) => void;
  /** A heartbeat; `before` is undefined for one that joins or comes back. */
  onHeard?: (status: MemberStatus, before: MemberStatus | undefined) => void;
  /** Somebody who is not on the list of allowed nodes wants to join. */
  onRefused?: (node: string) => void;
}

/**
 * Who is in the cluster, as one agent sees it: the last heartbeat of every other member, what all hold in common, the
 * membership coordinator and the quorum. Heartbeats are timers, not statechart events.
 */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #clock: Clock;
  readonly #heard = new Map<string, { status: MemberStatus; atMs: number }>();
  readonly #silence = new Map<string, TimerId>();
  /** Who counts where down members are forgotten: everybody until a side large enough has gone on without them. */
  #agreed = new Set<string>();
  #agreement: TimerId = null;
  /** What `all` answers, until somebody says something new. */
  #members: readonly MemberStatus[] | null = null;
  #shared: SharedState;
  #own = '';
  #beat: TimerId = null;
  /** One for all heartbeats. */
  readonly #again = (): void => this.start();

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#shared = firstSharedState(options.nodes);
  }

  start(): void {
    this.announce();
    this.#beat = this.#clock.setTimeout(this.#again, heartbeatPeriodMs);
  }

  stop(): void {
    this.#clock.clearTimeout(this.#beat);
    this.#clock.clearTimeout(this.#agreement);
    for (const timer of this.#silence.values()) this.#clock.clearTimeout(timer);
  }

  get shared(): SharedState {
    return this.#shared;
  }

  /** Changes what all hold in common and tells everybody. */
  share(change: Partial<SharedState>): void {
    const lists = change.priority !== undefined || change.allowed !== undefined;
    this.#hold({ ...this.#shared, version: this.#shared.version + (lists ? 1 : 0), ...change });
    this.announce();
  }

  /** Tells everybody, the own list included, what this agent is now. */
  announce(): void {
    const status = this.#status();
    for (const node of this.#options.nodes) if (node !== status.node) this.#options.send(node, status);
  }

  /** Takes another member's heartbeat. One that joins hears at once who is there, not only at the next heartbeat. */
  hear(status: MemberStatus): void {
    const { node } = status;
    const last = this.#heard.get(node);
    const before = last?.status;
    if (last && before === status) {
      last.atMs = this.#clock.nowMs();
      this.#options.onHeard?.(status, before);
      return;
    }
    if (!before && !this.#shared.allowed.includes(node)) {
      this.#options.onRefused?.(node);
      return;
    }
    const restarted = before !== undefined && before.joinedAtMs !== status.joinedAtMs;
    if (!before || restarted) this.#options.send(node, this.#status());
    this.#hold(mergeShared(this.#shared, status.shared));
    this.#note(status);
    if (!this.#silence.has(node)) this.#listen(node, this.#options.nodeTimeoutMs);
    if (restarted) this.#options.onRestarted(node);
    this.#options.onHeard?.(status, before);
  }

  /** A member has left in good order; it is not lost. */
  leave(node: string): void {
    this.#agreed.delete(node);
    this.#forget(node);
  }

  get(node: string): MemberStatus | undefined {
    return this.#heard.get(node)?.status;
  }

  /** Members in the order of the node list. */
  all(): readonly MemberStatus[] {
    this.#members ??= this.#options.nodes.flatMap((node) => this.get(node) ?? []);
    return this.#members;
  }

  with(role: MemberStatus['role']): MemberStatus[] {
    return this.all().filter((member) => member.role === role);
  }

  /** Members that are down, as far as this version of EFM remembers them. */
  down(): string[] {
    return this.#options.countsDown ? this.#shared.known.filter((node) => !this.#heard.has(node)) : [];
  }

  /** Other members than this one that are primary, or about to be. */
  otherPrimaries(): MemberStatus[] {
    return this.all().filter(
      ({ node, role }) => node !== this.#own && (role === 'primary' || role === 'promoting'),
    );
  }

  /** The members heard now, against those that count (method.md EFM 2.7, denominators of both generations). */
  quorum(): Quorum {
    const present = this.#heard.size;
    if (this.#options.countsDown) return { present, counted: present + this.down().length };
    const missing = [...this.#agreed].filter((node) => !this.#heard.has(node));
    return { present, counted: present + missing.length };
  }

  /** May this side promote? One that still has the old primary's agent needs half, any other more than half (method.md EFM 2.7). */
  hasMajority(oldPrimary: string | null): boolean {
    const hasOld = oldPrimary !== null && this.#heard.has(oldPrimary);
    return hasOld ? keepsPrimary(this.quorum()) : mayPromote(this.quorum());
  }

  /** The member that joined first; the node list decides between equals. */
  coordinator(): string | undefined {
    let first: MemberStatus | undefined;
    for (const member of this.all()) if (!first || member.joinedAtMs < first.joinedAtMs) first = member;
    return first?.node;
  }

  /** Standbys that may be promoted, in order of the priority list. */
  candidates(): string[] {
    const { priority } = this.#shared;
    const rank = (node: string): number => {
      const place = priority.indexOf(node);
      return place < 0 ? priority.length : place;
    };
    return this.with('standby')
      .filter((member) => member.promotable)
      .map((member) => member.node)
      .sort((a, b) => rank(a) - rank(b));
  }

  #status(): MemberStatus {
    const own = this.#options.self();
    this.#own = own.node;
    if (!this.#shared.known.includes(own.node))
      this.#shared = { ...this.#shared, known: [...this.#shared.known, own.node] };
    const last = this.#heard.get(own.node);
    if (last && says(last.status, own, this.#shared)) {
      last.atMs = this.#clock.nowMs();
      return last.status;
    }
    const status = { ...own, shared: this.#shared };
    this.#note(status);
    return status;
  }

  #note(status: MemberStatus): void {
    this.#agreed.add(status.node);
    this.#heard.set(status.node, { status, atMs: this.#clock.nowMs() });
    this.#members = null;
  }

  #hold(shared: SharedState): void {
    if (shared.resets > this.#shared.resets) this.#agreed = new Set(shared.known);
    this.#shared = shared;
  }

  /** No member was lost for a while: a side that is large enough goes on without the lost, any other never does. */
  #agree(): void {
    const quorum = this.quorum();
    const hasPrimary = this.with('primary').length > 0;
    if (hasPrimary ? keepsPrimary(quorum) : mayPromote(quorum)) this.#agreed = new Set(this.#heard.keys());
  }

  /** One timer a member: it looks how long the silence has been, and comes again when that is too short to be a loss. */
  #listen(node: string, waitMs: number): void {
    const timer = this.#clock.setTimeout(() => {
      const last = this.#heard.get(node);
      if (!last) return;
      const leftMs = last.atMs + this.#options.nodeTimeoutMs - this.#clock.nowMs();
      if (leftMs > 0.5) {
        this.#listen(node, leftMs);
        return;
      }
      this.#forget(node);
      this.#clock.clearTimeout(this.#agreement);
      this.#agreement = this.#clock.setTimeout(() => this.#agree(), this.#options.agreementMs);
      this.#options.onLost(node, last.status);
    }, waitMs);
    this.#silence.set(node, timer);
  }

  #forget(node: string): void {
    this.#clock.clearTimeout(this.#silence.get(node));
    this.#silence.delete(node);
    this.#heard.delete(node);
    this.#members = null;
  }
}

/** A heartbeat says nothing new: the status of the one before it can be sent again. */
function says(status: MemberStatus, own: OwnStatus, shared: SharedState): boolean {
  return (
    status.shared === shared &&
    status.role === own.role &&
    status.database === own.database &&
    status.joinedAtMs === own.joinedAtMs &&
    status.promotable === own.promotable &&
    status.vipActive === own.vipActive &&
    status.primaryEpoch === own.primaryEpoch
  );
}
