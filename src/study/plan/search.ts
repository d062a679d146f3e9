import type { ThresholdSummary } from '../../recording/summary.ts';
import type { Threshold } from '../../scenario/threshold.ts';
import type { Cluster } from '../../topology/cluster.ts';
import { busiestOf, capacityOf, type Limit } from './capacity.ts';
import type { Demand, StationLoad } from './demand.ts';
import { evaluate } from './evaluate.ts';
import { judgeExpected, meets } from './objectives.ts';
import { type Saturation, saturationOf } from './saturation.ts';
import { type Loss, normalState, type ServiceState, type StateName, statesAfter } from './states.ts';

/** Weights of the primary that are tried, against 1 of a standby; the first that will do is taken. */
const primaryWeights = [0, 0.25, 0.5, 1];

/** What is asked of every number of standbys. */
export interface SearchQuestion {
  demand: Demand;
  thresholds: readonly Threshold[];
  survive: readonly Loss[];
  /** Sessions that Pgpool can serve at once. */
  children: number;
}

/** One state of one cluster: what the formulas expect in its worst variant. */
export interface StateRow {
  state: StateName;
  variant: string;
  /** The formulas find no threshold crossed. */
  meets: boolean;
  busiest: { name: string; kind: StationLoad['kind']; utilisation: number };
  readP99Ms: number | null;
  writeP99Ms: number | null;
  thresholds: ThresholdSummary[];
  /** Highest load within the latency thresholds, reads and writes in the asked proportion. */
  highest: { factor: number; readsPerSecond: number; writesPerSecond: number };
  limit: Limit;
  saturation: Saturation;
}

/** One number of standbys with the weights that suit it best. */
export interface Candidate {
  standbys: number;
  /** By server. */
  weights: Record<string, number>;
  states: StateRow[];
  /** In every state. */
  meets: boolean;
  /** A loss that leaves nothing to serve with this number of standbys. */
  fatal: Loss | null;
}

/** What the formulas make of one number of standbys, with the least primary weight that meets every state, 0 where none does. */
export function assess(cluster: Cluster, question: SearchQuestion): Candidate {
  const standbys = cluster.backends.length - 1;
  const weighted = primaryWeights.map((primaryWeight) => withWeights(cluster, primaryWeight));
  const chosen = weighted.find((one) =>
    statesOf(one, question.survive).every((state) =>
      meets(question.thresholds, evaluate(one, state, question.demand)),
    ),
  );
  const best = chosen ?? withWeights(cluster, 0);
  const rows = rowsOf(best, question);
  const fatal = question.survive.find((loss) => statesAfter(loss, cluster).length === 0) ?? null;
  return {
    standbys,
    weights: Object.fromEntries(best.backends.map(({ server, weight }) => [server, weight])),
    states: rows,
    meets: fatal === null && rows.every((row) => row.meets),
    fatal,
  };
}

/** A standby that adds less than this to the load that a state carries adds nothing, nor does the next. */
const leastGain = 1.01;

/** No further standby will do: there is a state that misses its objectives, and the last standby has not helped it. */
export function isFutile(candidate: Candidate, before: Candidate): boolean {
  return candidate.states.some(({ state, meets: isMet, highest }) => {
    const earlier = before.states.find((row) => row.state === state);
    return !isMet && earlier !== undefined && highest.factor < earlier.highest.factor * leastGain;
  });
}

/** How far the worst state of a candidate can grow, in times the asked load. */
export function leastFactor({ states }: Pick<Candidate, 'states'>): number {
  return Math.min(...states.map(({ highest }) => highest.factor));
}

/** A cluster with weights: standbys by their processors, the primary as said against the least of them. */
function withWeights(cluster: Cluster, primaryWeight: number): Cluster {
  const coresOf = (server: string): number => {
    const place = cluster.servers.find(({ name }) => name === server);
    return Math.min(place?.cpu ?? Number.POSITIVE_INFINITY, place?.cap?.cpu ?? Number.POSITIVE_INFINITY);
  };
  const standbys = cluster.backends.filter(({ roleAtStart }) => roleAtStart === 'standby');
  const least = Math.min(...standbys.map(({ server }) => coresOf(server)));
  return {
    ...cluster,
    backends: cluster.backends.map((backend) => {
      const { roleAtStart, server } = backend;
      if (roleAtStart === 'primary') return { ...backend, weight: primaryWeight };
      const ratio = Number.isFinite(least) ? coresOf(server) / least : 1;
      return { ...backend, weight: Number.isFinite(ratio) ? Math.round(ratio * 100) / 100 : 1 };
    }),
  };
}

function statesOf(cluster: Cluster, survive: readonly Loss[]): ServiceState[] {
  return [normalState(cluster), ...survive.flatMap((loss) => different(cluster, statesAfter(loss, cluster)))];
}

/** Variants of one loss that differ in more than the names of servers. */
function different(cluster: Cluster, states: readonly ServiceState[]): ServiceState[] {
  const signatureOf = ({ primary, readShare, standbys }: ServiceState): string => {
    const sign = (server: string): string => {
      const place = cluster.servers.find(({ name }) => name === server);
      const carriesPgpool = cluster.pgpools.some((pgpool) => pgpool.server === server);
      return JSON.stringify([place?.cpu, place?.cap, readShare.get(server), carriesPgpool]);
    };
    return [sign(primary.server), ...standbys.map(({ server }) => sign(server)).sort()].join();
  };
  const seen = new Map(states.map((state) => [signatureOf(state), state]));
  return [...seen.values()];
}

/** One row a state: of its variants the one that carries least. */
function rowsOf(cluster: Cluster, question: SearchQuestion): StateRow[] {
  const rows = new Map<StateName, StateRow>();
  for (const state of statesOf(cluster, question.survive)) {
    const row = rowOf(cluster, state, question);
    const before = rows.get(state.name);
    if (!before || row.highest.factor < before.highest.factor) rows.set(state.name, row);
  }
  return [...rows.values()];
}

function rowOf(cluster: Cluster, state: ServiceState, question: SearchQuestion): StateRow {
  const { demand, thresholds } = question;
  const evaluation = evaluate(cluster, state, demand);
  const { factor, limit } = capacityOf(cluster, state, question);
  const { name, kind, offered, cores } = busiestOf(evaluation.stations);
  const { read, write } = evaluation.latency;
  return {
    state: state.name,
    variant: state.variant,
    meets: meets(thresholds, evaluation),
    busiest: { name, kind, utilisation: offered / cores },
    readP99Ms: demand.readsPerMs > 0 ? read.quantileMs(0.99) : null,
    writeP99Ms: demand.writesPerMs > 0 ? write.quantileMs(0.99) : null,
    thresholds: judgeExpected(thresholds, evaluation),
    highest: {
      factor,
      readsPerSecond: 1000 * demand.readsPerMs * factor,
      writesPerSecond: 1000 * demand.writesPerMs * factor,
    },
    limit,
    saturation: saturationOf(cluster, state, demand),
  };
}
