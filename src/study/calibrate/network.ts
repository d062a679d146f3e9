import type { Random } from '../../kernel/random.ts';
import type { ServiceTimes } from '../../scenario/model-shape.ts';
import type { ProcessorCosts } from './costs.ts';
import { type RunFacts, stepsOf } from './facts.ts';
import { ms, notFound, type Parameter, spreadOf, usualVariation } from './parameter.ts';
import type { ServiceSeen } from './service.ts';
import { empiricalWay, fitTimes, type Time, variations, worstFit } from './shape.ts';

/** What an execution consists of beside its own work on a server. */
export interface Besides {
  statements: number;
  ways: number;
  /** Pgpool's part, ms, wake-ups of its child included. */
  pgpoolMs: number;
  /** Wake-ups on the server, ms. */
  wakeMs: number;
}

export function besidesOf(
  run: RunFacts | undefined,
  kind: 'read' | 'write',
  { costs, known }: { costs: ProcessorCosts; known: ServiceTimes },
): Besides {
  const meanOf = (name: 'pgpoolStatement' | 'wakePgpool' | 'wake'): number =>
    costs[name].meanMs ?? known[name]?.mean ?? 0;
  const { statements, ways } = run ? stepsOf(run.scenario, kind) : { statements: 1, ways: 2 };
  const wakes = run?.wakes[kind];
  return {
    statements,
    ways,
    pgpoolMs: statements * meanOf('pgpoolStatement') + (wakes?.pgpool ?? 0) * meanOf('wakePgpool'),
    wakeMs: (wakes?.worker ?? 0) * meanOf('wake'),
  };
}

/** One way between client and server: what the fits go on with, and what the model gets. */
interface NetworkFit {
  way: Time;
  parameter: Parameter;
}

/** Parts of a rest that are tried for one that repeats: few slow ones lift a mean that the others know nothing of. */
export const parts = [1, 0.75, 0.5, 0.35];

/** What a read's service time holds beside work, in equal parts for each way. */
export function networkOf(
  seen: ServiceSeen | null,
  { read, besides, known }: { read: number | null; besides: Besides; known: ServiceTimes },
): NetworkFit {
  const { mean, variation } = known.network;
  const kept = (why: string): NetworkFit => ({
    way: { meanMs: mean, shape: { distribution: 'lognormal', variation } },
    parameter: notFound('network', why),
  });
  if (!seen) return kept('too few reads to tell');
  if (read === null) return kept("the reads' processor time could not be told");
  const { statements, ways, pgpoolMs, wakeMs } = besides;
  const workMs = statements * read + pgpoolMs + wakeMs;
  const restMs = seen.meanMs - workMs;
  if (restMs <= 0) return kept(`reads took ${ms(seen.meanMs)}, no longer than their work of ${ms(workMs)}`);
  const partMs = restMs / ways;
  const spread = spreadOf('read', known);
  /** One execution without its ways. */
  const workOnce = (random: Random, variation: number): number => {
    let sum = pgpoolMs + (wakeMs === 0 ? 0 : random.lognormal(wakeMs, usualVariation));
    for (let count = 0; count < statements; count += 1) sum += random.lognormal(read, variation);
    return sum;
  };
  const fit = fitTimes(
    seen.quantiles,
    {
      work: variations(spread),
      wayMs: { believed: partMs, tries: parts.map((part) => part * partMs), most: partMs },
      way: variations(variation),
    },
    ({ work, wayMs, way }, random) =>
      () => {
        let sum = workOnce(random, work);
        for (let count = 0; count < ways; count += 1) sum += random.lognormal(wayMs, way);
        return sum;
      },
  );
  const { values, residual } = fit;
  const smooth: Time & { residual: number } = {
    meanMs: values.wayMs,
    shape: { distribution: 'lognormal', variation: values.way },
    residual,
  };
  const rest = (random: Random) => () => workOnce(random, spread);
  const rough = residual > worstFit ? empiricalWay(seen.quantiles, ways, rest) : smooth;
  const way = rough.residual < residual ? rough : smooth;
  const evidence = `reads of ${seen.run} took ${ms(seen.meanMs)}, their work ${ms(workMs)}; the rest is ${ways} ways`;
  const { residual: misfit, ...found } = way;
  return { way: found, parameter: { name: 'network', found, residual: misfit, evidence } };
}
