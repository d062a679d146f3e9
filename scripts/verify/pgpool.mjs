// The Pgpool statecharts against the real Pgpool-II: random sequences of steps on both, compared after each.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './runner.mjs';
import { partOf, stateFolder } from './state.mjs';

const stepsPerSequence = 10;

/** Clusters side by side: they wait more than they work. */
const lanes = 4;

export async function measurePgpool(state, { options, program, note, save, signal }) {
  const { folder, hash } = buildHarness();
  if (state.parts.pgpool && state.parts.pgpool.harness !== hash) delete state.parts.pgpool;
  const part = partOf(state, 'pgpool', program);
  Object.assign(part, { harness: hash, stepsPerSequence });
  const harness = (name) =>
    import(pathToFileURL(join(folder, 'test', 'lab', `pgpool-differential${name}.js`)).href);
  const { runDifferential, textOfMismatch } = await harness('');
  const { observedSequences } = await harness('-observed');
  const seeds = Array.from({ length: options.sequences }, (_, index) => index + 1);
  const plans = [
    ...observedSequences.map(({ id, profile, sequence }) => ({ name: id, profile, sequence })),
    ...seeds.map((seed) => ({ name: String(seed), seed, steps: stepsPerSequence })),
  ].filter(({ name }) => !part.runs.some((run) => run.name === name));
  if (plans.length === 0) return;
  note(`pgpool: ${plans.length} sequences, ${lanes} at a time`);
  const startMs = performance.now();
  const onSequence = ({ mismatch, replay, seen: _seen, ...figures }) => {
    const { name, profile, versions } = figures;
    part.runs.push({ ...figures, drawn: /^\d+$/.test(name), same: mismatch === null });
    part.components = [
      { name: 'PostgreSQL', version: versions.postgres, kind: 'real' },
      { name: 'Pgpool-II', version: versions.pgpool, kind: 'real' },
    ];
    if (mismatch) {
      const after = mismatch.steps.join(', ');
      part.failures.push(`${name} (${profile}): ${mismatch.what} after ${after}; again: \`${replay}\``);
      note(textOfMismatch({ profile, mismatch, replay }));
    }
    if (part.runs.length % 10 === 0) note(`pgpool: ${part.runs.length} sequences done`);
    save();
  };
  const { left } = await runDifferential({ plans, lanes, signal, onSequence });
  if (left.length > 0) part.failures.push(`still running after the end: ${left.join(', ')}`);
  part.minutes = (part.minutes ?? 0) + (performance.now() - startMs) / 60_000;
  save();
}

/** The harness is part of the tests: compiled for itself, beside the state. */
function buildHarness() {
  const folder = join(stateFolder, 'differential');
  rmSync(folder, { recursive: true, force: true });
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const config = join(root, 'scripts', 'verify', 'tsconfig.json');
  const { status } = spawnSync(process.execPath, [compiler, '-p', config, '--outDir', folder], {
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) throw new Error('the differential test does not build');
  const hash = createHash('sha256');
  for (const name of readdirSync(join(folder, 'test', 'lab')).sort())
    hash.update(name).update(readFileSync(join(folder, 'test', 'lab', name)));
  return { folder, hash: hash.digest('hex').slice(0, 12) };
}
