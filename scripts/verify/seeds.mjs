// The simulator's invariants over many seeds.
import { join } from 'node:path';
import { faultsOf, longestMs, mainScenario, pgdrill, readEvents, readLedger } from './runner.mjs';
import { partOf, stateFolder } from './state.mjs';

/**
 * An acknowledged write may be lost only when its server died before it had been sent to the standby that was promoted.
 * The model's replication delay has a mean of 1 ms; twenty times that is beyond any draw worth allowing.
 */
const allowedBeforeDeathMs = 20;

export async function measureSeeds(state, { options, program, note, save, signal }) {
  const part = partOf(state, 'seeds', program);
  for (let seed = 1; seed <= options.seeds; seed += 1) {
    if (signal.aborted || part.runs.some((run) => run.seed === seed)) continue;
    note(`seed ${seed} of ${options.seeds}`);
    const folder = join(stateFolder, 'seed');
    const result = await pgdrill(['simulate', mainScenario, '--seed', String(seed)], { folder, signal });
    if (signal.aborted) return;
    const faults = faultsOf(result);
    const ledger = result.summary ? readLedger(folder) : null;
    const deaths = result.summary ? deathsIn(readEvents(folder)) : [];
    const beyond = (ledger?.lostAtMs ?? []).filter(
      (atMs) => !deaths.some((deathMs) => atMs > deathMs - allowedBeforeDeathMs && atMs <= deathMs + 1),
    );
    if (beyond.length > 0)
      faults.push(`lost beyond the replication delay: acknowledged at ${beyond.join(', ')} ms`);
    if (ledger?.failedFound) faults.push(`${ledger.failedFound} rows of failed writes`);
    part.failures.push(...faults.map((fault) => `seed ${seed}: ${fault}`));
    const outages = Object.fromEntries(
      (result.summary?.drills ?? []).map((drill) => [
        drill.id,
        { read: longestMs(drill, 'read'), write: longestMs(drill, 'write') },
      ]),
    );
    part.runs.push({
      seed,
      outages,
      lost: ledger?.lostAtMs.length ?? null,
      unknown: ledger?.unknown ?? null,
      faults,
    });
    save();
  }
}

function deathsIn(events) {
  return events
    .filter(({ type, kind, moment }) => type === 'drill' && kind === 'failover' && moment === 'injected')
    .map(({ atMs }) => atMs);
}
