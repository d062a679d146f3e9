import { type ActorRefFrom, createActor } from 'xstate';
import { choosePromotion } from '../topology/promotion.ts';
import type { AgentParts } from './agent-parts.ts';
import { type CoordinatorEmission, efmCoordinatorMachine } from './efm-coordinator-machine.ts';
import type { AgentRequest, CommandOutcome } from './host.ts';

/** The coordinator's statechart inside an agent: it works only while its agent is the membership coordinator. */
export class EfmCoordinator {
  readonly #agent: AgentParts;
  readonly #actor: ActorRefFrom<typeof efmCoordinatorMachine>;
  #state = 'stable';

  constructor(agent: AgentParts) {
    this.#agent = agent;
    const { clock } = agent.host;
    this.#actor = createActor(efmCoordinatorMachine, {
      clock: clock as never,
      input: { settings: agent.settings },
    });
    this.#actor.on('*', (emission) => this.#carryOut(emission));
    this.#actor.subscribe(({ value }) => this.#noteState(String(value)));
  }

  start(): void {
    this.#actor.start();
  }

  stop(): void {
    this.#actor.stop();
  }

  /** An agent's database has failed, and the cluster has confirmed it. */
  reported(node: string, what: 'failed.primary' | 'failed.standby'): void {
    const candidates = this.#agent.membership.candidates().length;
    if (what === 'failed.primary') this.#actor.send({ type: 'primary.failed', node, candidates });
    else if (candidates === 0)
      this.#agent.notify('WARNING', 'No standbys available for promotion in cluster');
  }

  /** A switchover was asked for; `answer` says whether it is taken on, the work comes after. */
  switchOver(runScripts: boolean, answer: (ok: boolean, detail: string | null) => void): void {
    const [primary] = this.#agent.membership.with('primary');
    const event = { type: 'switchover', primary: primary?.node ?? '', runScripts } as const;
    if (!primary) answer(false, 'no primary agent was found');
    else if (this.#agent.membership.candidates().length === 0) answer(false, 'no standby can be promoted');
    else if (!this.#actor.getSnapshot().can(event))
      answer(false, `the coordinator is at work (${this.#state})`);
    else {
      answer(true, null);
      this.#actor.send(event);
    }
  }

  #carryOut(emission: CoordinatorEmission): void {
    if (emission.type === 'notify') this.#agent.notify(emission.severity, emission.subject);
    else if (emission.type === 'choose') this.#choose();
    else if (emission.type === 'rest') this.#takeUp(emission.waitingFailure);
    else {
      const { oldPrimary, switchover, runScripts, winner } = emission.context;
      const request: AgentRequest =
        emission.kind === 'promote'
          ? { kind: 'promote', failedPrimary: switchover ? null : oldPrimary, runScripts }
          : emission.kind === 'rejoin'
            ? { kind: 'rejoin', primary: winner ?? '' }
            : { kind: 'demote' };
      this.#agent.requests.ask({
        nodes: [emission.to],
        timeoutMs: null,
        send: (node, id) => this.#agent.send(node, { type: 'request', id, request }),
        done: ([answer]) => {
          this.#actor.send({ type: 'obeyed', ok: answer?.ok ?? false, detail: answer?.detail ?? null });
        },
      });
    }
  }

  /** A failure that was reported while this was at work; void when the cluster has a primary by now. */
  #takeUp(node: string | null): void {
    if (node === null) return;
    const { host, membership } = this.#agent;
    host.clock.setTimeout(() => {
      if (membership.with('primary').length === 0) this.reported(node, 'failed.primary');
    }, 0);
  }

  /** Reads the WAL positions of every candidate and chooses by EFM's rule. */
  #choose(): void {
    const nodes = this.#agent.membership.candidates();
    const { remoteTimeoutMs, useReplayTiebreaker } = this.#agent.settings;
    const outcomes = new Map<string, CommandOutcome>();
    const finish = (): void => {
      const candidates = nodes.flatMap((node) => {
        const positions = outcomes.get(node)?.positions;
        if (!positions) return [];
        return [
          { node, receivedBytes: positions.receivedBytes ?? 0, replayedBytes: positions.replayedBytes },
        ];
      });
      this.#actor.send({
        type: 'chosen',
        winner: choosePromotion(candidates, useReplayTiebreaker)?.node ?? null,
      });
    };
    if (nodes.length === 0) this.#agent.host.clock.setTimeout(finish, 0);
    for (const node of nodes) {
      const command = { type: 'queryDatabase', node, timeoutMs: remoteTimeoutMs } as const;
      const done = (outcome: CommandOutcome): void => {
        outcomes.set(node, outcome);
        if (outcomes.size === nodes.length) finish();
      };
      this.#agent.perform('readPositions', command, { target: node, done });
    }
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
