import { VirtualClock } from '../../src/kernel/clock.ts';
import { createPgpool, type Pgpool, type PgpoolSettings } from '../../src/roles/pgpool.ts';
import type { CommandRun, Cut, NodeStatus, PgpoolState } from '../../src/roles/pgpool-failover.ts';
import { type AdmissionResult, admitSession, type BackendGreeting } from '../../src/roles/pgpool-sessions.ts';
import type { NodeSettings } from '../../src/roles/pgpool-settings.ts';
import { pgpoolFeatures } from '../../src/roles/pgpool-versions.ts';
import type { HealthCheckConf } from '../../src/topology/pgpool-conf.ts';
import type { RecoveryAnswer } from '../../src/topology/routing.ts';

interface BenchServer {
  alive: boolean;
  inRecovery: boolean;
  /** Stopped processes: takes connections and is silent. */
  hung: boolean;
  /** Its host is gone: packets vanish. */
  gone: boolean;
  upstream: number | null;
}

/** Servers, node 0 primary, weights 0/1/1…, one Pgpool on a virtual clock, and the guide's follow script (sleeps 10 s, attaches every node that is not the old primary). */
export interface Bench {
  clock: VirtualClock;
  pgpool: Pgpool;
  servers: BenchServer[];
  cuts: { atMs: number; cut: Cut }[];
  follows: string[];
  commands: CommandRun[];
  statusFile: NodeStatus[];
  /** Client sessions as Pgpool counts them. */
  sessions: { count: number };
  server(id: number): BenchServer;
  /** `up:p up:s down:s` */
  nodes(): string;
  connect(unit?: number): AdmissionResult;
  pass(spanMs: number): void;
  /** A hung server goes on; who waited for it gets its answer. */
  resume(id: number): void;
}

export interface BenchOptions {
  servers?: number;
  settings?: Partial<PgpoolSettings>;
  state?: Partial<PgpoolState>;
  /** How long failover_command and failback_command take. */
  commandMs?: number;
  /** What failover_command does. */
  onCommand?: (run: CommandRun, bench: Bench) => void;
  followMs?: number;
  /** The follow script attaches the old primary too, as one that rebuilds it does. */
  followsOldPrimary?: boolean;
}

export function everyNode(
  healthCheck: Partial<HealthCheckConf> = {},
  flags: NodeSettings['flag'][] = [],
): NodeSettings[] {
  return Array.from({ length: 4 }, (_, id) => ({
    flag: flags[id] ?? 'ALLOW_TO_FAILOVER',
    healthCheck: {
      periodMs: 0,
      timeoutMs: 20_000,
      maxRetries: 0,
      retryDelayMs: 1000,
      connectTimeoutMs: 10_000,
      ...healthCheck,
    },
  }));
}

function greetingOf({ alive, hung, gone }: BenchServer): BackendGreeting {
  if (gone) return 'drops';
  if (!alive) return 'refuses';
  return hung ? 'hangs' : 'accepts';
}

export function bench(options: BenchOptions = {}): Bench {
  const clock = new VirtualClock();
  const count = options.servers ?? 3;
  const servers: BenchServer[] = Array.from({ length: count }, (_, id) => ({
    alive: true,
    inRecovery: id > 0,
    hung: false,
    gone: false,
    upstream: id > 0 ? 0 : null,
  }));
  const settings: PgpoolSettings = {
    searchPrimaryNodeTimeout: 3,
    hasFollowCommand: true,
    failoverOnBackendError: false,
    failoverOnBackendShutdown: false,
    numInitChildren: 32,
    ...options.settings,
  };
  const features = pgpoolFeatures(settings.version ?? '4.3.5');
  let blocked: { nodes: readonly number[]; act: () => void }[] = [];
  const whenAnswered = (nodes: readonly number[], act: () => void): void => {
    clock.setTimeout(() => {
      if (nodes.some((id) => servers[id]?.hung)) blocked.push({ nodes, act });
      else act();
    }, 10);
  };
  const answers = (nodes: readonly number[]): RecoveryAnswer[] =>
    servers.map((server, id) => {
      if (greetingOf(server) !== 'accepts' || !nodes.includes(id)) return null;
      return server.inRecovery ? 'standby' : 'primary';
    });
  const upstreams = (): (number | null)[] => servers.map(({ upstream }) => upstream);
  const at: Bench = {
    clock,
    servers,
    cuts: [],
    follows: [],
    commands: [],
    statusFile: [],
    sessions: { count: 0 },
    pgpool: createPgpool(
      {
        clock,
        wallMs: () => clock.nowMs(),
        askRoles: (nodes, done) => whenAnswered(nodes, () => done(answers(nodes), upstreams())),
        runFollowCommand: ({ node, oldPrimary }, done) => {
          at.follows.push(`${node} ${oldPrimary}`);
          if (node === oldPrimary && options.followsOldPrimary !== true) {
            clock.setTimeout(done, 1);
            return;
          }
          clock.setTimeout(() => {
            at.pgpool.attach(node);
            done();
          }, options.followMs ?? 10_000);
        },
        cutSessions: (cut) => at.cuts.push({ atMs: clock.nowMs(), cut }),
        renewChildren: () => {},
        serving: () => {},
        reaping: () => {},
        runCommand: (run, done) => {
          at.commands.push(run);
          clock.setTimeout(() => {
            options.onCommand?.(run, at);
            done();
          }, options.commandMs ?? 0);
        },
        greeting: (node) => greetingOf(at.server(node)),
        checkReplication: (nodes, done) =>
          whenAnswered(nodes, () => {
            const streaming = servers.map(
              ({ alive, inRecovery, upstream }) =>
                alive && inRecovery && upstream === at.pgpool.state().primary,
            );
            done({
              answers: answers(nodes),
              upstreams: upstreams(),
              delayBytes: servers.map(() => 0),
              streaming,
            });
          }),
        clients: () => at.sessions.count,
        kickClients: () => {
          at.sessions.count = 0;
        },
        writeStatusFile: (lines) => {
          at.statusFile = [...lines];
        },
      },
      settings,
      { status: servers.map(() => 'up' as const), primary: 0, main: 0, ...options.state },
    ),
    server: (id) => {
      const found = servers[id];
      if (!found) throw new Error(`no server ${id}`);
      return found;
    },
    nodes: () =>
      at.pgpool
        .nodes()
        .map(({ status, role }) => `${status}:${role[0]}`)
        .join(' '),
    connect: (unit = 0.5) => {
      const result = admitSession({
        state: at.pgpool.state(),
        switching: at.pgpool.switching(),
        greetings: servers.map(greetingOf),
        weights: servers.map((_, id) => (id === 0 ? 0 : 1)),
        failoverOnBackendError: settings.failoverOnBackendError,
        sessionsWait: features.sessionsWait,
        unit,
      });
      if (result.ok) at.pgpool.sessionConnected(result.nodes, result.skippedMain);
      else if (result.degenerate !== null) at.pgpool.sessionSawError(result.degenerate);
      return result;
    },
    pass: (spanMs) => clock.runUntil(clock.nowMs() + spanMs),
    resume: (id) => {
      at.server(id).hung = false;
      const ready = blocked.filter(({ nodes }) => !nodes.some((node) => servers[node]?.hung));
      blocked = blocked.filter((waiting) => !ready.includes(waiting));
      for (const { act } of ready) act();
    },
  };
  at.pgpool.start();
  return at;
}
