/** Names of everything that is called in an expression; operators are functions too, under names no script can write. */
export const signatures = {
  '+': [2, 2],
  '-': [2, 2],
  '*': [2, 2],
  '/': [2, 2],
  '<': [2, 2],
  '<=': [2, 2],
  '=': [2, 2],
  '<>': [2, 2],
  '&': [2, 2],
  '|': [2, 2],
  '#': [2, 2],
  '<<': [2, 2],
  '>>': [2, 2],
  '!and': [2, 2],
  '!or': [2, 2],
  '!not': [1, 1],
  '!is': [2, 2],
  '!case': [3, Number.POSITIVE_INFINITY],
  abs: [1, 1],
  debug: [1, 1],
  double: [1, 1],
  exp: [1, 1],
  greatest: [1, Number.POSITIVE_INFINITY],
  hash: [1, 2],
  hash_fnv1a: [1, 2],
  hash_murmur2: [1, 2],
  int: [1, 1],
  least: [1, Number.POSITIVE_INFINITY],
  ln: [1, 1],
  mod: [2, 2],
  permute: [2, 3],
  pi: [0, 0],
  pow: [2, 2],
  power: [2, 2],
  random: [2, 2],
  random_exponential: [3, 3],
  random_gaussian: [3, 3],
  random_zipfian: [3, 3],
  sqrt: [1, 1],
} as const satisfies Record<string, readonly [number, number]>;
export type FunctionName = keyof typeof signatures;

/** Functions that take `:default_seed` when the last argument is left out. */
export const seeded: ReadonlySet<FunctionName> = new Set<FunctionName>([
  'hash',
  'hash_fnv1a',
  'hash_murmur2',
  'permute',
]);

/** The function that a script names; null when there is none. Names ignore case. */
export function functionOf(name: string): FunctionName | null {
  const lower = name.toLowerCase();
  return Object.hasOwn(signatures, lower) ? (lower as FunctionName) : null;
}

/** More arguments than that end the evaluation. */
export const mostArguments = 16;
