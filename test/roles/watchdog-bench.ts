import { type Clock, VirtualClock } from '../../src/kernel/clock.ts';
import type { PgpoolSettings } from '../../src/roles/pgpool.ts';
import type { BackendGreeting } from '../../src/roles/pgpool-sessions.ts';
import { admitSession } from '../../src/roles/pgpool-sessions.ts';
import type { WatchdogState } from '../../src/roles/watchdog-host.ts';
import { createWatchdogPgpool, type WatchdogPgpool } from '../../src/roles/watchdog-pgpool.ts';
import type { HealthCheckConf, WatchdogConf } from '../../src/topology/pgpool-conf.ts';
import type { RecoveryAnswer } from '../../src/topology/routing.ts';

const networkMs = 1;
const escalationMs = 50;
const startGapMs = 100;
const followMs = 3000;

/** One Pgpool of the bench, and its machine: it can hang, with its timers and packets waiting, or die. */
interface BenchNode {
  id: number;
  running: WatchdogPgpool | null;
  hung: boolean;
  waiting: (() => void)[];
  states: { atMs: number; state: WatchdogState }[];
  vip: { atMs: number; up: boolean }[];
  /** Backends that its health checks take for down, as the regression tests fake it. */
  fakeDown: Set<number>;
  /** How a backend that lives meets this Pgpool's connections, where it is not `accepts`. */
  reach: Map<number, BackendGreeting>;
}

interface BackendServer {
  alive: boolean;
  inRecovery: boolean;
  upstream: number | null;
}

export const watchdogDefaults: Omit<WatchdogConf, 'nodes'> = {
  lifecheck: 'heartbeat',
  intervalMs: 2000,
  heartbeatKeepaliveMs: 1000,
  heartbeatDeadtimeMs: 6000,
  lifePoint: 3,
  priority: 1,
  delegateIp: '10.0.0.1',
  failoverWhenQuorumExists: true,
  failoverRequireConsensus: true,
  allowMultipleFailoverRequestsFromNode: false,
  enableConsensusWithHalfVotes: false,
};

const healthCheck: HealthCheckConf = {
  periodMs: 1000,
  timeoutMs: 20_000,
  maxRetries: 0,
  retryDelayMs: 1000,
  connectTimeoutMs: 10_000,
};

interface BenchOptions {
  members?: number;
  settings?: Partial<WatchdogConf>;
  pgpool?: Partial<PgpoolSettings>;
  priorities?: readonly number[];
  backends?: number;
  healthCheck?: Partial<HealthCheckConf>;
}

/** Several Pgpools with watchdogs on one virtual clock, before a primary (backend 0) and its standbys. */
export class WatchdogBench {
  readonly clock = new VirtualClock();
  readonly nodes: BenchNode[];
  readonly backends: BackendServer[];
  /** Pairs of nodes between which no packet passes. */
  readonly cut = new Set<string>();
  readonly #options: BenchOptions;

  constructor(options: BenchOptions = {}) {
    this.#options = options;
    this.nodes = Array.from({ length: options.members ?? 3 }, (_, id) => ({
      id,
      running: null,
      hung: false,
      waiting: [],
      states: [],
      vip: [],
      fakeDown: new Set<number>(),
      reach: new Map<number, BackendGreeting>(),
    }));
    this.backends = Array.from({ length: options.backends ?? 2 }, (_, id) => ({
      alive: true,
      inRecovery: id > 0,
      upstream: id > 0 ? 0 : null,
    }));
  }

  node(id: number): BenchNode {
    const node = this.nodes[id];
    if (!node) throw new Error(`no Pgpool ${id}`);
    return node;
  }

  watchdog(id: number): WatchdogPgpool['watchdog'] {
    const { running } = this.node(id);
    if (!running) throw new Error(`Pgpool ${id} does not run`);
    return running.watchdog;
  }

  /** The backends' states as Pgpool `id` has them: `up:p down:s`. */
  view(id: number): string {
    const nodes = this.node(id).running?.pgpool.nodes() ?? [];
    return nodes.map(({ status, role }) => `${status}:${role[0]}`).join(' ');
  }

  states(): (WatchdogState | null)[] {
    return this.nodes.map(({ running }) => running?.watchdog.state() ?? null);
  }

  leaders(): number[] {
    return this.nodes.flatMap(({ id, running }) => (running?.watchdog.state() === 'LEADER' ? [id] : []));
  }

  pass(spanMs: number): void {
    this.clock.runUntil(this.clock.nowMs() + spanMs);
  }

  startAll(): void {
    this.start(...this.nodes.map(({ id }) => id));
  }

  /** Starts Pgpools, a moment one after the other. */
  start(...ids: readonly number[]): void {
    for (const [position, id] of ids.entries()) {
      if (position > 0) this.pass(startGapMs);
      this.node(id).running = this.#create(this.node(id));
      this.node(id).running?.watchdog.start();
    }
  }

  /** All processes end: connections are closed, and the machine takes its VIP down with nobody's help only on `stop`. */
  kill(id: number): void {
    const node = this.node(id);
    node.running?.watchdog.kill();
    node.running?.pgpool.stop();
    node.running = null;
    for (const other of this.nodes) {
      if (other.id !== id) this.#inTime(other, () => other.running?.watchdog.connectionLost(id), networkMs);
    }
  }

  /** An orderly shutdown. */
  stop(id: number): void {
    this.node(id).running?.watchdog.stop();
    this.pass(networkMs);
    this.kill(id);
  }

  /** Its machine has no network any more: its watchdog hears of it, and its processes end. */
  loseNetwork(id: number): void {
    const node = this.node(id);
    node.running?.watchdog.network(false);
    this.pass(networkMs);
    if (node.running?.accepts()) throw new Error(`Pgpool ${id} goes on without a network`);
    node.running = null;
  }

  hang(id: number): void {
    this.node(id).hung = true;
  }

  resume(id: number): void {
    const node = this.node(id);
    node.hung = false;
    for (const act of node.waiting.splice(0)) act();
  }

  partition(left: readonly number[], right: readonly number[]): void {
    for (const a of left)
      for (const b of right) for (const pair of [`${a}-${b}`, `${b}-${a}`]) this.cut.add(pair);
  }

  /** Packets pass again between a node and all others. */
  join(id: number): void {
    for (const pair of [...this.cut]) if (pair.split('-').includes(String(id))) this.cut.delete(pair);
  }

  /** Runs `act` on a machine after `delayMs`, or when it wakes up. */
  #inTime(node: BenchNode, act: () => void, delayMs: number): number {
    return this.clock.setTimeout(() => {
      if (node.hung) node.waiting.push(act);
      else act();
    }, delayMs);
  }

  #clockOf(node: BenchNode): Clock {
    return {
      nowMs: () => this.clock.nowMs(),
      setTimeout: (fire, delayMs) => {
        const timer = { cancelled: false };
        this.#inTime(node, () => timer.cancelled || fire(), delayMs);
        return timer;
      },
      clearTimeout: (timer) => {
        if (timer !== null) Object.assign(timer as object, { cancelled: true });
      },
    };
  }

  #passes(from: number, to: number): boolean {
    return this.node(to).running !== null && !this.cut.has(`${from}-${to}`);
  }

  #deliver(from: number, to: number, act: (running: WatchdogPgpool) => void): void {
    const sender = this.node(from).running;
    const node = this.node(to);
    if (sender === null || !this.#passes(from, to)) return;
    this.#inTime(node, () => node.running && act(node.running), networkMs);
  }

  /** A Pgpool that gets no packet through to a dead backend does not hear that it is dead. */
  #greeting({ reach, fakeDown }: BenchNode, backend: number): BackendGreeting {
    const way = reach.get(backend) ?? 'accepts';
    if (way !== 'accepts') return way;
    return this.backends[backend]?.alive && !fakeDown.has(backend) ? 'accepts' : 'refuses';
  }

  /** Whether a session that comes now would be served. */
  #serves(node: BenchNode): boolean {
    if (!node.running?.accepts()) return false;
    const { pgpool } = node.running;
    return admitSession({
      state: pgpool.state(),
      switching: pgpool.switching(),
      greetings: this.backends.map((_, id) => this.#greeting(node, id)),
      weights: this.backends.map(() => 1),
      failoverOnBackendError: false,
      unit: 0.5,
    }).ok;
  }

  #answers({ reach }: BenchNode, nodes: readonly number[]): RecoveryAnswer[] {
    return this.backends.map(({ alive, inRecovery }, id) => {
      if (!alive || reach.has(id) || !nodes.includes(id)) return null;
      return inRecovery ? 'standby' : 'primary';
    });
  }

  #create(node: BenchNode): WatchdogPgpool {
    const { id } = node;
    const clock = this.#clockOf(node);
    const { settings = {}, pgpool = {}, priorities = [] } = this.#options;
    const checks = { ...healthCheck, ...this.#options.healthCheck };
    const upstreams = (): (number | null)[] => this.backends.map(({ upstream }) => upstream);
    return createWatchdogPgpool(
      {
        pgpool: {
          clock,
          wallMs: () => this.clock.nowMs(),
          askRoles: (nodes, done) => {
            clock.setTimeout(() => done(this.#answers(node, nodes), upstreams()), 10);
          },
          runFollowCommand: (_, done) => {
            clock.setTimeout(done, followMs);
          },
          cutSessions: () => {},
          renewChildren: () => {},
          serving: () => {},
          reaping: () => {},
          greeting: (backend) => this.#greeting(node, backend),
          checkReplication: (nodes, done) => {
            clock.setTimeout(() => {
              const none = this.backends.map(() => null);
              done({
                answers: this.#answers(node, nodes),
                upstreams: upstreams(),
                delayBytes: none,
                streaming: [],
              });
            }, 10);
          },
        },
        network: {
          clock,
          send: (to, message) => this.#deliver(id, to, ({ watchdog }) => watchdog.receive(id, message)),
          sendBeat: (to) => this.#deliver(id, to, ({ watchdog }) => watchdog.beatFrom(id)),
          connects: (to) => this.#passes(id, to),
          queryPgpool: (other, done) => {
            const answered =
              this.#passes(id, other) && !this.node(other).hung && this.#serves(this.node(other));
            clock.setTimeout(() => done(answered), networkMs);
          },
          escalate: (done) => {
            clock.setTimeout(() => {
              node.vip.push({ atMs: this.clock.nowMs(), up: true });
              done();
            }, escalationMs);
          },
          deEscalate: (done) => {
            node.vip.push({ atMs: this.clock.nowMs(), up: false });
            clock.setTimeout(done, networkMs);
          },
          stateChanged: (state) => node.states.push({ atMs: this.clock.nowMs(), state }),
        },
      },
      {
        settings: {
          searchPrimaryNodeTimeout: 3,
          hasFollowCommand: false,
          failoverOnBackendError: false,
          failoverOnBackendShutdown: false,
          numInitChildren: 8,
          searchAtStart: true,
          nodes: this.backends.map(() => ({ flag: 'ALLOW_TO_FAILOVER' as const, healthCheck: checks })),
          ...pgpool,
        },
        shared: { status: this.backends.map(() => 'waiting' as const), primary: -1, main: 0 },
        identity: {
          id,
          settings: {
            ...watchdogDefaults,
            nodes: this.nodes.map((other) => ({
              id: other.id,
              host: `p${other.id}`,
              pgpoolPort: 9999,
              wdPort: 9000,
            })),
            ...settings,
            priority: priorities[id] ?? 1,
          },
          voteWindowMs: 15_000,
        },
      },
    );
  }
}
