import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isMap, isPair, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml';
import { z } from 'zod';
import type { Place, Problem } from '../kernel/errors.ts';
import { nearestName } from '../kernel/nearest-name.ts';

type Path = readonly (string | number)[];

/** A checked YAML file: its value, and where each part of it stands. */
export interface Source<T> {
  file: string;
  value: T;
  /** First 16 hex digits of the SHA-256 of the text. */
  hash: string;
  /** Line and column of the value at `path`, or of the nearest part above it that is written in the file. */
  placeOf(path: Path): Place;
}

/** A file's value as changed after it was read and before it is checked. */
export interface Revised {
  value: unknown;
  /** Why a change could not be made. */
  problems: readonly Problem[];
  /** Goes into the hash, so that a changed file is not taken for itself; empty without a change. */
  mark: string;
  /** Where a part of the changed value comes from: its path in the file, or a place outside it. */
  originOf(path: Path): Path | Place;
}

/**
 * Reads a YAML file by a zod shape; every problem at once, each with its place, rule and value.
 * @param revise changes the value before it is checked
 */
export function readSource<Shape extends z.ZodType>(
  file: string,
  shape: Shape,
  revise: (value: unknown) => Revised = asWritten,
): { source: Source<z.output<Shape>> | undefined; problems: Problem[] } {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const message = `cannot read the file: ${(error as Error).message}`;
    return {
      source: undefined,
      problems: [{ place: { file, line: 1, column: 1 }, rule: 'readable', message }],
    };
  }
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  const at = (offset: number): Place => {
    const { line, col } = counter.linePos(offset);
    return { file, line, column: col };
  };
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => ({
      place: at(error.pos[0]),
      rule: 'yaml',
      message: error.message,
    }));
    return { source: undefined, problems };
  }
  const { value, mark, originOf, problems: refused } = revise(document.toJS());
  const placeOf = (path: Path): Place => {
    const origin = originOf(path);
    return 'file' in origin ? origin : at(offsetOf(document.contents, origin));
  };
  const parsed = shape.safeParse(value);
  if (!parsed.success || refused.length > 0) {
    const problems = (parsed.error?.issues ?? []).flatMap((issue) =>
      describe(issue, { value, placeOf, shape }),
    );
    return { source: undefined, problems: [...refused, ...problems].sort(byPlace) };
  }
  const hash = createHash('sha256').update(text).update(mark).digest('hex').slice(0, 16);
  return { source: { file, value: parsed.data, hash, placeOf }, problems: [] };
}

function asWritten(value: unknown): Revised {
  return { value, problems: [], mark: '', originOf: (path) => path };
}

export function byPlace(a: Problem, b: Problem): number {
  const [left, right] = [a.place, b.place];
  if (!left || !right) return left ? -1 : right ? 1 : 0;
  return left.file.localeCompare(right.file) || left.line - right.line || left.column - right.column;
}

/** Offset of the node at `path`; where the path leaves the document, of the last node on it. Keys stand for map values. */
function offsetOf(root: Node | null, path: Path): number {
  let node: unknown = root;
  let offset = 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair: Pair | undefined = node.items.find((item) => String(item.key) === String(step));
      if (!pair) break;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = isPair(pair) ? pair.value : null;
    } else if (isSeq(node)) {
      const item = node.items[Number(step)] as Node | undefined;
      if (!item) break;
      offset = item.range?.[0] ?? offset;
      node = item;
    } else break;
  }
  return offset;
}

function describe(
  issue: z.core.$ZodIssue,
  source: { value: unknown; placeOf: (path: Path) => Place; shape: z.ZodType },
): Problem[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  const name = printPath(path);
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(source.shape, path);
    return issue.keys.map((key) => {
      const nearest = nearestName(key, known);
      return {
        place: source.placeOf([...path, key]),
        rule: 'known-key',
        message: `"${key}" is no key of ${name || 'the file'}`,
        ...(nearest === undefined ? {} : { hint: `did you mean "${nearest}"?` }),
      };
    });
  }
  const value = valueAt(source.value, path);
  const got = value === undefined ? 'nothing' : JSON.stringify(value);
  const rule = issue.message.replace(/^Invalid input: /, '').replace(/, received undefined$/, '');
  const message = rule.includes(got)
    ? `${name || 'the file'}: ${rule}`
    : `${name || 'the file'}: ${rule}; got ${got}`;
  return [{ place: source.placeOf(path), rule: issue.code.replaceAll('_', '-'), message }];
}

/** Keys that a shape knows at `path`; none where several shapes are possible there. */
function keysAt(shape: unknown, path: Path): string[] {
  const [step, ...rest] = path;
  if (shape instanceof z.ZodOptional || shape instanceof z.ZodDefault || shape instanceof z.ZodNullable)
    return keysAt(shape.unwrap(), path);
  if (shape instanceof z.ZodPipe) return keysAt(shape.in, path);
  if (shape instanceof z.ZodArray) return keysAt(shape.element, rest);
  if (shape instanceof z.ZodRecord) return keysAt(shape.valueType, rest);
  if (!(shape instanceof z.ZodObject)) return [];
  return step === undefined ? Object.keys(shape.shape) : keysAt(shape.shape[step], rest);
}

function valueAt(value: unknown, path: Path): unknown {
  let current = value;
  for (const step of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Record<string | number, unknown>)[step];
  }
  return current;
}

/** `['servers', 1, 'postgres']` as `servers[1].postgres`. */
export function printPath(path: Path): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '');
}
