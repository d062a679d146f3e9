// Every kind of drill on real servers, beside the best and the worst that the model gives for each of its spans.
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { built, commandOrder, faultsOf, longestMs, pgdrill, readEvents, root } from './runner.mjs';
import { watchStalls, watchWaiting } from './stalls.mjs';
import { partOf, stateFolder } from './state.mjs';

const scenarios = ['agents', 'nodes', 'hang', 'witness-loss'];

/** The witness carries Pgpool: without it no answer comes, and a run says so. */
const failing = new Set(['witness-loss']);

const trials = 400;

/** Simulated runs of each scenario with its load: what clients do changes the course of a drill, and a trial has none. */
const simulatedRuns = 60;

/** Status and roles are sampled (docs/method.md A1), so an instant may be seen so much late. */
const samplingMs = 250;

/** Phases that begin or end with a status of Pgpool: a short one falls between two looks. */
const sampled = new Set(['primarySearch', 'sessionsBack', 'standbysAttached']);

/** A client tries again after at most half a second, and starts a session (docs/method.md, "Sessions refused"). */
const clientMs = 600;

/** Share of the measured spans that must lie within best and worst. */
const leastShare = 0.9;

export async function measureDrills(state, { options, program, note, save, signal }) {
  const part = partOf(state, 'drills', program);
  part.bounds ??= await boundsOf(note);
  for (let run = 1; run <= options.runs; run += 1) {
    for (const scenario of scenarios) {
      if (signal.aborted || part.runs.some((done) => done.run === run && done.scenario === scenario))
        continue;
      note(`drills: ${scenario}, run ${run} of ${options.runs}`);
      const done = await measureRun(part, { scenario, run, signal });
      if (signal.aborted) return;
      part.runs.push(done);
      save();
    }
  }
  part.failures = failuresOf(part);
  save();
}

async function measureRun(part, { scenario, run, signal }) {
  const folder = join(stateFolder, `drills-${scenario}-${run}`);
  const beside = `${folder}-simulated`;
  const words = [fileOf(scenario), '--seed', String(run)];
  const loadBefore = loadavg()[0];
  const waiting = watchWaiting();
  const stalls = watchStalls(folder);
  const live = await pgdrill(['run', ...words], { folder, signal });
  const stalledIn = stalls.stop();
  const waited = waiting();
  const about = { scenario, run, loadBefore, waited };
  if (signal.aborted || !live.summary)
    return { ...about, drills: [], faults: faultsOf(live), sameOrder: null };
  const simulated = await pgdrill(['simulate', ...words], { folder: beside, signal });
  if (signal.aborted) return about;
  part.components = live.summary.provenance.components;
  const [measured, predicted] = [folder, beside].map((place) => commandOrder(readEvents(place)));
  const faults = failing.has(scenario)
    ? []
    : [...faultsOf(live), ...faultsOf(simulated).map((fault) => `simulated: ${fault}`)];
  const { drills, classes } = live.summary;
  const found = drills.map((drill, index) => {
    const untilMs = drills[index + 1]?.atMs ?? Number.POSITIVE_INFINITY;
    const stalledMs = stalledIn(drill.atMs, untilMs);
    return {
      kind: drill.kind,
      stalledMs,
      spans: judge(part.bounds[drill.kind], drill, { classes, stalledMs }),
    };
  });
  const sameOrder = JSON.stringify(measured) === JSON.stringify(predicted);
  return { ...about, drills: found, stalledMs: stalledIn(0, Number.POSITIVE_INFINITY), faults, sameOrder };
}

/** Each span that was measured or that the model always has, and whether it lies within. */
function judge(bounds, drill, { classes, stalledMs }) {
  if (!bounds) return [];
  const spans = [];
  const lengths = new Map(drill.timeline.map(({ name, startMs, endMs }) => [name, endMs - startMs]));
  for (const name of new Set([...lengths.keys(), ...Object.keys(bounds.phases)])) {
    const bound = bounds.phases[name];
    const measuredMs = lengths.get(name) ?? null;
    if (measuredMs === null && (bound.share < 1 || sampled.has(name))) continue;
    const within =
      measuredMs !== null &&
      bound !== undefined &&
      measuredMs >= bound.bestMs - samplingMs &&
      measuredMs <= bound.worstMs + samplingMs + stalledMs;
    spans.push({ name, measuredMs, within });
  }
  for (const name of ['write', 'read']) {
    const bound = bounds[name];
    const gapMs = 1000 / (classes[name].perSecond || 1);
    const unseenMs = Math.max(200, 15 * gapMs);
    const measuredMs = longestMs(drill, name);
    const mostMs = (bound.worstMs ?? Number.POSITIVE_INFINITY) + clientMs + 2 * gapMs + stalledMs;
    const seen = measuredMs !== null && bound.bestMs !== null && measuredMs >= bound.bestMs - samplingMs;
    const unseen = measuredMs === null && bound.bestMs !== null && bound.bestMs <= unseenMs;
    const endless = measuredMs !== null && bound.bestMs === null;
    const within = endless || ((seen || unseen) && (measuredMs ?? 0) <= Math.max(mostMs, unseenMs));
    spans.push({ name: `${name} outage`, measuredMs, within });
  }
  return spans;
}

/** Best and worst of every span of every kind, over trials at every phase of the periodic checks and simulated runs under load. */
async function boundsOf(note) {
  note(`drills: ${trials} trials of each kind, ${simulatedRuns} simulated runs of each scenario`);
  const { planRun } = await built('run', 'plan.js');
  const { TrialThreads } = await built('study', 'timeline', 'threads.js');
  const threads = new TrialThreads(2);
  const bounds = {};
  try {
    for (const scenario of scenarios) {
      const { cluster, drills } = planRun(fileOf(scenario));
      for (const { kind, lastsMs } of drills) {
        if (kind in bounds) continue;
        const plan = {
          cluster,
          kind,
          seed: 1,
          lossStyle: 'refused',
          ...(lastsMs === null ? {} : { lastsMs }),
        };
        const set = await threads.run(plan, { trials, corners: true });
        bounds[kind] = boundsOver([...set.trials, ...set.corners]);
      }
    }
  } finally {
    await threads.close();
  }
  for (const scenario of scenarios) await widen(bounds, fileOf(scenario));
  return bounds;
}

/** Widens the bounds of each kind of drill by what simulated runs of a scenario show with its load. */
async function widen(bounds, file) {
  const { planRun } = await built('run', 'plan.js');
  const { simulatePlan } = await built('run', 'simulate.js');
  const { summarise } = await built('analysis', 'summary.js');
  for (let seed = 1; seed <= simulatedRuns; seed += 1) {
    const { drills } = summarise(await simulatePlan(planRun(file, { seed })));
    for (const drill of drills) {
      const bound = bounds[drill.kind];
      if (!bound) continue;
      for (const { name, startMs, endMs } of drill.timeline) {
        bound.phases[name] ??= { bestMs: endMs - startMs, worstMs: endMs - startMs, share: 0 };
        cover(bound.phases[name], endMs - startMs);
      }
      for (const name of ['write', 'read']) cover(bound[name], longestMs(drill, name) ?? 0);
    }
  }
}

/** An outage without an end (null) stays one. */
function cover(range, lengthMs) {
  if (range.bestMs !== null) range.bestMs = Math.min(range.bestMs, lengthMs);
  if (range.worstMs !== null) range.worstMs = Math.max(range.worstMs, lengthMs);
}

function boundsOver(figures) {
  const range = (values) => ({ bestMs: finite(Math.min(...values)), worstMs: finite(Math.max(...values)) });
  const names = new Set(figures.flatMap(({ phases }) => Object.keys(phases)));
  const phases = [...names].map((name) => {
    const lengths = figures.flatMap(({ phases: own }) => (own[name] === undefined ? [] : [own[name]]));
    return [name, { ...range(lengths), share: lengths.length / figures.length }];
  });
  return {
    phases: Object.fromEntries(phases),
    write: range(figures.map(({ writeOutageMs }) => writeOutageMs)),
    read: range(figures.map(({ readOutageMs }) => readOutageMs)),
  };
}

/** Null for what does not end by itself. */
function finite(value) {
  return Number.isFinite(value) ? value : null;
}

function failuresOf({ runs }) {
  const failures = runs.flatMap(({ scenario, run, faults = [], sameOrder }) => [
    ...faults.map((fault) => `drills ${scenario} ${run}: ${fault}`),
    ...(sameOrder === false
      ? [`drills ${scenario} ${run}: the commands came in another order than simulated`]
      : []),
  ]);
  const spans = runs.flatMap(({ drills }) => drills.flatMap((drill) => drill.spans));
  const share = spans.filter(({ within }) => within).length / Math.max(1, spans.length);
  if (share < leastShare)
    failures.push(`drills: ${(100 * share).toFixed(1)} % of the spans lie within best and worst`);
  return failures;
}

function fileOf(scenario) {
  return join(root, 'workloads', 'drills', `${scenario}.yaml`);
}
