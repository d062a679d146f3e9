import type { Scaling } from '../analysis/sweep-result.ts';
import type { Coefficient, UslFit } from '../analysis/usl.ts';
import { textTable, wrapText } from './text-table.ts';

/** A fit of the universal scalability law as plain text. */
export function renderUsl(fit: UslFit): string {
  return [`Universal scalability law, ${fit.points} points`, '', ...fitLines(fit)].join('\n').trimEnd();
}

/** How read throughput scales along one axis, or why nothing is said of it. */
export function scalingLines({ path, at, fit, refusal, caution }: Scaling): string[] {
  const others = Object.entries(at).map(([name, value]) => `${name}=${value}`);
  const title = `READ THROUGHPUT AGAINST ${path}${others.length === 0 ? '' : ` (${others.join(', ')})`}`;
  return [
    ...wrapText(title, { indent: 0 }),
    ...(caution === null ? [] : wrapText(`caution: ${caution}`)),
    ...(refusal === null ? [] : wrapText(`no fit: ${refusal}`)),
    ...(fit === null ? [] : fitLines(fit)),
    '',
  ];
}

function fitLines(fit: UslFit): string[] {
  const { lambda, sigma, kappa, rSquared, residuals } = fit;
  const rows = [
    ['coefficient', 'value', '95 % interval', 'what it is'],
    ['lambda', ...coefficient(lambda), 'throughput of one'],
    ['sigma', ...coefficient(sigma), 'contention: what goes one by one'],
    ['kappa', ...coefficient(kappa), 'coherency: cost of each pair'],
  ];
  const points = residuals.map(({ n, throughput, fitted, residual }) => [
    figure(n),
    figure(throughput),
    figure(fitted),
    figure(residual),
    `${((100 * residual) / fitted).toFixed(1)} %`,
  ]);
  return [
    ...textTable(rows, { left: [2, 3] }),
    ...wrapText(peakText(fit)),
    ...wrapText(`R² ${rSquared.toFixed(4)}: the share of the points' variance that the law explains`),
    '',
    ...textTable([['n', 'throughput', 'fitted', 'residual', ''], ...points]),
  ];
}

function coefficient({ value, low, high }: Coefficient): [value: string, interval: string] {
  return [
    figure(value),
    low === null || high === null ? 'at its bound' : `${figure(low)} to ${figure(high)}`,
  ];
}

/** Where throughput ends to grow, in a sentence. */
export function peakText({ peak, limit, residuals }: UslFit): string {
  const largest = Math.max(...residuals.map(({ n }) => n));
  if (peak) {
    const far =
      peak.n > largest ? `, beyond the largest measured n, ${figure(largest)}: an extrapolation` : '';
    return `peak: ${figure(peak.throughput)} at n = ${figure(peak.n)}${far}`;
  }
  if (limit !== null) return `no peak: throughput approaches ${figure(limit)} (no coherency cost was found)`;
  return 'no peak and no limit: throughput grows in proportion to n';
}

/** Four digits, plain where that is readable. */
export function figure(value: number): string {
  const size = Math.abs(value);
  if (value === 0 || (size >= 1e-3 && size < 1e7)) {
    const rounded = size >= 1000 ? value.toFixed(0) : Number(value.toPrecision(4)).toString();
    return rounded;
  }
  return value.toExponential(3);
}
