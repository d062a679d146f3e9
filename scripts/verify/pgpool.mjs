// The Pgpool statecharts against the real Pgpool-II: random sequences of steps on both, compared after each.
import { buildHarness } from './harness.mjs';
import { partOf } from './state.mjs';

const stepsPerSequence = 10;

/** Clusters side by side: they wait more than they work. */
const lanes = 4;

export async function measurePgpool(state, { options, program, note, save, signal }) {
  const { hash, load } = buildHarness({ config: 'tsconfig.json', name: 'differential', tests: 'test/lab' });
  const part = partOf(state, 'pgpool', program, hash);
  part.stepsPerSequence = stepsPerSequence;
  const { runDifferential, textOfMismatch } = await load('pgpool-differential');
  const { observedSequences } = await load('pgpool-differential-observed');
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
