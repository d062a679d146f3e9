import type { ServiceTimes } from '../../scenario/model-shape.ts';
import { wakeAfterMs } from '../../sim/wake.ts';
import { type ProcessorCost, type ProcessorCosts, processorCosts } from './costs.ts';
import { type CalibrationRun, factsOf, type RunFacts } from './facts.ts';
import { type Besides, besidesOf, networkOf } from './network.ts';
import { ms, notFound, type Parameter, spreadOf, type WorkName } from './parameter.ts';
import { replicationLag } from './replication.ts';
import { clearestService, type ServiceSeen } from './service.ts';
import type { Shape } from './shape.ts';
import { momentsOf, type Times, timesOf } from './timings.ts';
import { workOf } from './work.ts';

/** Fewer times than this tell a mean but no spread, or no mean of WAL. */
const fewestForSpread = 5;
const fewestWrites = 100;

/** A mean with a larger relative error is not taken. */
const worstTime = 0.5;

/**
 * Works out the service times of a cluster model from recorded runs.
 *
 * Work is what the kernel counted: processor time of the servers' processes over what they did, by least squares over
 * windows of all runs. What the service times of the run that waited least hold beyond that is the network's, half for each way.
 * The shape of a class's work is the one that makes its service times come out as seen.
 *
 * @param known the model's service times before: what cannot be told is taken from them
 */
export function calibrate(runs: readonly CalibrationRun[], known: ServiceTimes): Parameter[] {
  const facts = runs.map((run) => factsOf(run, known.wakeAfter?.mean ?? wakeAfterMs));
  return [
    ...loadParameters(facts, processorCosts(facts, known), known),
    writeBytesOf(facts),
    replicationOf(facts, known),
    ...timesOf(facts).map((times) => timeParameter(times, known)),
  ];
}

/** Everything that the load tells: processor costs, and what the service times hold besides. */
function loadParameters(facts: readonly RunFacts[], costs: ProcessorCosts, known: ServiceTimes): Parameter[] {
  const writes = clearestService(facts, 'write');
  const onPrimary = clearestService(facts, 'read', 'primary');
  const onStandby = clearestService(facts, 'read', 'standby');
  const [readCost, reads] =
    costs.readOnStandby.meanMs === null ? [costs.read, onPrimary] : [costs.readOnStandby, onStandby];
  const besides = (seen: ServiceSeen | null, kind: 'read' | 'write'): Besides =>
    besidesOf(
      facts.find((run) => run.name === seen?.run),
      kind,
      { costs, known },
    );
  const { way, parameter: network } = networkOf(reads, {
    read: readCost.meanMs,
    besides: besides(reads, 'read'),
    known,
  });
  const work = (name: WorkName, cost: ProcessorCost, seen: ServiceSeen | null): Parameter =>
    workOf(name, cost, { seen, besides: besides(seen, name === 'write' ? 'write' : 'read'), way, known });
  return [
    ...readsOf(costs, known).map(([name, cost]) =>
      work(name, cost, cost === costs.read ? onPrimary : onStandby),
    ),
    work('write', withoutCommit(costs.write, known), writes),
    ...plainNames.map((name) => plainCost(name, costs[name], known)),
    connectOf(facts, costs.connect, known),
    network,
  ];
}

/** Which entries of the model reads belong to: where only standbys were read from, and the model has one time for all, that one. */
function readsOf(costs: ProcessorCosts, known: ServiceTimes): [WorkName, ProcessorCost][] {
  const { read, readOnStandby } = costs;
  if (read.meanMs === null && readOnStandby.meanMs !== null && !known.readOnStandby)
    return [['read', readOnStandby]];
  const ofStandbys = readOnStandby.meanMs !== null || known.readOnStandby;
  return [
    ['read', read],
    ...(ofStandbys ? [['readOnStandby', readOnStandby] satisfies [WorkName, ProcessorCost]] : []),
  ];
}

/** A model that has a time for COMMIT keeps it; the rest of a write is what was not told apart from it. */
function withoutCommit(cost: ProcessorCost, { commit }: ServiceTimes): ProcessorCost {
  if (!commit || cost.meanMs === null) return cost;
  const meanMs = cost.meanMs - commit.mean;
  if (meanMs > 0)
    return { ...cost, meanMs, evidence: `${cost.evidence}, less ${ms(commit.mean)} for COMMIT` };
  return { ...cost, meanMs: null, evidence: `${ms(cost.meanMs)} a write, no more than the model's commit` };
}

/** Costs of the processor whose spread nothing tells. */
const plainNames = ['wake', 'pgpoolStatement', 'wakePgpool', 'replay', 'reset', 'background'] as const;
type PlainName = (typeof plainNames)[number];

function plainCost(
  name: PlainName | 'connect',
  { meanMs, evidence, residual }: ProcessorCost,
  known: ServiceTimes,
): Parameter {
  if (meanMs === null) return notFound(name, evidence);
  const shape: Shape = { distribution: 'lognormal', variation: spreadOf(name, known) };
  return { name, found: { meanMs, shape }, residual, evidence };
}

/** A session start costs Pgpool and each server the same (docs/method.md A12), so that Pgpool's part tells all of it. */
function connectOf(facts: readonly RunFacts[], cost: ProcessorCost, known: ServiceTimes): Parameter {
  const parts = 1 + Math.max(...facts.map(({ backends }) => backends));
  if (cost.meanMs === null)
    return notFound(
      'connect',
      `${cost.evidence}; runs whose sessions live for unlike times tell it (load.sessionLifetime)`,
    );
  const evidence = `Pgpool's part of a session start, one of ${parts}: ${cost.evidence}`;
  return plainCost('connect', { ...cost, meanMs: parts * cost.meanMs, evidence }, known);
}

/** A delay of a standby is told where it is longer than what chance does to positions that are seen once a second. */
function replicationOf(facts: readonly RunFacts[], known: ServiceTimes): Parameter {
  const lag = replicationLag(facts);
  if (lag === null) return notFound('replication', 'no WAL was written while positions were seen');
  const { meanMs, halfWidthMs, count } = lag;
  const seen = `standbys were ${ms(meanMs)} ± ${ms(halfWidthMs)} behind in ${count} looks`;
  if (halfWidthMs > worstTime * meanMs)
    return notFound('replication', `${seen}, once a second: more writes a second or longer runs would tell`);
  const shape: Shape = { distribution: 'lognormal', variation: known.replication.variation };
  return {
    name: 'replication',
    found: { meanMs, shape },
    residual: halfWidthMs / meanMs,
    evidence: `${seen}; spread as before`,
  };
}

function writeBytesOf(facts: readonly RunFacts[]): Parameter {
  const seen = facts.flatMap(({ wal }) => (wal && wal.writes > 0 ? [wal] : []));
  const writes = seen.reduce((sum, wal) => sum + wal.writes, 0);
  if (writes < fewestWrites)
    return notFound('writeBytes', `${Math.round(writes)} writes between positions, too few to tell`);
  const bytes = seen.reduce((sum, wal) => sum + wal.bytes, 0) / writes;
  if (bytes <= 0) return notFound('writeBytes', 'the primary wrote no WAL');
  const misses = seen.map((wal) => wal.bytes / wal.writes / bytes - 1);
  const residual = Math.sqrt(misses.reduce((sum, miss) => sum + miss * miss, 0) / misses.length);
  return {
    name: 'writeBytes',
    found: { bytes },
    residual,
    evidence: `WAL positions around ${Math.round(writes)} writes`,
  };
}

function timeParameter({ name, seen, resolutionMs, absent }: Times, known: ServiceTimes): Parameter {
  if (seen.length === 0) return notFound(name, absent);
  const { mean: meanMs, variation } = momentsOf(seen.map(({ ms: time }) => time));
  const spread = seen.length >= fewestForSpread ? variation : known[name].variation;
  const shape: Shape = { distribution: 'lognormal', variation: spread };
  const error = Math.hypot(Math.max(variation, spread) * meanMs, resolutionMs) / Math.sqrt(seen.length);
  const times = `${seen.length} ${seen.length === 1 ? 'time' : 'times'} seen`;
  const doubt = resolutionMs > 0 ? `, each to ${Math.round(resolutionMs)} ms` : '';
  if (error > worstTime * meanMs) {
    const enough = Math.ceil(seen.length * (error / (worstTime * meanMs)) ** 2);
    const would = `${enough} would tell`;
    return notFound(name, `${times}${doubt}: too coarse for about ${Math.round(meanMs)} ms; ${would}`);
  }
  const rest = seen.length >= fewestForSpread ? '' : '; spread as before: too few to tell';
  return { name, found: { meanMs, shape }, residual: error / meanMs, evidence: `${times}${doubt}${rest}` };
}
