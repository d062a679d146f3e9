import type { DrillOutcome, DrillSummary, Summary } from '../recording/summary.ts';
import {
  formatBound,
  formatCount,
  formatInstant,
  formatShare,
  formatSigned,
  formatSpan,
  namesIn,
  phaseMeaning,
  refusalText,
} from './format.ts';
import { escapeHtml, htmlTable } from './html-text.ts';
import { timelineSvg } from './timeline-svg.ts';

/** One drill of the page: its timeline as a picture, then the same and the rest as tables. */
export function drillSection(drill: DrillSummary, { world, backends }: Summary): string {
  const own = world === 'live' ? 'measured' : 'simulated';
  const target = drill.target === null ? '' : ` of ${drill.target}`;
  const svg = timelineSvg(drill, own);
  const simulated = drill.predicted ? '<span class="swatch simulated"></span>simulated' : '';
  const legend = `<p class="soft small"><span class="swatch own"></span>${own}<span class="swatch outage"></span>${own}, no answers${simulated}; below a bar, the setting that bounds it; seconds from the injection</p>`;
  return `<section id="drill-${escapeHtml(drill.id)}">
<h2>Drill: ${escapeHtml(drill.kind)}${escapeHtml(target)} at ${formatInstant(drill.atMs)}</h2>
${svg === '' ? '' : legend + svg}
${outageTable(drill, own)}
${effectTable(drill, own)}
${phaseTable(drill, own)}
${shareTable(
  drill,
  backends.map(({ name }) => name),
)}
${afterwards(drill)}
</section>`;
}

function outageTable({ outages, predicted, predictionError, atMs }: DrillSummary, own: string): string {
  const rowsOf = (outcome: Pick<DrillOutcome, 'outages'>, who: string, zeroMs: number): string[][] =>
    Object.entries(outcome.outages).flatMap(([name, found]) =>
      found.length === 0
        ? [[name, who, 'none', '-', '-']]
        : found.map(({ startMs, lengthMs, lost }) => [
            name,
            who,
            formatSpan(lengthMs),
            formatSigned(startMs - zeroMs),
            formatCount(lost),
          ]),
    );
  const rows = [
    ...rowsOf({ outages }, own, atMs),
    ...(predicted ? rowsOf(predicted, 'simulated', predicted.atMs) : []),
  ];
  const errors = predictionError
    ? `<p>Predicted minus measured, longest outage: writes ${formatSigned(predictionError.writeOutageMs)}, reads ${formatSigned(predictionError.readOutageMs)}.</p>`
    : '';
  return htmlTable(['outage of', 'world', 'length', 'from injection', 'lost'], rows, { left: [1] }) + errors;
}

function effectTable({ operations, spike, recoveredAfterMs, predicted }: DrillSummary, own: string): string {
  const rowsOf = (
    outcome: Pick<DrillOutcome, 'operations' | 'spike' | 'recoveredAfterMs'>,
    who: string,
  ): string[][] =>
    Object.entries(outcome.operations).map(([name, counts]) => [
      name,
      who,
      formatCount(counts.failed),
      formatCount(counts.unknown),
      formatCount(counts.skipped),
      formatSpan(outcome.spike[name]?.baselineP99Ms),
      formatSpan(outcome.spike[name]?.p99Ms),
      formatSpan(outcome.spike[name]?.lengthMs),
      outcome.recoveredAfterMs[name] == null ? 'not seen' : formatSpan(outcome.recoveredAfterMs[name]),
    ]);
  const rows = [
    ...rowsOf({ operations, spike, recoveredAfterMs }, own),
    ...(predicted ? rowsOf(predicted, 'simulated') : []),
  ];
  const head = [
    'class',
    'world',
    'failed',
    'unknown',
    'skipped',
    'p99 before',
    'worst p99',
    'slow for',
    'at 95 % after',
  ];
  return htmlTable(head, rows, { left: [1] });
}

function phaseTable({ timeline, predicted, atMs }: DrillSummary, own: string): string {
  const expected = predicted?.timeline ?? [];
  const names = [...new Set([...timeline, ...expected].map(({ name }) => name))];
  if (names.length === 0) return '';
  const rows = names.map((name) => {
    const mine = timeline.find((phase) => phase.name === name);
    const other = expected.find((phase) => phase.name === name);
    const boundBy = mine?.boundBy ?? other?.boundBy ?? null;
    return [
      name,
      phaseMeaning(name),
      mine ? formatSigned(mine.startMs - atMs) : '-',
      mine ? formatSpan(mine.endMs - mine.startMs) : '-',
      ...(predicted ? [other ? formatSpan(other.endMs - other.startMs) : '-'] : []),
      boundBy === null ? 'a script or a server' : `${formatBound(boundBy)} (${boundBy.file})`,
    ];
  });
  const head = [
    'phase',
    'what happens',
    'from injection',
    own,
    ...(predicted ? ['simulated'] : []),
    'bounded by',
  ];
  return `<div class="phases">${htmlTable(head, rows, { left: [1, head.length - 1] })}</div>`;
}

function shareTable({ readShare, predicted }: DrillSummary, servers: readonly string[]): string {
  const outcomes = [readShare, ...(predicted ? [predicted.readShare] : [])];
  if (outcomes.every(({ before, during, after }) => namesIn(before, during, after).length === 0)) return '';
  const rows = servers.map((name) => [
    name,
    ...outcomes.flatMap(({ before, during, after }) =>
      [before, during, after].map((shares) => formatShare(shares[name])),
    ),
  ]);
  const head = ['reads by', 'before', 'during', 'after'];
  return htmlTable([...head, ...(predicted ? ['sim. before', 'sim. during', 'sim. after'] : [])], rows);
}

function afterwards({
  refusedSessions,
  weightRestoredAfterMs,
  predicted,
  lostCommits,
}: DrillSummary): string {
  const lines = [`${refusalText(refusedSessions, predicted)}.`];
  const restored = Object.entries(weightRestoredAfterMs).map(([server, afterMs]) => {
    const own =
      afterMs === null ? 'not before the next drill or the end' : `${formatSpan(afterMs)} after its attach`;
    const other = predicted?.weightRestoredAfterMs[server];
    return `${server} carried its weight again: ${own}${other == null ? '' : ` (simulated ${formatSpan(other)})`}.`;
  });
  lines.push(...restored);
  if (lostCommits !== null) lines.push(`Acknowledged writes lost: ${formatCount(lostCommits)}.`);
  return lines.length === 0 ? '' : `<ul>${lines.map((line) => `<li>${escapeHtml(line)}</li>`).join('')}</ul>`;
}
