import { VirtualClock } from '../../src/kernel/clock.ts';
import { Random } from '../../src/kernel/random.ts';
import type { ServiceTime, ServiceTimes } from '../../src/scenario/model-shape.ts';
import type { ChildLimits } from '../../src/sim/children.ts';
import { Draws, type ServiceTimeName } from '../../src/sim/draws.ts';
import { Network } from '../../src/sim/network.ts';
import { PgpoolFront } from '../../src/sim/pgpool-front.ts';
import { PgpoolFronts } from '../../src/sim/pgpool-fronts.ts';
import { Processor } from '../../src/sim/processor.ts';
import { Replication, type ReplicationOptions } from '../../src/sim/replication.ts';
import type { RunningScriptParts } from '../../src/sim/running-script.ts';
import { scriptSources } from '../../src/sim/script-ways.ts';
import { SimServer } from '../../src/sim/server.ts';
import { fixedAddress } from '../../src/sim/service-address.ts';
import { SessionEvents } from '../../src/sim/session-events.ts';
import type { Station } from '../../src/sim/station.ts';
import { defaultRoutingRules } from '../../src/topology/statement-routing.ts';
import { planOf } from './simulated-run.ts';

/** Service times without spread: every instant can be reckoned by hand. */
export function steadyDraws(means: Partial<Record<ServiceTimeName, number>> = {}): Draws {
  const { calibrated, writeBytes, ...times } = planOf({}).cluster.serviceTimes;
  const named = { ...times, ...means } as Record<ServiceTimeName, ServiceTime | number>;
  const steady = Object.entries(named).map(([name, time]) => {
    const mean = typeof time === 'number' ? time : time.mean;
    return [name, { mean, variation: 0, distribution: 'deterministic', source: 'test' }];
  });
  return new Draws({ calibrated, ...Object.fromEntries(steady) } as ServiceTimes, new Random(1));
}

/** Operation ids of the commits that a server shows. */
export function rowsOf({ wal }: SimServer): string[] {
  return [...wal.log.ids(wal.applied)];
}

/** What sessions need beside a front: a read class and a write class, as pgbench's own scripts have them. */
export function scriptParts(clock: VirtualClock): Pick<RunningScriptParts, 'kernel' | 'events' | 'scripts'> {
  const { kernel } = clock;
  const scripts = scriptSources(planOf({}).load, defaultRoutingRules);
  return { kernel, events: new SessionEvents(kernel), scripts };
}

/** A primary and two standbys that stream from it, 10 s after their start; each on a core of its own, or all on `cores`. */
export function threeServers(
  means: Partial<Record<ServiceTimeName, number>> = {},
  cores?: number,
  settings: Partial<ReplicationOptions> = {},
) {
  const clock = new VirtualClock();
  const draws = steadyDraws(means);
  const shared = new Processor(clock, cores ?? 1);
  const servers = ['a', 'b', 'c'].map(
    (name, id) =>
      new SimServer(clock, draws, {
        name,
        id,
        station: (cores === undefined ? new Processor(clock, 1) : shared).station(),
        upstream: id === 0 ? null : 'a',
      }),
  ) as [SimServer, SimServer, SimServer];
  const replication = new Replication(clock, draws, { servers, ...settings });
  for (const server of servers) server.send({ type: 'start' });
  clock.runUntil(10_000);
  const pass = (spanMs: number): void => clock.runUntil(clock.nowMs() + spanMs);
  return { clock, draws, servers, replication, pass, shared: shared.station() };
}

interface FrontSettings {
  station: Station;
  numInitChildren: number;
  childLimits?: ChildLimits;
  host?: string;
  network?: Network;
}

/** A running Pgpool before `threeServers` that fails nothing over by itself. */
export function pgpoolBefore(
  { clock, draws, servers }: ReturnType<typeof threeServers>,
  { numInitChildren, ...options }: FrontSettings,
): PgpoolFront {
  const front = new PgpoolFront(clock, draws, {
    servers,
    ...options,
    weights: [0, 1, 1],
    settings: {
      searchPrimaryNodeTimeout: 3,
      hasFollowCommand: false,
      failoverOnBackendError: false,
      failoverOnBackendShutdown: false,
      numInitChildren,
    },
    primary: 0,
    follow: (_, done) => done(),
  });
  front.pgpool.start();
  return front;
}

/** A Pgpool as `pgpoolBefore` has it, alone, and what its sessions are made of. */
export function frontBefore(at: ReturnType<typeof threeServers>, settings: FrontSettings) {
  const { clock, draws, replication } = at;
  const front = pgpoolBefore(at, settings);
  const fronts = new PgpoolFronts([front], { address: fixedAddress(''), network: new Network([]) });
  return { front, parts: { clock, draws, fronts, replication, ...scriptParts(clock) } };
}
