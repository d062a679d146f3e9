// Our `pgdrill pgbench` as a person runs it, and the installed pgbench beside it.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageDir } from '../../../src/lab/package-dir.ts';

const programs = process.env.PGDRILL_TEST_PROGRAMS ?? join(packageDir, 'dist');
const root = '/usr/lib/postgresql';
const installed = (existsSync(root) ? readdirSync(root) : [])
  .map((version) => join(root, version, 'bin', 'pgbench'))
  .filter((file) => existsSync(file));

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
  pid: number;
}

export interface Running {
  child: ChildProcess;
  ended: Promise<Ended>;
}

function start(file: string, words: readonly string[], cwd: string): Running {
  const child = spawn(file, words, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr, pid: child.pid ?? 0 }));
  });
  return { child, ended };
}

/** Both programs against one server, in one folder. */
export function bothAgainst(
  { host, port, user }: { host: string; port: number; user: string },
  cwd: string,
): { ours(words: readonly string[]): Running; theirs(words: readonly string[]): Running } {
  const where = ['-h', host, '-p', String(port), '-U', user];
  return {
    ours: (words) =>
      start(process.execPath, [join(programs, 'cli', 'main.js'), 'pgbench', ...where, ...words], cwd),
    theirs: (words) => start(installed.at(-1) ?? 'pgbench', [...where, ...words], cwd),
  };
}

/** A text with every number as N: reports of two runs have the same lines then. */
export function shape(text: string): string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/\d+(\.\d+)?/g, 'N').replace(/ +N/g, ' N'));
}

/** The part of our report that is pgbench's, without the line that names the program. */
export function pgbenchPart(report: string): string {
  const lines = report.split('\n').slice(1);
  const own = lines.indexOf('-- beyond pgbench --');
  return lines.slice(0, own < 0 ? undefined : own).join('\n');
}
