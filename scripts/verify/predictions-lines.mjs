// The section of docs/verified.md about predictions.
import { calibrationTable } from './calibrating.mjs';
import { errorOf, intervalOf, limits, sharesWithin } from './predictions.mjs';
import { table } from './table.mjs';

export function predictionLines({ runs, calibration, predictedBy, isOfOlderRuns = false }) {
  const whole = runs.filter(({ measured, predicted }) => measured && predicted);
  const rows = whole.map((run) => [
    run.id,
    run.about,
    pair(run, 'perSecond', (value) => value.toFixed(0)),
    judged(run, 'perSecond'),
    pair(run, 'p50', (value) => value.toFixed(2)),
    judged(run, 'p50'),
    pair(run, 'p99', (value) => value.toFixed(1)),
    judged(run, 'p99'),
    `${percent(busiest(run, run.measured))} / ${percent(busiest(run, run.predicted))}`,
    run.measured.shares.map(percent).join(' '),
    `${run.weights.map((weight) => percent(weight / sum(run.weights))).join(' ')} ± ${widest(run)}`,
    sharesWithin(run) ? 'within' : 'outside',
  ]);
  const full = whole
    .filter((run) => run.full)
    .map((run) => [
      run.standbys,
      run.measured.perSecond.toFixed(0),
      run.predicted.perSecond.toFixed(0),
      judged(run, 'perSecond'),
    ]);
  const offload = whole
    .filter(({ id }) => ['rate', 'weights-0.5-1-1', 'weights-1-1-1'].includes(id))
    .filter(({ measured }) => measured.offload !== null)
    .toSorted((a, b) => a.weights[0] - b.weights[0])
    .map((run) => [run.weights[0], percent(run.measured.offload), percent(run.predicted.offload)]);
  return [
    'Service times come from four runs on weights 0, 1, 1 (`pgdrill calibrate`: next to no load, mostly writes, closed readers with a rest and without); everything else is predicted with them. Every database server has a',
    `processor cap. Errors are predicted against measured; allowed are ${100 * limits.perSecond} % of reads/s, ${100 * limits.p50} % of p50, ${100 * limits.p99} % of p99, and shares within the`,
    '95 % interval for so many session starts. Latencies in ms, from due time; processor: share of a core that the busiest database server used.',
    'Each is measured / predicted.',
    ...(predictedBy ? ['', againLine(predictedBy, isOfOlderRuns)] : []),
    '',
    ...calibrationTable(calibration),
    '',
    ...table(
      [
        'configuration',
        '',
        'reads/s',
        'error',
        'p50',
        'error',
        'p99',
        'error',
        'processor, %',
        'shares, %',
        'expected, %',
        '',
      ],
      rows,
    ),
    '',
    'Read throughput of closed clients against the number of standbys:',
    '',
    ...table(['standbys', 'measured reads/s', 'simulated reads/s', 'error'], full),
    '',
    'Share of reads that standbys answered, against the weight of the primary beside standbys of weight 1:',
    '',
    ...table(['weight of the primary', 'measured, %', 'simulated, %'], offload),
    '',
    withinLine(whole),
    '',
    ...waitedLines(whole),
  ];
}

function withinLine(runs) {
  const counts = Object.keys(limits).map((name) => {
    const within = runs.filter(
      (run) => Math.abs(errorOf(run, name) ?? Number.POSITIVE_INFINITY) <= limits[name],
    );
    return `${{ perSecond: 'throughput', p50: 'p50', p99: 'p99' }[name]} ${within.length}`;
  });
  return `Within the allowed errors, of ${runs.length} configurations: ${counts.join(', ')}.`;
}

/** Whose predictions stand beside recordings that are older; those may come from before what is known of this document. */
function againLine({ commit, hash }, isOfOlderRuns) {
  const whose = isOfOlderRuns ? 'of a program that is not known any more' : 'those of the commit above';
  return `The runs on real servers are ${whose}; service times and predictions were made from their recordings by commit ${commit ?? 'unknown'} (program ${hash}): \`npm run verify -- --reuse --only predictions\`.`;
}

/** What the machine itself adds to latencies while others work on it. */
function waitedLines(runs) {
  const waited = runs.flatMap(({ waited: share }) => (share === null ? [] : [share]));
  if (waited.length === 0) return [];
  const most = Math.max(...waited);
  return [
    `Share of the time in which something waited for a processor: at most ${percent(most)} % of a run. A wait for a processor that others hold is in no model.`,
  ];
}

function pair({ measured, predicted }, name, print) {
  const text = (value) => (value === null ? '-' : print(value));
  return `${text(measured[name])} / ${text(predicted[name])}`;
}

function judged(run, name) {
  const error = errorOf(run, name);
  if (error === null) return '-';
  const text = `${error > 0 ? '+' : ''}${(100 * error).toFixed(0)} %`;
  return Math.abs(error) <= limits[name] ? text : `**${text}**`;
}

/** Share of a core used by the database server that used most in the measurement. */
function busiest({ measured }, figures) {
  const [most] = measured.servers
    .filter(({ heldBack }) => heldBack !== null)
    .toSorted((a, b) => b.used - a.used);
  return figures.servers.find(({ name }) => name === most?.name)?.used ?? 0;
}

function widest({ weights, starts }) {
  const total = sum(weights);
  return (100 * Math.max(...weights.map((weight) => intervalOf(weight / total, starts)))).toFixed(1);
}

function percent(share) {
  return (100 * share).toFixed(1);
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
