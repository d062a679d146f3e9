import { VirtualClock } from '../../src/kernel/clock.ts';
import type { RecordedEvent } from '../../src/recording/events.ts';
import { EfmAgent } from '../../src/roles/efm-agent.ts';
import type { EfmAnswer } from '../../src/roles/efm-answer.ts';
import type { AgentHost } from '../../src/roles/host.ts';
import { parseEfmSettings } from '../../src/topology/efm-properties.ts';
import { PlayedNetwork } from './played-network.ts';
import { PlayedServers, type ServerState, takesMs } from './played-servers.ts';

export { takesMs };

/** A newest EFM, and one of 3.9, for tests of both generations. */
export const versions = { newest: '5.4', old: '3.9' } as const;

export interface ClusterOptions {
  version?: string;
  /** Nodes in the order of their starts; the first is the primary, `w` a witness. */
  nodes?: string;
  /** Properties of one node, over those of all. */
  own?: Readonly<Record<string, Record<string, string>>>;
}

/** Agents on the virtual clock over servers that are nothing but a state: enough to hear what the statecharts order. */
export class AgentCluster {
  readonly clock = new VirtualClock();
  readonly events: RecordedEvent[] = [];
  readonly network = new PlayedNetwork();
  readonly played = new PlayedServers(this.network);
  readonly agents = new Map<string, EfmAgent>();
  readonly members: readonly string[];
  readonly exits: string[] = [];
  /** Hears of every event at its instant. */
  onEvent: ((event: RecordedEvent) => void) | undefined;
  readonly #properties: Record<string, string>;
  readonly #options: ClusterOptions;

  constructor(properties: Record<string, string> = {}, options: ClusterOptions = {}) {
    this.#properties = properties;
    this.#options = options;
    this.members = [...(options.nodes ?? 'abcw')];
    for (const [index, node] of this.members.entries()) {
      if (node === 'w') continue;
      this.servers.set(node, index === 0 ? 'primary' : 'standby');
      if (index > 0) this.played.signals.add(node);
    }
    for (const node of this.members) this.#create(node);
    for (const agent of this.agents.values()) agent.start();
    this.clock.runUntil(1000);
  }

  get servers(): Map<string, ServerState> {
    return this.played.states;
  }

  get failingScripts(): Set<string> {
    return this.played.failingScripts;
  }

  /** Ways between servers that are cut, as `from>to`. */
  get unreachable(): Set<string> {
    return this.network.cut;
  }

  /** The agent's process dies and a new one is there at once. */
  restart(node: string): void {
    this.agent(node).kill();
    this.startAgent(node);
  }

  startAgent(node: string): void {
    this.#create(node).start();
  }

  /** The whole host is gone: server, agent, virtual IP. */
  loseNode(node: string): void {
    this.agent(node).kill();
    if (this.servers.has(node)) this.servers.set(node, 'down');
    this.played.vipHolders.delete(node);
    this.network.lost.add(node);
  }

  /** The host has booted; its server is not started, its agent is. */
  returnNode(node: string): void {
    this.network.lost.delete(node);
    this.startAgent(node);
  }

  agent(node: string): EfmAgent {
    const agent = this.agents.get(node);
    if (!agent) throw new Error(`no agent ${node}`);
    return agent;
  }

  /** Gives an `efm` command to the agent of a node and lets time pass until it is answered. */
  efm(node: string, ...args: readonly string[]): EfmAnswer {
    let answer: EfmAnswer | undefined;
    const [command = '', ...rest] = args;
    this.agent(node).command([command, 'efm', ...rest], (given) => {
      answer = given;
    });
    const lateMs = this.clock.nowMs() + 60_000;
    while (!answer && this.clock.nowMs() < lateMs) this.clock.runUntil(this.clock.nowMs() + 1);
    if (!answer) throw new Error(`no answer to efm ${args.join(' ')}`);
    return answer;
  }

  /** `command name@node` of every command given since `fromMs`, in order; verifications of one round say nothing by their order. */
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

  notices(fromMs = 1000): string[] {
    return this.events.flatMap((event) =>
      event.type === 'notice' && event.atMs >= fromMs ? [`${event.severity} ${event.subject}`] : [],
    );
  }

  noticeAtMs(subject: string): number {
    const found = this.events.find((event) => event.type === 'notice' && event.subject.includes(subject));
    if (!found) throw new Error(`no notice ${subject}`);
    return found.atMs;
  }

  roles(nodes = this.members.join('')): string {
    return [...nodes].map((node) => (this.agent(node).alive ? this.agent(node).role : 'gone')).join(' ');
  }

  #create(node: string): EfmAgent {
    const { version = versions.newest, own = {} } = this.#options;
    const properties = {
      ...hooks,
      ...timers,
      ...this.#properties,
      ...own[node],
      'is.witness': String(node === 'w'),
    };
    const settings = parseEfmSettings(properties, version);
    const agent = new EfmAgent(
      this.#hostOf(node),
      { node, members: this.members, clusterName: 'efm' },
      settings,
    );
    this.agents.set(node, agent);
    return agent;
  }

  #hostOf(node: string): AgentHost {
    return {
      clock: this.clock,
      perform: (command, done) => {
        const { afterMs, outcome } = this.played.perform(node, command);
        if (afterMs !== null) this.clock.setTimeout(() => done(outcome()), afterMs);
      },
      send: (to, message) => {
        if (!this.network.reaches(node, to)) return;
        this.clock.setTimeout(() => {
          if (this.network.reaches(node, to)) this.agents.get(to)?.receive(node, message);
        }, takesMs.message);
      },
      record: (event) => {
        const recorded = { ...event, atMs: this.clock.nowMs() } as RecordedEvent;
        this.events.push(recorded);
        this.onEvent?.(recorded);
      },
      exited: (exitCode) => this.exits.push(`${node} ${exitCode}`),
    };
  }
}

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

/** Both generations, for `describe.each`. */
export const generations = [
  { name: 'newest', version: versions.newest },
  { name: '3.9', version: versions.old },
] as const;

/** Everything but verifications, which run side by side, in order. */
export function withoutVerify(commands: readonly string[]): string[] {
  return commands.filter((command) => !command.startsWith('verifyDatabase'));
}

/** Who was asked whether a database can be reached, in the order of the node list. */
export function verifiers(commands: readonly string[]): string {
  return commands
    .flatMap((command) => (command.startsWith('verifyDatabase@') ? [command.slice(-1)] : []))
    .sort()
    .join('');
}
