// Outages of a switchover and a failover on real servers beside what the simulation lets expect: service times are taken from two
// runs of other loads, then the same scenario is simulated many times, and run on real servers some times. Nobody looks at the
// measured lengths before the predicted ones are there.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { calibrate } from './calibrating.mjs';
import { fewestRuns, judgeOutages, outageLimits } from './outages-judge.mjs';
import { built, faultsOf, longestMs, pgdrill, root } from './runner.mjs';
import { watchWaiting } from './stalls.mjs';
import { partOf, stateFolder } from './state.mjs';

/** Simulated trials, with seeds that no run on real servers has. */
const trialCount = 200;
const firstTrialSeed = 1001;

/** When the drills begin; each run and each trial begins them up to a second later, for the checks of a second's period. */
const drills = [
  { kind: 'switchover', atS: 8 },
  { kind: 'failover', atS: 22 },
];

const drillClasses = drills.flatMap(({ kind }) => ['read', 'write'].map((name) => ({ kind, name })));

const load = (reads, writes) => [
  { name: 'read', script: 'builtin:select-only', perSecond: reads },
  { name: 'write', script: 'builtin:tpcb-like', perSecond: writes },
];

/** Time between a run's warm-up and its first drill that tells what operations cost. */
const steadyS = 15;

/** Two loads apart from each other and from the one asked about; the first also tells how long servers and scripts take. */
const calibrations = [
  {
    id: 'manoeuvres',
    classes: load(60, 20),
    drills: [
      { kind: 'switchover', atS: 4 + steadyS },
      { kind: 'failover', atS: 18 + steadyS },
      { kind: 'rebuild', atS: 28 + steadyS },
      { kind: 'resume', atS: 34 + steadyS },
    ],
    measureS: 40 + steadyS,
  },
  { id: 'busy', classes: load(600, 5), drills: [], measureS: steadyS },
];

const question = { id: 'predicted', classes: load(270, 30), drills, measureS: 35 };

export async function measureOutages(state, { options, program, note, save, signal }) {
  const part = partOf(state, 'outages', program);
  const folder = join(stateFolder, 'outages');
  mkdirSync(folder, { recursive: true });
  const files = { model: join(folder, 'model.yaml'), calibrated: join(folder, 'calibrated.yaml') };
  writeFileSync(files.model, modelText());
  for (const scenario of [...calibrations, question])
    writeFileSync(join(folder, `${scenario.id}.yaml`), scenarioText(scenario));
  if (!part.calibration) {
    part.calibrationFailures = [];
    for (const { id } of calibrations) {
      if (signal.aborted) return;
      note(`outages: calibration, ${id}`);
      const words = ['run', join(folder, `${id}.yaml`), '--model', files.model];
      const live = await pgdrill(words, { folder: join(folder, id), signal });
      part.calibrationFailures.push(...faultsOf(live).map((fault) => `outages, calibration ${id}: ${fault}`));
    }
    if (signal.aborted) return;
    part.calibration = calibrate(
      calibrations.map(({ id }) => join(folder, id)),
      files,
    );
    part.failures = part.calibrationFailures;
    save();
  }
  await simulateTrials(part, { folder, files, note, save, signal });
  for (let seed = 1; seed <= options.runs; seed += 1) {
    if (signal.aborted || part.runs.some((run) => run.seed === seed && run.valid)) continue;
    note(`outages: run ${seed} of ${options.runs}`);
    const run = await measureRun(seed, { folder, files, signal });
    if (signal.aborted) return;
    part.components = run.components ?? part.components;
    part.runs = [...part.runs.filter((done) => done.seed !== seed), run];
    part.failures = [...part.calibrationFailures, ...failuresOf(part)];
    save();
  }
}

async function simulateTrials(part, { folder, files, note, save, signal }) {
  const { planRun } = await built('run', 'plan.js');
  const { simulatePlan } = await built('run', 'simulate.js');
  const { summarise } = await built('analysis', 'summary.js');
  part.trials ??= [];
  if (part.trials.length < trialCount) note(`outages: ${trialCount - part.trials.length} simulated trials`);
  while (part.trials.length < trialCount && !signal.aborted) {
    const seed = firstTrialSeed + part.trials.length;
    const set = (await phasesOf(seed)).map(([path, value]) => ({ path, value }));
    const plan = planRun(join(folder, `${question.id}.yaml`), { model: files.calibrated, seed, set });
    part.trials.push({ seed, ...lengthsOf(summarise(await simulatePlan(plan))) });
    if (part.trials.length % 20 === 0) save();
  }
  const { spreadOf } = await built('study', 'timeline', 'spread.js');
  part.predicted = drillClasses.map(({ kind, name }) =>
    spreadOf(part.trials.map(({ outages }) => outages[kind]?.[name] ?? 0)),
  );
}

async function measureRun(seed, { folder, files, signal }) {
  const loadBefore = loadavg()[0];
  const waiting = watchWaiting();
  const set = (await phasesOf(seed)).flatMap(([path, value]) => ['--set', `${path}=${value}`]);
  const words = ['run', join(folder, `${question.id}.yaml`), '--model', files.calibrated];
  const live = await pgdrill([...words, '--seed', String(seed), ...set], {
    folder: join(folder, `run-${seed}`),
    signal,
  });
  const waited = waiting();
  const valid = live.summary !== null && live.summary.verdict.result !== 'invalid';
  const about = { seed, loadBefore, waited, valid, faults: faultsOf(live) };
  if (!live.summary) return about;
  return { ...about, components: live.summary.provenance.components, ...lengthsOf(live.summary) };
}

/** The longest outage of each class in each drill, ms; null where there was none. */
function lengthsOf({ drills: found }) {
  const outages = found.map((drill) => [
    drill.kind,
    { read: longestMs(drill, 'read'), write: longestMs(drill, 'write') },
  ]);
  return { outages: Object.fromEntries(outages) };
}

/** The instants of a run's drills, as values to set. */
async function phasesOf(seed) {
  const { Random } = await built('kernel', 'random.js');
  const random = new Random(seed).fork('phase of the drills');
  return drills.map(({ atS }, index) => [
    `drills.${index}.at`,
    `${Math.round(1000 * (atS + random.unit()))}ms`,
  ]);
}

/** Measured beside predicted, of each drill and class. A run that calls itself invalid is not judged, and repeated the next time. */
export function judgedOutages({ runs, predicted: spreads }) {
  const whole = runs.filter(({ outages, valid }) => outages && valid);
  if (whole.length === 0) return [];
  return drillClasses.map(({ kind, name }, index) => {
    const lengths = whole.map(({ outages }) => outages[kind]?.[name] ?? null);
    return { kind, name, ...judgeOutages(lengths, spreads[index]) };
  });
}

function failuresOf(part) {
  const judged = judgedOutages(part);
  const faults = part.runs.flatMap(({ seed, faults: found }) =>
    found.map((fault) => `outages, run ${seed}: ${fault}`),
  );
  const few =
    (judged[0]?.runs ?? 0) < fewestRuns
      ? [`outages: ${judged[0]?.runs ?? 0} runs, ${fewestRuns} are needed`]
      : [];
  const missed = judged.flatMap(({ kind, name, errorMs, within, runs, medianHolds, shareHolds }) => [
    ...(medianHolds
      ? []
      : [
          `outages, ${kind} ${name}: predicted median off by ${(errorMs / 1000).toFixed(2)} s (${100 * outageLimits.share} % or ${outageLimits.ms} ms allowed)`,
        ]),
    ...(shareHolds
      ? []
      : [`outages, ${kind} ${name}: ${within} of ${runs} runs within the predicted p5 and p95`]),
  ]);
  return [...faults, ...few, ...missed];
}

/** The reference architecture at addresses of its own. */
function modelText() {
  return readFileSync(join(root, 'models', 'reference-architecture.yaml'), 'utf8').replaceAll(
    '127.0.77.',
    '127.0.96.',
  );
}

function scenarioText({ id, classes, drills: planned, measureS }) {
  const { sessions, lifetimeS, warmupS } = { sessions: 24, lifetimeS: 5, warmupS: 4 };
  return JSON.stringify({
    name: `outages, ${id}`,
    cluster: 'model.yaml',
    load: { classes, sessions, sessionLifetime: `${lifetimeS}s` },
    phases: { warmup: `${warmupS}s`, measure: `${measureS}s` },
    drills: planned.map(({ kind, atS }) => ({ kind, at: `${atS}s` })),
  });
}
