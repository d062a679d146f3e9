import type { FigureKind } from '../analysis/run-figures.ts';
import type { Estimate, SweepResult } from '../analysis/sweep-result.ts';

/** A column's head in two lines, and the unit that its cells have: outages are seconds, shares percent. */
export function headOf({ name, unit }: FigureKind): [above: string, below: string] {
  const [first = '', ...rest] = name.split('.');
  const last = rest.join('.');
  if (name.startsWith('outage.')) return [last, 's'];
  if (/^(share|busy)\./.test(name)) return [last, '%'];
  if (name.endsWith('.notOkShare')) return [first, '%'];
  if (unit === 'share') return [name, '%'];
  if (unit === 'perSecond') return [first, '/s'];
  return [first, `${last} ms`];
}

/**
 * A mean and its interval in the unit of `headOf`: `312±1.4`, `0.404±0.003`. Rounded to where the half width ends: its first
 * digit, the second too where that is 1 or 2. A difference has its sign, and a star where the interval leaves 0 out.
 */
export function formatEstimate(
  estimate: Estimate | null | undefined,
  kind: FigureKind,
  { signed = false }: { signed?: boolean } = {},
): string {
  if (estimate == null) return '-';
  const scale = kind.unit === 'share' ? 100 : kind.name.startsWith('outage.') ? 0.001 : 1;
  const mean = scale * estimate.mean;
  const half = estimate.halfWidth === null ? null : scale * estimate.halfWidth;
  if (mean === 0 && !half) return kind.name.startsWith('outage.') && !signed ? 'none' : '0';
  const sign = signed && mean > 0 ? '+' : '';
  if (half === null) return `${sign}${significant(mean, 4)}`;
  const star = signed && Math.abs(mean) > half ? '*' : '';
  const decimals = half === 0 ? null : decimalsFor(mean, half, signed);
  if (decimals === null) return `${sign}${significant(mean, 4)}±0${star}`;
  return `${sign}${mean.toFixed(decimals)}±${half.toFixed(decimals)}${star}`;
}

/** As the half width asks; a wide interval leaves a second digit of the mean all the same. */
function decimalsFor(mean: number, half: number, signed: boolean): number {
  const exponent = Math.floor(Math.log10(half));
  const leading = Math.floor(half / 10 ** exponent);
  const decimals = Math.max(0, (leading <= 2 ? 1 : 0) - exponent);
  const second = mean === 0 ? 0 : 1 - Math.floor(Math.log10(Math.abs(mean)));
  const wanted = signed ? decimals : Math.max(decimals, Math.min(decimals + 1, second));
  return Math.min(9, wanted, mostDecimals(mean));
}

/** Five digits of the mean at most: an interval can be nearly nothing. */
function mostDecimals(mean: number): number {
  return mean === 0 ? 9 : Math.max(0, 4 - Math.floor(Math.log10(Math.abs(mean))));
}

function significant(value: number, digits: number): string {
  return Math.abs(value) >= 10 ** digits ? value.toFixed(0) : Number(value.toPrecision(digits)).toString();
}

/** Share of a mean in percent, in two digits: `1.8 %`. */
export function formatPercent(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`;
}

/** The last words of each path that tell it from the others. */
export function shortNames(axes: SweepResult['axes']): Map<string, string> {
  const lastOf = (path: string, words: number): string => path.split('.').slice(-words).join('.');
  return new Map(
    axes.map(({ path }) => {
      for (let words = 1; words < path.split('.').length; words += 1) {
        const name = lastOf(path, words);
        if (axes.every((other) => other.path === path || lastOf(other.path, words) !== name))
          return [path, name];
      }
      return [path, path];
    }),
  );
}
