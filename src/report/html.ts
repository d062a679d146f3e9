import { longestMs } from '../analysis/compare.ts';
import { printMetric } from '../analysis/thresholds.ts';
import type { Recording } from '../recording/recording.ts';
import { agrees, type Summary } from '../recording/summary.ts';
import type { Chart, ChartData } from './charts.ts';
import { chartData } from './charts.ts';
import {
  cautions,
  formatCount,
  formatInstant,
  formatKeeping,
  formatRate,
  formatShare,
  formatSigned,
  formatSpan,
  formatWaiting,
  formatWorker,
  missedSentence,
  provenanceText,
  shareSentence,
  verdictMeaning,
} from './format.ts';
import { drillSection } from './html-drill.ts';
import { escapeHtml, htmlTable } from './html-text.ts';
import { selfContainedPage } from './page.ts';
import { pageScript } from './page-script.ts';
import { processorTable } from './processors.ts';

/** Rows of the table behind a chart at most. */
const mostTableRows = 600;

/**
 * The report as one HTML page that needs nothing but itself: charts with their library and data inside, timelines as
 * pictures, tables that read without a script.
 */
export function renderHtml(summary: Summary, recording: Recording): string {
  const data = chartData(summary, recording);
  return selfContainedPage({
    title: summary.name,
    sections: [
      header(summary),
      keyNumbers(summary),
      thresholdSection(summary),
      ...cautions(summary).map((caution) => `<p class="caution">${escapeHtml(caution)}</p>`),
      chartsSection(data),
      ...summary.drills.map((drill) => drillSection(drill, summary)),
      loadSection(summary),
      trustSection(summary),
    ],
    data,
    script: pageScript,
  });
}

function header(summary: Summary): string {
  const { name, verdict, world } = summary;
  const { parts, source } = provenanceText(summary);
  const where = world === 'live' ? 'On real servers' : 'In virtual time';
  const reasons = verdict.reasons.map((reason) => `<li>${escapeHtml(reason)}</li>`).join('');
  return `<header>
<h1>${escapeHtml(name)}</h1>
<p><span class="verdict ${verdict.result}" id="verdict">${verdict.result}</span> ${escapeHtml(verdictMeaning[verdict.result])}</p>
${reasons === '' ? '' : `<ul>${reasons}</ul>`}
<p class="soft small">${where}: ${escapeHtml(parts)}.<br>${escapeHtml(source)}</p>
</header>`;
}

function keyNumbers({ classes, drills, offload }: Summary): string {
  const keys: [id: string, value: string, meaning: string][] = [];
  for (const [name, found] of Object.entries(classes)) {
    const all = drills.flatMap(({ outages }) => outages[name] ?? []);
    const longest = longestMs(all);
    keys.push([`longest-${name}`, longest === null ? 'none' : formatSpan(longest), `longest ${name} outage`]);
    keys.push([`p99-${name}`, formatSpan(found.latencyMs?.p99), `${name} p99 of the measured time`]);
  }
  keys.push(['offload', formatShare(offload), 'of reads answered by a standby']);
  const lost = drills.map(({ lostCommits }) => lostCommits);
  if (lost.some((count) => count !== null)) {
    const sum = lost.reduce<number>((all, count) => all + (count ?? 0), 0);
    keys.push(['lost', formatCount(sum), 'acknowledged writes lost']);
  }
  const errors = drills.flatMap(({ predictionError }) => predictionError?.writeOutageMs ?? []);
  const worst = errors.toSorted((first, second) => Math.abs(second) - Math.abs(first))[0];
  if (worst !== undefined)
    keys.push(['error', formatSigned(worst), 'largest error of a predicted write outage']);
  const cards = keys.map(
    ([id, value, meaning]) =>
      `<div class="key"><b id="key-${escapeHtml(id)}">${escapeHtml(value)}</b><span>${escapeHtml(meaning)}</span></div>`,
  );
  return `<section class="keys">${cards.join('\n')}</section>`;
}

function thresholdSection({ thresholds }: Summary): string {
  if (thresholds.length === 0) return '';
  const rows = thresholds.map(({ text, value, unit, result }) => [text, printMetric(value, unit), result]);
  return `<section id="thresholds"><h2>Thresholds</h2>
${htmlTable(['threshold', 'found', 'result'], rows, { left: [2] })}
</section>`;
}

function chartsSection(data: ChartData): string {
  const marks = data.changes
    .map(({ at, label }) => `<li>${escapeHtml(`${label} (${at.toFixed(2)} s)`)}</li>`)
    .join('');
  const per =
    data.secondsPerPoint === 1 ? 'one point a second' : `one point in ${data.secondsPerPoint} seconds`;
  return `<section>
<h2>Over time</h2>
<p class="soft small">Seconds since the load started, ${per}.
<span class="swatch band"></span>a drill, from its injection to the last thing seen of it
<span class="swatch silence"></span>an outage of the class. Dashed lines: a server's role changed, as observed:</p>
<ol class="marks">${marks}</ol>
${data.charts.map((chart) => chartBlock(chart, data.times)).join('\n')}
</section>`;
}

function chartBlock(chart: Chart, times: readonly number[]): string {
  const every = Math.max(1, Math.ceil(times.length / mostTableRows));
  const rows = times.flatMap((at, index) =>
    index % every === 0
      ? [[`${at} s`, ...chart.series.map(({ values }) => values[index]?.toString() ?? '-')]]
      : [],
  );
  const caption = every === 1 ? chart.unit : `${chart.unit}; every ${every}th point`;
  const table = htmlTable(['from', ...chart.series.map(({ label }) => label)], rows, { caption });
  return `<h3>${escapeHtml(chart.title)}</h3>
<p class="soft small">${escapeHtml(chart.note)}</p>
<div class="chart" id="chart-${escapeHtml(chart.id)}"></div>
<details><summary>the numbers</summary>${table}</details>`;
}

function loadSection(summary: Summary): string {
  const { load, classes, backends } = summary;
  const processors = processorTable(summary);
  const shares = shareSentence(summary);
  const rows = Object.entries(classes).map(([name, found]) => [
    name,
    ...[found.due, found.ok, found.failed, found.unknown, found.skipped].map(formatCount),
    formatRate(found.perSecond),
    ...[found.latencyMs?.p50, found.latencyMs?.p95, found.latencyMs?.p99, found.latencyMs?.max].map(
      formatSpan,
    ),
    ...[found.serviceMs?.p50, found.serviceMs?.p99].map(formatSpan),
  ]);
  const head = ['class', 'due', 'ok', 'failed', 'unknown', 'skipped', 'ok/s', 'p50', 'p95', 'p99', 'max'];
  const errors = Object.entries(classes).flatMap(([name, found]) =>
    Object.entries(found.errors).map(([code, count]) => [name, code, formatCount(count)]),
  );
  const missed = Object.entries(classes).flatMap(([name, found]) => {
    const sentence = missedSentence(found);
    return sentence === null ? [] : [`<p class="soft small">${escapeHtml(`${name}: ${sentence}`)}.</p>`];
  });
  const servers = backends.map((server) => [
    server.name,
    server.address,
    `${server.roleAtStart ?? '?'} → ${server.roleAtEnd ?? '?'}`,
    String(server.weight),
    server.sessions === null ? '-' : server.sessions.toFixed(1),
    formatCount(server.reads),
    formatShare(server.readShare),
    formatSpan(server.latencyMs?.p99),
  ]);
  const terms = `${formatInstant(load.durationMs)} of load, the first ${formatSpan(load.warmupMs)} not counted; ${load.sessions} sessions, ${formatKeeping(load)}; ${formatWaiting(load)}.`;
  return `<section><h2>Load and servers</h2>
<p>${escapeHtml(terms)} Latency counts from the instant an operation was due; service time from its send.</p>
${htmlTable([...head, 'service p50', 'service p99'], rows)}
${errors.length === 0 ? '' : htmlTable(['class', 'error', 'operations'], errors, { left: [1] })}
${missed.join('\n')}
${htmlTable(['server', 'address', 'role', 'weight', 'sessions', 'reads', 'share', 'read p99'], servers, { left: [1, 2] })}
${shares === null ? '' : `<p class="soft small">${escapeHtml(shares)}.</p>`}
${processors ? htmlTable(processors.head, processors.rows, { caption: processors.meaning }) : ''}
</section>`;
}

function trustSection({ generator, conservation, notMeasured }: Summary): string {
  const { scheduleLagMs, saturated, workers } = generator;
  const lag =
    scheduleLagMs === null
      ? 'not measured'
      : `p50 ${formatSpan(scheduleLagMs.p50)}, p95 ${formatSpan(scheduleLagMs.p95)}, largest ${formatSpan(scheduleLagMs.max)}`;
  const checks = conservation.checks.map((check) => [
    check.name,
    formatCount(check.expected),
    formatCount(check.actual),
    agrees(check) ? 'agrees' : 'DIFFERS',
  ]);
  const gaps = notMeasured.map(({ field, why }) => [field, why]);
  return `<section><h2>Can the numbers be trusted</h2>
<p>Generator behind its schedule: ${escapeHtml(lag)}; ${saturated ? '<b>saturated</b>' : 'not saturated'}.</p>
${workers.length === 0 ? '' : `<ul>${workers.map((worker) => `<li>${escapeHtml(formatWorker(worker))}</li>`).join('\n')}</ul>`}
${htmlTable(['check', 'expected', 'found', ''], checks, { left: [3] })}
${gaps.length === 0 ? '' : `<h3>Not measured</h3>${htmlTable(['field', 'why'], gaps, { left: [1] })}`}
</section>`;
}
