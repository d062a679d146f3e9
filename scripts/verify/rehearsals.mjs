// Full rehearsals on real servers, each beside the simulation of the same plan.

import { loadavg } from 'node:os';
import { join } from 'node:path';
import {
  commandOrder,
  faultsOf,
  longestMs,
  mainScenario,
  pgdrill,
  readEvents,
  readLedger,
} from './runner.mjs';
import { partOf, stateFolder } from './state.mjs';

export async function measureRehearsals(state, { options, program, note, save, signal }) {
  const part = partOf(state, 'rehearsals', program);
  for (let seed = 1; seed <= options.runs; seed += 1) {
    if (signal.aborted || part.runs.some((run) => run.seed === seed)) continue;
    note(`rehearsal ${seed} of ${options.runs}`);
    const folder = join(stateFolder, `rehearsal-${seed}`);
    const beside = join(stateFolder, `rehearsal-${seed}-simulated`);
    const loadBefore = loadavg()[0];
    const words = [mainScenario, '--seed', String(seed)];
    const live = await pgdrill(['run', ...words], { folder, signal });
    if (signal.aborted) return;
    const simulated = await pgdrill(['simulate', ...words], { folder: beside, signal });
    const faults = faultsOf(live);
    part.failures.push(...faults.map((fault) => `rehearsal ${seed}: ${fault}`));
    if (live.summary) part.runs.push({ ...figuresOf(live, { folder, beside }), seed, loadBefore, faults });
    else part.runs.push({ seed, loadBefore, faults });
    part.components = live.summary?.provenance.components ?? part.components;
    part.failures.push(...faultsOf(simulated).map((fault) => `simulation ${seed}: ${fault}`));
    save();
  }
}

function figuresOf({ summary }, { folder, beside }) {
  const orders = [folder, beside].map((place) => commandOrder(readEvents(place)));
  const [measured, predicted] = orders;
  const firstAt = measured.findIndex((step, index) => step !== predicted[index]);
  const differsAt = firstAt === -1 && predicted.length > measured.length ? measured.length : firstAt;
  const sameOrder = differsAt === -1 && measured.length === predicted.length;
  const drills = summary.drills.map((drill) => ({
    id: drill.id,
    detectMs: lengthOf(drill, 'detect'),
    outages: Object.fromEntries(
      ['read', 'write'].map((name) => [
        name,
        {
          measuredMs: longestMs(drill, name),
          count: drill.outages[name]?.length ?? 0,
          predictedMs: longestMs(drill.predicted, name),
          errorMs: drill.predictionError?.[`${name}OutageMs`] ?? null,
        },
      ]),
    ),
    lostCommits: drill.lostCommits,
  }));
  const { ok, unknown, unknownFound, found, lostAtMs } = readLedger(folder) ?? {};
  return {
    drills,
    commands: measured.length,
    sameOrder,
    firstDifference: sameOrder ? null : { live: measured[differsAt], simulated: predicted[differsAt] },
    ledger: { ok, unknown, unknownFound, found, lost: lostAtMs?.length },
    lagP95Ms: summary.generator.scheduleLagMs?.p95 ?? null,
  };
}

function lengthOf({ timeline }, name) {
  const phase = timeline.find((entry) => entry.name === name);
  return phase ? phase.endMs - phase.startMs : null;
}
