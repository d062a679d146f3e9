import { VirtualClock } from '../../src/kernel/clock.ts';
import { createPgpool, type Pgpool, type PgpoolSettings } from '../../src/roles/pgpool.ts';
import { type CommandRun, isValid } from '../../src/roles/pgpool-failover.ts';
import type { ReplicationReport } from '../../src/roles/pgpool-replication-check.ts';
import type { CommandNode } from '../../src/topology/pgpool-command.ts';
import { ModelClients } from './pgpool-differential-clients.ts';
import { type CommandMode, callOf, commandMs, promotedBy } from './pgpool-differential-commands.ts';
import type { Choose } from './pgpool-differential-hypotheses.ts';
import { nodeIds } from './pgpool-differential-servers.ts';
import {
  applyToServers,
  type MirroredServer,
  type PcpCommand,
  rolesOf,
  type Step,
  serversAtStart,
} from './pgpool-differential-steps.ts';

/** More than any chain of requests, searches and follow commands takes. */
const settleMs = 60_000;
/** What the follow script of the real cluster waits. */
const followMs = 1500;

/** What a model is made of beside its races. */
export interface ModelOptions {
  settings: PgpoolSettings;
  /** What failover_command and failback_command are; null without them. */
  commands: CommandMode | null;
  /** The real backends, by node id. */
  nodes: readonly CommandNode[];
}

/** The Pgpool statecharts over mirrored servers, on a virtual clock. */
export class ModelCluster {
  readonly servers: MirroredServer[] = serversAtStart();
  readonly clients: ModelClients;
  /** What the main process has done, in the words of `traceOf`. */
  readonly trace: string[] = [];
  readonly #clock = new VirtualClock();
  readonly #pgpool: Pgpool;
  readonly #options: ModelOptions;
  readonly #choose: Choose;
  /**
   * The request that began this follow run ended the replication check amid a look: no node counts as streaming, and so none fails
   * back, until the run is over and it looks again. Whether it hits a look is not determined.
   */
  #lookCutShort = false;

  /** By node id: the standbys that stream from it, as the real servers say. */
  streaming: readonly (readonly number[])[] = [[1, 2], [], []];
  /** What the last pcp command said: whether it succeeded; null for no answer. */
  reply: boolean | null = null;

  constructor(options: ModelOptions, choose: Choose) {
    const { settings } = options;
    const { servers } = this;
    const clock = this.#clock;
    this.#options = options;
    this.#choose = choose;
    this.clients = new ModelClients({ clock, servers, settings, choose, pgpool: () => this.#pgpool });
    this.#pgpool = createPgpool(
      {
        clock,
        wallMs: () => clock.nowMs(),
        askRoles: (asked, done) => {
          if (this.trace.at(-1) !== 'search') this.trace.push('search');
          clock.setTimeout(() => {
            done(rolesOf(this.servers, asked));
          }, 5);
        },
        runFollowCommand: (run, done) => this.#follow(run, done),
        runCommand: (run, done) => this.#command(run, done),
        cutSessions: (cut) => {
          this.trace.push(cut.scope === 'balancedTo' ? `restart those of ${cut.node}` : 'restart all');
          this.clients.cut(cut);
        },
        renewChildren: () => {
          if (!this.trace.at(-1)?.startsWith('restart those')) this.trace.push('restart none');
          this.clients.flagAll();
        },
        serving: () => {},
        reaping: () => {},
        greeting: (node) => (this.servers[node]?.alive && !this.#unwatched(node) ? 'accepts' : 'refuses'),
        following: (on) => {
          this.#lookCutShort = on && settings.autoFailback === true && choose(2) === 1;
        },
        checkReplication: (asked, done) => {
          clock.setTimeout(() => done(this.#replication(asked)), 5);
        },
        clients: () => this.clients.count,
      },
      settings,
      { status: nodeIds.map(() => 'waiting'), primary: 0, main: 0 },
    );
    this.#pgpool.start();
  }

  /** As the real one shows them: `up:primary down:standby …` */
  nodes(): string {
    return this.#pgpool
      .nodes()
      .map(({ status, role }) => `${status}:${role}`)
      .join(' ');
  }

  /** Does a step that is not about sessions. */
  apply(step: Step): void {
    applyToServers(this.servers, step);
    if (step.kind === 'kill' || step.kind === 'stop') this.clients.backendLost(step.node, 'announced');
    if (step.kind === 'vanish') this.clients.backendLost(step.node, 'vanished');
    if (step.kind === 'pcp') this.reply = this.#pcp(step.command, step.node);
  }

  /** Lets everything happen that follows from what was done. */
  settle(): void {
    this.#clock.runUntil(this.#clock.nowMs() + settleMs);
    this.clients.settle();
  }

  /** Models with the same key have the same future. */
  key(): string {
    const { status, primary, main } = this.#pgpool.state();
    const servers = this.servers.map(({ inRecovery }) => inRecovery);
    const trace = this.#options.commands === null ? [] : this.trace;
    return JSON.stringify([status, primary, main, servers, this.clients.keys(), trace]);
  }

  /** failover_command and failback_command: say what they were called with, take their time, promote where they do. */
  #command(run: CommandRun, done: () => void): void {
    const { commands, nodes } = this.#options;
    if (commands === null) throw new Error('there is no such command');
    this.trace.push(`called ${callOf(commands, run, nodes)}`);
    this.#clock.setTimeout(() => {
      const promoted = this.servers[promotedBy(commands, run) ?? -1];
      if (promoted?.alive) promoted.inRecovery = false;
      this.trace.push('ended');
      done();
    }, commandMs);
  }

  /**
   * The follow script: waits, then attaches the node unless it is the old primary. Its last attach races with the end of the
   * run: the main process either still sees the run (and keeps the primary it has) or searches.
   */
  #follow({ node, oldPrimary }: { node: number; oldPrimary: number }, done: () => void): void {
    this.#clock.setTimeout(() => {
      if (node === oldPrimary) done();
      else if (this.#pgpool.nodes().some(({ status }, id) => id > node && status === 'down')) {
        this.#pgpool.attach(node);
        done();
      } else if (this.#choose(2) === 0) {
        done();
        this.#pgpool.attach(node);
      } else {
        this.#pgpool.attach(node);
        this.#clock.setTimeout(done, 20);
      }
    }, followMs);
  }

  #unwatched(node: number): boolean {
    return this.#lookCutShort && !isValid(this.#pgpool.state().status[node]);
  }

  #replication(asked: readonly number[]): ReplicationReport {
    const listed = this.streaming[this.#pgpool.state().primary] ?? [];
    return {
      answers: rolesOf(this.servers, asked),
      upstreams: nodeIds.map((id) => nodeIds.find((other) => this.streaming[other]?.includes(id)) ?? null),
      delayBytes: nodeIds.map(() => 0),
      streaming: nodeIds.map((id) => listed.includes(id)),
    };
  }

  #pcp(command: PcpCommand, node: number): boolean | null {
    switch (command) {
      case 'attach':
      case 'detach':
      case 'promote':
        return this.#pgpool[command](node).ok;
      case 'switchover':
        return this.#pgpool.promote(node, { switchover: true }).ok;
      case 'detach -g':
      case 'promote -g':
        return this.#gracefully(command === 'detach -g' ? 'detach' : 'promote', node);
    }
  }

  /** The command returns when all is over. */
  #gracefully(kind: 'detach' | 'promote', node: number): boolean | null {
    let ok: boolean | null = null;
    this.#pgpool.graceful({ kind, node }, (reply) => {
      ok = reply.ok;
    });
    this.settle();
    return ok;
  }
}
