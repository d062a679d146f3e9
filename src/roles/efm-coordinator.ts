import type { AgentRole } from '../recording/events.ts';
import type { AgentParts } from './agent-parts.ts';
import { hasHook, hasSince } from './efm-abilities.ts';
import { electNewPrimary } from './efm-choice.ts';
import { efmCoordinatorMachine } from './efm-coordinator-machine.ts';
import type { CoordinatorContext, CoordinatorEmission, CoordinatorEvent } from './efm-coordinator-verbs.ts';
import { type Matter, Matters } from './efm-matters.ts';
import { hookNotice } from './efm-notices.ts';
import { keepsPrimary, mayPromote } from './efm-shared-state.ts';
import type { AgentMessage, AgentRequest, MemberStatus } from './host.ts';
import { verifyLimitMs } from './side-work.ts';
import { Statechart } from './statechart.ts';

/** States that a primary with an agent ends. */
const waitsForPrimary: ReadonlySet<string> = new Set([
  'noProtection',
  'subset',
  'manualNeeded',
  'unverified',
]);

type Answer = (ok: boolean, detail: string | null) => void;

/** How an operator wants a change of primary: with the promotion's scripts or without, and without notifications. */
type ByHand = Pick<Extract<CoordinatorEvent, { type: 'manual' }>, 'runScripts' | 'quiet'>;
type Switchover = ByHand & Pick<Extract<CoordinatorEvent, { type: 'switchover' }>, 'settings'>;

/** The coordinator's statechart inside an agent: it works only while its agent is the membership coordinator. */
export class EfmCoordinator {
  readonly #agent: AgentParts;
  #running: Statechart<typeof efmCoordinatorMachine> | null = null;
  readonly #matters: Matters;
  #state = 'stable';
  #withoutStandbys = false;

  constructor(agent: AgentParts) {
    this.#agent = agent;
    this.#matters = new Matters(agent);
  }

  stop(): void {
    this.#running?.stop();
  }

  /** The statechart; it runs from the first matter on, since most agents never coordinate. */
  get #actor(): Statechart<typeof efmCoordinatorMachine> {
    if (this.#running) return this.#running;
    const { host, settings } = this.#agent;
    const actor = new Statechart(efmCoordinatorMachine, { clock: host.clock, input: { settings } });
    this.#running = actor;
    actor.on('*', (emission) => this.#carryOut(emission));
    actor.subscribe(({ value }) => this.#noteState(String(value)));
    return actor.start();
  }

  /** An agent's database has failed, and the cluster has confirmed it. */
  reported(node: string, { what, promotions }: Extract<AgentMessage, { type: 'report' }>): void {
    if (what === 'failed.primary') this.#matters.add({ kind: 'databaseFailed', node, promotions });
    else if (what === 'reached.standby') this.#agent.notify('standbyCannotReach', { node });
    else {
      this.#agent.notify('standbyDatabaseFailed', { node });
      this.#noticeStandbys();
    }
    this.#takeUp();
  }

  /** No heartbeat of a member for node.timeout. */
  lost(node: string, last: MemberStatus): void {
    this.#matters.noteLoss(node, last.role);
    if (this.#agent.membership.coordinator() === this.#agent.node) this.#matters.takeOver();
    this.#takeUp();
  }

  /** A member has ended in good order. */
  parted(node: string, last: MemberStatus): void {
    const { membership, settings } = this.#agent;
    if (membership.coordinator() !== this.#agent.node) return;
    if (last.role === 'primary')
      this.#matters.add(
        settings.primaryShutdownAsFailure
          ? { kind: 'lost', node, role: 'primary' }
          : { kind: 'primaryLeft', node },
      );
    this.#matters.noticeSize();
    this.#takeUp();
  }

  /** A member was heard: one that was lost may be back. */
  heard(status: MemberStatus, before: MemberStatus | undefined): void {
    if (before === undefined) this.#matters.noteReturn(status.node);
    if (status.role === 'primary') this.#notePrimary();
  }

  ownRole(role: AgentRole): void {
    if (role === 'primary') this.#notePrimary();
  }

  /** A switchover was asked for; `answer` says whether it is taken on, the work comes after. */
  switchOver({ runScripts, quiet, settings }: Switchover, answer: Answer): void {
    const [primary] = this.#agent.membership.with('primary');
    if (!primary) answer(false, 'no primary agent was found');
    else this.#begin({ type: 'switchover', primary: primary.node, runScripts, quiet, settings }, answer);
  }

  /** A promotion by hand was asked for, with or without a primary. */
  promoteByHand({ runScripts, quiet }: ByHand, answer: Answer): void {
    const primary = this.#agent.membership.with('primary')[0]?.node ?? null;
    this.#begin({ type: 'manual', primary, runScripts, quiet }, answer);
  }

  #begin(event: CoordinatorEvent, answer: Answer): void {
    if (this.#agent.membership.candidates().length === 0) answer(false, 'no standby can be promoted');
    else if (!this.#actor.getSnapshot().can(event)) {
      this.#agent.notify('promotionNotOccurred');
      answer(false, `the coordinator is at work (${this.#state})`);
    } else {
      answer(true, null);
      this.#actor.send(event);
    }
  }

  #notePrimary(): void {
    if (waitsForPrimary.has(this.#state)) this.#actor.send({ type: 'primary.present' });
  }

  #carryOut(emission: CoordinatorEmission): void {
    const agent = this.#agent;
    switch (emission.type) {
      case 'notify':
        if (!emission.quiet) agent.notify(emission.id);
        return;
      case 'rest':
        agent.host.clock.setTimeout(() => this.#takeUp(), 0);
        return;
      case 'verify':
        this.#verify(emission.node);
        return;
      case 'detach':
        this.#detach(emission.node, emission.kind);
        return;
      case 'assess':
        agent.host.clock.setTimeout(() => this.#assess(emission.context), 0);
        return;
      case 'choose':
        this.#fenceOff(emission.context);
        electNewPrimary(agent, { quiet: emission.context.quiet }, (winner) =>
          this.#tell({ type: 'chosen', winner }),
        );
        return;
      case 'order':
        this.#order(emission.kind, emission.context);
    }
  }

  #tell(event: CoordinatorEvent): void {
    if (this.#agent.alive) this.#actor.send(event);
  }

  /** Takes up the next matter when the statechart is at rest. */
  #takeUp(): void {
    if (!this.#agent.alive || !this.#matters.any || !this.#actor.getSnapshot().hasTag('resting')) return;
    const matter = this.#matters.next();
    if (matter) this.#actor.send(eventOf(matter));
  }

  /** All members, this one too, try the database of a lost one (method.md EFM C). Those who do not answer do not count for a majority. */
  #verify(node: string): void {
    const { membership, requests, settings } = this.#agent;
    requests.ask({
      nodes: membership.all().map((member) => member.node),
      timeoutMs: verifyLimitMs(this.#agent),
      send: (to, id) => this.#agent.send(to, { type: 'request', id, request: { kind: 'verify', node } }),
      done: (answers) => {
        const quorum = membership.quorum();
        const present = answers.filter(({ answered }) => answered).length;
        const majority = mayPromote(quorum);
        this.#tell({
          type: 'verified',
          anyReaches: answers.some(({ ok }) => ok),
          majority,
          confirmed: majority && mayPromote({ ...quorum, present }),
          isolated: hasSince(settings, '5.2') && !keepsPrimary(quorum),
        });
        this.#noticeStandbys();
      },
    });
  }

  /** Tells the load balancer of a node that cannot do so itself. */
  #detach(node: string, kind: 'p' | 's'): void {
    const agent = this.#agent;
    const hook = 'script.load.balancer.detach';
    if (!hasHook(agent.settings, hook)) {
      agent.host.clock.setTimeout(() => this.#tell({ type: 'detached' }), 0);
      return;
    }
    agent.perform(
      'loadBalancerDetach',
      { type: 'runScript', hook, placeholders: { h: node, t: kind } },
      {
        target: node,
        done: ({ ok }) => {
          const told = hookNotice(hook, { ok, nativePgpool: agent.settings.nativePgpool });
          if (told) agent.notify(told);
          this.#tell({ type: 'detached' });
        },
      },
    );
  }

  /** The gate's facts. */
  #assess({ oldPrimary }: CoordinatorContext): void {
    const { membership } = this.#agent;
    this.#tell({
      type: 'assessed',
      majority: membership.hasMajority(oldPrimary),
      candidates: membership.candidates().length,
      standbys: membership.with('standby').length,
    });
  }

  /** A lost primary may only be out of sight: it is told to step down, if the word still reaches it (method.md EFM 2.7, E25). */
  #fenceOff({ lost }: CoordinatorContext): void {
    if (lost?.role !== 'primary') return;
    this.#agent.notify('primaryFenced', { node: lost.node });
    this.#agent.send(lost.node, { type: 'request', id: 0, request: { kind: 'fence' } });
  }

  #order(kind: 'demote' | 'replace' | 'checkVip' | 'promote' | 'rejoin', context: CoordinatorContext): void {
    const { membership, requests } = this.#agent;
    const { oldPrimary, change, runScripts, quiet, recoverySettings, winner } = context;
    const failedPrimary = change === 'switchover' ? null : oldPrimary;
    const request: AgentRequest =
      kind === 'promote'
        ? { kind, failedPrimary, runScripts, forced: change !== 'failover' }
        : kind === 'rejoin'
          ? { kind, primary: winner ?? '', settings: recoverySettings }
          : { kind };
    const to =
      kind === 'promote' ? winner : kind === 'checkVip' ? (membership.candidates()[0] ?? null) : oldPrimary;
    requests.ask({
      nodes: to === null ? [] : [to],
      timeoutMs: null,
      send: (node, id) => this.#agent.send(node, { type: 'request', id, request, quiet }),
      done: ([answer]) =>
        this.#tell({ type: 'obeyed', ok: answer?.ok ?? false, detail: answer?.detail ?? null }),
    });
  }

  /** Who could still be promoted, now that a standby is gone: nobody when minimum.standbys is reached (method.md EFM 2.4). */
  #noticeStandbys(): void {
    const { membership, settings } = this.#agent;
    const few = membership.with('standby').length <= settings.minimumStandbys;
    const none = few || membership.candidates().length === 0;
    if (none && !this.#withoutStandbys && membership.with('primary').length > 0)
      this.#agent.notify(few ? 'noStandbys' : 'noPromotableStandby');
    this.#withoutStandbys = none;
  }

  #noteState(state: string): void {
    if (state === this.#state) return;
    this.#state = state;
    const { node, host } = this.#agent;
    host.record({
      type: 'agentState',
      node,
      machine: 'coordinator',
      role: null,
      state: `coordinator.${state}`,
    });
  }
}

function eventOf(matter: Matter): CoordinatorEvent {
  switch (matter.kind) {
    case 'databaseFailed':
      return { type: 'primary.failed', node: matter.node };
    case 'primaryLeft':
      return { type: 'primary.left' };
    case 'lost':
      return { type: 'member.lost', node: matter.node, role: matter.role };
  }
}
