import { type ActorRefFrom, createActor } from 'xstate';
import { invariant } from '../kernel/errors.ts';
import type { AgentCommandName, AgentRole } from '../recording/events.ts';
import type { EfmSettings } from '../topology/efm-properties.ts';
import type { AgentParts } from './agent-parts.ts';
import { DatabaseWatch } from './database-watch.ts';
import { efmAgentMachine } from './efm-agent-machine.ts';
import type { AgentEmission, AgentMachineEvent } from './efm-agent-verbs.ts';
import { answerEfmCommand, type EfmAnswer } from './efm-command.ts';
import { EfmCoordinator } from './efm-coordinator.ts';
import type {
  AgentCommand,
  AgentHost,
  AgentMessage,
  AgentRequest,
  CommandOutcome,
  MemberStatus,
} from './host.ts';
import { Membership } from './membership.ts';
import { type Answer, Requests } from './requests.ts';
import { balancerScriptError, noticeRefusedFollow, runRemoteHook, verifyDatabase } from './side-work.ts';
import { roleOf, statePath } from './state-path.ts';

/** Who an agent is: its server and every server that may be a member, in the order of the cluster's node list. */
export interface AgentIdentity {
  node: string;
  members: readonly string[];
  /** EFM's name of the cluster. */
  clusterName: string;
}

/** One EFM agent: the statechart of its node, and the coordinator's while it is that, on a host. */
export class EfmAgent implements AgentParts {
  readonly node: string;
  readonly clusterName: string;
  readonly settings: EfmSettings;
  readonly host: AgentHost;
  readonly membership: Membership;
  readonly requests: Requests;
  readonly members: readonly string[];
  readonly #actor: ActorRefFrom<typeof efmAgentMachine>;
  readonly #watch: DatabaseWatch;
  readonly #coordinator: EfmCoordinator;
  readonly #joinedAtMs: number;
  #state = '';
  #commandInHand = 0;
  #nextCommandId = 1;
  #alive = false;

  constructor(host: AgentHost, identity: AgentIdentity, settings: EfmSettings) {
    this.host = host;
    this.node = identity.node;
    this.clusterName = identity.clusterName;
    this.members = identity.members;
    this.settings = settings;
    this.#joinedAtMs = host.clock.nowMs();
    this.requests = new Requests(host.clock);
    this.membership = new Membership({
      clock: host.clock,
      nodes: identity.members,
      nodeTimeoutMs: settings.nodeTimeoutMs,
      self: () => this.#status(),
      send: (toNode, status) => host.send(toNode, { type: 'heartbeat', status }),
      onLost: (node, last) => this.#lose(node, last),
      onRestarted: (node) => this.requests.lose(node),
    });
    this.#watch = new DatabaseWatch({
      clock: host.clock,
      periodMs: settings.localPeriodMs,
      timeoutMs: settings.localTimeoutMs,
      query: (done) => {
        host.perform({ type: 'queryDatabase', node: this.node, timeoutMs: settings.localTimeoutMs }, done);
      },
      tell: (what) => this.#actor.send({ type: `database.${what}` }),
    });
    this.#coordinator = new EfmCoordinator(this);
    this.#actor = createActor(efmAgentMachine, {
      clock: host.clock as never,
      input: { node: this.node, settings },
    });
    this.#actor.on('*', (emission) => this.#carryOut(emission));
    this.#actor.subscribe(() => this.#noteState());
  }

  start(): void {
    this.#alive = true;
    this.#coordinator.start();
    this.#actor.start();
    this.membership.start();
  }

  /** Ends without a word to the others, as a killed agent does. */
  kill(): void {
    this.#alive = false;
    this.#watch.stop();
    this.membership.stop();
    this.#actor.stop();
    this.#coordinator.stop();
  }

  /** An `efm` sub-command given to this agent; `done` gets what it prints, work goes on after that. */
  command(args: readonly string[], done: (answer: EfmAnswer) => void): void {
    answerEfmCommand(this, args, done);
  }

  get role(): AgentRole {
    return roleOf(this.#state);
  }

  /** A resume is possible: the agent is idle and not at work. False says no. */
  resume(): boolean {
    const event = { type: 'resume', primaryExists: this.membership.with('primary').length > 0 } as const;
    if (!this.#actor.getSnapshot().can(event)) return false;
    this.#actor.send(event);
    return true;
  }

  receive(from: string, message: AgentMessage): void {
    if (!this.#alive) return;
    switch (message.type) {
      case 'heartbeat':
        this.membership.hear(message.status);
        return;
      case 'report':
        this.#coordinator.reported(from, message.what);
        return;
      case 'answer':
        this.requests.take(message.id, { node: from, ok: message.ok, detail: message.detail });
        return;
      case 'request':
        this.#consider(from, message.id, message.request);
    }
  }

  /** Sends to another agent, or to this one, later in either case. */
  send(toNode: string, message: AgentMessage): void {
    if (toNode === this.node) this.host.clock.setTimeout(() => this.receive(this.node, message), 0);
    else this.host.send(toNode, message);
  }

  /** Carries a command to the host with a note of its start and end in the recording. */
  perform(
    name: AgentCommandName,
    command: AgentCommand,
    options: { target: string; done: (outcome: CommandOutcome) => void },
  ): void {
    const id = `${this.node}-${this.#nextCommandId++}`;
    const { target, done } = options;
    this.host.record({ type: 'command', node: this.node, id, name, target });
    this.host.perform(command, (outcome) => {
      if (!this.#alive) return;
      this.host.record({
        type: 'commandEnded',
        node: this.node,
        id,
        name,
        ok: outcome.ok,
        detail: outcome.detail,
      });
      done(outcome);
    });
  }

  notify(severity: 'INFO' | 'WARNING' | 'SEVERE', subject: string): void {
    this.host.record({ type: 'notice', node: this.node, severity, subject });
  }

  #consider(from: string, id: number, request: AgentRequest): void {
    const answer = (ok: boolean, detail: string | null): void =>
      this.send(from, { type: 'answer', id, ok, detail });
    switch (request.kind) {
      case 'verify':
        verifyDatabase(this, request.node, answer);
        return;
      case 'hook':
        runRemoteHook(this, request, answer);
        return;
      case 'switchover':
        this.#coordinator.switchOver(request.runScripts, answer);
        return;
      default: {
        const { kind, ...values } = request;
        const event = { type: kind, from, id, ...values } as AgentMachineEvent;
        if (this.#actor.getSnapshot().can(event)) this.#actor.send(event);
        else answer(false, `the agent on ${this.node} is in state ${this.#state}`);
      }
    }
  }

  #carryOut(emission: AgentEmission): void {
    switch (emission.type) {
      case 'perform':
        this.#performForMachine(emission);
        return;
      case 'askVerify':
        this.#ask({ kind: 'verify', node: this.node }, this.#others(), this.settings.remoteTimeoutMs);
        return;
      case 'askFollow':
        this.#ask(
          { kind: 'follow', primary: emission.primary },
          this.membership
            .with('standby')
            .map((member) => member.node)
            .filter((node) => node !== this.node),
          null,
          (answers) => noticeRefusedFollow(this, answers),
        );
        return;
      case 'askHook':
        this.#ask(
          { kind: 'hook', hook: emission.hook, primary: emission.primary },
          emission.skip ? [] : this.#others(),
          null,
        );
        return;
      case 'reply': {
        const { request } = emission;
        invariant(request, 'an answer to no request');
        this.#announceSoon();
        this.send(request.from, { type: 'answer', id: request.id, ok: emission.ok, detail: emission.detail });
        return;
      }
      case 'report':
        this.#report(emission.what);
        return;
      case 'watch':
        if (emission.expectRecovery === null) this.#watch.stop();
        else this.#watch.start(emission.expectRecovery);
        return;
      case 'notify':
        this.notify(emission.severity, emission.subject);
    }
  }

  #performForMachine(emission: Extract<AgentEmission, { type: 'perform' }>): void {
    const turn = ++this.#commandInHand;
    const done = (outcome: CommandOutcome): void => {
      if (turn !== this.#commandInHand || !this.#alive) return;
      const { ok, detail, inRecovery } = outcome;
      const scriptError = ok ? undefined : balancerScriptError(emission.command);
      if (scriptError) this.notify('SEVERE', scriptError);
      this.#actor.send(
        inRecovery === undefined ? { type: 'ended', ok, detail } : { type: 'ended', ok, detail, inRecovery },
      );
    };
    if (emission.skip) this.host.clock.setTimeout(() => done({ ok: true, detail: null }), 0);
    else this.perform(emission.name, emission.command, { target: emission.target, done });
  }

  #ask(
    request: AgentRequest,
    nodes: readonly string[],
    timeoutMs: number | null,
    look: (answers: readonly Answer[]) => void = () => {},
  ): void {
    this.requests.ask({
      nodes,
      timeoutMs,
      send: (node, id) => this.send(node, { type: 'request', id, request }),
      done: (answers) => {
        const anyOk = answers.some((answer) => answer.ok);
        const allOk = answers.every((answer) => answer.ok);
        if (!this.#alive) return;
        look(answers);
        this.#actor.send({ type: 'answered', anyOk, allOk });
      },
    });
  }

  /** Other members that an answer can be expected from. */
  #others(): string[] {
    return this.membership
      .all()
      .map((member) => member.node)
      .filter((node) => node !== this.node);
  }

  #report(what: 'failed.primary' | 'failed.standby'): void {
    this.#announceSoon();
    const coordinator = this.membership.coordinator();
    if (coordinator) this.host.clock.setTimeout(() => this.send(coordinator, { type: 'report', what }), 0);
  }

  /** Tells the new role ahead of the message that is about to follow: emissions come before the state is entered. */
  #announceSoon(): void {
    this.host.clock.setTimeout(() => {
      if (this.#alive) this.membership.announce();
    }, 0);
  }

  #status(): MemberStatus {
    const role = this.role;
    const databaseUp = role === 'primary' || role === 'standby' || role === 'promoting';
    return {
      node: this.node,
      role,
      database: role === 'witness' ? 'N/A' : databaseUp ? 'UP' : 'UNKNOWN',
      joinedAtMs: this.#joinedAtMs,
      priority: [...this.members],
      priorityVersion: 0,
      promotable: this.settings.promotable && !this.settings.witness,
    };
  }

  #lose(node: string, last: MemberStatus): void {
    this.requests.lose(node);
    if (this.membership.coordinator() !== this.node) return;
    const subject = {
      primary: 'Primary agent missing',
      witness: 'Witness failure',
      standby: 'Standby agent failed',
    };
    const role = last.role === 'primary' || last.role === 'witness' ? last.role : 'standby';
    this.notify('WARNING', `${subject[role]} for cluster (${node})`);
  }

  #noteState(): void {
    const path = statePath(this.#actor.getSnapshot().value);
    if (path === this.#state) return;
    this.#state = path;
    this.host.record({ type: 'agentState', node: this.node, machine: 'agent', role: this.role, state: path });
    if (this.#alive) this.membership.announce();
  }
}
