import type { RecordedEvent } from '../../src/recording/events.ts';
import type { AgentCluster } from './agent-cluster.ts';
import { AgreedMembers } from './agreed-members.ts';
import type { Fault } from './cluster-faults.ts';

/** Longest that agents need to act upon what they see: a heartbeat each way, stop, guard, VIP, script. */
const settleMs = 4000;
const nodeTimeoutMs = 20_000;
/** From a verification to the promotion: VIP check, well-known host, and questions to standbys that have gone silent since. */
const verificationMs = 18_000;

/**
 * The rules of method.md EFM 4 on a played cluster, looked at on every event and in between.
 *
 * What EFM cannot see to is left out: a server whose agent is dead, and one whose agent is idle and leaves it alone.
 */
export class ClusterRules {
  readonly broken: string[] = [];
  readonly #cluster: AgentCluster;
  /** An operator wants promotions until then, majority or not. */
  #byHandUntilMs = 0;
  #quietSinceMs = 0;
  #mayPromoteC = false;
  /** An operator's primary may stay on a side that is too small for EFM's own. */
  readonly #promotedByHand = new Set<string>();
  /** When two agents last were alive and in sight of each other, by `from to`. */
  readonly #seenMs = new Map<string, number>();
  /** Verifications by target: the last round. */
  readonly #verified = new Map<string, { atMs: number; by: string; ok: boolean }[]>();
  readonly #targets = new Map<string, string>();
  readonly #wasPrimary = new Set<string>();
  promotions = 0;

  readonly #countsDown: boolean;
  readonly #agreed: AgreedMembers;

  constructor(cluster: AgentCluster, countsDown: boolean) {
    this.#cluster = cluster;
    this.#countsDown = countsDown;
    this.#agreed = new AgreedMembers(cluster);
    cluster.onEvent = (event) => this.#hear(event);
  }

  /** Something was done to the cluster. */
  disturbed({ what, sides }: Fault): void {
    const nowMs = this.#cluster.clock.nowMs();
    this.#quietSinceMs = nowMs;
    if (what === 'switchover' || what === 'promote') this.#byHandUntilMs = nowMs + 100_000;
    // set-priority overrides promotable=false, for as long as the agent lives.
    const { members } = this.#cluster;
    if (what === 'setPriority' && members[sides % members.length] === 'c') this.#mayPromoteC = true;
  }

  look(): void {
    const { clock, network, members, played } = this.#cluster;
    const nowMs = clock.nowMs();
    for (const one of members)
      for (const other of members)
        if (this.#alive(one) && this.#alive(other) && network.reaches(one, other))
          this.#seenMs.set(`${one} ${other}`, nowMs);
    for (const node of members) if (played.states.get(node) === 'primary') this.#wasPrimary.add(node);
    this.#agreed.look();
    if (nowMs - this.#quietSinceMs < settleMs) return;
    for (const node of members) {
      const side = members.filter((other) => network.reaches(node, other) && this.#alive(other));
      const primaries = side.filter((other) => this.#isPrimary(other));
      if (primaries.length > 1) this.#break(`two primaries in sight of each other: ${primaries.join(' ')}`);
      const holders = side.filter((other) => played.vipHolders.has(other));
      if (holders.length > 1)
        this.#break(`two holders of the VIP in sight of each other: ${holders.join(' ')}`);
      if (primaries.length === 1) this.#checkOldPrimaries(side, primaries[0] ?? '');
      if (side.includes(node) && !this.#countsDown) this.#checkCounted(node);
      const ownSide = side.includes(node) && this.#isPrimary(node);
      if (ownSide && nowMs - this.#quietSinceMs > nodeTimeoutMs + settleMs)
        this.#checkMinority(node, side.length);
    }
  }

  /** Before 5.0 an agent counts no fewer than it must. */
  #checkCounted(node: string): void {
    const { counted } = this.#cluster.agent(node).membership.quorum();
    const least = this.#agreed.least(node);
    if (counted < least) this.#break(`${node} counts ${counted}, and ${least} count`);
  }

  /** From 5.0 on every node that was ever seen counts, and all of them were at the start; before, those that must. */
  #checkMinority(node: string, size: number): void {
    const { counted } = this.#cluster.agent(node).membership.quorum();
    const { length } = this.#cluster.members;
    const least = !this.#countsDown ? this.#agreed.least(node) : counted === length ? length : 0;
    if (!this.#promotedByHand.has(node) && size * 2 < least)
      this.#break(`${node} is primary with ${size} of ${least}`);
  }

  /** A primary of before, in sight of the present one, cannot come up as a primary by itself: guard, standby.signal, or dead. */
  #checkOldPrimaries(side: readonly string[], primary: string): void {
    const { played } = this.#cluster;
    for (const node of side) {
      if (node === primary || !this.#wasPrimary.has(node)) continue;
      const leftAlone = this.#cluster.agent(node).role === 'idle' && played.nature(node) === 'primary';
      const safe = played.guards.has(node) || played.signals.has(node) || played.states.get(node) === 'down';
      if (!safe && !leftAlone) this.#break(`${node} was primary and has neither guard nor standby.signal`);
    }
  }

  #hear(event: RecordedEvent): void {
    if (event.type === 'command' && event.name === 'verifyDatabase')
      this.#targets.set(event.id, event.target ?? '');
    if (event.type === 'commandEnded' && event.name === 'verifyDatabase') {
      const target = this.#targets.get(event.id) ?? '';
      const round = (this.#verified.get(target) ?? []).filter(({ atMs }) => event.atMs - atMs <= 3500);
      this.#verified.set(target, [...round, { atMs: event.atMs, by: event.node, ok: event.ok }]);
    }
    if (event.type === 'command' && event.name === 'promoteServer') this.#checkPromotion(event.node);
    if (event.type !== 'notice') return;
    this.#checkSteppedDown(event);
    if (/ exited /.test(event.subject)) this.#agreed.left(event.node);
  }

  /** Who tells that its primary is fenced off or has failed has stopped it by then, guarded it and given the VIP up. */
  #checkSteppedDown({ node, subject }: Extract<RecordedEvent, { type: 'notice' }>): void {
    if (!/^(Isolated \w+ database shutdown|(Primary|Master) database failure)/.test(subject)) return;
    const { guards, states, vipHolders } = this.#cluster.played;
    if (states.get(node) === 'primary') this.#break(`${node} has stepped down and its server runs`);
    if (!guards.has(node)) this.#break(`${node} has stepped down without a guard`);
    if (vipHolders.has(node)) this.#break(`${node} has stepped down and holds the VIP`);
  }

  #checkPromotion(node: string): void {
    const { clock, members, network, played } = this.#cluster;
    this.promotions += 1;
    if (played.failingScripts.has('script.fence')) {
      const since = this.#quietSinceMs;
      if (clock.nowMs() - since > 100) this.#break(`${node} is promoted although the fencing script fails`);
    }
    if (node === 'c' && !this.#mayPromoteC) this.#break('c is promoted and is not promotable');
    if (clock.nowMs() < this.#byHandUntilMs) {
      this.#promotedByHand.add(node);
      return;
    }
    // From 5.0 on everybody counts who ever was there; before, those whom the winner's side has not gone on without. A side
    // is those in sight since the verification.
    const inSight = (sinceMs: number): string[] =>
      members.filter((other) => clock.nowMs() - (this.#seenMs.get(`${node} ${other}`) ?? -1e9) <= sinceMs);
    const side = inSight(verificationMs);
    const { counted: agreed } = this.#cluster.agent(node).membership.quorum();
    const counted = this.#countsDown ? members.length : Math.max(agreed, this.#agreed.least(node));
    // Half is enough only beside an agent of an old primary.
    const hasOld = side.some((other) => this.#wasPrimary.has(other));
    const few = hasOld ? side.length * 2 < counted : side.length * 2 <= counted;
    // Where the old primary's own agent says that its database is down, it is.
    const told = side.some((other) => this.#wasPrimary.has(other) && played.states.get(other) === 'down');
    if (few && !told) this.#break(`${node} is promoted by ${side.length} of ${counted}`);
    // Only what this side found out of a primary, last, counts.
    const rounds = [...this.#verified].filter(([target]) => this.#wasPrimary.has(target));
    const own = rounds.map(([, round]) => round.filter(({ by }) => network.reaches(node, by)));
    const last = own.sort((one, other) => (other.at(-1)?.atMs ?? 0) - (one.at(-1)?.atMs ?? 0))[0];
    if (last?.some(({ ok }) => ok))
      this.#break(`${node} is promoted although the primary's database was reached`);
  }

  #alive(node: string): boolean {
    return this.#cluster.agent(node).alive && !this.#cluster.network.lost.has(node);
  }

  #isPrimary(node: string): boolean {
    return (
      this.#cluster.agent(node).role === 'primary' && this.#cluster.played.states.get(node) === 'primary'
    );
  }

  #break(what: string): void {
    if (this.broken.length < 3) this.broken.push(`at ${this.#cluster.clock.nowMs()} ms: ${what}`);
  }
}
