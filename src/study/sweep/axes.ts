import type { Axis } from '../../analysis/sweep-result.ts';
import { DrillError, ExitCode } from '../../kernel/errors.ts';
import type { Assignment } from '../../scenario/set.ts';

/** Cells beyond this are a slip of the finger. */
const mostCells = 10_000;

/**
 * Reads `PATH=v1,v2,…`. Commas inside brackets, braces and quotes belong to a value.
 * @throws DrillError of usage
 */
export function parseAxis(text: string): Axis {
  const equals = text.indexOf('=');
  const path = text.slice(0, equals).trim();
  if (equals < 1 || path === '') {
    throw usage(`--set takes PATH=VALUE[,VALUE…], got "${text}"`, 'such as load.sessions=20,40,80');
  }
  const values = splitValues(text.slice(equals + 1));
  const twice = values.find((value, index) => values.indexOf(value) < index);
  if (twice !== undefined) throw usage(`--set ${path} names the value ${twice} twice`);
  return { path, values };
}

/** Every combination of the values, the last axis varying fastest; one empty combination without axes. */
export function combinationsOf(axes: readonly Axis[]): Assignment[][] {
  const paths = axes.map(({ path }) => path);
  const twice = paths.find((path, index) => paths.indexOf(path) < index);
  if (twice !== undefined) {
    throw usage(`--set ${twice} is given twice`, `write all its values in one: --set ${twice}=v1,v2`);
  }
  const count = axes.reduce((product, { values }) => product * values.length, 1);
  if (count > mostCells) throw usage(`${count} combinations are more than ${mostCells}`);
  let combinations: Assignment[][] = [[]];
  for (const { path, values } of axes) {
    combinations = combinations.flatMap((combination) =>
      values.map((value) => [...combination, { path, value }]),
    );
  }
  return combinations;
}

function splitValues(text: string): string[] {
  const values: string[] = [];
  let depth = 0;
  let quote = '';
  let value = '';
  for (const character of text) {
    if (quote !== '') {
      if (character === quote) quote = '';
    } else if (character === '"' || character === "'") quote = character;
    else if ('[{'.includes(character)) depth += 1;
    else if (']}'.includes(character)) depth -= 1;
    else if (character === ',' && depth <= 0) {
      values.push(value.trim());
      value = '';
      continue;
    }
    value += character;
  }
  return [...values, value.trim()];
}

function usage(message: string, hint?: string): DrillError {
  return new DrillError(message, { exitCode: ExitCode.usage, ...(hint === undefined ? {} : { hint }) });
}
