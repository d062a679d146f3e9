import type { Clock, TimerId } from '../kernel/clock.ts';
import type { MemberStatus } from './host.ts';

/** EFM documents no heartbeat interval; a tenth of the shortest usable node.timeout (docs/method.md E1). */
export const heartbeatPeriodMs = 1000;

/**
 * Who is in the cluster, as one agent sees it: the last heartbeat of every other member, the membership coordinator
 * and the standby priority list. Heartbeats are timers, not statechart events.
 */
export class Membership {
  readonly #clock: Clock;
  readonly #nodes: readonly string[];
  readonly #nodeTimeoutMs: number;
  readonly #heard = new Map<string, { status: MemberStatus; atMs: number }>();
  readonly #self: () => MemberStatus;
  readonly #send: (toNode: string, status: MemberStatus) => void;
  readonly #onLost: (node: string, last: MemberStatus) => void;
  readonly #onRestarted: (node: string) => void;
  #beat: TimerId = null;

  /** @param nodes every server that may be a member, the own one included, in the order of the node list */
  constructor(options: {
    clock: Clock;
    nodes: readonly string[];
    nodeTimeoutMs: number;
    /** This agent as it tells the others of itself. */
    self: () => MemberStatus;
    send: (toNode: string, status: MemberStatus) => void;
    onLost: (node: string, last: MemberStatus) => void;
    /** A member was started anew before its silence was long enough to lose it. */
    onRestarted: (node: string) => void;
  }) {
    this.#clock = options.clock;
    this.#nodes = options.nodes;
    this.#nodeTimeoutMs = options.nodeTimeoutMs;
    this.#self = options.self;
    this.#send = options.send;
    this.#onLost = options.onLost;
    this.#onRestarted = options.onRestarted;
  }

  start(): void {
    this.announce();
    this.#dropSilent();
    this.#beat = this.#clock.setTimeout(() => this.start(), heartbeatPeriodMs);
  }

  stop(): void {
    this.#clock.clearTimeout(this.#beat);
  }

  /** Tells everybody, the own list included, what this agent is now. */
  announce(): void {
    const status = this.#self();
    this.#note(status);
    for (const node of this.#nodes) if (node !== status.node) this.#send(node, status);
  }

  /** Takes another member's heartbeat. One that joins hears at once who is there, not only at the next heartbeat. */
  hear(status: MemberStatus): void {
    const before = this.get(status.node);
    const restarted = before !== undefined && before.joinedAtMs !== status.joinedAtMs;
    if (!before || restarted) this.#send(status.node, this.#self());
    this.#note(status);
    if (restarted) this.#onRestarted(status.node);
  }

  #note(status: MemberStatus): void {
    this.#heard.set(status.node, { status, atMs: this.#clock.nowMs() });
  }

  get(node: string): MemberStatus | undefined {
    return this.#heard.get(node)?.status;
  }

  /** Members in the order of the node list. */
  all(): MemberStatus[] {
    return this.#nodes.flatMap((node) => this.get(node) ?? []);
  }

  with(role: MemberStatus['role']): MemberStatus[] {
    return this.all().filter((member) => member.role === role);
  }

  /** The member that joined first; the node list decides between equals. */
  coordinator(): string | undefined {
    let first: MemberStatus | undefined;
    for (const member of this.all()) if (!first || member.joinedAtMs < first.joinedAtMs) first = member;
    return first?.node;
  }

  /** Standbys that may be promoted, in order of the newest priority list. */
  candidates(): string[] {
    let newest: MemberStatus | undefined;
    for (const member of this.all()) {
      if (!newest || member.priorityVersion > newest.priorityVersion) newest = member;
    }
    const standbys = this.with('standby').filter((member) => member.promotable);
    const rank = (node: string): number => {
      const place = newest?.priority.indexOf(node) ?? -1;
      return place < 0 ? Number.POSITIVE_INFINITY : place;
    };
    return standbys
      .map((member) => member.node)
      .sort((a, b) => (rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : 0));
  }

  #dropSilent(): void {
    const nowMs = this.#clock.nowMs();
    for (const [node, { status, atMs }] of this.#heard) {
      if (nowMs - atMs <= this.#nodeTimeoutMs) continue;
      this.#heard.delete(node);
      this.#onLost(node, status);
    }
  }
}
