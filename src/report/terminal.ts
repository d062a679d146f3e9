import { printMetric } from '../analysis/thresholds.ts';
import { agrees, type Summary } from '../recording/summary.ts';
import {
  cautions,
  formatCount,
  formatInstant,
  formatKeeping,
  formatRate,
  formatShare,
  formatSpan,
  formatWaiting,
  formatWorker,
  missedSentence,
  provenanceText,
  shareSentence,
  verdictMeaning,
} from './format.ts';
import { processorTable } from './processors.ts';
import { renderDrill } from './terminal-drill.ts';
import { textTable, wrapText } from './text-table.ts';

/**
 * The report as plain text of at most 80 columns, for a reader without a manual. The caller prints where the files are.
 */
export function renderTerminal(summary: Summary): string {
  const lines = [
    ...verdictLines(summary),
    '',
    ...provenanceLines(summary),
    '',
    ...loadLines(summary),
    '',
    ...thresholdLines(summary),
    ...serverLines(summary),
    ...shareLines(summary),
    ...processorLines(summary),
    ...summary.drills.flatMap((drill) => ['', ...renderDrill(drill, summary)]),
    '',
    ...healthLines(summary),
    ...notMeasuredLines(summary),
  ];
  return `${lines.join('\n')}\n`;
}

function verdictLines({ name, verdict }: Summary): string[] {
  const lines = wrapText(`${verdict.result.toUpperCase()}: ${name}`, { indent: 0, hanging: 2 });
  lines.push(...wrapText(`${verdictMeaning[verdict.result]}.`));
  return [
    ...lines,
    ...verdict.reasons.flatMap((reason) => wrapText(`- ${reason}`, { indent: 2, hanging: 4 })),
  ];
}

function provenanceLines(summary: Summary): string[] {
  const { parts, source } = provenanceText(summary);
  const where = summary.world === 'live' ? 'on real servers' : 'in virtual time';
  return [
    'WHAT RAN',
    ...wrapText(`${where}; ${source}`),
    ...wrapText(parts),
    ...cautions(summary).flatMap((caution) => wrapText(caution)),
  ];
}

function loadLines({ load, classes, offload }: Summary): string[] {
  const { durationMs, warmupMs, sessions } = load;
  const rows = Object.entries(classes).map(([name, found]) => [
    name,
    formatCount(found.due),
    formatCount(found.ok),
    formatCount(found.failed),
    formatCount(found.unknown),
    formatCount(found.skipped),
    formatRate(found.perSecond),
    formatSpan(found.latencyMs?.p50),
    formatSpan(found.latencyMs?.p99),
  ]);
  const errors = Object.entries(classes).flatMap(([name, found]) => {
    const counts = Object.entries(found.errors).map(([code, count]) => `${code} ${formatCount(count)}`);
    const lines = counts.length === 0 ? [] : [`${name} errors: ${counts.join(', ')}`];
    const missed = missedSentence(found);
    if (missed !== null) lines.push(`${name} ${missed}`);
    return lines.flatMap((line) => wrapText(line, { indent: 2, hanging: 4 }));
  });
  return [
    'LOAD',
    ...wrapText(
      `${formatSpan(durationMs)}, the first ${formatSpan(warmupMs)} not counted; ${formatCount(sessions)} sessions, ${formatKeeping(load)}; ${formatWaiting(load)}`,
    ),
    ...textTable([['class', 'due', 'ok', 'failed', 'unknown', 'skipped', 'ok/s', 'p50', 'p99'], ...rows]),
    ...errors,
    ...wrapText(
      offload === null
        ? 'offload: not measured'
        : `offload: ${formatShare(offload)} of the reads were answered by a server that was a standby then`,
    ),
  ];
}

function thresholdLines({ thresholds }: Summary): string[] {
  if (thresholds.length === 0) return [];
  const rows = thresholds.map(({ text, value, unit, result }) => [text, printMetric(value, unit), result]);
  return ['THRESHOLDS', ...textTable([['threshold', 'found', 'result'], ...rows]), ''];
}

function serverLines({ backends }: Summary): string[] {
  const rows = backends.map((server) => [
    server.name,
    `${server.roleAtStart ?? '?'} -> ${server.roleAtEnd ?? '?'}`,
    String(server.weight),
    server.sessions === null ? '-' : server.sessions.toFixed(1),
    formatCount(server.reads),
    formatShare(server.readShare),
    formatSpan(server.latencyMs?.p99),
  ]);
  const head = ['server', 'role, start -> end', 'weight', 'sessions', 'reads', 'share', 'read p99'];
  return ['SERVERS BEHIND PGPOOL', ...textTable([head, ...rows], { left: [1] })];
}

function shareLines(summary: Summary): string[] {
  const sentence = shareSentence(summary);
  return sentence === null ? [] : wrapText(sentence, { indent: 2, hanging: 4 });
}

function processorLines(summary: Summary): string[] {
  const table = processorTable(summary);
  if (!table) return [];
  return ['', 'PROCESSORS', ...wrapText(table.meaning), ...textTable([table.head, ...table.rows])];
}

function healthLines({ generator, conservation }: Summary): string[] {
  const { scheduleLagMs, saturated, workers } = generator;
  const lag =
    scheduleLagMs === null
      ? 'not measured'
      : `p50 ${formatSpan(scheduleLagMs.p50)}, p95 ${formatSpan(scheduleLagMs.p95)}, largest ${formatSpan(scheduleLagMs.max)}`;
  const agree = conservation.checks.filter(agrees).length;
  return [
    'CAN THE NUMBERS BE TRUSTED',
    ...wrapText(`generator behind its schedule: ${lag}${saturated ? '; SATURATED' : '; not saturated'}`),
    ...workers.flatMap((worker) => wrapText(formatWorker(worker))),
    ...wrapText(`counts: ${agree} of ${conservation.checks.length} checks agree`),
  ];
}

function notMeasuredLines({ notMeasured, load }: Summary): string[] {
  if (notMeasured.length === 0) return [];
  const lines = notMeasured.flatMap(({ field, why }) =>
    wrapText(`- ${field}: ${why}`, { indent: 2, hanging: 4 }),
  );
  return ['', `NOT MEASURED (of a load of ${formatInstant(load.durationMs)})`, ...lines];
}
