import type { FigureKind } from '../analysis/run-figures.ts';
import type { Estimate, SweepCell, SweepResult } from '../analysis/sweep-result.ts';
import { terminalColumns } from './format.ts';
import { formatEstimate, formatPercent, headOf, shortNames } from './sweep-cells.ts';
import { textTable, wrapText } from './text-table.ts';
import { scalingLines } from './usl-text.ts';

/** Figures of one table: what they are about, and which of a sweep's figures belong there. */
const tables: readonly { title: string; holds: (kind: FigureKind) => boolean }[] = [
  { title: 'THROUGHPUT AND LATENCY', holds: ({ name }) => /\.(perSecond|p50|p99)$/.test(name) },
  { title: 'NOT ANSWERED OK', holds: ({ name }) => name.endsWith('.notOkShare') },
  { title: 'WHO ANSWERS THE READS', holds: ({ name }) => name === 'offload' || name.startsWith('share.') },
  { title: 'HOW BUSY THE PROCESSORS ARE', holds: ({ name }) => name.startsWith('busy.') },
  { title: 'LONGEST OUTAGE IN ANY DRILL', holds: ({ name }) => name.startsWith('outage.') },
];

/** Lines of what went wrong at most; `sweep.json` has all. */
const mostTroubles = 12;

/** A sweep as plain text of at most 80 columns: what was varied, a line a cell, differences from the first, how it scales. */
export function renderSweep(result: SweepResult): string {
  const { cells, figures } = result;
  const shown = figures.filter(({ name }) => !name.endsWith('.notOkShare') || isAnywhere(cells, name));
  const compared = figures.filter(({ name }) => name === 'offload' || /\.(perSecond|p50|p99)$/.test(name));
  const hasPairs = cells.some(({ differences }) => Object.values(differences ?? {}).some(hasInterval));
  return [
    ...headLines(result),
    ...tables.flatMap(({ title, holds }) =>
      figureTable(title, result, { kinds: shown.filter(holds), of: ({ estimates }) => estimates }),
    ),
    ...figureTable('SIMULATED WITH THE SAME SEEDS', result, {
      kinds: compared,
      of: ({ predicted }) => predicted ?? {},
    }),
    ...(hasPairs
      ? [
          ...figureTable('AGAINST THE FIRST CELL, SEED BY SEED', result, {
            kinds: compared,
            of: ({ differences }) => differences ?? {},
            signed: true,
          }),
          '  * another value than the first cell: the 95 % interval leaves 0 out',
          '',
        ]
      : []),
    ...scalingsWorthTelling(result).flatMap(scalingLines),
    ...troubleLines(result),
  ]
    .join('\n')
    .trimEnd();
}

/** Where nothing is fitted, the reason is told once a path. */
function scalingsWorthTelling({ scaling }: SweepResult): SweepResult['scaling'] {
  return scaling.filter(
    ({ path, fit }, index) => fit !== null || scaling.findIndex((one) => one.path === path) === index,
  );
}

function headLines(result: SweepResult): string[] {
  const { name, world, version, calibrated, axes, cells, interrupted } = result;
  const counts = cells.map(({ runs }) => runs.length);
  const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
  const runs = `${fewest === most ? '' : `${fewest} to `}${most} ${most === 1 ? 'run' : 'runs'}`;
  const seed = cells.find(({ runs: [first] }) => first)?.runs[0]?.seed;
  const where = world === 'live' ? 'on real servers' : 'in virtual time';
  const names = shortNames(axes);
  const each = cells.length === 1 ? runs : `${cells.length} cells, ${runs} each`;
  return [
    ...wrapText(`${interrupted ? 'INTERRUPTED: ' : ''}${name}`, { indent: 0, hanging: 2 }),
    ...wrapText(`${each}, ${where}${seed === undefined ? '' : `, from seed ${seed} on`}; pgdrill ${version}`),
    ...wrapText(
      most > 1
        ? '± is half the 95 % confidence interval of the mean over the runs'
        : 'no intervals: one run a cell (--repeat 5, or --until-ci 2%)',
    ),
    ...(calibrated
      ? []
      : wrapText('Not calibrated: the service times of the model were not measured on this machine.')),
    ...axes.flatMap(({ path, values }) => {
      const short = names.get(path);
      return wrapText(`${short === path ? '' : `${short} = `}${path}: ${values.join(', ')}`, {
        indent: 2,
        hanging: 4,
      });
    }),
    '',
  ];
}

function figureTable(
  title: string,
  { axes, cells }: SweepResult,
  options: {
    kinds: readonly FigureKind[];
    of: (cell: SweepCell) => Record<string, Estimate | null>;
    signed?: boolean;
  },
): string[] {
  const { kinds, of, signed = false } = options;
  const varied = axes.filter(({ values }) => values.length > 1).map(({ path }) => path);
  const names = shortNames(axes);
  const measured = kinds.filter(({ name }) => cells.some((cell) => of(cell)[name] != null));
  if (measured.length === 0) return [];
  const shown = cells.filter((cell) => !signed || cell.differences !== null);
  const keys = [
    ['', '', ...shown.map(({ number, state }) => `${number}${state === 'done' ? '' : ` ${state}`}`)],
    ...varied.map((path) => ['', names.get(path) ?? path, ...shown.map(({ set }) => set[path] ?? '')]),
  ];
  const columns = measured.map((kind) => [
    ...headOf(kind),
    ...shown.map((cell) => formatEstimate(of(cell)[kind.name], kind, { signed })),
  ]);
  return [title, ...pagesOf(keys, columns).flatMap((page) => [...textTable(rowsOf(page)), ''])];
}

/** Columns in as many tables as their widths need, each with the key columns before them; those of one class stay together. */
function pagesOf(keys: readonly string[][], columns: readonly string[][]): string[][][] {
  const widthOf = (all: readonly (readonly string[])[]): number =>
    all.reduce((sum, column) => sum + 2 + Math.max(...column.map(({ length }) => length)), 0);
  const room = terminalColumns - widthOf(keys);
  const pages: string[][][] = [];
  let left = 0;
  for (const [index, column] of columns.entries()) {
    const isFirst = index === 0 || columns[index - 1]?.[0] !== column[0];
    const group = columns.slice(index).filter(([above]) => above === column[0]);
    const needed = isFirst ? Math.min(room, widthOf(group)) : widthOf([column]);
    const page = pages.at(-1);
    if (page && needed <= left) page.push(column);
    else {
      pages.push([...keys, column]);
      left = room;
    }
    left -= widthOf([column]);
  }
  return pages;
}

function rowsOf(columns: readonly string[][]): string[][] {
  return (columns[0] ?? []).map((_, row) => columns.map((column) => column[row] ?? ''));
}

function troubleLines({ cells }: SweepResult): string[] {
  const lines = cells.flatMap(({ number, failures, runs, precision, state }) => [
    ...failures.map(({ seed, message }) => `cell ${number}, seed ${seed} failed: ${message}`),
    ...runs
      .filter(({ verdict }) => verdict.result !== 'pass')
      .map(
        ({ seed, verdict }) =>
          `cell ${number}, seed ${seed}: ${verdict.result}: ${verdict.reasons.join('; ')}`,
      ),
    ...(precision && !precision.reached && state === 'done'
      ? [`cell ${number}: not as exact as was asked: ${precisionText(precision, runs.length)}`]
      : []),
  ]);
  if (lines.length === 0) return [];
  const left = lines.length > mostTroubles ? [`and ${lines.length - mostTroubles} more, in sweep.json`] : [];
  return [
    'WHAT TO KNOW BEFORE BELIEVING IT',
    ...[...lines.slice(0, mostTroubles), ...left].flatMap((line) =>
      wrapText(`- ${line}`, { indent: 2, hanging: 4 }),
    ),
    '',
  ];
}

function precisionText({ loosest, wanted }: NonNullable<SweepCell['precision']>, runs: number): string {
  const found = loosest ? `${loosest.figure} ±${formatPercent(loosest.share)}` : 'no interval';
  return `${found} after ${runs} runs, asked for ±${formatPercent(wanted)} (--max-runs)`;
}

function isAnywhere(cells: readonly SweepCell[], name: string): boolean {
  return cells.some(({ estimates }) => (estimates[name]?.mean ?? 0) > 0);
}

function hasInterval(estimate: Estimate | null): boolean {
  return estimate?.halfWidth != null;
}
