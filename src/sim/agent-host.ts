import type { Clock, TimerId } from '../kernel/clock.ts';
import type {
  AgentCommand,
  AgentHost,
  AgentMessage,
  CommandOutcome,
  RecordedEventWithoutTime,
} from '../roles/host.ts';
import type { AgentNet } from './agent-net.ts';
import type { Draw, Draws } from './draws.ts';
import { type Network, outside } from './network.ts';
import type { PgpoolFronts } from './pgpool-fronts.ts';
import type { Replication } from './replication.ts';
import { exitUnreachable, type ScriptResult, type Scripts } from './scripts.ts';
import type { SimServer } from './server.ts';
import type { PingTimes, VirtualIp } from './virtual-ip.ts';

/** What a program that does next to nothing takes: pg_ctl promote -W, pg_ctl status, an edit of a file (docs/method.md S8). */
const programMs = 15;

/** `pg_ctl stop` gives up after so long (PostgreSQL 15 documentation, pg_ctl `-t`). */
const stopTimeoutMs = 60_000;

export interface SimHostParts {
  clock: Clock;
  draws: Draws;
  net: AgentNet;
  network: Network;
  replication: Replication;
  scripts: Scripts;
  fronts: PgpoolFronts;
  vip: VirtualIp;
  servers: readonly SimServer[];
  record(event: RecordedEventWithoutTime): void;
  /** Hears the agents' periodic work. */
  beat?: ((beat: AgentBeat) => void) | undefined;
  /** The agent of a server has ended by itself. */
  exited(server: string): void;
}

/** One turn of periodic work, at its end: an agent's check of its own database, its heartbeat to the others, or the heartbeats of a Pgpool's watchdog. */
export interface AgentBeat {
  node: string;
  what: 'check' | 'heartbeat' | 'watchdog';
  tookMs: number;
}

type Done = (outcome: CommandOutcome) => void;
type Perform<Type extends AgentCommand['type']> = Extract<AgentCommand, { type: Type }>;

/** Commands that need nothing but the own server's PostgreSQL. */
type OwnServerCommand = Perform<
  'stopServer' | 'startServer' | 'promoteServer' | 'followPrimary' | 'writeGuard' | 'removeGuard'
>;

/** The agents' port on simulated servers. */
export class SimHost implements AgentHost {
  readonly clock: Clock;
  readonly #node: string;
  readonly #parts: SimHostParts;
  readonly #ping: PingTimes;
  readonly #own: SimServer | undefined;
  readonly #network: Draw;
  readonly #query: Draw;
  readonly #connect: Draw;
  readonly #send: (toNode: string, message: AgentMessage) => void;
  /** Told of every heartbeat: one for all. */
  readonly #heartbeat: AgentBeat;

  constructor(node: string, parts: SimHostParts, ping: PingTimes) {
    this.#node = node;
    this.#heartbeat = { node, what: 'heartbeat', tookMs: 0 };
    this.#parts = parts;
    this.#ping = ping;
    this.clock = parts.clock;
    this.#own = parts.servers.find(({ name }) => name === node);
    this.#send = parts.net.sender(node);
    this.#network = parts.draws.of('network', `agent ${node}`);
    this.#query = parts.draws.of('read', `agent ${node}`);
    const whole = parts.draws.of('connect', `agent ${node}`);
    this.#connect = () => whole() / (parts.servers.length + 1);
  }

  perform(command: AgentCommand, done: Done): void {
    const { vip } = this.#parts;
    const soon = (ok: boolean, act: () => void = () => {}): void => {
      this.#after(programMs, () => {
        act();
        done({ ok, detail: null });
      });
    };
    switch (command.type) {
      case 'queryDatabase':
        if (command.node === this.#node) this.#check(command.timeoutMs, done);
        else this.#ask(command.node, command.timeoutMs, done);
        return;
      case 'runScript':
        this.#runScript(command, done);
        return;
      case 'ping':
        this.#runPing(command.target, done);
        return;
      case 'assignVip':
        soon(true, () => vip.assign(this.#node));
        return;
      case 'releaseVip':
        soon(true, () => vip.release(this.#node));
        return;
      case 'lookForVip':
        soon(vip.heldBy(this.#node));
        return;
      case 'lookForFiles': {
        const recoveryFile = this.#own?.guarded ? 'recovery.conf' : null;
        this.#after(programMs, () => done({ ok: true, detail: null, files: { locked: true, recoveryFile } }));
        return;
      }
      case 'setSynchronous': {
        const own = this.#own;
        soon(own?.state === 'primary', () => {
          if (own) this.#parts.replication.waits.change(own, command.numSync);
        });
        return;
      }
      case 'readRecoverySettings':
      case 'pauseReplay':
      case 'resumeReplay':
        soon(this.#own !== undefined);
        return;
      default:
        if (this.#own) this.#control(this.#own, command, done);
        else this.#after(programMs, () => done({ ok: false, detail: 'no server here' }));
    }
  }

  send(toNode: string, message: AgentMessage): void {
    if (message.type === 'heartbeat') this.#parts.beat?.(this.#heartbeat);
    this.#send(toNode, message);
  }

  record(event: RecordedEventWithoutTime): void {
    this.#parts.record(event);
  }

  exited(): void {
    this.#parts.exited(this.#node);
  }

  /** A question to the own database; who waits for the agents' periodic work hears when it was answered. */
  #check(timeoutMs: number, done: Done): void {
    const startMs = this.clock.nowMs();
    this.#ask(this.#node, timeoutMs, (outcome) => {
      done(outcome);
      this.#parts.beat?.({ node: this.#node, what: 'check', tookMs: this.clock.nowMs() - startMs });
    });
  }

  /** Connects and asks: refused at once without a process, turned away while it starts or stops, unanswered by a hung or lost one. */
  #ask(node: string, timeoutMs: number, done: Done): void {
    const server = this.#parts.servers.find(({ name }) => name === node);
    const silent = (): boolean =>
      server !== undefined && (server.hung || this.#parts.network.isSilent(this.#node, node));
    const giveUpAtMs = this.clock.nowMs() + timeoutMs;
    const giveUp = (): void => {
      const leftMs = Math.max(0, giveUpAtMs - this.clock.nowMs());
      this.#after(leftMs, () => done({ ok: false, detail: 'no answer in time' }));
    };
    if (silent()) giveUp();
    else if (!server?.accepts) {
      const detail =
        server?.greeting === 'rejects' ? 'the database system is not accepting connections' : 'refused';
      this.#after(2 * this.#network(), () => done({ ok: false, detail }));
    } else {
      const { incarnation } = server;
      this.#after(this.#connect() + this.#query() + 2 * this.#network(), () => {
        if (silent()) giveUp();
        else if (server.incarnation !== incarnation) done({ ok: false, detail: 'the connection was lost' });
        else done(this.#answerOf(server));
      });
    }
  }

  #answerOf(server: SimServer): CommandOutcome {
    const { inRecovery } = server;
    const { replication } = this.#parts;
    const replayedBytes = replication.replayedOf(server);
    const receivedBytes = inRecovery ? replication.positionOf(server) : null;
    const answer = { ok: true, detail: null, inRecovery, positions: { receivedBytes, replayedBytes } };
    return inRecovery ? answer : { ...answer, synchronous: replication.waits.stateOf(server) };
  }

  #runPing(target: 'vip' | 'wellKnown', done: Done): void {
    const { vip, network } = this.#parts;
    const wellKnown = network.reaches(this.#node, outside) ? 'reachable' : 'dropped';
    const result = target === 'vip' ? vip.pingFrom(this.#node) : wellKnown;
    this.#after(this.#ping[`${result}Ms`], () => {
      done({ ok: result === 'reachable', detail: result === 'reachable' ? null : 'exit 1: no answer' });
    });
  }

  #control(own: SimServer, command: OwnServerCommand, done: Done): void {
    const ok = (detail: string | null = null): void => done({ ok: true, detail });
    this.#after(programMs, () => {
      switch (command.type) {
        case 'stopServer':
          this.#stop(own, done);
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
          if (!command.unlessStandby || !own.standbySignal) own.send({ type: 'guard' });
          ok();
          return;
        case 'removeGuard':
          own.send({ type: 'unguard' });
          ok();
      }
    });
  }

  /** A hung server does not stop: `pg_ctl` gives up, and its signal waits for the server. */
  #stop(own: SimServer, done: Done): void {
    if (own.state === 'down') {
      done({ ok: true, detail: 'was not running' });
      return;
    }
    let giveUp: TimerId = null;
    let ended = false;
    const end = (outcome: CommandOutcome): void => {
      this.clock.clearTimeout(giveUp);
      if (!ended) this.#after(0, () => done(outcome));
      ended = true;
    };
    giveUp = this.clock.setTimeout(
      () => end({ ok: false, detail: 'exit 1: server does not shut down' }),
      stopTimeoutMs,
    );
    own.stop();
    own.whenIn(
      (state) => state === 'down',
      () => end({ ok: true, detail: null }),
    );
  }

  #runScript({ hook, placeholders }: Perform<'runScript'>, done: Done): void {
    const { scripts, fronts } = this.#parts;
    const report = ({ exitCode, text }: ScriptResult): void =>
      done(exitCode === 0 ? { ok: true, detail: null } : { ok: false, detail: `exit ${exitCode}: ${text}` });
    const node = (name: string | undefined): number =>
      this.#parts.servers.findIndex((server) => server.name === name);
    const balancer = hook.startsWith('script.load.balancer') || hook === 'script.post.promotion';
    const answers = fronts.meets(this.#node);
    if (balancer && answers !== 'answers') {
      const waitMs = answers === 'silent' ? scripts.waits.pcpMs : programMs;
      this.#after(waitMs, () => report({ exitCode: exitUnreachable, text: 'no answer from Pgpool' }));
      return;
    }
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
