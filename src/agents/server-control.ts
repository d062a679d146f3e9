import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommandOutcome } from '../roles/host.ts';
import type { AgentConfig } from './config.ts';
import { formatConninfo, parseConninfo, quoteConfigValue, unquoteConfigValue } from './conninfo.ts';
import { clearDeadPostmaster, lookAtPostmaster } from './postmaster.ts';

/** Exit code of `pg_ctl status` when no server runs in the data directory. */
const notRunning = 3;

/**
 * Runs a program to its end; never rejects. `detail` is its last line on stderr, or on stdout, when it failed.
 * @param options.timeoutMs it is killed then, and `timedOut` says so; without one it may take for ever
 */
export function runProgram(
  file: string,
  args: readonly string[],
  { env, timeoutMs }: { env: NodeJS.ProcessEnv; timeoutMs?: number },
): Promise<CommandOutcome & { exitCode: number }> {
  const limits = { maxBuffer: 16 * 1024 * 1024, timeout: timeoutMs ?? 0, killSignal: 'SIGKILL' } as const;
  return new Promise((resolve) => {
    execFile(file, [...args], { env, ...limits }, (error, stdout, stderr) => {
      if (!error) return resolve({ ok: true, detail: null, exitCode: 0 });
      if (timeoutMs !== undefined && error.killed)
        return resolve({
          ok: false,
          detail: `killed after ${timeoutMs} ms`,
          exitCode: -1,
          timedOut: true,
        });
      const exitCode = typeof error.code === 'number' ? error.code : -1;
      const said = (stderr.trim() || stdout.trim() || error.message).split('\n').at(-1);
      return resolve({ ok: false, detail: `exit ${exitCode}: ${said}`, exitCode });
    });
  });
}

/** Starts, stops, promotes and re-points the PostgreSQL server of one agent through pg_ctl and its files. */
export class ServerControl {
  readonly #bin: string;
  readonly #dataDir: string;
  readonly #config: AgentConfig;

  constructor(config: AgentConfig) {
    this.#config = config;
    this.#bin = config.database.bin;
    this.#dataDir = config.database.dataDir;
  }

  async stop(): Promise<CommandOutcome> {
    const { state } = await lookAtPostmaster(this.#dataDir);
    const isDown = state === 'gone' || (await this.#pgCtl(['status'])).exitCode === notRunning;
    if (isDown) return { ok: true, detail: 'was not running' };
    return this.#pgCtl(['stop', '-m', 'fast', '-w', '-t', '60']);
  }

  async start(): Promise<CommandOutcome> {
    const seconds = Math.ceil(this.#config.settings.restartConnectionTimeoutMs / 1000);
    const log = join(this.#config.logDir, 'postgres.log');
    await clearDeadPostmaster(this.#dataDir);
    return this.#pgCtl(['start', '-w', '-t', String(seconds), '-l', log]);
  }

  promote(): Promise<CommandOutcome> {
    return this.#pgCtl(['promote', '-W']);
  }

  /** Points primary_conninfo at the new primary, keeping its other keywords, and leaves standby.signal. */
  async follow(primary: string): Promise<CommandOutcome> {
    const file = join(this.#dataDir, 'postgresql.auto.conf');
    const lines = (await readFile(file, 'utf8')).split('\n');
    const setting = /^\s*primary_conninfo\s*=\s*(.*)$/;
    const last = lines.findLast((line) => setting.test(line));
    const { user, port, applicationName } = this.#config.database;
    const keywords = last
      ? parseConninfo(unquoteConfigValue(setting.exec(last)?.[1] ?? ''))
      : new Map([['user', user]]);
    if (!last && process.env.PGPASSFILE) keywords.set('passfile', process.env.PGPASSFILE);
    keywords.set('host', primary).set('port', String(port));
    if (applicationName) keywords.set('application_name', applicationName);
    const kept = lines.filter((line) => !setting.test(line) && line !== '');
    kept.push(`primary_conninfo = ${quoteConfigValue(formatConninfo(keywords))}`, '');
    await writeFile(`${file}.new`, kept.join('\n'), { mode: 0o600 });
    await rename(`${file}.new`, file);
    await rm(join(this.#dataDir, 'recovery.conf'), { force: true });
    await writeFile(join(this.#dataDir, 'standby.signal'), '');
    return { ok: true, detail: null };
  }

  /** PostgreSQL 12 and later refuse to start beside a recovery.conf: that is the guard. */
  async writeGuard({ unlessStandby }: { unlessStandby: boolean }): Promise<CommandOutcome> {
    if (unlessStandby && existsSync(join(this.#dataDir, 'standby.signal')))
      return { ok: true, detail: 'standby.signal is there' };
    const text =
      '# This server was the primary and has failed over. Rebuild it as a standby, remove this file, resume.\n';
    await writeFile(join(this.#dataDir, 'recovery.conf'), text);
    return { ok: true, detail: null };
  }

  async removeGuard(): Promise<CommandOutcome> {
    await rm(join(this.#dataDir, 'recovery.conf'), { force: true });
    return { ok: true, detail: null };
  }

  #pgCtl(args: readonly string[]): Promise<CommandOutcome & { exitCode: number }> {
    return runProgram(join(this.#bin, 'pg_ctl'), [...args, '-D', this.#dataDir], { env: process.env });
  }
}
