// The checks that take too long for `npm test`: `npm run verify`, or `node scripts/verify.mjs --help`.
// It goes on where it was stopped, and writes docs/verified.md from what it measured.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { renderDocument } from './verify/document.mjs';
import { measureDrills } from './verify/drills.mjs';
import { measureMemory } from './verify/memory.mjs';
import { measureOutages } from './verify/outages.mjs';
import { measurePgbench } from './verify/pgbench.mjs';
import { measurePgpool } from './verify/pgpool.mjs';
import { measurePredictions } from './verify/predictions.mjs';
import { measureRehearsals } from './verify/rehearsals.mjs';
import { root } from './verify/runner.mjs';
import { measureSeeds } from './verify/seeds.mjs';
import { measureSoak } from './verify/soak.mjs';
import { dropOtherPrograms, programOf, readState, stateFolder, writeState } from './verify/state.mjs';
import { measureTheory } from './verify/theory.mjs';
import { measureWatchdog } from './verify/watchdog.mjs';

const usage = `usage: npm run verify -- [--fresh] [--keep] [--reuse] [--only NAME] [--runs N] [--seeds N] [--theory-seeds N] [--sequences N] [--soak-minutes N]
  theory       kernel, stations and distributions beside queueing theory, N seeds a model (100; some minutes)
  seeds        the simulator's invariants over N seeds (20)
  pgbench      N pieces of generated expressions, scripts and random streams through the installed pgbench and ours (100; 4 s each)
  pgpool       N random sequences of steps on a real Pgpool-II and on its statecharts (200)
  watchdog     N random sequences of steps on real watchdogs and on their statecharts (20; 100 s each)
  rehearsals   N full rehearsals on real servers beside their simulations (5; 110 s each)
  drills       N runs of every kind of drill on real servers, beside the model's best and worst (10; 4 minutes each)
  predictions  real servers under processor caps beside what was predicted from other loads (10; 9 minutes)
  outages      N runs of a switchover and a failover beside 200 simulated trials (10; a minute each, and some before)
  soak         N minutes of load with a switchover every 90 s (10)
  memory       memory of the load engine on both transports over as many minutes (10)
  --fresh      forget what was measured; without it, verify goes on where it was stopped
  --keep       keep the parts that another program was measured with; each part of the document names its commit
  --reuse      predictions: no run on real servers; calibrate and predict anew from the recordings of earlier ones (keeps, as --keep)
  --only NAME  this part only
Exit codes: 0 every check holds, 1 usage, 2 a check does not hold, 130 interrupted.
`;

/** Runs of a part where the command line names no number. */
const usualRuns = { pgbench: 100, watchdog: 20, rehearsals: 5, drills: 10, outages: 10 };

const parts = {
  theory: measureTheory,
  seeds: measureSeeds,
  pgbench: measurePgbench,
  pgpool: measurePgpool,
  watchdog: measureWatchdog,
  rehearsals: measureRehearsals,
  drills: measureDrills,
  predictions: measurePredictions,
  outages: measureOutages,
  soak: measureSoak,
  memory: measureMemory,
};

function readOptions() {
  const { values } = parseArgs({
    options: {
      fresh: { type: 'boolean' },
      help: { type: 'boolean' },
      keep: { type: 'boolean' },
      only: { type: 'string' },
      reuse: { type: 'boolean' },
      runs: { type: 'string' },
      seeds: { type: 'string', default: '20' },
      sequences: { type: 'string', default: '200' },
      'theory-seeds': { type: 'string', default: '100' },
      'soak-minutes': { type: 'string', default: '10' },
    },
  });
  const { runs, seeds, sequences } = values;
  const counts = {
    runs,
    seeds,
    sequences,
    soakMinutes: values['soak-minutes'],
    theorySeeds: values['theory-seeds'],
  };
  for (const [name, text] of Object.entries(counts)) {
    if (text === undefined) continue;
    if (!/^[1-9]\d{0,3}$/.test(text))
      throw new Error(`${name} is a whole number from 1 to 9999, got "${text}"`);
    counts[name] = Number(text);
  }
  if (values.only !== undefined && !(values.only in parts))
    throw new Error(`--only takes ${Object.keys(parts).join(', ')}; got "${values.only}"`);
  return {
    ...counts,
    fresh: values.fresh ?? false,
    keep: (values.keep || values.reuse) ?? false,
    reuse: values.reuse ?? false,
    help: values.help ?? false,
    only: values.only,
  };
}

function build() {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.json')], {
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) throw new Error('the programs do not build');
}

async function main() {
  const options = readOptions();
  if (options.help) {
    process.stdout.write(usage);
    return 0;
  }
  build();
  if (options.fresh && existsSync(stateFolder)) rmSync(stateFolder, { recursive: true });
  const program = programOf();
  const state = options.keep ? readState() : dropOtherPrograms(readState(), program);
  const note = (line) => process.stderr.write(`${line}\n`);
  const save = () => {
    writeState(state);
    writeFileSync(join(root, 'docs', 'verified.md'), renderDocument(state));
  };
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stop.abort());
  for (const [name, measure] of Object.entries(parts)) {
    if (stop.signal.aborted || (options.only && options.only !== name)) continue;
    const runs = options.runs ?? usualRuns[name];
    await measure(state, { options: { ...options, runs }, program, note, save, signal: stop.signal });
  }
  save();
  if (stop.signal.aborted) return 130;
  const failures = Object.values(state.parts).flatMap(({ failures: found }) => found);
  for (const failure of failures) note(`does not hold: ${failure}`);
  note('docs/verified.md is written');
  return failures.length > 0 ? 2 : 0;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    process.stderr.write(`verify: ${error.message}\n${usage}`);
    process.exitCode = 1;
  },
);
