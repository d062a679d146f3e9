import type { ClosedSolution, ClosedStation } from '../../sim/analytic/closed-network.ts';
import { solveClosedNetwork } from '../../sim/analytic/mva.ts';
import type { Cluster } from '../../topology/cluster.ts';
import { type Demand, Stations } from './demand.ts';
import type { ServiceState } from './states.ts';

/** What a state carries when every session always has the next operation ready. */
export interface Saturation {
  /** Reads and writes together, in the asked proportion. */
  operationsPerSecond: number;
  method: ClosedSolution['method'];
}

/**
 * The throughput of a state with all sessions busy: a closed network of one class whose cycle is the mean operation, without
 * thinking. No open load can be higher, whatever its objectives.
 */
export function saturationOf(cluster: Cluster, state: ServiceState, demand: Demand): Saturation {
  const perMs = demand.readsPerMs + demand.writesPerMs;
  const lasting = { ...demand, sessionLifetimeMs: null, isSaturated: true };
  const queues = new Stations(cluster, state, lasting)
    .all()
    .map(({ name, cores, offered }): ClosedStation => {
      const servers = Math.ceil(cores);
      return { name, kind: 'queue', servers, demands: [((offered / perMs) * servers) / cores] };
    });
  const { read, write } = demand.scripts;
  const hops = (2 * (demand.readsPerMs * read.statements + demand.writesPerMs * write.statements)) / perMs;
  const network: ClosedStation = {
    name: 'network',
    kind: 'delay',
    demands: [hops * cluster.serviceTimes.network.mean],
  };
  const { throughputs, method } = solveClosedNetwork({
    stations: [...queues.filter(({ demands }) => (demands[0] as number) > 0), network],
    populations: [demand.sessions],
    thinkTimes: [0],
  });
  return { operationsPerSecond: 1000 * (throughputs[0] as number), method };
}
