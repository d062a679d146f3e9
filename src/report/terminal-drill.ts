import type { DrillSummary, Outage, Summary } from '../recording/summary.ts';
import {
  formatBound,
  formatCount,
  formatInstant,
  formatShare,
  formatSigned,
  formatSpan,
  namesIn,
  phaseLabel,
  refusalText,
} from './format.ts';
import { textTable, wrapText } from './text-table.ts';

/** One drill of the plain-text report, lines of at most 80 columns. */
export function renderDrill(drill: DrillSummary, { backends, world }: Summary): string[] {
  const target = drill.target === null ? '' : ` of ${drill.target}`;
  const named = drill.id === drill.kind ? '' : ` (${drill.id})`;
  const until = formatInstant(drill.endMs);
  return [
    ...wrapText(`DRILL ${drill.kind}${target}${named} at ${formatInstant(drill.atMs)}, over at ${until}`, {
      indent: 0,
      hanging: 6,
    }),
    ...outageLines(drill),
    '',
    ...effectLines(drill),
    '',
    ...phaseLines(drill),
    ...shareLines(
      drill,
      backends.map(({ name }) => name),
    ),
    ...afterwards(drill, world),
  ];
}

function outageLines({ outages, predicted, atMs }: DrillSummary): string[] {
  const rows: string[][] = [];
  for (const className of namesIn(outages, predicted?.outages ?? {})) {
    const measured = outages[className] ?? [];
    const expected = predicted?.outages[className];
    for (let index = 0; index < Math.max(1, measured.length, expected?.length ?? 0); index += 1) {
      rows.push(
        outageRow({ className, atMs, measured: measured[index], expected: expected?.[index], index }),
      );
    }
  }
  const head = ['no answers', 'from drill', 'length', 'lost'];
  if (predicted === null) return textTable([head, ...rows.map((row) => row.slice(0, 4))]);
  return textTable([[...head, 'simulated', 'error'], ...rows]);
}

function outageRow(options: {
  className: string;
  atMs: number;
  measured: Outage | undefined;
  expected: Outage | undefined;
  index: number;
}): string[] {
  const { className, atMs, measured, expected, index } = options;
  const error = measured && expected ? expected.lengthMs - measured.lengthMs : null;
  return [
    index === 0 ? className : '',
    measured ? formatSigned(measured.startMs - atMs) : '-',
    measured ? formatSpan(measured.lengthMs) : 'none',
    measured ? formatCount(measured.lost) : '-',
    expected ? formatSpan(expected.lengthMs) : 'none',
    formatSigned(error),
  ];
}

function effectLines({ operations, spike, recoveredAfterMs, predicted }: DrillSummary): string[] {
  const recovered = (afterMs: number | null | undefined): string =>
    afterMs == null ? 'not seen' : formatSpan(afterMs);
  const rows = Object.entries(operations).map(([name, counts]) => {
    const own = spike[name] ?? null;
    const row = [
      name,
      formatCount(counts.failed),
      formatCount(counts.unknown),
      formatCount(counts.skipped),
      formatSpan(own?.baselineP99Ms),
      formatSpan(own?.p99Ms),
      formatSpan(own?.lengthMs),
      recovered(recoveredAfterMs[name]),
    ];
    return predicted ? [...row, recovered(predicted.recoveredAfterMs[name])] : row;
  });
  const head = ['class', 'failed', 'unknown', 'skipped', 'p99 was', 'worst', 'slow for', '95 % after'];
  return textTable([predicted ? [...head, 'sim.'] : head, ...rows]);
}

function phaseLines({ timeline, predicted, atMs }: DrillSummary): string[] {
  const expected = predicted?.timeline ?? [];
  if (timeline.length === 0 && expected.length === 0) return [];
  const names = [...new Set([...timeline, ...expected].map(({ name }) => name))];
  const rows = names.map((name) => {
    const own = timeline.find((phase) => phase.name === name);
    const other = expected.find((phase) => phase.name === name);
    const row = [
      phaseLabel(name),
      own ? formatSigned(own.startMs - atMs) : '-',
      own ? formatSpan(own.endMs - own.startMs) : '-',
    ];
    if (predicted) row.push(other ? formatSpan(other.endMs - other.startMs) : '-');
    return [...row, formatBound((own ?? other)?.boundBy ?? null)];
  });
  const head = ['phase', 'from drill', 'took', ...(predicted ? ['simulated'] : []), 'bounded by'];
  return [...textTable([head, ...rows], { left: [head.length - 1] }), ''];
}

function shareLines({ readShare, predicted }: DrillSummary, servers: readonly string[]): string[] {
  const { before, during, after } = readShare;
  if (namesIn(before, during, after).length === 0) return [];
  const of = (shares: Record<string, number>, name: string): string => formatShare(shares[name]);
  const rows = servers.map((name) => [
    name,
    of(before, name),
    of(during, name),
    of(after, name),
    ...(predicted ? [of(predicted.readShare.during, name), of(predicted.readShare.after, name)] : []),
  ]);
  const head = ['reads by', 'before', 'during', 'after', ...(predicted ? ['sim. during', 'sim. after'] : [])];
  return textTable([head, ...rows]);
}

function afterwards(
  { refusedSessions, weightRestoredAfterMs, lostCommits, predicted }: DrillSummary,
  world: Summary['world'],
): string[] {
  const lines = wrapText(refusalText(refusedSessions, predicted));
  const restored = Object.entries(weightRestoredAfterMs).flatMap(([server, afterMs]) => {
    const own =
      afterMs === null ? 'not before the next drill or the end' : `${formatSpan(afterMs)} after its attach`;
    const other = predicted?.weightRestoredAfterMs[server];
    return wrapText(
      `${server} carried its weight again: ${own}${other == null ? '' : ` (simulated ${formatSpan(other)})`}`,
    );
  });
  lines.push(...restored);
  if (lostCommits !== null) lines.push(...wrapText(`acknowledged writes lost: ${formatCount(lostCommits)}`));
  else if (world === 'live') lines.push(...wrapText('acknowledged writes lost: not measured'));
  return lines;
}
