import type { SweepResult } from '../analysis/sweep-result.ts';

/**
 * A sweep as a CSV file (RFC 4180) with a line a cell: its number and state, a column for each varied path, the number of
 * runs, and of each figure the mean and the half width of its 95 % interval, of real servers the simulated mean too. Times are
 * ms, shares 0..1; what is not known is empty.
 */
export function renderSweepCsv({ axes, figures, cells }: SweepResult): string {
  const isBeside = cells.some(({ predicted }) => predicted !== null);
  const head = [
    'cell',
    'state',
    ...axes.map(({ path }) => path),
    'runs',
    ...figures.flatMap(({ name }) => [
      name,
      `${name}.halfWidth95`,
      ...(isBeside ? [`${name}.simulated`] : []),
    ]),
  ];
  const rows = cells.map(({ number, state, set, runs, estimates, predicted }) => [
    String(number),
    state,
    ...axes.map(({ path }) => set[path] ?? ''),
    String(runs.length),
    ...figures.flatMap(({ name }) => {
      const estimate = estimates[name];
      const simulated = isBeside ? [numberCell(predicted?.[name]?.mean)] : [];
      return [numberCell(estimate?.mean), numberCell(estimate?.halfWidth), ...simulated];
    }),
  ]);
  return [head, ...rows].map((row) => `${row.map(quoted).join(',')}\r\n`).join('');
}

function numberCell(value: number | null | undefined): string {
  return value == null ? '' : String(Number(value.toPrecision(10)));
}

function quoted(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
