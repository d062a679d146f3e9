import type { AgentCommandName, AgentRole } from '../recording/events.ts';
import type { EfmSettings } from '../topology/efm-properties.ts';
import { AgentOrders } from './agent-orders.ts';
import type { AgentParts } from './agent-parts.ts';
import { type RequestDesk, seeTo } from './agent-requests.ts';
import { CredentialTest } from './credential-test.ts';
import { DatabaseChecks } from './database-checks.ts';
import { hasSince } from './efm-abilities.ts';
import { efmAgentMachine } from './efm-agent-machine.ts';
import type { AgentMachineEvent } from './efm-agent-verbs.ts';
import type { EfmAnswer } from './efm-answer.ts';
import { answerEfmCommand } from './efm-command.ts';
import { EfmCoordinator } from './efm-coordinator.ts';
import { type NoticeId, notice } from './efm-notices.ts';
import { Standing } from './efm-standing.ts';
import { FileWatch } from './file-watch.ts';
import type { AgentCommand, AgentHost, AgentMessage, CommandOutcome, MemberStatus } from './host.ts';
import { Membership, type OwnStatus, settleMs } from './membership.ts';
import { runNotificationScript } from './notification-script.ts';
import { Requests } from './requests.ts';
import { noticeSettings } from './side-work.ts';
import { roleOf, statePath } from './state-path.ts';
import { Statechart } from './statechart.ts';

/** Who an agent is: its server and every server that may be a member, in the order of the cluster's node list. */
export interface AgentIdentity {
  node: string;
  members: readonly string[];
  /** EFM's name of the cluster. */
  clusterName: string;
}

const exitNotices: Readonly<Record<AgentRole, NoticeId>> = {
  primary: 'primaryExited',
  standby: 'standbyExited',
  witness: 'witnessExited',
  promoting: 'promotingExited',
  idle: 'idleExited',
  starting: 'startupExited',
};

/** One EFM agent: the statechart of its node, and the coordinator's while it is that, on a host. */
export class EfmAgent implements AgentParts {
  readonly node: string;
  readonly clusterName: string;
  readonly settings: EfmSettings;
  readonly host: AgentHost;
  readonly membership: Membership;
  readonly requests: Requests;
  readonly members: readonly string[];
  promotable: boolean;
  vipActive = false;
  primaryEpoch = 0;
  readonly #actor: Statechart<typeof efmAgentMachine>;
  readonly #checks: DatabaseChecks;
  readonly #files: FileWatch;
  readonly #credentials: CredentialTest;
  readonly #coordinator: EfmCoordinator;
  readonly #desk: RequestDesk;
  readonly #orders: AgentOrders;
  readonly #standing: Standing;
  #joinedAtMs = 0;
  #state = '';
  #role: AgentRole = 'starting';
  #nextCommandId = 1;
  /** The last heartbeat: most say nothing new, and the same message goes to everybody. */
  #heartbeat: Extract<AgentMessage, { type: 'heartbeat' }> | null = null;
  #alive = false;

  constructor(host: AgentHost, identity: AgentIdentity, settings: EfmSettings) {
    this.host = host;
    this.node = identity.node;
    this.clusterName = identity.clusterName;
    this.members = identity.members;
    this.settings = settings;
    this.promotable = settings.promotable && !settings.witness;
    this.requests = new Requests(host.clock);
    this.membership = new Membership({
      clock: host.clock,
      nodes: identity.members,
      nodeTimeoutMs: settings.nodeTimeoutMs,
      countsDown: hasSince(settings, '5.0'),
      agreementMs: settings.remoteTimeoutMs + settleMs,
      self: () => this.#status(),
      send: (toNode, status) => host.send(toNode, this.#heartbeatWith(status)),
      onLost: (node, last) => this.#lose(node, last),
      onRestarted: (node) => this.requests.lose(node),
      onHeard: (status, before) => {
        this.#credentials.heard(status, before);
        this.#standing.heard(status);
        this.#coordinator.heard(status, before);
      },
      onRefused: (node) => host.send(node, { type: 'refused' }),
    });
    const tell = (event: AgentMachineEvent): void => this.#actor.send(event);
    this.#checks = new DatabaseChecks(this, tell);
    this.#files = new FileWatch(this);
    this.#credentials = new CredentialTest(this);
    this.#coordinator = new EfmCoordinator(this);
    const state = (): string => this.#state;
    this.#standing = new Standing(this, { tell, state });
    this.#desk = {
      agent: this,
      coordinator: this.#coordinator,
      tell,
      takes: (event) => this.#actor.getSnapshot().can(event),
      state,
    };
    this.#orders = new AgentOrders(this, { tell, watch: (expected) => this.#checks.watch(expected) });
    this.#actor = new Statechart(efmAgentMachine, {
      clock: host.clock,
      input: { node: this.node, settings },
    });
    this.#actor.on('*', (emission) => this.#orders.carryOut(emission));
    this.#actor.subscribe(() => this.#noteState());
  }

  start(): void {
    this.#alive = true;
    this.#joinedAtMs = this.host.clock.nowMs();
    this.#standing.start();
    this.#actor.start();
    this.membership.start();
    this.#checks.start();
    this.#files.start();
  }

  /** Ends without a word to the others, as a killed agent does. */
  kill(): void {
    this.#alive = false;
    this.#checks.stop();
    this.#files.stop();
    this.membership.stop();
    this.#actor.stop();
    this.#coordinator.stop();
  }

  /** Ends in good order, as a stopped service does: database and virtual IP stay, the others are told (method.md EFM 2.3). */
  leave(): void {
    if (!this.#alive) return;
    this.notify(exitNotices[this.role]);
    for (const node of this.members) if (node !== this.node) this.host.send(node, { type: 'leave' });
    this.kill();
  }

  end(exitCode = 0): void {
    if (!this.#alive) return;
    this.notify(exitNotices[this.role]);
    this.kill();
    this.host.exited?.(exitCode);
  }

  /** An `efm` sub-command given to this agent; `done` gets what it prints, work goes on after that. */
  command(args: readonly string[], done: (answer: EfmAnswer) => void): void {
    answerEfmCommand(this, args, done);
  }

  get role(): AgentRole {
    return this.#role;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** A resume is possible: the agent is idle and not at work. False says no. */
  resume(): boolean {
    if (!this.#actor.getSnapshot().can({ type: 'resume' })) return false;
    this.#actor.send({ type: 'resume' });
    return true;
  }

  receive(from: string, message: AgentMessage): void {
    if (!this.#alive) return;
    switch (message.type) {
      case 'heartbeat':
        this.membership.hear(message.status);
        return;
      case 'report':
        this.#coordinator.reported(from, message);
        return;
      case 'answer':
        this.requests.take(message.id, { node: from, ok: message.ok, detail: message.detail });
        return;
      case 'request':
        seeTo(this.#desk, message.request, { node: from, id: message.id, quiet: message.quiet ?? false });
        return;
      case 'leave':
        this.#part(from);
        return;
      case 'refused':
        this.#actor.send({ type: 'refused' });
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
      const { ok, detail } = outcome;
      this.host.record({ type: 'commandEnded', node: this.node, id, name, ok, detail });
      done(outcome);
    });
  }

  notify(id: NoticeId, options: { node?: string; more?: string } = {}): void {
    const { generation } = this.settings;
    const { severity, subject: words } = notice(id, {
      generation,
      cluster: this.clusterName,
      node: options.node ?? this.node,
    });
    const subject = words + (options.more ?? '');
    this.host.record({ type: 'notice', node: this.node, severity, subject });
    runNotificationScript(this, { severity, subject });
  }

  #status(): OwnStatus {
    const role = this.role;
    const databaseUp = role === 'primary' || role === 'standby' || role === 'promoting';
    return {
      node: this.node,
      role,
      database: role === 'witness' ? 'N/A' : databaseUp ? 'UP' : 'UNKNOWN',
      joinedAtMs: this.#joinedAtMs,
      promotable: this.promotable,
      vipActive: this.vipActive,
      primaryEpoch: this.primaryEpoch,
    };
  }

  #heartbeatWith(status: MemberStatus): AgentMessage {
    if (this.#heartbeat?.status !== status) this.#heartbeat = { type: 'heartbeat', status };
    return this.#heartbeat;
  }

  #lose(node: string, last: MemberStatus): void {
    this.requests.lose(node);
    this.#standing.shrunk();
    this.#coordinator.lost(node, last);
    this.#checks.membersChanged();
    this.#orders.memberLost(node);
  }

  #part(node: string): void {
    const last = this.membership.get(node);
    this.membership.leave(node);
    this.requests.lose(node);
    this.#standing.shrunk();
    if (last) this.#coordinator.parted(node, last);
    this.#checks.membersChanged();
  }

  #noteState(): void {
    const path = statePath(this.#actor.getSnapshot().value);
    if (path === this.#state) return;
    const starts = this.#state === '' || this.#state.startsWith('starting');
    this.#state = path;
    this.#role = roleOf(path);
    this.host.record({ type: 'agentState', node: this.node, machine: 'agent', role: this.role, state: path });
    if (path === 'stopped') this.kill();
    if (!this.#alive) return;
    this.membership.announce();
    this.host.clock.setTimeout(() => {
      if (this.#alive && this.#state === path) this.#standing.entered(path);
    }, 0);
    this.#coordinator.ownRole(this.role);
    if (!starts || this.role === 'starting') return;
    noticeSettings(this);
    this.#credentials.started();
  }
}
