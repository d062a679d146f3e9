import type { Threshold } from '../../scenario/threshold.ts';
import type { Cluster } from '../../topology/cluster.ts';
import type { Demand, StationLoad } from './demand.ts';
import { type Evaluation, evaluate } from './evaluate.ts';
import { meets } from './objectives.ts';
import type { ServiceState } from './states.ts';

/** What gives out first when a load grows. */
export interface Limit {
  kind: StationLoad['kind'] | 'children' | 'sessions' | 'service time';
  /** The server, or what else it is, in words. */
  name: string;
}

/** How far a load can grow in one state. */
export interface Capacity {
  /** Times the asked load; 0 where the thresholds are out of reach without any load. */
  factor: number;
  limit: Limit;
}

/** Factors are found to this precision. */
const precision = 0.005;

/** A load that grew this much without an end has none that the model knows. */
const largestFactor = 1e6;

/** Next to no load: what the thresholds cost then, they cost always. */
const idleFactor = 1e-4;

/**
 * The highest multiple of a load, reads and writes growing together, that keeps to the latency thresholds in one state, and what stops it.
 * @param children sessions that Pgpool can serve at once
 */
export function capacityOf(
  cluster: Cluster,
  state: ServiceState,
  { demand, thresholds, children }: { demand: Demand; thresholds: readonly Threshold[]; children: number },
): Capacity {
  const latencies = thresholds.filter(
    ({ subject }) => subject.kind === 'latency' || subject.kind === 'service',
  );
  const at = (factor: number): Evaluation => evaluate(cluster, state, scaled(demand, factor));
  const fits = (factor: number): boolean => meets(latencies, at(factor));
  if (!fits(idleFactor)) {
    return { factor: 0, limit: { kind: 'service time', name: 'the work of one operation alone' } };
  }
  let low = idleFactor;
  let high = 1;
  while (high < largestFactor && fits(high)) {
    low = high;
    high *= 2;
  }
  while (high - low > precision * high) {
    const middle = (low + high) / 2;
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return { factor: low, limit: tightest(at(low), demand.sessions, children) };
}

/** The busiest of the stations and the sessions. */
function tightest({ stations, busySessions }: Evaluation, sessions: number, children: number): Limit {
  const busiest = busiestOf(stations);
  if (busySessions / sessions < busiest.offered / busiest.cores)
    return { kind: busiest.kind, name: busiest.name };
  const all = sessions >= children;
  return all
    ? { kind: 'children', name: `num_init_children: ${children} sessions at once` }
    : { kind: 'sessions', name: `${sessions} sessions of the application` };
}

/** The station with the highest utilisation. */
export function busiestOf(stations: readonly StationLoad[]): StationLoad {
  return stations.reduce((most, next) =>
    next.offered / next.cores > most.offered / most.cores ? next : most,
  );
}

function scaled(demand: Demand, factor: number): Demand {
  const { readsPerMs, writesPerMs } = demand;
  return { ...demand, readsPerMs: readsPerMs * factor, writesPerMs: writesPerMs * factor };
}
