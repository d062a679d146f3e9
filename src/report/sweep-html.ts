import type { FigureKind } from '../analysis/run-figures.ts';
import type { Scaling, SweepCell, SweepResult } from '../analysis/sweep-result.ts';
import { escapeHtml, htmlTable } from './html-text.ts';
import { selfContainedPage } from './page.ts';
import { formatEstimate, headOf, shortNames } from './sweep-cells.ts';
import { type SweepChart, sweepCharts } from './sweep-charts.ts';
import { sweepPageScript } from './sweep-page-script.ts';
import { figure, peakText } from './usl-text.ts';

/**
 * A sweep as one HTML page that needs nothing but itself: charts with their library and data inside, and every number in
 * tables that read without a script.
 */
export function renderSweepHtml(result: SweepResult): string {
  const charts = sweepCharts(result);
  return selfContainedPage({
    title: `${result.name}: sweep`,
    sections: [
      header(result),
      charts.length === 0 ? '' : `<section><h2>Charts</h2>\n${charts.map(chartBlock).join('\n')}</section>`,
      ...result.scaling.map(scalingSection),
      cellsSection(result),
      troubleSection(result),
    ],
    data: charts,
    script: sweepPageScript,
  });
}

function header({ name, world, version, calibrated, axes, cells, interrupted }: SweepResult): string {
  const runs = cells.reduce((sum, cell) => sum + cell.runs.length, 0);
  const where = world === 'live' ? 'on real servers' : 'in virtual time';
  const varied = axes.map(({ path, values }) => `<li>${escapeHtml(`${path}: ${values.join(', ')}`)}</li>`);
  return `<header>
<h1>${escapeHtml(name)}</h1>
<p>${cells.length} cells ${where}, ${runs} runs in all${interrupted ? ', <b>interrupted</b>' : ''}; pgdrill ${escapeHtml(version)}.
Whiskers and ± are 95 % confidence intervals of the means over a cell's runs.</p>
${calibrated ? '' : '<p class="caution">Not calibrated: the service times of the model were not measured on this machine.</p>'}
<ul>${varied.join('')}</ul>
</header>`;
}

function chartBlock({ id, title, note }: SweepChart): string {
  return `<h3>${escapeHtml(title)}</h3>
<p class="soft small">${escapeHtml(note)}</p>
<div class="chart" id="chart-${escapeHtml(id)}"></div>`;
}

function scalingSection({ path, at, fit, refusal, caution }: Scaling): string {
  const others = Object.entries(at).map(([name, value]) => `${name}=${value}`);
  const title = `How reads scale with ${path}${others.length === 0 ? '' : ` (${others.join(', ')})`}`;
  const warning = caution === null ? '' : `<p class="caution">${escapeHtml(caution)}</p>`;
  if (!fit)
    return `<section><h2>${escapeHtml(title)}</h2>${warning}<p>${escapeHtml(refusal ?? '')}</p></section>`;
  const coefficients = (['lambda', 'sigma', 'kappa'] as const).map((name) => {
    const { value, low, high } = fit[name];
    const interval = low === null || high === null ? 'at its bound' : `${figure(low)} to ${figure(high)}`;
    return [name, figure(value), interval];
  });
  const points = fit.residuals.map(({ n, throughput, fitted, residual }) =>
    [n, throughput, fitted, residual].map(figure),
  );
  return `<section><h2>${escapeHtml(title)}</h2>${warning}
${htmlTable(['coefficient', 'value', '95 % interval'], coefficients)}
<p>${escapeHtml(peakText(fit))}; R² ${fit.rSquared.toFixed(4)}</p>
${htmlTable(['n', 'read/s', 'fitted', 'residual'], points)}
</section>`;
}

function cellsSection({ axes: all, figures, cells }: SweepResult): string {
  const axes = all.filter(({ values }) => values.length > 1);
  const names = shortNames(axes);
  const varied = axes.map(({ path }) => names.get(path) ?? path);
  const head = ['cell', ...varied, 'runs', ...figures.map(columnOf)];
  const rows = cells.map(({ number, state, set, runs, estimates }) => [
    `${number}${state === 'done' ? '' : ` ${state}`}`,
    ...axes.map(({ path }) => set[path] ?? ''),
    String(runs.length),
    ...figures.map((kind) => formatEstimate(estimates[kind.name], kind)),
  ]);
  const headOfOthers = ['cell', ...varied, ...figures.map(columnOf)];
  const rowsOf = (of: (cell: SweepCell) => SweepCell['differences'], signed: boolean): string[][] =>
    cells.flatMap((cell) => {
      const found = of(cell);
      if (found === null) return [];
      const values = figures.map((kind) => formatEstimate(found[kind.name], kind, { signed }));
      return [[String(cell.number), ...axes.map(({ path }) => cell.set[path] ?? ''), ...values]];
    });
  const differences = rowsOf((cell) => cell.differences, true);
  const simulated = rowsOf((cell) => cell.predicted, false);
  return `<section><h2>Every cell</h2>
${htmlTable(head, rows)}
${simulated.length === 0 ? '' : `<h3>Simulated with the same seeds</h3>\n${htmlTable(headOfOthers, simulated)}`}
${differences.length === 0 ? '' : `<h3>Differences from the first cell, seed by seed</h3>\n${htmlTable(headOfOthers, differences, { caption: '* the 95 % interval leaves 0 out' })}`}
</section>`;
}

function columnOf(kind: FigureKind): string {
  const [, unit] = headOf(kind);
  return `${kind.label}, ${unit.split(' ').at(-1)}`;
}

function troubleSection({ cells }: SweepResult): string {
  const rows = cells.flatMap(({ number, failures, runs }) => [
    ...failures.map(({ seed, message }) => [String(number), String(seed), 'failed', message]),
    ...runs
      .filter(({ verdict }) => verdict.result !== 'pass')
      .map(({ seed, verdict }) => [String(number), String(seed), verdict.result, verdict.reasons.join('; ')]),
  ]);
  if (rows.length === 0) return '';
  return `<section><h2>What went wrong</h2>${htmlTable(['cell', 'seed', '', 'why'], rows, { left: [1, 2, 3] })}</section>`;
}
