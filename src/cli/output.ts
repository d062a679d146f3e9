import { DrillError, ExitCode, formatProblem, InputError } from '../kernel/errors.ts';

/** What every command's options hold. */
export interface CommonOptions {
  json?: boolean;
  quiet?: boolean;
}

/** Progress and notes go to stderr; `--quiet` silences them. */
export function noteTo(options: CommonOptions): (line: string) => void {
  return (line) => {
    if (!options.quiet) process.stderr.write(`${line}\n`);
  };
}

/** A result goes to stdout. */
export function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

/** Tells a failure to the person and returns its exit code; a bug also shows its stack. */
export function explain(error: unknown): ExitCode {
  if (error instanceof DrillError && error.exitCode === ExitCode.interrupted) return error.exitCode;
  if (error instanceof InputError) {
    for (const problem of error.problems) process.stderr.write(`${formatProblem(problem)}\n`);
    process.stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
  if (error instanceof DrillError) {
    process.stderr.write(`pgdrill: ${error.message}\n`);
    if (error.hint) process.stderr.write(`hint: ${error.hint}\n`);
    return error.exitCode;
  }
  const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`pgdrill: this is a bug of pgdrill, not of your input\n${told}\n`);
  process.stderr.write(`command: pgdrill ${process.argv.slice(2).join(' ')}\n`);
  return ExitCode.failed;
}

/** A reader that goes away (`| head`, a closed terminal) is no reason to leave work undone. */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}

/**
 * A signal for Ctrl-C and SIGTERM: the first one calls the work off in order, further ones are ignored so that nothing is
 * left behind.
 */
export function interruptSignal(note: (line: string) => void): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) return;
    note('interrupted: stopping what was started, results so far are kept');
    controller.abort();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, onSignal);
  return {
    signal: controller.signal,
    release: () => {
      for (const name of signals) process.off(name, onSignal);
    },
  };
}
