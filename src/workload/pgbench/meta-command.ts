import { type Expression, parseExpression } from './expression-parser.ts';
import { FaultError, matchAt } from './expression-tokens.ts';
import { isVariableName } from './variables.ts';

/** A backslash command, read. `offset` is where its backslash stands. */
export type MetaCommand = { offset: number } & (
  | { type: 'set'; name: string; expression: Expression }
  | { type: 'if' | 'elif'; expression: Expression }
  | { type: 'else' | 'endif' | 'startpipeline' | 'endpipeline' }
  | { type: 'sleep'; amount: number | { variable: string }; microsecondsPerUnit: number }
  | { type: 'gset' | 'aset'; prefix: string }
);

interface Word {
  text: string;
  offset: number;
}

const microseconds: Readonly<Record<string, number>> = { us: 1, ms: 1000, s: 1_000_000 };

/** pgbench takes no more words in one command. */
const mostWords = 256;

const blank = /(?:[ \t\r\f\v]|\\\r?\n)+/y;
const spelled = /(?:[^ \t\r\f\v\n\\]|\\(?!\r?\n))+/y;
const restOfLine = /(?:\\\r?\n|[^\n])*/y;

/** Where the line of a command ends; a backslash at its end continues it. */
export function endOfLine(text: string, from: number): number {
  return from + (matchAt(restOfLine, text, from)?.length ?? 0);
}

/**
 * Reads the command whose backslash stands before `from`.
 *
 * @returns null for a lone backslash, which pgbench passes over
 * @throws FaultError with pgbench's words
 */
export function readMetaCommand(text: string, from: number): MetaCommand | null {
  const command = wordAt(text, from);
  if (command === null) return null;
  const after = command.offset + command.text.length;
  const name = command.text.toLowerCase();
  const refuse = (message: string, word?: Word): never => {
    throw new FaultError({
      offset: word?.offset ?? from - 1,
      message,
      ...(word && { detail: word.text }),
    });
  };
  try {
    const read = readArguments(name, { text, after, refuse });
    if (read) return { ...read, offset: from - 1 } as MetaCommand;
  } catch (error) {
    throw inCommand(error, command.text);
  }
  const { message, hint } = refusal(name);
  throw inCommand(new FaultError({ offset: from - 1, message, ...(hint && { hint }) }), command.text);
}

function inCommand(error: unknown, command: string): unknown {
  if (!(error instanceof FaultError)) return error;
  const { detail, message, ...fault } = error.fault;
  const shown = detail === undefined ? message : `${message} (${detail})`;
  return new FaultError({ ...fault, message: `${shown} in command "${command}"` });
}

function refusal(name: string): { message: string; hint?: string } {
  if (name === 'shell' || name === 'setshell') {
    const hint = 'compute the value with \\set, or give it with -D';
    return { message: 'scripts do not run shell commands here', hint };
  }
  if (name === 'setrandom')
    return { message: 'invalid command', hint: 'write \\set name random(least, most)' };
  return { message: 'invalid command' };
}

interface Reading {
  text: string;
  after: number;
  refuse: (message: string, word?: Word) => never;
}

type Read<Command = MetaCommand> = Command extends unknown ? Omit<Command, 'offset'> : never;

function readArguments(name: string, reading: Reading): Read | null {
  const { text, after, refuse } = reading;
  switch (name) {
    case 'set':
      return readSet(reading);
    case 'if':
    case 'elif':
      return { type: name, expression: parseExpression(text, after) };
    case 'sleep':
      return readSleep(reading);
    case 'gset':
    case 'aset': {
      const words = wordsFrom(text, after);
      if (words.length > 1) refuse('too many arguments', words[1]);
      return { type: name, prefix: words[0]?.text ?? '' };
    }
    case 'else':
    case 'endif':
    case 'startpipeline':
    case 'endpipeline': {
      const [word] = wordsFrom(text, after);
      if (word) refuse('unexpected argument', word);
      return { type: name };
    }
    default:
      return null;
  }
}

function readSet({ text, after, refuse }: Reading): Read {
  const name = wordAt(text, after);
  if (name === null) return refuse('missing argument');
  if (!isVariableName(name.text)) refuse('invalid variable name', name);
  const expression = parseExpression(text, name.offset + name.text.length);
  return { type: 'set', name: name.text, expression };
}

function readSleep({ text, after, refuse }: Reading): Read {
  const [amount, unit, ...rest] = wordsFrom(text, after);
  if (!amount) return refuse('missing argument');
  if (rest[0]) refuse('too many arguments', rest[0]);
  if (amount.text.startsWith(':')) {
    return { type: 'sleep', amount: { variable: amount.text.slice(1) }, ...sized(unit, refuse) };
  }
  const [, digits = '', glued = ''] = /^([-+]?\d*)(.*)$/s.exec(amount.text) ?? [];
  if (!/\d/.test(digits) || (glued !== '' && unit)) refuse('invalid sleep time, must be an integer', amount);
  const own = glued === '' ? unit : { text: glued, offset: amount.offset + digits.length };
  return { type: 'sleep', amount: Number(digits), ...sized(own, refuse) };
}

function sized(unit: Word | undefined, refuse: Reading['refuse']): { microsecondsPerUnit: number } {
  const size = microseconds[unit?.text.toLowerCase() ?? 's'];
  return { microsecondsPerUnit: size ?? refuse('unrecognized time unit, must be us, ms or s', unit) };
}

function wordAt(text: string, from: number): Word | null {
  const offset = from + (matchAt(blank, text, from)?.length ?? 0);
  const found = matchAt(spelled, text, offset);
  return found === null ? null : { text: found, offset };
}

function wordsFrom(text: string, from: number): Word[] {
  const words: Word[] = [];
  let at = from;
  for (let word = wordAt(text, at); word && words.length < mostWords; word = wordAt(text, at)) {
    words.push(word);
    at = word.offset + word.text.length;
  }
  return words;
}
