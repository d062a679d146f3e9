import { formatDuration } from '../../kernel/time.ts';
import { phaseLabel } from '../../report/format.ts';
import { textTable, wrapText } from '../../report/text-table.ts';
import type { Bound, TimelineResult } from './result.ts';
import type { Spread } from './spread.ts';
import type { TargetFinding } from './target.ts';
import type { SettingFile } from './tunables.ts';

/** Slopes below this are not worth a line. */
const leastSlope = 0.05;

/** A timeline as a person reads it: phases, spans, what they depend on, what the drill leaves behind. */
export function renderTimeline(result: TimelineResult): string {
  const { drill, target, versions, trials, seed, files, calibrated } = result;
  const of = target ? ` of ${target}` : '';
  const named = Object.values(files).filter((file) => file !== null);
  const from =
    named.length > 0 ? named.join(', ') : "EFM's defaults, the guide's servers and Pgpool settings";
  return [
    `Timeline: ${drill}${of}`,
    ...wrapText(
      `EFM ${versions.efm}, Pgpool-II ${versions.pgpool}; ${from}; ${trials} trials, seed ${seed}; service times ${calibrated ? 'calibrated' : 'of a small lab, not calibrated'}; control plane only, no load`,
    ),
    '',
    ...phaseTable(result),
    ...spanTable(result),
    ...sensitivityTable(result),
    ...(result.targetFinding ? targetLines(result.targetFinding) : []),
    ...section('What it leaves behind', result.remarks),
    ...section(
      'Notices',
      result.notices.map(({ severity, subject, share }) =>
        share === 1 ? `${severity} ${subject}` : `${severity} ${subject} (${Math.round(100 * share)} %)`,
      ),
    ),
  ]
    .join('\n')
    .trimEnd();
}

/** One letter a file, so that names and values of settings have room. */
const fileLetters: Readonly<Record<SettingFile, string>> = {
  'efm.properties': 'E',
  'pgpool.conf': 'P',
  'pgpool.env': 'S',
};

function phaseTable({ phases }: TimelineResult): string[] {
  if (phases.length === 0) return ['  No phase: nobody acts.', ''];
  const rows = phases.map(({ name, bestMs, meanMs, worstMs, share, boundBy }) => [
    phaseLabel(name),
    seconds(bestMs),
    seconds(meanMs),
    seconds(worstMs),
    boundBy ? fileLetters[boundBy.file] : '',
    `${boundBy ? boundText(boundBy) : '-'}${share < 1 ? ` (${Math.round(100 * share)} %)` : ''}`,
  ]);
  return [
    ...textTable([['phase', 'best', 'mean', 'worst', '', 'bound by'], ...rows], { left: [4, 5] }),
    '  E efm.properties, P pgpool.conf, S pgpool.env of the scripts; <= limits it',
    '',
  ];
}

function boundText({ setting, value, per }: Bound): string {
  return `${per === 0 ? '<= ' : ''}${setting} ${value}`;
}

/** Spans of a table in one unit, so that the eye can compare them. */
function seconds(spanMs: number): string {
  if (spanMs < 10_000) return `${(spanMs / 1000).toFixed(2)} s`;
  return `${(spanMs / 1000).toFixed(1)} s`;
}

function spanTable({ writeOutageMs, readOutageMs, reducedReadMs }: TimelineResult): string[] {
  const row = (name: string, { best, mean, worst, p5, p50, p95 }: Spread): string[] => [
    name,
    ...[best, mean, worst, p5, p50, p95].map((span) => (span === null ? 'no end' : seconds(span))),
  ];
  return [
    ...textTable([
      ['until a new session …', 'best', 'mean', 'worst', 'p5', 'p50', 'p95'],
      row('can write', writeOutageMs),
      row('can read', readOutageMs),
      row('finds all standbys', reducedReadMs),
    ]),
    '',
  ];
}

function sensitivityTable({ sensitivity }: TimelineResult): string[] {
  const moving = sensitivity.filter(({ intervals }) =>
    Object.values(intervals).some((interval) => interval && reachOf(interval) >= leastSlope),
  );
  if (moving.length === 0) return ['  No setting moves it.', ''];
  const rows = moving.map(({ setting, value, file, intervals, ...slopes }) => [
    `${setting} ${value}`,
    fileLetters[file],
    slopeText(slopes.writePerSecond, intervals.write),
    slopeText(slopes.readPerSecond, intervals.read),
    slopeText(slopes.reducedReadPerSecond, intervals.reducedRead),
  ]);
  return [...textTable([['seconds per second of …', '', 'write', 'read', 'standbys'], ...rows]), ''];
}

/** The least effect that an interval allows; 0 of one that covers 0. */
function reachOf([low, high]: readonly [number, number]): number {
  return low <= 0 && high >= 0 ? 0 : Math.min(Math.abs(low), Math.abs(high));
}

/** A slope, with half its interval where that shows; about 0 where the interval covers 0. */
function slopeText(mean: number | null, interval: readonly [number, number] | null): string {
  if (mean === null || interval === null) return '';
  const [low, high] = interval;
  const half = (high - low) / 2;
  if (half < 0.005) return signed(mean);
  return reachOf(interval) === 0 ? '≈0' : `${signed(mean)} ±${half.toFixed(2)}`;
}

const signed = (value: number): string => (value > 0 ? `+${value.toFixed(2)}` : value.toFixed(2));

function targetLines({ targetMs, result, changes, worstMs, boundBy }: TargetFinding): string[] {
  const target = formatDuration(targetMs);
  const worst = worstMs === null ? 'has no end' : `is ${formatDuration(worstMs)} at worst`;
  if (result === 'met') return [`  Target ${target}: met, the write outage ${worst}.`, ''];
  const list = changes.flatMap(({ setting, file, from, to, risk }) =>
    wrapText(`${setting} ${from} → ${to} (${file}): ${risk}`, { indent: 4, hanging: 6 }),
  );
  if (result === 'reachable') {
    return [`  Target ${target}: the write outage ${worst} with`, ...list, ''];
  }
  const left = boundBy.map(({ phase, worstMs: spanMs }) => `${phaseLabel(phase)} ${formatDuration(spanMs)}`);
  return [
    ...wrapText(
      `Target ${target}: no setting reaches it. With every setting below at its lowest the write outage ${worst}${left.length > 0 ? `, made of ${left.join(', ')}` : ''}.`,
    ),
    ...list,
    '',
  ];
}

function section(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  return [title, ...lines.flatMap((line) => wrapText(line, { indent: 2, hanging: 4 })), ''];
}
