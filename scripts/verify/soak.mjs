// Minutes of load with one switchover after the other: nothing miscounted, nothing that grows.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { faultsOf, longestMs, pgdrill, readLedger, residentMb, root, spreadOf } from './runner.mjs';
import { partOf, stateFolder } from './state.mjs';

const warmupS = 10;
const everyS = 90;

/** Growth of the resident memory from the second fifth of the run to the last that is still called flat. */
const flatWithin = 0.2;

export async function measureSoak(state, { options, program, note, save, signal }) {
  if (state.parts.soak?.minutes === options.soakMinutes && state.parts.soak.runs.length > 0) return;
  delete state.parts.soak;
  const part = partOf(state, 'soak', program);
  part.minutes = options.soakMinutes;
  note(`soak: ${options.soakMinutes} minutes`);
  const endS = options.soakMinutes * 60;
  const switchovers = [];
  for (let atS = 30; atS + everyS / 3 < endS; atS += everyS) switchovers.push(atS);
  mkdirSync(stateFolder, { recursive: true });
  const scenario = join(stateFolder, 'soak.yaml');
  writeFileSync(scenario, scenarioOf(endS, switchovers));
  const folder = join(stateFolder, 'soak');
  const memory = [];
  const watch = (pid) => {
    const mb = residentMb(pid);
    memory.push(mb && Math.round(mb));
  };
  const run = await pgdrill(['run', scenario], { folder, signal, watch });
  if (signal.aborted) return;
  const fifth = Math.floor(memory.length / 5);
  const early = spreadOf(memory.slice(fifth, 2 * fifth))?.median ?? null;
  const late = spreadOf(memory.slice(-fifth))?.median ?? null;
  const growth = early && late ? late / early - 1 : null;
  const faults = faultsOf(run);
  if (growth === null || growth > flatWithin)
    faults.push(`the generator's memory grew from ${early} to ${late} MB`);
  part.failures = faults.map((fault) => `soak: ${fault}`);
  part.components = run.summary?.provenance.components;
  const ledger = run.summary ? readLedger(folder) : null;
  part.runs.push({
    switchovers: switchovers.length,
    switchoversDone: run.summary?.drills.length ?? 0,
    classes: run.summary?.classes ?? null,
    checks: run.summary?.conservation.checks.length ?? 0,
    lost: ledger?.lostAtMs.length ?? null,
    earlyMb: early,
    lateMb: late,
    mostMb: spreadOf(memory)?.most ?? null,
    writeOutageMs: spreadOf(longestOf(run, 'write')),
    readOutageMs: spreadOf(longestOf(run, 'read')),
    faults,
  });
  save();
}

function longestOf({ summary }, name) {
  return (summary?.drills ?? []).map((drill) => longestMs(drill, name));
}

function scenarioOf(endS, switchovers) {
  return [
    'name: soak',
    `cluster: ${join(root, 'models', 'reference-architecture.yaml')}`,
    'seed: 1',
    'load:',
    '  classes:',
    '    - { name: read, script: builtin:select-only, perSecond: 270 }',
    '    - { name: write, script: builtin:tpcb-like, perSecond: 30 }',
    '  sessions: 24',
    '  sessionLifetime: 5s',
    `phases: { warmup: ${warmupS}s, measure: ${endS - warmupS}s }`,
    switchovers.length > 0 ? 'drills:' : 'drills: []',
    ...switchovers.map((atS) => `  - { kind: switchover, at: ${atS}s }`),
    '',
  ].join('\n');
}
