import type { DrillSummary } from '../recording/summary.ts';
import { formatSpan, namesIn, phaseLabel, phaseMeaning } from './format.ts';
import { escapeHtml } from './html-text.ts';

const width = 1000;
const plotLeft = 130;
const plotRight = 930;
const top = 30;
const rowHeight = 46;

interface Bar {
  startMs: number;
  endMs: number;
}

interface Row {
  label: string;
  meaning: string;
  tone: 'outage' | 'phase';
  measured: Bar | null;
  simulated: Bar | null;
  bound: string | null;
}

/**
 * Draws one drill as a static SVG picture: a row for each outage and phase, the run's own bar above the simulated one,
 * the setting that bounds it below. Times count from the injection. Empty when the drill has neither.
 */
export function timelineSvg(drill: DrillSummary, ownLabel: string): string {
  const rows = rowsOf(drill);
  if (rows.length === 0) return '';
  const bars = rows.flatMap(({ measured, simulated }) => [measured, simulated]).filter((bar) => bar !== null);
  const fromMs = Math.min(0, ...bars.map(({ startMs }) => startMs));
  const toMs = Math.max(fromMs + 100, ...bars.map(({ endMs }) => endMs));
  const stepMs = niceStep(toMs - fromMs);
  const endMs = Math.ceil(toMs / stepMs) * stepMs;
  const x = (atMs: number): number =>
    round(plotLeft + ((atMs - fromMs) / (endMs - fromMs)) * (plotRight - plotLeft));
  const height = top + rows.length * rowHeight + 12;
  const title = escapeHtml(`Timeline of ${drill.id}: ${ownLabel} and simulated`);
  return [
    `<svg class="timeline" role="img" viewBox="0 0 ${width} ${height}" data-drill="${escapeHtml(drill.id)}">`,
    `<title>${title}</title>`,
    ...axis({ endMs, stepMs, height, x }),
    ...rows.map((row, index) => drawRow(row, { y: top + index * rowHeight, x, ownLabel })),
    '</svg>',
  ].join('\n');
}

function rowsOf({ outages, timeline, predicted, atMs }: DrillSummary): Row[] {
  const from = (bar: Bar | undefined, zeroMs: number): Bar | null =>
    bar ? { startMs: bar.startMs - zeroMs, endMs: bar.endMs - zeroMs } : null;
  const otherZeroMs = predicted?.atMs ?? atMs;
  const rows: Row[] = [];
  for (const name of namesIn(outages, predicted?.outages ?? {})) {
    const [own, other] = [outages[name] ?? [], predicted?.outages[name] ?? []];
    for (let index = 0; index < Math.max(own.length, other.length); index += 1) {
      const measured = from(own[index], atMs);
      const simulated = from(other[index], otherZeroMs);
      const meaning = `no ${name} was answered`;
      rows.push({ label: `no ${name}s`, meaning, tone: 'outage', measured, simulated, bound: null });
    }
  }
  const names = new Set([...timeline, ...(predicted?.timeline ?? [])].map(({ name }) => name));
  for (const name of names) {
    const own = timeline.find((phase) => phase.name === name);
    const other = predicted?.timeline.find((phase) => phase.name === name);
    const boundBy = own?.boundBy ?? other?.boundBy ?? null;
    rows.push({
      label: phaseLabel(name),
      meaning: phaseMeaning(name),
      tone: 'phase',
      measured: from(own, atMs),
      simulated: from(other, otherZeroMs),
      bound: boundBy && `${boundBy.setting} = ${boundBy.value} (${boundBy.file})`,
    });
  }
  return rows;
}

function axis(options: {
  endMs: number;
  stepMs: number;
  height: number;
  x: (atMs: number) => number;
}): string[] {
  const { endMs, stepMs, height, x } = options;
  const lines: string[] = [];
  for (let atMs = 0; atMs <= endMs + 1; atMs += stepMs) {
    const at = x(atMs);
    lines.push(`<line class="grid" x1="${at}" y1="${top - 8}" x2="${at}" y2="${height - 8}"/>`);
    lines.push(
      `<text class="tick" x="${at}" y="${top - 13}" text-anchor="middle">${round(atMs / 1000)} s</text>`,
    );
  }
  return lines;
}

function drawRow(row: Row, options: { y: number; x: (atMs: number) => number; ownLabel: string }): string {
  const { y, x, ownLabel } = options;
  const parts = [
    `<text class="label" x="${plotLeft - 10}" y="${y + 13}" text-anchor="end">${escapeHtml(row.label)}</text>`,
  ];
  const bars = [
    { bar: row.measured, y: y + 2, kind: row.tone === 'outage' ? 'outage' : 'own', who: ownLabel },
    { bar: row.simulated, y: y + 16, kind: 'simulated', who: 'simulated' },
  ];
  for (const { bar, y: barY, kind, who } of bars) {
    if (!bar) continue;
    const [from, to] = [x(bar.startMs), x(bar.endMs)];
    const span = formatSpan(bar.endMs - bar.startMs);
    const tip = escapeHtml(`${row.meaning}; ${who} ${span}`);
    parts.push(
      `<rect class="${kind}" x="${from}" y="${barY}" width="${round(Math.max(2, to - from))}" height="11" rx="2"><title>${tip}</title></rect>`,
      `<text class="span" x="${round(Math.max(from + 2, to) + 5)}" y="${barY + 10}">${escapeHtml(span)}</text>`,
    );
  }
  if (row.bound !== null) {
    const from = x(row.measured?.startMs ?? row.simulated?.startMs ?? 0);
    const late = from > (plotLeft + plotRight) / 2;
    const at = late ? `x="${width - 5}" text-anchor="end"` : `x="${from}"`;
    parts.push(`<text class="bound" ${at} y="${y + 39}">${escapeHtml(row.bound)}</text>`);
  }
  return `<g>${parts.join('')}</g>`;
}

/** A step of 1, 2 or 5 times a power of ten that gives five to ten ticks, ms. */
function niceStep(spanMs: number): number {
  const rough = spanMs / 8;
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
