import { VirtualClock } from '../../src/kernel/clock.ts';
import type { RecordedEvent } from '../../src/recording/events.ts';
import { EfmAgent } from '../../src/roles/efm-agent.ts';
import type { AgentCommand, AgentHost, CommandOutcome } from '../../src/roles/host.ts';
import { parseEfmSettings } from '../../src/topology/efm-properties.ts';

/** How long each thing takes in these tests; round numbers, so that instants can be added up by hand. */
export const takesMs = { query: 2, stop: 100, start: 200, promote: 300, script: 50, message: 1 } as const;

type ServerState = 'primary' | 'standby' | 'down' | 'hung';

/** Agents on the virtual clock over servers that are nothing but a state: enough to hear what the statecharts order. */
export class AgentCluster {
  readonly clock = new VirtualClock();
  readonly events: RecordedEvent[] = [];
  readonly servers = new Map<string, ServerState>();
  readonly agents = new Map<string, EfmAgent>();
  readonly failingScripts = new Set<string>();
  /** Servers whose database a node cannot reach although it is up. */
  readonly unreachable = new Set<string>();

  readonly #properties: Record<string, string>;

  constructor(properties: Record<string, string> = {}) {
    this.servers.set('a', 'primary').set('b', 'standby').set('c', 'standby');
    this.#properties = properties;
    for (const node of members) this.#create(node);
    for (const agent of this.agents.values()) agent.start();
    this.clock.runUntil(1000);
  }

  /** The agent's process dies and a new one is there at once. */
  restart(node: string): void {
    this.agent(node).kill();
    this.#create(node).start();
  }

  #create(node: string): EfmAgent {
    const own = { ...hooks, ...timers, ...this.#properties, 'is.witness': String(node === 'w') };
    const identity = { node, members, clusterName: 'efm' };
    const agent = new EfmAgent(this.#hostOf(node), identity, parseEfmSettings(own));
    this.agents.set(node, agent);
    return agent;
  }

  agent(node: string): EfmAgent {
    const agent = this.agents.get(node);
    if (!agent) throw new Error(`no agent ${node}`);
    return agent;
  }

  /** `command name@node` of every command given since `fromMs`, in order. */
  commands(fromMs = 1000): string[] {
    return this.events.flatMap((event) =>
      event.type === 'command' && event.atMs >= fromMs ? [`${event.name}@${event.node}`] : [],
    );
  }

  atMs(name: string, moment: 'command' | 'commandEnded' = 'command'): number {
    const found = this.events.find(
      (event) => event.type === moment && event.name === name && event.atMs >= 1000,
    );
    if (!found) throw new Error(`no ${moment} ${name}`);
    return found.atMs;
  }

  notices(): string[] {
    return this.events.flatMap((event) =>
      event.type === 'notice' && event.atMs >= 1000 ? [`${event.severity} ${event.subject}`] : [],
    );
  }

  #hostOf(node: string): AgentHost {
    return {
      clock: this.clock,
      perform: (command, done) => {
        const { afterMs, outcome } = this.#carryOut(node, command);
        if (afterMs !== null) this.clock.setTimeout(() => done(outcome()), afterMs);
      },
      send: (to, message) => {
        this.clock.setTimeout(() => this.agents.get(to)?.receive(node, message), takesMs.message);
      },
      record: (event) => this.events.push({ ...event, atMs: this.clock.nowMs() } as RecordedEvent),
    };
  }

  #carryOut(node: string, command: AgentCommand): { afterMs: number | null; outcome: () => CommandOutcome } {
    const ok = (): CommandOutcome => ({ ok: true, detail: null });
    const become = (state: ServerState) => (): CommandOutcome => {
      this.servers.set(node, state);
      return ok();
    };
    switch (command.type) {
      case 'queryDatabase':
        return this.#query(node, command);
      case 'stopServer':
        return { afterMs: takesMs.stop, outcome: become('down') };
      case 'startServer':
        return { afterMs: takesMs.start, outcome: become('standby') };
      case 'promoteServer':
        return { afterMs: takesMs.promote, outcome: become('primary') };
      case 'runScript':
        return {
          afterMs: takesMs.script,
          outcome: () => ({ ok: !this.failingScripts.has(command.hook), detail: null }),
        };
      default:
        return { afterMs: 1, outcome: ok };
    }
  }

  #query(node: string, command: Extract<AgentCommand, { type: 'queryDatabase' }>) {
    const hung = this.servers.get(command.node) === 'hung';
    return {
      afterMs: hung ? command.timeoutMs : takesMs.query,
      outcome: (): CommandOutcome => {
        const state = this.servers.get(command.node);
        if (state === 'down' || hung || this.unreachable.has(`${node}>${command.node}`))
          return { ok: false, detail: 'refused' };
        const positions = { receivedBytes: state === 'primary' ? null : 1000, replayedBytes: 1000 };
        return { ok: true, detail: null, inRecovery: state === 'standby', positions };
      },
    };
  }
}

const members = ['a', 'b', 'c', 'w'];

const hooks = {
  'script.load.balancer.attach': 'attach %h %t',
  'script.load.balancer.detach': 'detach %h %t',
  'script.post.promotion': 'post %p %f',
};

const timers = {
  'local.period': '2',
  'local.timeout': '10',
  'local.timeout.final': '5',
  'remote.timeout': '3',
  'node.timeout': '20',
  'recovery.check.period': '1',
};
