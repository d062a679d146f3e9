import { VirtualClock } from '../../src/kernel/clock.ts';
import { createPgpool, type Pgpool, type PgpoolSettings } from '../../src/roles/pgpool.ts';
import type { Cut, PgpoolState } from '../../src/roles/pgpool-failover.ts';
import { type AdmissionResult, admitSession } from '../../src/roles/pgpool-sessions.ts';

interface BenchServer {
  alive: boolean;
  inRecovery: boolean;
}

/** Three servers, node 0 primary, weights 0/1/1, one Pgpool on a virtual clock, and the guide's follow script (sleeps 10 s, attaches every node that is not the old primary). */
export interface Bench {
  clock: VirtualClock;
  pgpool: Pgpool;
  servers: BenchServer[];
  cuts: { atMs: number; cut: Cut }[];
  follows: string[];
  /** `up:p up:s down:s` */
  nodes(): string;
  connect(unit?: number): AdmissionResult;
  pass(spanMs: number): void;
}

export function bench(
  options: { settings?: Partial<PgpoolSettings>; state?: Partial<PgpoolState> } = {},
): Bench {
  const clock = new VirtualClock();
  const servers = [false, true, true].map((inRecovery) => ({ alive: true, inRecovery }));
  const cuts: Bench['cuts'] = [];
  const follows: string[] = [];
  const settings: PgpoolSettings = {
    searchPrimaryNodeTimeout: 3,
    hasFollowCommand: true,
    failoverOnBackendError: false,
    failoverOnBackendShutdown: false,
    numInitChildren: 32,
    ...options.settings,
  };
  const pgpool: Pgpool = createPgpool(
    {
      clock,
      wallMs: () => clock.nowMs(),
      askRoles: (nodes, done) => {
        clock.setTimeout(() => {
          done(
            servers.map(({ alive, inRecovery }, id) => {
              if (!alive || !nodes.includes(id)) return null;
              return inRecovery ? 'standby' : 'primary';
            }),
          );
        }, 10);
      },
      runFollowCommand: ({ node, oldPrimary }, done) => {
        follows.push(`${node} ${oldPrimary}`);
        if (node === oldPrimary) {
          clock.setTimeout(done, 1);
          return;
        }
        clock.setTimeout(() => {
          pgpool.attach(node);
          done();
        }, 10_000);
      },
      cutSessions: (cut) => cuts.push({ atMs: clock.nowMs(), cut }),
      renewChildren: () => {},
      serving: () => {},
      reaping: () => {},
    },
    settings,
    { status: ['up', 'up', 'up'], primary: 0, main: 0, ...options.state },
  );
  pgpool.start();
  return {
    clock,
    pgpool,
    servers,
    cuts,
    follows,
    nodes: () =>
      pgpool
        .nodes()
        .map(({ status, role }) => `${status}:${role[0]}`)
        .join(' '),
    connect: (unit = 0.5) => {
      const result = admitSession({
        state: pgpool.state(),
        switching: pgpool.switching(),
        greetings: servers.map(({ alive }) => (alive ? 'accepts' : 'refuses')),
        weights: [0, 1, 1],
        failoverOnBackendError: settings.failoverOnBackendError,
        unit,
      });
      if (result.ok) pgpool.sessionConnected(result.nodes, result.skippedMain);
      return result;
    },
    pass: (spanMs) => clock.runUntil(clock.nowMs() + spanMs),
  };
}
