import type { ServiceTime } from '../../scenario/model-shape.ts';
import type { LatencyMetric } from '../../scenario/threshold.ts';
import { erlangC } from '../../sim/analytic/erlang.ts';
import { meanThrottle, throttle } from '../../sim/analytic/quota.ts';
import { meanSlowdown, sharedTime } from '../../sim/analytic/shared-station.ts';
import { SpanGrid } from '../../sim/analytic/span-grid.ts';
import type { Cluster } from '../../topology/cluster.ts';
import {
  bracketTime,
  type Demand,
  readTime,
  type ScriptWakes,
  type ServerLoad,
  type StationLoad,
  Stations,
  scaled,
  wakesOf,
} from './demand.ts';
import type { ServiceState } from './states.ts';

/** Latencies of one class from its due time, or from its send. */
export interface ClassFigures {
  meanMs: number;
  /** @param share 0..1 @returns infinite where the load does not fit */
  quantileMs(share: number): number;
}

/** What one state makes of a demand. */
export interface Evaluation {
  state: ServiceState;
  stations: readonly StationLoad[];
  /** Every station and the sessions can carry the load. */
  stable: boolean;
  /** Sessions that are busy in the mean; infinite where the load does not fit. */
  busySessions: number;
  /** Operations due. */
  perSecond: { read: number; write: number };
  /** Share of the reads that standbys answer; null without reads. */
  offload: number | null;
  /** From due. */
  latency: { read: ClassFigures; write: ClassFigures };
  /** From send. */
  service: { read: ClassFigures; write: ClassFigures };
}

const hopeless: ClassFigures = {
  meanMs: Number.POSITIVE_INFINITY,
  quantileMs: () => Number.POSITIVE_INFINITY,
};

/** Work on one server. */
interface Stage {
  time: ServiceTime;
  load: ServerLoad;
}

/** A part of the operations of a class that meets the same stations. */
interface Path {
  weight: number;
  /** Ways over the network. */
  hops: number;
  stages: readonly Stage[];
}

/**
 * What an application sees of a cluster in one state: by formula, without simulation.
 *
 * Reads of a server that gets a share s through S sessions are taken half at s (1 + d) and half at s (1 − d), d² = (1 − s) / (s S):
 * the spread that a draw for each session has (docs/method.md N4).
 */
export function evaluate(cluster: Cluster, state: ServiceState, demand: Demand): Evaluation {
  const stations = new Stations(cluster, state, demand);
  const loads = stations.all();
  const { readsPerMs, writesPerMs, sessions } = demand;
  const read = readPaths(cluster, state, { stations, demand });
  const write = writePaths(cluster, state, { stations, demand });
  const fits = loads.every(({ cores, offered }) => offered < cores);
  const readMs = readsPerMs > 0 && fits ? meanOf(read, cluster) : 0;
  const writeMs = writesPerMs > 0 && fits ? meanOf(write, cluster) : 0;
  const busySessions = fits ? readsPerMs * readMs + writesPerMs * writeMs : Number.POSITIVE_INFINITY;
  const offload = readsPerMs > 0 ? 1 - (state.readShare.get(state.primary.server) ?? 0) : null;
  const perSecond = { read: 1000 * readsPerMs, write: 1000 * writesPerMs };
  const common = { state, stations: loads, busySessions, perSecond, offload };
  if (!fits || busySessions >= sessions) {
    const none = { read: hopeless, write: hopeless };
    return { ...common, stable: false, latency: none, service: none };
  }
  const waits = erlangC(sessions, busySessions);
  const holdMs = busySessions / (readsPerMs + writesPerMs);
  const wait = { probability: waits, meanMs: holdMs / (sessions - busySessions) };
  const figures = (paths: readonly Path[], perMs: number, meanMs: number) => ({
    service: perMs > 0 ? figuresOf(paths, cluster, { meanMs, wait: null }) : hopeless,
    latency:
      perMs > 0
        ? figuresOf(paths, cluster, { meanMs: meanMs + wait.probability * wait.meanMs, wait })
        : hopeless,
  });
  const reads = figures(read, readsPerMs, readMs);
  const writes = figures(write, writesPerMs, writeMs);
  return {
    ...common,
    stable: true,
    latency: { read: reads.latency, write: writes.latency },
    service: { read: reads.service, write: writes.service },
  };
}

/** The shares of the percentiles that a threshold can name; `mean` and `max` are none. */
export const percentileShares: Partial<Record<LatencyMetric, number>> = {
  p50: 0.5,
  p95: 0.95,
  p99: 0.99,
  p999: 0.999,
};

interface Context {
  stations: Stations;
  demand: Demand;
}

function readPaths(cluster: Cluster, state: ServiceState, { stations, demand }: Context): Path[] {
  const { statements } = demand.scripts.read;
  const wakes = wakesOf(cluster, demand).read;
  const front = frontStages(cluster, { stations, statements, wakes });
  const hops = 2 * statements;
  return [...state.readShare].flatMap(([server, share]) => {
    if (share === 0) return [];
    const time = repeated(readTime(cluster, state, server), statements);
    const spread = Math.sqrt((1 - share) / (share * demand.sessions));
    return [1 + spread, 1 - spread].flatMap((factor): Path[] => {
      if (factor <= 0) return [];
      const load = stations.of(server, factor);
      const stages = [...front, { time, load }, ...wakeStages(cluster.serviceTimes.wake, wakes.worker, load)];
      return [{ weight: (share * factor) / 2, hops, stages }];
    });
  });
}

/** One path for each server that sessions may have as theirs: BEGIN and END go there too. */
function writePaths(cluster: Cluster, state: ServiceState, { stations, demand }: Context): Path[] {
  const { statements, brackets, endsInCommit } = demand.scripts.write;
  const { serviceTimes: times } = cluster;
  const wakes = wakesOf(cluster, demand).write;
  const load = stations.of(state.primary.server);
  const stages = [
    ...frontStages(cluster, { stations, statements, wakes }),
    { time: times.write, load },
    ...wakeStages(times.wake, wakes.worker, load),
  ];
  if (endsInCommit && times.commit) stages.push({ time: times.commit, load });
  if (waitsForStandbys(cluster)) stages.push({ time: times.replication, load: idle });
  return [...state.readShare].flatMap(([server, share]): Path[] => {
    if (share === 0) return [];
    if (server === state.primary.server || brackets === 0)
      return [{ weight: share, hops: 2 * statements, stages }];
    const time = repeated(bracketTime(cluster, state, server), brackets);
    const hops = 2 * statements + brackets;
    const own = stations.of(server);
    const more = [{ time, load: own }, ...wakeStages(times.wake, wakes.own, own)];
    return [{ weight: share, hops, stages: [...stages, ...more] }];
  });
}

/** Nobody else is there. */
const idle: ServerLoad = { processor: { cores: 1, offered: 0 }, quota: null };

/** Commits wait for standbys by the model's settings. */
function waitsForStandbys({ postgresSettings }: Cluster): boolean {
  const names = postgresSettings.synchronous_standby_names ?? '';
  return names.trim() !== '' && !['off', 'local'].includes(postgresSettings.synchronous_commit ?? 'on');
}

/** The same work several times over, drawn anew each time: its sum is taken as gamma. */
function repeated(time: ServiceTime, times: number): ServiceTime {
  if (times === 1) return time;
  const variation = time.variation / Math.sqrt(times);
  return { mean: time.mean * times, variation, distribution: 'gamma', source: time.source };
}

/** Pgpool's own work for all statements of one execution. */
function frontStages(
  { serviceTimes, pgpools }: Cluster,
  { stations, statements, wakes }: { stations: Stations; statements: number; wakes: ScriptWakes },
): Stage[] {
  const { pgpoolStatement: time, wakePgpool } = serviceTimes;
  const host = pgpools[0]?.server;
  if (host === undefined) return [];
  const load = stations.of(host);
  const own = time && time.mean > 0 ? [{ time: repeated(time, statements), load }] : [];
  return [...own, ...wakeStages(wakePgpool, wakes.pgpool, load)];
}

/** The wake-ups of one execution on a station, in the mean; none where the model has none. */
function wakeStages(wake: ServiceTime | undefined, wakes: number, load: ServerLoad): Stage[] {
  return wake && wake.mean * wakes > 0 ? [{ time: scaled(wake, wakes), load }] : [];
}

function meanOf(paths: readonly Path[], cluster: Cluster): number {
  const whole = paths.reduce((sum, { weight }) => sum + weight, 0);
  const networkMs = cluster.serviceTimes.network.mean;
  const spans = paths.reduce((sum, { weight, hops, stages }) => {
    return sum + weight * stages.reduce((span, stage) => span + meanTime(stage), hops * networkMs);
  }, 0);
  return spans / whole;
}

function meanTime({ time, load: { processor, quota } }: Stage): number {
  if (processor.offered >= processor.cores) return Number.POSITIVE_INFINITY;
  return time.mean * meanSlowdown(processor) + (quota ? meanThrottle(quota) : 0);
}

function figuresOf(
  paths: readonly Path[],
  cluster: Cluster,
  { meanMs, wait }: { meanMs: number; wait: { probability: number; meanMs: number } | null },
): ClassFigures {
  if (!Number.isFinite(meanMs)) return hopeless;
  let grid: SpanGrid | null = null;
  return {
    meanMs,
    quantileMs: (share) => {
      grid ??= gridOf(paths, cluster, { meanMs, wait });
      return grid.quantile(share);
    },
  };
}

function gridOf(
  paths: readonly Path[],
  cluster: Cluster,
  { meanMs, wait }: { meanMs: number; wait: { probability: number; meanMs: number } | null },
): SpanGrid {
  const stepMs = SpanGrid.stepFor(meanMs);
  const seen = new Map<string, SpanGrid>();
  const networkMs = cluster.serviceTimes.network.mean;
  const parts = paths.map(({ weight, hops, stages }) => {
    const key = JSON.stringify([hops, stages]);
    const way = SpanGrid.constant(stepMs, hops * networkMs);
    const grid = seen.get(key) ?? way.followedBy(joined(stages, stepMs));
    seen.set(key, grid);
    return { weight, grid };
  });
  const served = SpanGrid.mixed(parts);
  if (!wait || wait.probability < 1e-6) return served;
  return served.followedBy(
    SpanGrid.of(stepMs, (spanMs) => 1 - wait.probability * Math.exp(-spanMs / wait.meanMs)),
  );
}

function joined(stages: readonly Stage[], stepMs: number): SpanGrid {
  const grids = stages.flatMap(({ time, load: { processor, quota } }) => {
    const work = sharedTime(time, processor, stepMs);
    return quota ? [work, throttle(quota, stepMs)] : [work];
  });
  return grids.reduce((whole, grid) => whole.followedBy(grid));
}
