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

/** What a standby recovers with (PostgreSQL 12 and later keep it in postgresql.auto.conf). */
const recoveryNames = ['primary_conninfo', 'restore_command'] as const;

function isSetting(name: (typeof recoveryNames)[number], line: string): boolean {
  return new RegExp(`^\\s*${name}\\s*=`).test(line);
}

function settingValue(line: string): string {
  return unquoteConfigValue(line.slice(line.indexOf('=') + 1));
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

  /** The lines that say what this standby recovers with. */
  async recoverySettings(): Promise<CommandOutcome> {
    const lines = await this.#settingLines();
    const found = recoveryNames.flatMap((name) => lines.findLast((line) => isSetting(name, line)) ?? []);
    const usable = found.some((line) => isSetting('primary_conninfo', line));
    if (!usable) return { ok: false, detail: 'there is no primary_conninfo in postgresql.auto.conf' };
    return { ok: true, detail: found.join('\n') };
  }

  /**
   * Points primary_conninfo at the new primary, keeping its other keywords, and leaves standby.signal.
   * @param settings another standby's, for a server that was no standby: they take the place of its own, application_name apart
   */
  async follow(primary: string, settings: string | null = null): Promise<CommandOutcome> {
    const file = join(this.#dataDir, 'postgresql.auto.conf');
    const own = await this.#settingLines();
    const given = settings === null ? own : settings.split('\n');
    const last = given.findLast((line) => isSetting('primary_conninfo', line));
    const { user, port, applicationName, restoreCommand } = this.#config.database;
    const keywords = last ? parseConninfo(settingValue(last)) : new Map([['user', user]]);
    if (!last && process.env.PGPASSFILE) keywords.set('passfile', process.env.PGPASSFILE);
    keywords.set('host', primary).set('port', String(port));
    if (applicationName) keywords.set('application_name', applicationName);
    else if (settings !== null) keywords.delete('application_name');
    const restore = restoreCommand
      ? `restore_command = ${quoteConfigValue(restoreCommand.replaceAll('%h', primary))}`
      : settings === null
        ? undefined
        : given.findLast((line) => isSetting('restore_command', line));
    const replaced = recoveryNames.filter((name) => name === 'primary_conninfo' || restore !== undefined);
    const kept = own.filter((line) => line !== '' && !replaced.some((name) => isSetting(name, line)));
    kept.push(`primary_conninfo = ${quoteConfigValue(formatConninfo(keywords))}`);
    if (restore !== undefined) kept.push(restore);
    kept.push('');
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

  async #settingLines(): Promise<string[]> {
    return (await readFile(join(this.#dataDir, 'postgresql.auto.conf'), 'utf8')).split('\n');
  }

  #pgCtl(args: readonly string[]): Promise<CommandOutcome & { exitCode: number }> {
    return runProgram(join(this.#bin, 'pg_ctl'), [...args, '-D', this.#dataDir], { env: process.env });
  }
}
