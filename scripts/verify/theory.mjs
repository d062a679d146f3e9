// The simulator's kernel, stations and distributions beside queueing theory: each model with seeds 1 to N, its own 95 % intervals.
import { setImmediate as turn } from 'node:timers/promises';
import { buildHarness } from './harness.mjs';
import { partOf } from './state.mjs';

/** Of 100 intervals of one metric at least so many hold the exact value; of all together this share. */
const leastShare = 0.89;
const leastPooledShare = 0.94;
const mostError = 0.01;

export async function measureTheory(state, { options, program, note, save, signal }) {
  const { hash, load } = buildHarness({ config: 'tsconfig-theory.json', name: 'theory', tests: 'test/sim' });
  const part = partOf(state, 'theory', program, hash);
  const { theoryModels, usualLength, intervalOf, covers } = await load('theory-models');
  Object.assign(part, { length: usualLength, seeds: options.theorySeeds });
  for (const { name, exact, run } of theoryModels) {
    if (signal.aborted) return;
    if (part.runs.some((entry) => entry.model === name && entry.seeds === options.theorySeeds)) continue;
    note(`theory: ${name}, ${options.theorySeeds} seeds`);
    const metrics = Object.keys(exact).map((metric) => ({
      metric,
      exact: exact[metric],
      covered: 0,
      sum: 0,
    }));
    for (let seed = 1; seed <= options.theorySeeds; seed += 1) {
      const measured = run(seed, usualLength);
      for (const entry of metrics) {
        const interval = intervalOf(measured, entry.metric);
        if (covers(interval, entry.exact)) entry.covered += 1;
        entry.sum += interval.mean;
      }
      await turn();
      if (signal.aborted) return;
    }
    part.runs = part.runs.filter(({ model }) => model !== name);
    part.runs.push({
      model: name,
      seeds: options.theorySeeds,
      metrics: metrics.map(({ sum, ...entry }) => ({ ...entry, mean: sum / options.theorySeeds })),
    });
    save();
  }
  part.failures = failuresOf(part);
  save();
}

function failuresOf({ runs }) {
  const failures = [];
  let covered = 0;
  let all = 0;
  for (const { model, seeds, metrics } of runs) {
    for (const { metric, exact, mean, covered: count } of metrics) {
      covered += count;
      all += seeds;
      if (count < leastShare * seeds)
        failures.push(`${model}, ${metric}: ${count} of ${seeds} intervals hold the exact value`);
      if (Math.abs(mean / exact - 1) > mostError)
        failures.push(`${model}, ${metric}: ${mean} over all seeds, exact ${exact}`);
    }
  }
  if (covered < leastPooledShare * all)
    failures.push(`${covered} of all ${all} intervals hold the exact value`);
  return failures;
}

/** Lines of docs/verified.md. */
export function theoryLines({ runs, length, seeds }) {
  const number = (value) => value.toPrecision(5);
  const rows = runs.flatMap(({ model, metrics }) =>
    metrics.map(({ metric, exact, mean, covered }) => {
      const error = `${(100 * (mean / exact - 1)).toFixed(2)} %`;
      return `| ${model} | ${metric} | ${number(exact)} | ${number(mean)} | ${error} | ${covered} |`;
    }),
  );
  const pooled = runs.flatMap(({ metrics }) => metrics.map(({ covered }) => covered));
  const share = pooled.reduce((sum, count) => sum + count, 0) / (pooled.length * seeds);
  return [
    `Seeds 1 to ${seeds}, each a run of ${length.batches} batches of ${length.batch} mean service times after a warm-up of ${length.warmUp}; the interval of a run`,
    "is Student's over its batches. `in` counts the runs whose 95 % interval holds the exact value: at least 89 of 100 for each",
    `metric, and 94 % over all (here ${(100 * share).toFixed(1)} %). The mean over all runs is within 1 % of the exact value.`,
    '',
    '| model | metric | exact | mean of all runs | error | in |',
    '|---|---|---|---|---|---|',
    ...rows,
  ];
}
