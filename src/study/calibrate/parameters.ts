import type { ServiceTimes } from '../../scenario/model-shape.ts';
import { type ProcessorCost, type ProcessorCosts, processorCosts } from './costs.ts';
import { type CalibrationRun, factsOf, type RunFacts, stepsOf } from './facts.ts';
import { clearestService, type ServiceSeen } from './service.ts';
import { drawer, empiricalWay, fitTimes, type Shape, type Time, variations, worstFit } from './shape.ts';
import { momentsOf, type Times, timesOf } from './timings.ts';

/** A model's service times that a calibration can find. */
export type ParameterName = Exclude<keyof ServiceTimes, 'calibrated' | 'commit' | 'startPgpool'>;

/** What a calibration says of one service time of a model. */
export interface Parameter {
  name: ParameterName;
  /** Null: the data do not tell it, the model keeps what it has. */
  found: Time | { bytes: number } | null;
  /** Relative size of what the fit leaves over, 0.05 is 5 %; null where nothing was fitted. */
  residual: number | null;
  /** From what, in a few words; of one that was not found, why not. */
  evidence: string;
}

/** Fewer times than this tell a mean but no spread, or no mean of WAL. */
const fewestForSpread = 5;
const fewestWrites = 100;

/** No spread is taken from a fit that misses by more. */
const worstShape = 0.5;

/** A mean with a larger relative error is not taken. */
const worstTime = 0.5;

/** Spread of a time whose own could not be told. */
const usualVariation = 0.5;

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
  const facts = runs.map(factsOf);
  return [
    ...loadParameters(facts, known),
    writeBytesOf(facts),
    notFound(
      'connect',
      'a first start costs more than one that finds its connections kept, and a run holds both',
    ),
    notFound('replication', 'positions that are seen once a second do not resolve it'),
    ...timesOf(facts).map((times) => timeParameter(times, known)),
  ];
}

function notFound(name: ParameterName, evidence: string): Parameter {
  return { name, found: null, residual: null, evidence };
}

/** Everything that the load tells: processor costs, and what the service times hold besides. */
function loadParameters(facts: readonly RunFacts[], known: ServiceTimes): Parameter[] {
  const costs = processorCosts(facts, known);
  const writes = clearestService(facts, 'write');
  const onPrimary = clearestService(facts, 'read', 'primary');
  const onStandby = clearestService(facts, 'read', 'standby');
  const [readCost, reads] =
    costs.readOnStandby.meanMs === null ? [costs.read, onPrimary] : [costs.readOnStandby, onStandby];
  const statementMs = costs.pgpoolStatement.meanMs ?? known.pgpoolStatement?.mean ?? 0;
  const { way, parameter: network } = networkOf(reads, { read: readCost.meanMs, statementMs, known });
  const work = (name: WorkName, cost: ProcessorCost, seen: ServiceSeen | null): Parameter => {
    const clearest = facts.find((run) => run.name === seen?.run);
    const { statements, ways } = clearest
      ? stepsOf(clearest.scenario, name === 'write' ? 'write' : 'read')
      : { statements: 1, ways: 2 };
    return workOf(name, cost, { seen, ways, way, pgpoolMs: statements * statementMs, known });
  };
  return [
    ...readsOf(costs, known).map(([name, cost]) =>
      work(name, cost, cost === costs.read ? onPrimary : onStandby),
    ),
    work('write', withoutCommit(costs.write, known), writes),
    plainCost('pgpoolStatement', costs, known),
    plainCost('replay', costs, known),
    plainCost('background', costs, known),
    network,
  ];
}

type WorkName = 'read' | 'readOnStandby' | 'write';

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

/** One way between client and server: what the fits go on with, and what the model gets. */
interface NetworkFit {
  way: Time;
  parameter: Parameter;
}

/** Parts of a rest that are tried for one that repeats: few slow ones lift a mean that the others know nothing of. */
const parts = [1, 0.75, 0.5, 0.35];

/** What a read's service time holds beside work, half for each way. */
function networkOf(
  seen: ServiceSeen | null,
  { read, statementMs, known }: { read: number | null; statementMs: number; known: ServiceTimes },
): NetworkFit {
  const { mean, variation } = known.network;
  const kept = (why: string): NetworkFit => ({
    way: { meanMs: mean, shape: { distribution: 'lognormal', variation } },
    parameter: notFound('network', why),
  });
  if (!seen) return kept('too few reads to tell');
  if (read === null) return kept("the reads' processor time could not be told");
  const restMs = seen.meanMs - read - statementMs;
  if (restMs <= 0)
    return kept(`reads took ${ms(seen.meanMs)}, no longer than their work of ${ms(read + statementMs)}`);
  const halfMs = restMs / 2;
  const fit = fitTimes(
    seen.quantiles,
    {
      work: variations(spreadOf('read', known)),
      wayMs: { believed: halfMs, tries: parts.map((part) => part * halfMs), most: halfMs },
      way: variations(variation),
    },
    ({ work, wayMs, way }, random) =>
      () =>
        random.lognormal(read, work) +
        random.lognormal(wayMs, way) +
        random.lognormal(wayMs, way) +
        statementMs,
  );
  const { values, residual } = fit;
  const smooth: Time & { residual: number } = {
    meanMs: values.wayMs,
    shape: { distribution: 'lognormal', variation: values.way },
    residual,
  };
  const rough = residual > worstFit ? roughWay(seen, { read, statementMs, known }) : smooth;
  const way = rough.residual < residual ? rough : smooth;
  const evidence = `reads of ${seen.run} took ${ms(seen.meanMs)}, their work ${ms(read + statementMs)}; the rest is two ways`;
  const { residual: misfit, ...found } = way;
  return { way: found, parameter: { name: 'network', found, residual: misfit, evidence } };
}

/** Ways by their quantiles, with the work as it was believed to be. */
function roughWay(
  seen: ServiceSeen,
  { read, statementMs, known }: { read: number; statementMs: number; known: ServiceTimes },
): Time & { residual: number } {
  const spread = spreadOf('read', known);
  return empiricalWay(
    seen.quantiles,
    (random) => () => (spread === 0 ? read : random.lognormal(read, spread)) + statementMs,
  );
}

/** Work of a class: its mean from processor time, its shape from the service times of the run that waited least. */
function workOf(
  name: WorkName,
  { meanMs, residual, evidence }: ProcessorCost,
  options: { seen: ServiceSeen | null; ways: number; way: Time; pgpoolMs: number; known: ServiceTimes },
): Parameter {
  if (meanMs === null) return notFound(name, evidence);
  const { seen, ways, way, pgpoolMs, known } = options;
  const believed = spreadOf(name, known);
  if (!seen) {
    const shape: Shape = { distribution: 'lognormal', variation: believed };
    return {
      name,
      found: { meanMs, shape },
      residual,
      evidence: `${evidence}; spread as before: too few to tell`,
    };
  }
  const restMs = Math.max(0, seen.meanMs - meanMs - ways * way.meanMs - pgpoolMs);
  const tried = (['lognormal', 'gamma'] as const).map((distribution) => ({
    distribution,
    ...fitTimes(
      seen.quantiles,
      {
        variation: variations(believed),
        restMs: { believed: 0, tries: [0, ...parts.map((part) => part * restMs)] },
      },
      (values, random) => {
        const onWay = drawer(way, random.fork('ways'));
        const work = drawer({ meanMs, shape: { distribution, variation: values.variation } }, random);
        return () => {
          let sum = work() + pgpoolMs + values.restMs;
          for (let count = 0; count < ways; count += 1) sum += onWay();
          return sum;
        };
      },
    ),
  }));
  const best = tried.reduce((left, right) => (right.residual < 0.9 * left.residual ? right : left));
  const fits = best.residual <= worstShape;
  const shape: Shape = fits
    ? { distribution: best.distribution, variation: best.values.variation }
    : { distribution: 'lognormal', variation: believed };
  const unexplained =
    best.values.restMs > 0.1 * seen.meanMs ? `, ${ms(best.values.restMs)} of them neither work nor way` : '';
  return {
    name,
    found: { meanMs, shape },
    residual: fits ? Math.max(residual ?? 0, best.residual) : residual,
    evidence: fits
      ? `${evidence}; shape from ${seen.count} times of ${seen.run}${unexplained}`
      : `${evidence}; spread as before: none makes its times in ${seen.run}`,
  };
}

/** Coefficient of variation that the model has for a time. */
function spreadOf(
  name: 'read' | 'readOnStandby' | 'write' | 'pgpoolStatement' | 'replay' | 'background',
  known: ServiceTimes,
): number {
  return known[name]?.variation ?? usualVariation;
}

/** A cost of the processor whose spread nothing tells. */
function plainCost(
  name: 'pgpoolStatement' | 'replay' | 'background',
  costs: ProcessorCosts,
  known: ServiceTimes,
): Parameter {
  const { meanMs, evidence, residual } = costs[name];
  if (meanMs === null) return notFound(name, evidence);
  const shape: Shape = { distribution: 'lognormal', variation: spreadOf(name, known) };
  return { name, found: { meanMs, shape }, residual, evidence };
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
  if (error > worstTime * meanMs)
    return notFound(name, `${times}${doubt}: too coarse for about ${Math.round(meanMs)} ms`);
  const rest = seen.length >= fewestForSpread ? '' : '; spread as before: too few to tell';
  return { name, found: { meanMs, shape }, residual: error / meanMs, evidence: `${times}${doubt}${rest}` };
}

function ms(value: number): string {
  return `${value.toFixed(3)} ms`;
}
