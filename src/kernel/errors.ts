/** Exit codes of every command; docs and README list the same table. */
export const ExitCode = {
  ok: 0,
  usage: 1,
  failed: 2,
  invalidRun: 3,
  crossed: 99,
  interrupted: 130,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** A fault of the input or of the machine, told to the person: what happened with its value, then what to do. */
export class DrillError extends Error {
  readonly hint: string | undefined;
  readonly exitCode: ExitCode;

  constructor(message: string, options: { hint?: string; exitCode?: ExitCode; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'DrillError';
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? ExitCode.failed;
  }
}

/** Where a value stands in a file; line and column start at 1. */
export interface Place {
  file: string;
  line: number;
  column: number;
}

/** One mistake in an input: where, which rule, what was found, and how to mend it. */
export interface Problem {
  place?: Place;
  rule: string;
  message: string;
  hint?: string;
}

/** All mistakes of the input at once; nothing was started. Exit code 1. */
export class InputError extends DrillError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const noun = problems.length === 1 ? 'problem' : 'problems';
    super(`${problems.length} ${noun} in the input; nothing was started`, { exitCode: ExitCode.usage });
    this.name = 'InputError';
    this.problems = problems;
  }
}

/** Renders a problem as `file:line:column: message [rule]`, with its hint on a second line. */
export function formatProblem({ place, rule, message, hint }: Problem): string {
  const where = place ? `${place.file}:${place.line}:${place.column}: ` : '';
  return `${where}${message} [${rule}]${hint ? `\n  hint: ${hint}` : ''}`;
}

/** Stops on a bug. Never for bad input: that is a Problem or a DrillError. */
export function invariant(holds: unknown, what: string): asserts holds {
  if (!holds) throw new Error(`invariant violated: ${what}`);
}
