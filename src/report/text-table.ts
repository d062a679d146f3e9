import { terminalColumns } from './format.ts';

/**
 * Sets rows in columns, the first to the left, the others to the right, within 80 columns.
 *
 * A table that would be wider loses characters of its widest column, marked by `…`.
 *
 * @param options.indent spaces before each line
 * @param options.left columns besides the first that are set to the left
 */
export function textTable(
  rows: readonly (readonly string[])[],
  options: { indent?: number; left?: readonly number[] } = {},
): string[] {
  const { indent = 2, left = [] } = options;
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  const space = terminalColumns - indent - 2 * (widths.length - 1);
  for (let sum = total(widths); sum > space; sum -= 1) {
    const widest = widths.indexOf(Math.max(...widths));
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return rows.map((row) => {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      const text = cell.length > width ? `${cell.slice(0, Math.max(0, width - 1))}…` : cell;
      return column === 0 || left.includes(column) ? text.padEnd(width) : text.padStart(width);
    });
    return `${' '.repeat(indent)}${cells.join('  ')}`.trimEnd();
  });
}

/** Breaks text at spaces into lines of at most 80 columns; a word longer than a line is cut. */
export function wrapText(text: string, options: { indent?: number; hanging?: number } = {}): string[] {
  const { indent = 2, hanging = indent } = options;
  const lines: string[] = [];
  let line = ' '.repeat(indent);
  let empty = true;
  const breakLine = (): void => {
    lines.push(line.trimEnd());
    line = ' '.repeat(hanging);
    empty = true;
  };
  for (let word of text.split(/\s+/)) {
    if (!empty && line.length + 1 + word.length > terminalColumns) breakLine();
    while (line.length + word.length > terminalColumns) {
      const room = terminalColumns - line.length;
      line += word.slice(0, room);
      word = word.slice(room);
      breakLine();
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  if (!empty) breakLine();
  return lines;
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0);
}
