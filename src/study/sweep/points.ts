import { refusalOf, type ScalePoint } from '../../analysis/usl.ts';
import type { Problem } from '../../kernel/errors.ts';

/** A number as such files hold it. */
const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * Reads points of a CSV file: two columns, n and throughput, separated by comma, semicolon or tab. The first line may name the
 * columns; empty lines and those that begin with # are skipped. All mistakes come at once, and points that carry no fit are one.
 *
 * @param file name for messages
 */
export function readScalePoints(
  text: string,
  file: string,
): { points: ScalePoint[] } | { problems: Problem[] } {
  const points: ScalePoint[] = [];
  const problems: Problem[] = [];
  let isFirst = true;
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    .entries()) {
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    const cells = cellsOf(line);
    const isHead = isFirst && cells.length === 2 && cells.every(({ value }) => !number.test(value));
    isFirst = false;
    if (isHead) continue;
    const read = pointOf(cells);
    if ('n' in read) points.push(read);
    else {
      const place = { file, line: index + 1, column: read.column };
      problems.push({ place, rule: 'scale-point', message: read.message });
    }
  }
  if (problems.length > 0) return { problems };
  const refusal = refusalOf(points);
  if (refusal === null) return { points };
  const hint = 'measure at more sizes; repeated measurements of one size count as points of their own';
  return {
    problems: [{ place: { file, line: 1, column: 1 }, rule: 'enough-points', message: refusal, hint }],
  };
}

interface Cell {
  value: string;
  /** Of its first character, from 1. */
  column: number;
}

function cellsOf(line: string): Cell[] {
  let start = 0;
  return line.split(/[,;\t]/).map((text) => {
    const blank = /^[\s"]*/.exec(text)?.[0].length ?? 0;
    const column = start + blank + 1;
    start += text.length + 1;
    return { value: text.replace(/^[\s"]+|[\s"]+$/g, ''), column };
  });
}

function pointOf(cells: readonly Cell[]): ScalePoint | { message: string; column: number } {
  const [n, throughput, third] = cells;
  if (!n || !throughput)
    return { message: 'a line holds n and throughput, this one a single value', column: 1 };
  if (third) {
    return {
      message: `a line holds n and throughput, this one has ${cells.length} values`,
      column: third.column,
    };
  }
  for (const [name, { value, column }] of [
    ['n', n],
    ['throughput', throughput],
  ] as const) {
    if (!number.test(value)) return { message: `${name} is no number: "${value}"`, column };
    if (!(Number(value) > 0)) return { message: `${name} must be above 0, got ${value}`, column };
  }
  return { n: Number(n.value), throughput: Number(throughput.value) };
}
