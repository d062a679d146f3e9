/** A command line as far as it can be read without a shell. */
export interface CommandLine {
  /** What stands between `&&`: words without their quotes, redirections left out. */
  clauses: readonly (readonly string[])[];
  /** A `&` at its end: whoever runs it does not wait. */
  background: boolean;
}

/** What a shell does more with than run one command after the other: lines with it are not read. */
const beyond = /[;|()`$\n]/;

const redirection = /^\d*(?:>>?|<)(?:&\d+)?/;

/** Reads a line of words, quotes, redirections and `&&` as a POSIX shell does. @returns null when there is more in it, or a quote is open */
export function readCommandLine(line: string): CommandLine | null {
  const words: string[][] = [[]];
  let word: string | null = null;
  let redirected = false;
  let background = false;
  const endWord = (): void => {
    if (word !== null && !redirected) words.at(-1)?.push(word);
    if (word !== null) redirected = false;
    word = null;
  };
  for (let at = 0; at < line.length; at += 1) {
    const sign = line[at] as string;
    const found =
      word === null || /^\d+$/.test(word) ? redirection.exec(`${word ?? ''}${line.slice(at)}`) : null;
    if (background && sign !== ' ') return null;
    if (sign === '"' || sign === "'") {
      const quoted = readQuoted(line, at);
      if (!quoted) return null;
      word = (word ?? '') + quoted.text;
      at = quoted.end;
    } else if (/\s/.test(sign) && sign !== '\n') endWord();
    else if (found && found[0].length > (word?.length ?? 0)) {
      at += found[0].length - (word?.length ?? 0) - 1;
      word = null;
      redirected = !found[0].includes('&');
    } else if (line.startsWith('&&', at)) {
      endWord();
      words.push([]);
      at += 1;
    } else if (sign === '&') {
      endWord();
      background = true;
    } else if (sign === '#' && word === null) break;
    else if (beyond.test(sign)) return null;
    else {
      if (sign === '\\') at += 1;
      word = (word ?? '') + (line[at] ?? '');
    }
  }
  endWord();
  const clauses = words.filter((clause) => clause.length > 0);
  if (words.length === 1) return { clauses, background };
  return clauses.length === words.length ? { clauses, background } : null;
}

/** What is quoted from `start` on, and where the quote ends; null when it does not, or a shell would replace something in it. */
function readQuoted(line: string, start: number): { text: string; end: number } | null {
  const quote = line[start];
  let text = '';
  for (let at = start + 1; at < line.length; at += 1) {
    const sign = line[at] as string;
    if (sign === quote) return { text, end: at };
    if (quote === '"' && (sign === '$' || sign === '`')) return null;
    if (quote === '"' && sign === '\\' && /["\\$`]/.test(line[at + 1] ?? '')) at += 1;
    text += line[at];
  }
  return null;
}

/**
 * Whether a clause is a test of two words (`[ a = b ]`, `test 0 -eq 1`), and how it comes out; null when it is none. Words that
 * are no numbers fail a comparison of numbers.
 */
export function judgeTest(clause: readonly string[]): boolean | null {
  const [name, ...rest] = clause;
  const bracket = name === '[' && rest.at(-1) === ']';
  if (name !== 'test' && !bracket) return null;
  const [left, operator, right, ...more] = bracket ? rest.slice(0, -1) : rest;
  if (left === undefined || operator === undefined || right === undefined || more.length > 0) return null;
  const numbers = [left, right].map((value) => (/^\s*-?\d+\s*$/.test(value) ? Number(value) : Number.NaN));
  const [a = Number.NaN, b = Number.NaN] = numbers;
  switch (operator) {
    case '=':
    case '==':
      return left === right;
    case '!=':
      return left !== right;
    case '-eq':
      return a === b;
    case '-ne':
      return !numbers.some(Number.isNaN) && a !== b;
    case '-lt':
      return a < b;
    case '-le':
      return a <= b;
    case '-gt':
      return a > b;
    case '-ge':
      return a >= b;
    default:
      return null;
  }
}
