// The watchdog's statecharts against real Pgpools with watchdogs: sequences of steps on both, compared after each.
import { buildHarness } from './harness.mjs';
import { partOf } from './state.mjs';
import { table } from './table.mjs';

const stepsPerSequence = 6;

export async function measureWatchdog(state, { options, program, note, save, signal }) {
  const { hash, load } = buildHarness({
    config: 'tsconfig-watchdog.json',
    name: 'watchdog',
    tests: 'test/lab',
  });
  if (state.parts.watchdog && state.parts.watchdog.harness !== hash) delete state.parts.watchdog;
  const part = partOf(state, 'watchdog', program);
  Object.assign(part, { harness: hash, stepsPerSequence });
  const { runWatchdog, textOfMismatch } = await load('watchdog-differential');
  const { observedWatchdog } = await load('watchdog-differential-observed');
  const seeds = Array.from({ length: options.runs }, (_, index) => index + 1);
  const plans = [
    ...observedWatchdog.map(({ id, sequence }) => ({ name: id, sequence })),
    ...seeds.map((seed) => ({ name: String(seed), seed, steps: stepsPerSequence })),
  ].filter(({ name }) => !part.runs.some((run) => run.name === name));
  if (plans.length === 0) return;
  note(`watchdog: ${plans.length} sequences`);
  const startMs = performance.now();
  const onSequence = (result) => {
    const { name, profile, steps, comparisons, views, mismatch, replay, versions } = result;
    const drawn = /^\d+$/.test(name);
    part.runs.push({
      name,
      profile,
      drawn,
      steps: steps.length,
      comparisons,
      views,
      same: mismatch === null,
    });
    part.components = [
      { name: 'PostgreSQL', version: versions.postgres, kind: 'real' },
      { name: 'Pgpool-II', version: versions.pgpool, kind: 'real' },
    ];
    if (mismatch) {
      part.failures.push(
        `${name} (${profile}): after ${steps.join(', ')}: real ${mismatch.real}, statecharts ${mismatch.model}; again: \`${replay}\``,
      );
      note(textOfMismatch(result));
    }
    save();
  };
  const { left } = await runWatchdog({ plans, signal, onSequence });
  if (left.length > 0) part.failures.push(`still running after the end: ${left.join(', ')}`);
  part.minutes = (part.minutes ?? 0) + (performance.now() - startMs) / 60_000;
  save();
}

/** What docs/verified.md says of it. */
export function watchdogLines({ runs, stepsPerSequence, minutes }) {
  const sum = (field, of = runs) => of.reduce((total, run) => total + run[field], 0);
  const rows = [true, false].map((drawn) => {
    const own = runs.filter((run) => run.drawn === drawn);
    const kind = drawn ? `random, ${stepsPerSequence} steps` : 'of docs/pgpool-observed.md';
    return [kind, own.length, sum('steps', own), own.filter(({ same }) => !same).length];
  });
  const views = new Set(runs.flatMap((run) => Object.keys(run.views)));
  const profiles = new Set(runs.map(({ profile }) => profile));
  return [
    'Two, three or four real Pgpools with watchdogs, each in a network namespace, before a primary and its standby, and their statecharts: killed, stopped,',
    'frozen, cut off, without their link; backends killed, out of the reach of one Pgpool, detached and attached through any of them. After each step each that runs',
    'says its state, the leader, quorum, escalation, whom it sees (`pcp_watchdog_info`) and its backends (`pcp_node_info`); its machine shows the virtual IP and what was run for it.',
    `${sum('steps')} steps under ${profiles.size} settings, ${sum('comparisons')} facts compared, ${views.size} different views of a node, in ${Math.round(minutes ?? 0)} minutes.`,
    '',
    ...table(['sequences', 'number', 'steps', 'differ'], rows),
  ];
}
