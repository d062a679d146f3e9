// The section of docs/verified.md about outages.
import { calibrationTable } from './calibrating.mjs';
import { judgedOutages } from './outages.mjs';
import { outageLimits } from './outages-judge.mjs';
import { table } from './table.mjs';

export function outageLines(part) {
  const judged = judgedOutages(part);
  const rows = judged.map((one) => [
    one.kind,
    one.name,
    `${seconds(one.median)} (${seconds(one.least)} to ${seconds(one.most)})`,
    seconds(one.p50),
    one.medianHolds ? signed(one.errorMs) : `**${signed(one.errorMs)}**`,
    `${seconds(one.p5)} to ${seconds(one.p95)}`,
    one.shareHolds ? `${one.within} of ${one.runs}` : `**${one.within} of ${one.runs}**`,
  ]);
  const each = part.runs
    .filter(({ outages }) => outages)
    .map(({ seed, outages, waited, valid }) => [
      valid ? seed : `${seed} (invalid)`,
      ...judged.map(({ kind, name }) => seconds(outages[kind]?.[name] ?? 0)),
      waited === null ? '-' : percent(waited),
    ]);
  return [
    `${part.runs.length} runs of a switchover and a failover 14 s after it, each begun at an instant of its own within a second, beside ${part.trials.length} simulated trials of the`,
    'same scenario with other seeds. Service times come from two runs of other loads; the trials were simulated before the first of these runs. The longest outage of',
    `each class in each drill, s. Allowed: ${100 * outageLimits.share} % or ${outageLimits.ms / 1000} s between the medians, and ${100 * outageLimits.within} % of the runs within the trials’ p5 and p95.`,
    `Of a perfect prediction 90 % of all runs lie there, so of ${judged[0]?.runs ?? 0} runs fewer than that do ${percent(unluckyShare(judged[0]?.runs ?? 0))} of the time.`,
    'Runs that call themselves invalid (the generator fell behind its schedule) are not judged; they are repeated when this part is run again.',
    '',
    ...calibrationTable(part.calibration),
    '',
    ...table(['drill', 'class', 'measured', 'predicted', 'error', 'p5 to p95', 'within'], rows),
    '',
    'Each run, and the share of its time in which something waited for a processor:',
    '',
    ...table(['seed', ...judged.map(({ kind, name }) => `${kind} ${name}`), 'waited'], each),
  ];
}

/** Chance that fewer than the allowed share of so many runs lie where each lies with 90 %. */
function unluckyShare(runs) {
  const fewest = Math.ceil(outageLimits.within * runs);
  let chance = 0;
  let ways = 1;
  for (let inside = 0; inside < fewest; inside += 1) {
    chance += ways * 0.9 ** inside * 0.1 ** (runs - inside);
    ways = (ways * (runs - inside)) / (inside + 1);
  }
  return chance;
}

function percent(share) {
  return `${(100 * share).toFixed(0)} %`;
}

function seconds(ms) {
  return (ms / 1000).toFixed(2);
}

function signed(ms) {
  return `${ms > 0 ? '+' : ''}${seconds(ms)}`;
}
