// docs/verified.md: what the last verification measured, and what it did not.
import { spreadOf } from './runner.mjs';

export function renderDocument({ parts }) {
  return [
    '# Verified',
    '',
    'Written by `npm run verify` from what it measured; nothing in it is typed by hand. Times are of the longest outage of a',
    'drill, median (least to most). The simulated figures come from service times that were not measured on this machine.',
    '',
    ...section('Simulator: invariants over seeds', 'seeds', parts.seeds, seedLines),
    ...section(
      'Rehearsals: real servers beside the simulation',
      'rehearsals',
      parts.rehearsals,
      rehearsalLines,
    ),
    ...section('Soak: one switchover after the other', 'soak', parts.soak, soakLines),
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

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}
