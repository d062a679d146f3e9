import type { ServiceTimes } from '../../scenario/model-shape.ts';
import type { ProcessorCost } from './costs.ts';
import { type Besides, parts } from './network.ts';
import { ms, notFound, type Parameter, spreadOf, type WorkName } from './parameter.ts';
import type { ServiceSeen } from './service.ts';
import { drawer, fitTimes, type Shape, type Time, variations } from './shape.ts';

/** No spread is taken from a fit that misses by more. */
const worstShape = 0.5;

/** Work of a class: its mean from processor time, its shape from the service times of the run that waited least. */
export function workOf(
  name: WorkName,
  { meanMs, residual, evidence }: ProcessorCost,
  options: { seen: ServiceSeen | null; besides: Besides; way: Time; known: ServiceTimes },
): Parameter {
  if (meanMs === null) return notFound(name, evidence);
  const { seen, besides, way, known } = options;
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
  const { statements, ways, pgpoolMs, wakeMs } = besides;
  const knownMs = pgpoolMs + wakeMs;
  /** A read is a statement, a write is all of its statements. */
  const times = name === 'write' ? 1 : statements;
  const restMs = Math.max(0, seen.meanMs - times * meanMs - ways * way.meanMs - knownMs);
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
          let sum = knownMs + values.restMs;
          for (let count = 0; count < times; count += 1) sum += work();
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
