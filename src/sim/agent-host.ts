import type { Clock } from '../kernel/clock.ts';
import type {
  AgentCommand,
  AgentHost,
  AgentMessage,
  CommandOutcome,
  RecordedEventWithoutTime,
} from '../roles/host.ts';
import type { Draw, Draws } from './draws.ts';
import type { Replication } from './replication.ts';
import type { ScriptResult, Scripts } from './scripts.ts';
import type { SimServer } from './server.ts';

/** What a program that does next to nothing takes: pg_ctl promote -W, pg_ctl status, an edit of a file (docs/method.md S8). */
const programMs = 15;

/** Carries messages between agents: in order per pair, each after a network delay. */
export class AgentNet {
  readonly #clock: Clock;
  readonly #network: Draw;
  readonly #agents = new Map<string, (from: string, message: AgentMessage) => void>();
  readonly #lastDueMs = new Map<string, number>();

  constructor(clock: Clock, draws: Draws) {
    this.#clock = clock;
    this.#network = draws.of('network', 'agents');
  }

  join(node: string, receive: (from: string, message: AgentMessage) => void): void {
    this.#agents.set(node, receive);
  }

  send(from: string, to: string, message: AgentMessage): void {
    const pair = `${from} ${to}`;
    const nowMs = this.#clock.nowMs();
    const dueMs = Math.max(nowMs + this.#network(), this.#lastDueMs.get(pair) ?? Number.NEGATIVE_INFINITY);
    this.#lastDueMs.set(pair, dueMs);
    const copy = structuredClone(message);
    this.#clock.setTimeout(() => this.#agents.get(to)?.(from, copy), dueMs - nowMs);
  }
}

export interface SimHostParts {
  clock: Clock;
  draws: Draws;
  net: AgentNet;
  replication: Replication;
  scripts: Scripts;
  servers: readonly SimServer[];
  record(event: RecordedEventWithoutTime): void;
}

/** The agents' port on simulated servers. */
export class SimHost implements AgentHost {
  readonly clock: Clock;
  readonly #node: string;
  readonly #parts: SimHostParts;
  readonly #network: Draw;
  readonly #query: Draw;
  readonly #connect: Draw;

  constructor(node: string, parts: SimHostParts) {
    this.#node = node;
    this.#parts = parts;
    this.clock = parts.clock;
    this.#network = parts.draws.of('network', `agent ${node}`);
    this.#query = parts.draws.of('read', `agent ${node}`);
    const whole = parts.draws.of('connect', `agent ${node}`);
    this.#connect = () => whole() / (parts.servers.length + 1);
  }

  perform(command: AgentCommand, done: (outcome: CommandOutcome) => void): void {
    const own = this.#parts.servers.find(({ name }) => name === this.#node);
    if (command.type === 'queryDatabase') this.#ask(command.node, done);
    else if (command.type === 'runScript') this.#runScript(command, done);
    else if (!own) this.#after(programMs, () => done({ ok: false, detail: 'no server here' }));
    else this.#control(own, command, done);
  }

  send(toNode: string, message: AgentMessage): void {
    this.#parts.net.send(this.#node, toNode, message);
  }

  record(event: RecordedEventWithoutTime): void {
    this.#parts.record(event);
  }

  /** Connects and asks: refused at once without a process, turned away while it starts or stops. */
  #ask(node: string, done: (outcome: CommandOutcome) => void): void {
    const server = this.#parts.servers.find(({ name }) => name === node);
    if (!server?.accepts) {
      const detail =
        server?.greeting === 'rejects' ? 'the database system is not accepting connections' : 'refused';
      this.#after(2 * this.#network(), () => done({ ok: false, detail }));
      return;
    }
    const { incarnation } = server;
    this.#after(this.#connect() + this.#query() + 2 * this.#network(), () => {
      if (server.incarnation !== incarnation) {
        done({ ok: false, detail: 'the connection was lost' });
        return;
      }
      const replayedBytes = this.#parts.replication.positionOf(server);
      const receivedBytes = server.inRecovery ? replayedBytes : null;
      done({
        ok: true,
        detail: null,
        inRecovery: server.inRecovery,
        positions: { receivedBytes, replayedBytes },
      });
    });
  }

  #control(
    own: SimServer,
    command: Exclude<AgentCommand, { type: 'queryDatabase' | 'runScript' }>,
    done: (outcome: CommandOutcome) => void,
  ): void {
    const ok = (detail: string | null = null): void => done({ ok: true, detail });
    this.#after(programMs, () => {
      switch (command.type) {
        case 'stopServer':
          if (own.state === 'down') ok('was not running');
          else {
            own.send({ type: 'stop' });
            own.whenIn(
              (state) => state === 'down',
              () => this.#after(0, ok),
            );
          }
          return;
        case 'startServer':
          if (own.state === 'down' && own.guarded)
            done({ ok: false, detail: 'exit 1: recovery.conf is in the way' });
          else {
            own.send({ type: 'start' });
            own.whenIn(
              (state) => state !== 'starting',
              (state) => this.#after(0, () => done({ ok: state !== 'down', detail: null })),
            );
          }
          return;
        case 'promoteServer':
          if (own.state !== 'standby') done({ ok: false, detail: `exit 1: the server is ${own.state}` });
          else {
            own.send({ type: 'promote' });
            ok();
          }
          return;
        case 'followPrimary':
          own.send({ type: 'follow', primary: command.primary });
          ok();
          return;
        case 'writeGuard':
          own.send({ type: 'guard' });
          ok();
      }
    });
  }

  #runScript(
    { hook, placeholders }: Extract<AgentCommand, { type: 'runScript' }>,
    done: (outcome: CommandOutcome) => void,
  ): void {
    const { scripts } = this.#parts;
    const report = ({ exitCode, text }: ScriptResult): void =>
      done(exitCode === 0 ? { ok: true, detail: null } : { ok: false, detail: `exit ${exitCode}: ${text}` });
    const node = (name: string | undefined): number =>
      this.#parts.servers.findIndex((server) => server.name === name);
    switch (hook) {
      case 'script.load.balancer.detach':
        scripts.detach(node(placeholders.h), report);
        return;
      case 'script.load.balancer.attach':
        scripts.attach(node(placeholders.h), placeholders.t ?? 's', report);
        return;
      case 'script.post.promotion':
        scripts.promote(node(placeholders.p), report);
        return;
      default:
        this.#after(programMs, () => report({ exitCode: 0, text: '' }));
    }
  }

  #after(delayMs: number, act: () => void): void {
    this.clock.setTimeout(act, delayMs);
  }
}
