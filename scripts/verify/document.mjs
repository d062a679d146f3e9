// docs/verified.md: what the last verification measured, and what it did not.
import { memoryLines } from './memory.mjs';
import { outageLines } from './outages-lines.mjs';
import { pgbenchLines } from './pgbench.mjs';
import { predictionLines } from './predictions-lines.mjs';
import { spreadOf } from './runner.mjs';
import { table } from './table.mjs';
import { theoryLines } from './theory.mjs';
import { watchdogLines } from './watchdog.mjs';

export function renderDocument({ parts }) {
  return [
    '# Verified',
    '',
    'Written by `npm run verify` from what it measured; nothing in it is typed by hand. Times are of the longest outage of a',
    'drill, median (least to most). The simulated figures come from service times that were not measured on this machine, but for',
    'those under Predictions and Outages.',
    '',
    ...section('Simulator: its stations beside queueing theory', 'theory', parts.theory, theoryLines),
    ...section('Simulator: invariants over seeds', 'seeds', parts.seeds, seedLines),
    ...section('pgbench: its language, there and here', 'pgbench', parts.pgbench, pgbenchLines),
    ...section('Pgpool: the statecharts beside a real Pgpool-II', 'pgpool', parts.pgpool, pgpoolLines),
    ...section('Watchdog: the statecharts beside real ones', 'watchdog', parts.watchdog, watchdogLines),
    ...section(
      'Rehearsals: real servers beside the simulation',
      'rehearsals',
      parts.rehearsals,
      rehearsalLines,
    ),
    ...section('Drills: every kind beside its best and worst', 'drills', parts.drills, drillLines),
    ...section(
      'Predictions: real servers beside what other loads let expect',
      'predictions',
      parts.predictions,
      predictionLines,
    ),
    ...section(
      'Outages: real servers beside what simulated trials let expect',
      'outages',
      parts.outages,
      outageLines,
    ),
    ...section('Soak: one switchover after the other', 'soak', parts.soak, soakLines),
    ...section('Memory: the load engine over minutes', 'memory', parts.memory, memoryLines),
  ].join('\n');
}

function section(title, name, part, lines) {
  if (!part || part.runs.length === 0)
    return [`## ${title}`, `Not run with this program (\`npm run verify -- --only ${name}\`).`, ''];
  return [`## ${title}`, aboutOf(part), '', ...lines(part), '', ...resultOf(part), ''];
}

function aboutOf({ program, startedAt, components }) {
  const { commit, changed, node, machine, hash } = program;
  const servers = (components ?? []).map(({ name, version, kind }) => `${name} ${version ?? ''} (${kind})`);
  return [
    `Commit ${commit ?? 'unknown'}${changed ? ' with local changes' : ''} (program ${hash})`,
    startedAt.slice(0, 10),
    machine,
    `Node ${node}`,
    ...servers.map((text) => text.replace('  ', ' ')),
  ].join(' · ');
}

function resultOf({ failures }) {
  if (failures.length === 0) return ['Every check holds.'];
  return ['Does not hold:', ...failures.map((failure) => `- ${failure}`)];
}

function seedLines({ runs }) {
  const rows = ['switchover', 'failover', 'resume'].flatMap((id) =>
    ['read', 'write'].map((name) => [
      id,
      name,
      seconds(spreadOf(runs.map(({ outages }) => outages[id]?.[name]))),
    ]),
  );
  const lost = runs.reduce((sum, run) => sum + (run.lost ?? 0), 0);
  const unknown = runs.reduce((sum, run) => sum + (run.unknown ?? 0), 0);
  return [
    `Seeds ${runs[0].seed} to ${runs.at(-1).seed}, ${runs.length} runs of workloads/rehearse-failover.yaml. Checked in each: one primary at the end,`,
    'counts conserved, no row of a failed write, no acknowledged write lost but in the 20 ms before the primary died.',
    `Lost in all: ${lost}; without an answer: ${unknown}.`,
    '',
    ...table(['drill', 'class', 'simulated outage'], rows),
  ];
}

function pgpoolLines({ runs, stepsPerSequence, minutes }) {
  const sum = (field) => runs.reduce((total, run) => total + run[field], 0);
  const add = (counts, found) => {
    for (const [name, count] of Object.entries(found)) counts[name] = (counts[name] ?? 0) + count;
    return counts;
  };
  const totals = (field) => runs.reduce((counts, run) => add(counts, run[field]), {});
  const listed = (counts) =>
    Object.entries(counts)
      .sort(([, a], [, b]) => b - a)
      .map(([name, count]) => `${name} (${count})`)
      .join(', ');
  const vectors = new Set(runs.flatMap((run) => run.vectors));
  const names = [...new Set(runs.map(({ profile }) => profile))].sort();
  const rows = names.map((name) => {
    const own = runs.filter(({ profile }) => profile === name);
    return [
      name,
      own.length,
      own.reduce((total, run) => total + run.steps, 0),
      own.filter(({ same }) => !same).length,
    ];
  });
  return [
    `${runs.filter(({ drawn }) => drawn).length} random sequences of ${stepsPerSequence} steps (kill, start, promote, re-point, pcp attach, detach and promote with their options,`,
    `sessions opened, kept, used) and the ${runs.filter(({ drawn }) => !drawn).length} of docs/pgpool-observed.md: ${sum('steps')} steps, ${sum('comparisons')} facts compared, ${vectors.size} different vectors of node states`,
    `seen, in ${Math.round(minutes ?? 0)} minutes.`,
    '',
    ...table(['settings', 'sequences', 'steps', 'differ'], rows),
    '',
    `What clients saw: ${listed(totals('answers'))}.`,
  ];
}

function rehearsalLines({ runs }) {
  const whole = runs.filter(({ drills }) => drills);
  const rows = ['switchover', 'failover', 'resume'].flatMap((id) =>
    ['read', 'write'].map((name) => {
      const found = whole.map(({ drills }) => drills.find((drill) => drill.id === id)?.outages[name]);
      const of = (field) => seconds(spreadOf(found.map((entry) => entry?.[field])));
      return [id, name, of('measuredMs'), of('predictedMs'), of('errorMs')];
    }),
  );
  const each = whole.map(({ seed, drills, sameOrder, commands, ledger, loadBefore, lagP95Ms }) => {
    const of = (id, name) => {
      const { measuredMs, predictedMs } = drills.find((drill) => drill.id === id)?.outages[name] ?? {};
      return `${oneSeconds(measuredMs)} / ${oneSeconds(predictedMs)}`;
    };
    const order = sameOrder ? `same (${commands})` : 'differs';
    return [
      seed,
      of('switchover', 'read'),
      of('switchover', 'write'),
      of('failover', 'read'),
      of('failover', 'write'),
      order,
      `${ledger.ok} - ${ledger.lost} + ${ledger.unknownFound} = ${ledger.found}`,
      lagP95Ms === null ? '-' : lagP95Ms.toFixed(1),
      loadBefore.toFixed(1),
    ];
  });
  const differing = whole.filter(({ sameOrder }) => !sameOrder);
  return [
    `${runs.length} runs of workloads/rehearse-failover.yaml. Error is predicted less measured.`,
    '',
    ...table(['drill', 'class', 'measured, s', 'simulated, s', 'error, s'], rows),
    '',
    'Each run: outages measured / simulated in s; order of the agents’ commands against the simulated one; acknowledged - lost +',
    'doubtful that committed = rows found; lag of the generator (p95, ms); load average before the run.',
    '',
    ...table(
      [
        'seed',
        'switchover read',
        'switchover write',
        'failover read',
        'failover write',
        'commands',
        'rows',
        'lag',
        'load',
      ],
      each,
    ),
    ...differing.map(
      ({ seed, firstDifference: { live, simulated } }) =>
        `\nSeed ${seed} differs first at: live \`${live}\`, simulated \`${simulated}\`.`,
    ),
  ];
}

function drillLines({ runs, bounds }) {
  const drills = runs.flatMap((run) => run.drills);
  const spans = new Map();
  for (const { kind, spans: own } of drills) {
    for (const { name, measuredMs, within } of own) {
      const key = `${kind}|${name}`;
      spans.set(key, [...(spans.get(key) ?? []), { measuredMs, within }]);
    }
  }
  const bound = (kind, name) => {
    const found = bounds[kind]?.phases[name] ?? bounds[kind]?.[name.split(' ')[0]];
    if (!found) return '-';
    const text = (ms) => (ms === null ? 'no end' : oneSeconds(ms));
    return found.bestMs === null ? 'no end' : `${text(found.bestMs)} to ${text(found.worstMs)}`;
  };
  const rows = [...spans].map(([key, found]) => {
    const [kind, name] = key.split('|');
    const measured = seconds(spreadOf(found.map(({ measuredMs }) => measuredMs)));
    return [
      kind,
      name,
      measured,
      bound(kind, name),
      `${found.filter(({ within }) => within).length} of ${found.length}`,
    ];
  });
  const all = [...spans.values()].flat();
  const share = (100 * all.filter(({ within }) => within).length) / Math.max(1, all.length);
  const stalls = spreadOf(runs.map(({ stalledMs }) => stalledMs));
  const waited = spreadOf(runs.map((run) => run.waited));
  const percent = (value) => `${(100 * value).toFixed(0)} %`;
  const same = runs.filter(({ sameOrder }) => sameOrder).length;
  return [
    `${runs.length} runs of workloads/drills, ${drills.length} drills; in ${same} the agents’ commands came in the simulation’s order.`,
    `${share.toFixed(1)} % of ${all.length} spans lie within the model’s best and worst: those of 400 trials at every phase of the periodic`,
    'checks and of 60 simulated runs of the scenario with its load, less and plus 0.25 s for the sampling of roles and status; an outage up to 0.6 s and two gaps of its class longer, for the',
    'clients’ next try; and as much longer as this machine stalled during the drill. An outage too short to be seen has no length.',
    `Stalls of an idle timer in a run, s: ${seconds(stalls)}. Share of the time in which something waited for a processor:`,
    waited
      ? `${percent(waited.median)} (${percent(waited.least)} to ${percent(waited.most)}).`
      : 'not told by this kernel.',
    '',
    ...table(['drill', 'span', 'measured, s', 'best to worst, s', 'within'], rows),
  ];
}

function soakLines({ minutes, runs }) {
  const [run] = runs;
  const rows = Object.entries(run.classes ?? {}).map(([name, counts]) => [
    name,
    ...['due', 'ok', 'failed', 'unknown', 'skipped'].map((field) => counts[field]),
    seconds(run[`${name}OutageMs`]),
  ]);
  return [
    `${minutes} minutes, ${run.switchoversDone} of ${run.switchovers} switchovers, ${run.checks} counts compared, ${run.lost} acknowledged writes lost.`,
    `Resident memory of pgdrill with its load workers: ${run.earlyMb} MB in the second fifth, ${run.lateMb} MB in the last, ${run.mostMb} MB at most.`,
    '',
    ...table(['class', 'due', 'ok', 'failed', 'unknown', 'skipped', 'outage, s'], rows),
  ];
}

function oneSeconds(ms) {
  return ms === null || ms === undefined ? '-' : (ms / 1000).toFixed(2);
}

function seconds(spread) {
  if (!spread) return '-';
  return `${oneSeconds(spread.median)} (${oneSeconds(spread.least)} to ${oneSeconds(spread.most)})`;
}
