import { parseDocument } from 'yaml';
import type { Place, Problem } from '../kernel/errors.ts';
import { type Reshaped, reshapeModel, reshapings } from './reshape.ts';
import { printPath, type Revised } from './source.ts';

/** A value of the command line that wins over a file's: `load.classes.read.perSecond` and `500`; `null` takes a key out. */
export interface Assignment {
  /**
   * Names joined by dots, from the top of the scenario; from that of the cluster model behind `model.`. An entry of a list is
   * meant by its index or by its name, id or kind. `standbys` and `pgpoolServer` change the servers of the model (`reshape.ts`).
   */
  path: string;
  /** As one would write it in the file. */
  value: string;
}

type Path = (string | number)[];

const modelPrefix = 'model.';

/** Keys whose maps hold names with dots and values as text: settings of EFM, Pgpool and PostgreSQL. */
const settingMaps: readonly unknown[] = ['properties', 'settings'];

/** Where the value of an assignment stands, in the form of a place in a file: `--set load.sessions=0:1:15`. */
export function placeOfAssignment({ path, value }: Assignment): Place {
  return { file: `--set ${path}=${value}`, line: 1, column: path.length + 2 };
}

/** The assignments that are for the scenario file, and those for the cluster model. */
export function splitAssignments(set: readonly Assignment[]): {
  ofScenario: Assignment[];
  ofModel: Assignment[];
} {
  const isOfModel = ({ path }: Assignment): boolean =>
    path.startsWith(modelPrefix) || reshapings.includes(path);
  return {
    ofScenario: set.filter((assignment) => !isOfModel(assignment)),
    ofModel: set.filter(isOfModel),
  };
}

/** Applies assignments to a scenario as read, before it is checked. */
export function reviseScenario(value: unknown, set: readonly Assignment[]): Revised {
  return assign({ value, originOf: (path) => path }, set);
}

/** Applies assignments to a cluster model as read: first those that change which servers there are, then values in their order. */
export function reviseModel(value: unknown, set: readonly Assignment[]): Revised {
  const shapes = set.filter(({ path }) => reshapings.includes(path));
  const values = set.filter(({ path }) => !reshapings.includes(path));
  let reshaped: Reshaped = { value, originOf: (path) => path };
  const problems: Problem[] = [];
  for (const assignment of shapes) {
    const place = placeOfAssignment(assignment);
    const found = reshapeModel(reshaped, { ...assignment, place });
    if ('problem' in found) problems.push({ place, ...found.problem });
    else reshaped = found;
  }
  const revised = assign(reshaped, values);
  return { ...revised, mark: markOf(set), problems: [...problems, ...revised.problems] };
}

/** What tells a changed file's hash from that of the file itself. */
function markOf(set: readonly Assignment[]): string {
  return set.map(({ path, value }) => `\n--set ${path}=${value}`).join('');
}

function assign(base: Reshaped, set: readonly Assignment[]): Revised {
  const problems: Problem[] = [];
  const done: { path: Path; place: Place }[] = [];
  let { value } = base;
  for (const assignment of set) {
    const place = placeOfAssignment(assignment);
    const { path } = assignment;
    const resolved = resolve(value, path.startsWith(modelPrefix) ? path.slice(modelPrefix.length) : path);
    if ('message' in resolved) {
      problems.push({ place, rule: 'set-path', ...resolved });
      continue;
    }
    const read = readValue(assignment.value, { path: resolved, existing: partAt(value, resolved) });
    if ('message' in read) {
      problems.push({ place, rule: 'set-value', ...read });
      continue;
    }
    value = withPart(value, resolved, read.value);
    done.push({ path: resolved, place });
  }
  const originOf = (path: readonly (string | number)[]): readonly (string | number)[] | Place => {
    const own = done.findLast((one) => one.path.every((step, index) => step === path[index]));
    return own ? own.place : base.originOf(path);
  };
  return { value, problems, mark: markOf(set), originOf };
}

interface Refusal {
  message: string;
  hint?: string;
}

/** The place that a dotted path means in a value; keys that are not there yet are taken as they are written. */
function resolve(root: unknown, dotted: string): Path | Refusal {
  const words = dotted.replace(/\[(\d+)\]/g, '.$1').split('.');
  if (words.includes('')) {
    return {
      message: `"${dotted}" is no path`,
      hint: 'a path is names joined by dots, such as load.classes.read.perSecond',
    };
  }
  const path: Path = [];
  let node: unknown = root;
  let at = 0;
  while (at < words.length) {
    const word = words[at] ?? '';
    if (Array.isArray(node)) {
      const index = entryIndex(node, word, printPath(path));
      if (typeof index !== 'number') return index;
      path.push(index);
      node = node[index];
      at += 1;
    } else if (isMap(node) || node === undefined || node === null) {
      const count = keyLength(node, words.slice(at), path.at(-1));
      const key = words.slice(at, at + count).join('.');
      path.push(key);
      node = isMap(node) ? node[key] : undefined;
      at += count;
    } else {
      return { message: `${printPath(path)} is ${JSON.stringify(node)} and has no part "${word}"` };
    }
  }
  return path;
}

/** How many of the words make the next key: a key may hold dots itself. */
function keyLength(node: unknown, words: readonly string[], parent: string | number | undefined): number {
  for (let count = words.length; count > 0; count -= 1) {
    if (isMap(node) && Object.hasOwn(node, words.slice(0, count).join('.'))) return count;
  }
  return settingMaps.includes(parent) ? words.length : 1;
}

function entryIndex(list: readonly unknown[], word: string, listName: string): number | Refusal {
  if (/^\d+$/.test(word)) {
    const index = Number(word);
    if (index < list.length) return index;
    return { message: `${listName} has ${list.length} entries, so none with the index ${index}` };
  }
  const namesOf = (entry: unknown): unknown[] =>
    isMap(entry) ? [entry.name, entry.id, entry.kind].filter((name) => name !== undefined) : [];
  const found = list.flatMap((entry, index) => (namesOf(entry).includes(word) ? [index] : []));
  const [first] = found;
  if (found.length === 1 && first !== undefined) return first;
  if (found.length > 1) {
    return {
      message: `${found.length} entries of ${listName} are called "${word}"`,
      hint: `mean one by its index: ${found.join(' or ')}`,
    };
  }
  const known = list.flatMap((entry) => namesOf(entry).slice(0, 1));
  return {
    message: `${listName} has no entry called "${word}"${known.length === 0 ? '; it is empty' : `; it has ${known.join(', ')}`}`,
  };
}

/**
 * A value as the file would hold it. Where the file has text now, and where it holds settings or versions, text stays text:
 * `4.10` is a version and no number.
 */
function readValue(
  text: string,
  { path, existing }: { path: Path; existing: unknown },
): { value: unknown } | Refusal {
  if (text === 'null' && !settingMaps.includes(path.at(-2))) return { value: undefined };
  const isText =
    typeof existing === 'string' || path.at(-1) === 'version' || settingMaps.includes(path.at(-2));
  const document = parseDocument(text);
  const broken = document.errors[0];
  if (isText) {
    const read: unknown = broken ? text : document.toJS();
    return { value: typeof read === 'string' ? read : text };
  }
  if (broken) return { message: `"${text}" cannot be read: ${broken.message.split('\n')[0]}` };
  return { value: document.toJS() };
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function partAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (part, step) => (typeof part === 'object' && part !== null ? Reflect.get(part, step) : undefined),
    value,
  );
}

/** The value with one part replaced; what does not lie on the path is shared with the old value, which stays as it was. */
function withPart(value: unknown, path: Path, part: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return part;
  if (Array.isArray(value)) {
    return value.map((entry: unknown, index) => (index === step ? withPart(entry, rest, part) : entry));
  }
  const { [step]: old, ...others } = isMap(value) ? value : {};
  if (rest.length === 0 && part === undefined) return others;
  return { ...others, [step]: withPart(old, rest, part) };
}
