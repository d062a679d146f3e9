import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBinaries } from '../../src/lab/binaries.ts';
import { processesOf, stopProcesses } from '../../src/lab/processes.ts';
import { findRunUser } from '../../src/lab/run-user.ts';
import { startWatcher, type Watcher } from '../../src/lab/watcher.ts';
import { RealPgpool } from './pgpool-differential-pgpool.ts';
import type { Profile } from './pgpool-differential-profiles.ts';
import { Differs, Run, type Tally } from './pgpool-differential-run.ts';
import { RealServers } from './pgpool-differential-servers.ts';
import { type Step, textOf } from './pgpool-differential-steps.ts';

/** A place where the real Pgpool and the model differ. */
export interface Mismatch {
  /** Steps done, the last one being the one after which they differ. */
  steps: readonly string[];
  what: string;
  real: string;
  /** What the model allows. */
  model: string;
  /** Pgpool's log of the sequence. */
  log: string;
}

/** What one sequence came to. */
export interface SequenceResult extends Tally {
  profile: string;
  /** Steps done. */
  steps: number;
  mismatch: Mismatch | null;
}

/** Three real PostgreSQL servers and a real Pgpool-II on loopback addresses of their own, for one sequence after the other. */
export class DifferentialRunner {
  readonly #folder: string;
  readonly #servers: RealServers;
  readonly #pgpool: RealPgpool;
  readonly #watcher: Watcher;

  readonly versions: { postgres: string; pgpool: string };

  private constructor(
    folder: string,
    parts: {
      servers: RealServers;
      pgpool: RealPgpool;
      watcher: Watcher;
      versions: { postgres: string; pgpool: string };
    },
  ) {
    this.#folder = folder;
    this.versions = parts.versions;
    this.#servers = parts.servers;
    this.#pgpool = parts.pgpool;
    this.#watcher = parts.watcher;
  }

  /** @param network the first three bytes of loopback addresses that nobody else uses, as "127.0.91" */
  static async build(network: string): Promise<DifferentialRunner> {
    const user = findRunUser();
    const { binaries, problems } = findBinaries();
    if (!user || !binaries)
      throw new Error(`no servers here: ${problems.map(({ message }) => message).join('; ')}`);
    const folder = await mkdtemp(join(tmpdir(), 'pgdrill-differential-'));
    if (user.switched) await chown(folder, user.uid, user.gid);
    const context = { labDir: folder, user, passFile: join(folder, 'pgpass') };
    const servers = new RealServers({ context, binaries, network });
    const nodes = servers.commandNodes();
    const pgpool = new RealPgpool({ context, binaries, address: `${network}.14`, nodes });
    const versions = { postgres: binaries.postgresVersion, pgpool: binaries.pgpoolVersion };
    const watcher = startWatcher(folder, null);
    const runner = new DifferentialRunner(folder, { servers, pgpool, watcher, versions });
    try {
      await servers.build();
      return runner;
    } catch (error) {
      await runner.remove();
      throw error;
    }
  }

  /** Stops and removes everything. @returns the programs that were still there after it */
  async remove(): Promise<string[]> {
    await this.#pgpool.stop();
    await stopProcesses(this.#folder);
    const left = processesOf(this.#folder).map(({ program }) => program);
    await rm(this.#folder, { recursive: true, force: true });
    this.#watcher.dismiss();
    return left;
  }

  /** One sequence from a fresh cluster; ends at the first difference. */
  async sequence(profile: Profile, steps: readonly Step[]): Promise<SequenceResult> {
    await this.#pgpool.stop();
    await this.#servers.reset();
    const conf = Object.entries(profile.conf).map(([name, value]) => [
      name,
      value.replaceAll('{folder}', this.#folder),
    ]);
    await this.#pgpool.start(Object.fromEntries(conf), 0);
    const run = new Run(this.#servers, this.#pgpool, profile);
    const done: string[] = [];
    const result = () => ({ profile: profile.name, steps: done.length, ...run.tally() });
    try {
      await run.check();
      for (const step of steps) {
        done.push(textOf(step));
        await run.step(step);
      }
      return { ...result(), mismatch: null };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const { what, real, model } =
        error instanceof Differs ? error : { what: 'the step failed', real: String(error), model: '' };
      const mismatch = { steps: done, what, real, model, log: await this.#pgpool.log() };
      return { ...result(), mismatch };
    } finally {
      await run.close();
    }
  }
}
