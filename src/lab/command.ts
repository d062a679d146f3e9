import { spawn } from 'node:child_process';
import { closeSync, fchownSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { DrillError, ExitCode } from '../kernel/errors.ts';
import { labMark } from './layout.ts';
import type { RunUser } from './run-user.ts';

/** What every process of a lab is started with: as whom, in which lab, and how it is called off. */
export interface LabContext {
  labDir: string;
  user: RunUser;
  /** libpq password file. */
  passFile: string;
  signal?: AbortSignal;
}

export interface CommandResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Environment of a lab's processes: marked with the lab, without anything of ours that would steer libpq. */
export function labEnv(context: LabContext): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !/^(PG|NODE_|VITEST|npm_)/.test(name)) env[name] = value;
  }
  return {
    ...env,
    HOME: context.labDir,
    TZ: 'UTC',
    LC_ALL: 'C',
    PGPASSFILE: context.passFile,
    [labMark]: context.labDir,
  };
}

/** Runs a program to its end and collects what it prints; killed when the context's signal fires. */
export function runCommand(
  context: LabContext,
  file: string,
  args: readonly string[],
): Promise<CommandResult> {
  context.signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { ...spawnBase(context), stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    const abort = (): void => {
      child.kill('SIGKILL');
      reject(context.signal?.reason);
    };
    context.signal?.addEventListener('abort', abort, { once: true });
    child.stdout.on('data', (chunk) => (stdout += chunk));
    child.stderr.on('data', (chunk) => (stderr += chunk));
    child.once('error', (failure) => reject(cannotRun(file, { user: context.user, failure })));
    child.once('close', (code) => {
      context.signal?.removeEventListener('abort', abort);
      resolve({ code, stdout, stderr });
    });
  });
}

/** Like `runCommand`; any exit code but 0 is a DrillError that quotes the end of what the program said. */
export async function mustRun(context: LabContext, file: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(context, file, args);
  if (code === 0) return stdout;
  throw new DrillError(`${file} failed (exit ${code})`, { hint: lastLines(stderr || stdout, 8) });
}

/** A program that outlives us. */
export interface Detached {
  /** Whether it runs no more. */
  ended(): boolean;
  /** @throws DrillError when the system could not start it at all */
  mustHaveStarted(): void;
}

/** Starts a program that outlives us, in a session of its own, its output appended to a file. */
export function startDetached(
  context: LabContext,
  program: {
    file: string;
    args: readonly string[];
    cwd: string;
    logFile: string;
    env?: Record<string, string>;
    asRoot?: boolean;
  },
): Detached {
  context.signal?.throwIfAborted();
  const log = openSync(program.logFile, 'a', 0o640);
  try {
    if (context.user.switched) fchownSync(log, context.user.uid, context.user.gid);
    const base = spawnBase(context);
    const child = spawn(program.file, program.args, {
      ...(program.asRoot ? { env: base.env } : base),
      env: { ...base.env, ...program.env },
      cwd: program.cwd,
      detached: true,
      stdio: ['ignore', log, log],
    });
    let failure: Error | null = null;
    child.once('error', (cause) => {
      failure = cause;
    });
    child.unref();
    return {
      ended: () => failure !== null || child.exitCode !== null || child.signalCode !== null,
      mustHaveStarted: () => {
        if (failure)
          throw cannotRun(program.file, { user: base.uid === undefined ? null : context.user, failure });
      },
    };
  } finally {
    closeSync(log);
  }
}

/** The end of a log file, for an error's hint; says so when there is none. */
export async function logTail(file: string, lines = 12): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.trim() === '' ? `${file} is empty` : `the end of ${file}:\n${lastLines(text, lines)}`;
}

/** Turns the reason of an abort into the error of an interrupted command; other errors stay. */
export function interrupted(signal: AbortSignal | undefined, cause: unknown): unknown {
  if (!signal?.aborted || (cause instanceof DrillError && cause.exitCode === ExitCode.interrupted))
    return cause;
  return new DrillError('interrupted while the lab started', { exitCode: ExitCode.interrupted, cause });
}

function cannotRun(file: string, { user, failure }: { user: RunUser | null; failure: Error }): DrillError {
  const denied = (failure as NodeJS.ErrnoException).code === 'EACCES';
  const who = user?.switched ? `the user ${user.name}` : 'this user';
  return new DrillError(`cannot run ${file}: ${failure.message}`, {
    cause: failure,
    ...(denied ? { hint: `${who} must be allowed to execute it and to enter every folder above it` } : {}),
  });
}

function spawnBase(context: LabContext): {
  env: Record<string, string>;
  cwd: string;
  uid?: number;
  gid?: number;
} {
  const base = { env: labEnv(context), cwd: context.labDir };
  return context.user.switched ? { ...base, uid: context.user.uid, gid: context.user.gid } : base;
}

function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
