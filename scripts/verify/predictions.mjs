// Service times taken from four loads on one configuration, then predictions of others beside what real servers did there.
// Every database server has a processor cap, so that the servers of one machine do not stand in for each other's cores.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { calibrate } from './calibrating.mjs';
import { faultsOf, pgdrill, root } from './runner.mjs';
import { watchWaiting } from './stalls.mjs';
import { partOf, stateFolder } from './state.mjs';

/** Cores of each database server, in periods of 100 ms: three standbys, Pgpool and the generator fit into two cores. */
const capCores = 0.2;

const lifetimeS = 4;
const phases = { warmup: 3, measure: 30 };
const sessions = 40;

/** Accepted errors: the (docs/method.md, "Predictions"). */
export const limits = { perSecond: 0.1, p50: 0.2, p99: 0.35 };

const read = (perSecond) => ({ name: 'read', script: 'builtin:select-only', perSecond });
const write = (perSecond) => ({ name: 'write', script: 'builtin:tpcb-like', perSecond });
const readers = (count, thinkTime) => ({
  name: 'read',
  script: 'builtin:select-only',
  sessions: count,
  thinkTime,
});

/**
 * What is measured for the calibration, on weights 0, 1, 1: next to nothing, mostly writes, readers that rest for a moment, and
 * readers as fast as they can. An operation costs less where others follow it soon, so the last two say what rest costs.
 */
const calibrations = [
  { id: 'quiet', classes: [read(80), write(3)] },
  { id: 'writes', classes: [read(500), write(40)] },
  { id: 'rests', classes: [readers(24, '15ms')] },
  { id: 'full', classes: [readers(24, '0ms'), write(8)] },
];

/** What is predicted: other weights, rates, numbers of standbys, and closed loads. */
const predictions = [
  { id: 'rate', about: 'another rate', classes: [read(500), write(15)] },
  { id: 'weights-0-1-0', about: 'one standby takes all', weights: [0, 1, 0], classes: [read(450), write(8)] },
  { id: 'weights-1-1-1', about: 'the primary reads too', weights: [1, 1, 1], classes: [read(900), write(8)] },
  { id: 'weights-0.5-1-1', about: 'half a share', weights: [0.5, 1, 1], classes: [read(900), write(8)] },
  { id: 'weights-1-4-4', about: 'a small share', weights: [1, 4, 4], classes: [read(900), write(8)] },
  { id: 'standbys-3', about: 'three standbys', standbys: 3, classes: [read(1200), write(8)] },
  { id: 'closed', about: 'closed, 10 ms of thought', classes: [readers(16, '10ms')] },
  {
    id: 'full-1',
    about: 'closed, as fast as they can',
    standbys: 1,
    classes: [readers(24, '0ms')],
    full: true,
  },
  {
    id: 'full-2',
    about: 'closed, as fast as they can',
    standbys: 2,
    classes: [readers(24, '0ms')],
    full: true,
  },
  {
    id: 'full-3',
    about: 'closed, as fast as they can',
    standbys: 3,
    classes: [readers(24, '0ms')],
    full: true,
  },
];

export async function measurePredictions(state, { options, program, note, save, signal }) {
  const part = partOf(state, 'predictions', program);
  const folder = join(stateFolder, 'predictions');
  mkdirSync(folder, { recursive: true });
  const model = join(folder, 'capped.yaml');
  const calibrated = join(folder, 'calibrated.yaml');
  if (options.reuse) return predictAgain(part, { folder, model, calibrated, program, note, save, signal });
  if (!part.calibration) {
    writeFileSync(model, modelText());
    part.calibrationFailures = [];
    for (const run of calibrations) {
      if (signal.aborted) return;
      note(`predictions: calibration, ${run.id}`);
      const { faults } = await measure(run, { folder, model, signal });
      part.calibrationFailures.push(...faults.map((fault) => `calibration ${run.id}: ${fault}`));
    }
    if (signal.aborted) return;
    part.calibration = calibrate(foldersOf(folder), { model, calibrated });
    part.failures = part.calibrationFailures;
    save();
  }
  for (const run of predictions) {
    if (signal.aborted || part.runs.some(({ id }) => id === run.id)) continue;
    note(`predictions: ${run.id}`);
    const done = await measure(run, { folder, model: calibrated, signal });
    if (signal.aborted) return;
    part.components = done.components ?? part.components;
    part.runs.push(done);
    part.failures = [...(part.calibrationFailures ?? []), ...part.runs.flatMap(failuresOf)];
    save();
  }
}

/** Service times and predictions of this program, beside what earlier runs on real servers recorded. */
async function predictAgain(part, { folder, model, calibrated, program, note, save, signal }) {
  const missing = [...calibrations, ...predictions].filter(
    ({ id }) => !existsSync(join(folder, id, 'summary.json')),
  );
  if (missing.length > 0)
    throw new Error(`--reuse finds no run of ${missing.map(({ id }) => id).join(', ')}`);
  part.calibration = calibrate(foldersOf(folder), { model, calibrated });
  part.predictedBy = program;
  part.isOfOlderRuns ??= part.runs.length === 0;
  const runs = [];
  for (const run of predictions) {
    note(`predictions: ${run.id}, from its recording`);
    const before = part.runs.find(({ id }) => id === run.id);
    const kept = before?.measured ? before : recorded(run, readJson(join(folder, run.id, 'summary.json')));
    const words = ['simulate', join(folder, `${run.id}.yaml`), '--model', calibrated, ...assignmentsOf(run)];
    const { summary } = await pgdrill(words, { folder: join(folder, `${run.id}-again`), signal });
    if (signal.aborted) return;
    runs.push({ ...kept, predicted: summary && figuresOf(summary) });
  }
  part.runs = runs;
  part.failures = [...(part.calibrationFailures ?? []), ...runs.flatMap(failuresOf)];
  save();
}

function foldersOf(folder) {
  return calibrations.map(({ id }) => join(folder, id));
}

/** What a run's own summary tells of it; how busy the machine was besides is not known any more. */
function recorded(run, summary) {
  const { id, about, full = false } = run;
  const faults = faultsOf({ code: 0, summary, stderr: '' });
  return {
    id,
    about,
    full,
    waited: null,
    standbys: run.standbys ?? 2,
    faults,
    ...figuresBeside(summary),
  };
}

/** The reference architecture at addresses of its own, every database server capped. */
function modelText() {
  return readFileSync(join(root, 'models', 'reference-architecture.yaml'), 'utf8')
    .replaceAll('127.0.77.', '127.0.95.')
    .replace(/( {4}address: .*\n)( {4}postgres:)/g, `$1    cap: { cpu: ${capCores} }\n$2`)
    .replace(/num_init_children: \d+/, 'num_init_children: 64');
}

function scenarioText({ id, classes }) {
  const isOpen = classes.some(({ perSecond }) => perSecond !== undefined);
  const lines = classes.map((entry) => `    - ${JSON.stringify(entry)}`);
  return [
    `name: predictions, ${id}`,
    'cluster: capped.yaml',
    'load:',
    '  arrivals: poisson',
    '  classes:',
    ...lines,
    ...(isOpen ? [`  sessions: ${sessions}`] : []),
    `  sessionLifetime: ${lifetimeS}s`,
    `phases: { warmup: ${phases.warmup}s, measure: ${phases.measure}s }`,
    '',
  ].join('\n');
}

/** Runs a configuration on real servers; the run itself also simulates it, with the model it is given. */
async function measure(run, { folder, model, signal }) {
  const file = join(folder, `${run.id}.yaml`);
  writeFileSync(file, scenarioText(run));
  const loadBefore = loadavg()[0];
  const waiting = watchWaiting();
  const result = join(folder, run.id);
  const live = await pgdrill(['run', file, '--model', model, ...assignmentsOf(run)], {
    folder: result,
    signal,
  });
  const waited = waiting();
  const { id, about, full = false } = run;
  const common = { id, about, full, loadBefore, waited, standbys: run.standbys ?? 2, faults: faultsOf(live) };
  if (!live.summary) return { ...common, measured: null, predicted: null };
  const predicted = readJson(join(result, 'predicted.json'));
  return {
    ...common,
    components: live.summary.provenance.components,
    ...figuresBeside(live.summary),
    predicted: predicted?.schema === 'pgdrill/summary@1' ? figuresOf(predicted) : null,
  };
}

/** What a configuration changes in the model. */
function assignmentsOf({ standbys, weights = [] }) {
  return [
    ...(standbys === undefined ? [] : [`standbys=${standbys}`]),
    ...weights.map((weight, index) => `model.servers.server${index + 1}.postgres.weight=${weight}`),
  ].flatMap((assignment) => ['--set', assignment]);
}

function figuresBeside(summary) {
  return {
    measured: figuresOf(summary),
    starts: summary.shareInterval.sessionStarts,
    weights: summary.backends.map(({ weight }) => weight),
  };
}

function figuresOf({ classes, backends, offload, servers }) {
  const { perSecond, latencyMs } = classes.read;
  return {
    perSecond,
    p50: latencyMs?.p50 ?? null,
    p99: latencyMs?.p99 ?? null,
    offload,
    shares: backends.map(({ readShare }) => readShare ?? 0),
    servers: (servers ?? []).map(({ name, cpuMs, sampledMs, throttledMs }) => ({
      name,
      used: cpuMs / sampledMs,
      heldBack: throttledMs === null ? null : throttledMs / sampledMs,
    })),
  };
}

/** Half the width of the 95 % interval of a share over so many draws. */
export function intervalOf(share, starts) {
  return 1.96 * Math.sqrt((share * (1 - share)) / starts);
}

/** Relative error of a prediction; null where either is missing. */
export function errorOf({ measured, predicted }, name) {
  const [seen, expected] = [measured?.[name], predicted?.[name]];
  return seen && expected ? expected / seen - 1 : null;
}

/** Whether chance explains how far the measured shares lie from the expected ones. */
export function sharesWithin({ measured, weights, starts }) {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return measured.shares.every((share, index) => {
    const expected = weights[index] / total;
    return Math.abs(share - expected) <= intervalOf(expected, starts) + 1e-9;
  });
}

function failuresOf(run) {
  const failures = run.faults.map((fault) => `prediction ${run.id}: ${fault}`);
  if (!run.measured || !run.predicted) return [...failures, `prediction ${run.id}: nothing to compare`];
  for (const [name, limit] of Object.entries(limits)) {
    const error = errorOf(run, name);
    if (error === null) failures.push(`prediction ${run.id}: ${name} was not measured or not predicted`);
    else if (Math.abs(error) > limit)
      failures.push(
        `prediction ${run.id}: ${name} off by ${(100 * error).toFixed(0)} % (${100 * limit} % allowed)`,
      );
  }
  if (!sharesWithin(run))
    failures.push(`prediction ${run.id}: shares outside the interval of ${run.starts} session starts`);
  return failures;
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}
