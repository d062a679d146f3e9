import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Binaries } from '../../src/lab/binaries.ts';
import { type LabContext, mustRun, startDetached } from '../../src/lab/command.ts';
import { killServerProcesses } from '../../src/lab/processes.ts';
import { backendAddressOf, type PrivateNetwork } from './watchdog-differential-network.ts';
import { backendIds } from './watchdog-differential-profiles.ts';

/** A PostgreSQL primary and its standby, both in the hub of the private network. */
export class WatchdogBackends {
  readonly #context: LabContext;
  readonly #binaries: Binaries;
  readonly #network: PrivateNetwork;
  readonly #up = new Set<number>();

  constructor(context: LabContext, binaries: Binaries, network: PrivateNetwork) {
    this.#context = context;
    this.#binaries = binaries;
    this.#network = network;
  }

  async build(): Promise<void> {
    const data = this.#data(0);
    const words = ['-D', data, '-U', 'postgres', '-A', 'trust', '-N', '--no-locale', '--wal-segsize=1'];
    await mustRun(this.#context, join(this.#binaries.postgresBin, 'initdb'), words);
    const hba = ['host all all 10.99.0.0/24 trust', 'host replication all 10.99.0.0/24 trust'];
    await appendFile(join(data, 'pg_hba.conf'), `${hba.join('\n')}\n`);
    for (const id of backendIds) {
      if (id > 0) await mustRun(this.#context, 'cp', ['-a', data, this.#data(id)]);
      await this.#configure(id);
    }
    for (const id of backendIds) await this.lift(id);
  }

  /** SIGKILL to all its processes. */
  async drop(id: number): Promise<void> {
    await killServerProcesses(this.#data(id));
    this.#up.delete(id);
  }

  /** Starts it; returns when it takes connections. */
  async lift(id: number): Promise<void> {
    if (this.#up.has(id)) return;
    const data = this.#data(id);
    const [file, ...args] = this.#network.command('hub', [
      join(this.#binaries.postgresBin, 'postgres'),
      '-D',
      data,
    ]);
    const logFile = join(this.#context.labDir, `postgres${id}.log`);
    startDetached(this.#context, { file, args, cwd: data, logFile, asRoot: true }).mustHaveStarted();
    this.#up.add(id);
    const ready = [
      join(this.#binaries.postgresBin, 'pg_isready'),
      '-h',
      backendAddressOf(id),
      '-U',
      'postgres',
    ];
    const endMs = performance.now() + 30_000;
    while ((await this.#network.run('hub', ready)) === null) {
      if (performance.now() > endMs) throw new Error(`PostgreSQL ${id} takes no connection`);
      await sleep(50);
    }
  }

  async liftAll(): Promise<void> {
    for (const id of backendIds) await this.lift(id);
  }

  async #configure(id: number): Promise<void> {
    const settings = [
      `listen_addresses = '${backendAddressOf(id)}'`,
      "unix_socket_directories = ''",
      'fsync = off',
      'shared_buffers = 8MB',
      'dynamic_shared_memory_type = mmap',
    ];
    if (id > 0) settings.push(`primary_conninfo = 'host=${backendAddressOf(0)} port=5432 user=postgres'`);
    await writeFile(join(this.#data(id), 'postgresql.auto.conf'), `${settings.join('\n')}\n`);
    if (id > 0) await mustRun(this.#context, 'touch', [join(this.#data(id), 'standby.signal')]);
  }

  #data(id: number): string {
    return join(this.#context.labDir, `data${id}`);
  }
}
