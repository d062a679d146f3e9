import { invariant } from '../kernel/errors.ts';
import type { AgentParts } from './agent-parts.ts';
import type { AgentEmission, AgentMachineEvent } from './efm-agent-verbs.ts';
import { hookNotice } from './efm-notices.ts';
import type { AgentMessage, AgentRequest, CommandOutcome } from './host.ts';
import type { Answer } from './requests.ts';
import { verifyLimitMs } from './side-work.ts';

/**
 * Carries out what the agent's statechart orders, and gives it back one event for each command and each round of questions.
 *
 * A statechart that has gone on meanwhile hears nothing of an earlier order: one command and one round are in hand at most.
 */
export class AgentOrders {
  readonly #agent: AgentParts;
  readonly #tell: (event: AgentMachineEvent) => void;
  readonly #watch: (expectRecovery: boolean | null) => void;
  #inHand = 0;
  /** What was reported of the own database since it was last monitored, and to whom. */
  #reported: { report: Extract<AgentMessage, { type: 'report' }>; to: string } | null = null;

  constructor(
    agent: AgentParts,
    options: {
      /** Gives the statechart an event. */
      tell: (event: AgentMachineEvent) => void;
      /** Starts the checks of the own database, or stops them (null). */
      watch: (expectRecovery: boolean | null) => void;
    },
  ) {
    this.#agent = agent;
    this.#tell = options.tell;
    this.#watch = options.watch;
  }

  carryOut(emission: AgentEmission): void {
    const agent = this.#agent;
    const { membership, node } = agent;
    switch (emission.type) {
      case 'perform':
        this.#perform(emission);
        return;
      case 'askVerify':
        this.#ask({ kind: 'verify', node }, { nodes: this.#others(), timeoutMs: verifyLimitMs(agent) });
        return;
      case 'askFollow': {
        const nodes = membership
          .with('standby')
          .flatMap((member) => (member.node === node ? [] : member.node));
        const { primary, quiet } = emission;
        const look = quiet ? undefined : (answers: readonly Answer[]) => this.#noticeRefusals(answers);
        this.#ask({ kind: 'follow', primary }, { nodes, timeoutMs: null, quiet, look });
        return;
      }
      case 'askHook': {
        const { hook, primary, quiet } = emission;
        this.#ask(
          { kind: 'hook', hook, primary },
          { nodes: emission.skip ? [] : this.#others(), timeoutMs: null, quiet },
        );
        return;
      }
      case 'reply': {
        const { request, ok, detail } = emission;
        invariant(request, 'an answer to no request');
        this.#sendSoon(request.from, { type: 'answer', id: request.id, ok, detail });
        return;
      }
      case 'report':
        this.#report({ type: 'report', what: emission.what, promotions: membership.shared.promotions });
        return;
      case 'watch':
        this.#reported = null;
        this.#watch(emission.expectRecovery);
        return;
      case 'promotionBegun':
        agent.primaryEpoch = membership.shared.promotions + 1;
        membership.share({ promotions: agent.primaryEpoch });
        return;
      case 'tookOver':
        this.#takeOver();
        return;
      case 'resumed':
        this.#applyPromotable();
        return;
      case 'notify':
        if (!emission.quiet) agent.notify(emission.id);
        return;
      case 'exit':
        agent.host.exited?.(emission.exitCode);
    }
  }

  /** A member is lost: when it was told of the own primary's failure, the next coordinator hears of it again. */
  memberLost(node: string): void {
    const { report, to } = this.#reported ?? {};
    if (report?.what === 'failed.primary' && to === node) this.#report(report);
  }

  #report(report: Extract<AgentMessage, { type: 'report' }>): void {
    const to = this.#agent.membership.coordinator();
    if (to === undefined) return;
    this.#reported = { report, to };
    this.#sendSoon(to, report);
  }

  #perform(emission: Extract<AgentEmission, { type: 'perform' }>): void {
    const { command, name, target } = emission;
    const agent = this.#agent;
    const turn = ++this.#inHand;
    const done = (outcome: CommandOutcome): void => {
      if (!agent.alive) return;
      if (!emission.skip) this.#note(emission, outcome);
      if (turn !== this.#inHand) return;
      const { ok, detail, inRecovery } = outcome;
      if (inRecovery === undefined) this.#tell({ type: 'ended', ok, detail });
      else {
        const primaryExists = agent.membership.otherPrimaries().length > 0;
        this.#tell({ type: 'ended', ok, detail, inRecovery, primaryExists });
      }
    };
    if (emission.skip) {
      agent.host.clock.setTimeout(() => done({ ok: true, detail: null }), 0);
      return;
    }
    if (command.type === 'releaseVip' && !emission.quiet) agent.notify('releasingVip');
    if (command.type === 'assignVip' && !emission.quiet) agent.notify('assigningVip');
    agent.perform(name, command, { target, done });
  }

  /** What a command's end means beyond the next step: a hook's notice, and who holds the virtual IP. */
  #note({ command, quiet }: Extract<AgentEmission, { type: 'perform' }>, { ok }: CommandOutcome): void {
    const agent = this.#agent;
    if (command.type === 'runScript') {
      const { nativePgpool } = agent.settings;
      const told = hookNotice(command.hook, { ok, nativePgpool });
      if (told && !quiet) agent.notify(told);
    } else if (command.type === 'lookForVip') agent.vipActive = ok;
    else if (command.type === 'assignVip' && ok) agent.vipActive = true;
    else if (command.type === 'releaseVip' && ok) agent.vipActive = false;
  }

  #ask(
    request: AgentRequest,
    options: {
      nodes: readonly string[];
      timeoutMs: number | null;
      quiet?: boolean;
      look?: ((answers: readonly Answer[]) => void) | undefined;
    },
  ): void {
    const turn = ++this.#inHand;
    const agent = this.#agent;
    agent.requests.ask({
      nodes: options.nodes,
      timeoutMs: options.timeoutMs,
      send: (node, id) => agent.send(node, { type: 'request', id, request, quiet: options.quiet ?? false }),
      done: (answers) => {
        if (!agent.alive) return;
        options.look?.(answers);
        if (turn !== this.#inHand) return;
        const anyOk = answers.some((answer) => answer.ok);
        const allOk = answers.every((answer) => answer.ok);
        this.#tell({ type: 'answered', anyOk, allOk });
      },
    });
  }

  /** Tells of every standby that was told to follow the new primary and did not. */
  #noticeRefusals(answers: readonly Answer[]): void {
    for (const { node, ok, detail } of answers) {
      if (!ok) this.#agent.notify('standbyDoesNotFollow', { node, more: `: ${detail}` });
    }
  }

  /** A new primary's own standbys come first, and what set-priority allowed it is used up. */
  #takeOver(): void {
    const agent = this.#agent;
    const { priorityStandbys } = agent.settings;
    this.#applyPromotable();
    if (priorityStandbys.length === 0) return;
    const rest = agent.membership.shared.priority.filter((node) => !priorityStandbys.includes(node));
    agent.membership.share({ priority: [...priorityStandbys, ...rest] });
  }

  /** What the properties say counts again; what set-priority said is over (method.md EFM 2.8, 3.1). */
  #applyPromotable(): void {
    const { promotable, witness } = this.#agent.settings;
    this.#agent.promotable = promotable && !witness;
  }

  /** Other members that an answer can be expected from. */
  #others(): string[] {
    return this.#agent.membership
      .all()
      .map((member) => member.node)
      .filter((node) => node !== this.#agent.node);
  }

  /** Tells the new role ahead of the message: what a transition emits comes before its state is entered. */
  #sendSoon(toNode: string, message: AgentMessage): void {
    const agent = this.#agent;
    agent.host.clock.setTimeout(() => {
      if (!agent.alive) return;
      agent.membership.announce();
      agent.send(toNode, message);
    }, 0);
  }
}
