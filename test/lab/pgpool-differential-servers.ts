import { chown, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Binaries } from '../../src/lab/binaries.ts';
import { type LabContext, logTail, mustRun, startDetached } from '../../src/lab/command.ts';
import { killServerProcesses, serverProcesses } from '../../src/lab/processes.ts';
import type { CommandNode } from '../../src/topology/pgpool-command.ts';

export const nodeIds = [0, 1, 2] as const;

/** What the servers of one cluster are made of. */
export interface ServersPlace {
  context: LabContext;
  binaries: Binaries;
  /** The first three bytes of loopback addresses that nobody else uses, as "127.0.91". */
  network: string;
}

/** The database that sessions use. It is not one of those whose connections Pgpool does not keep (postgres, template0, template1). */
export const database = 'app';

/** Three real PostgreSQL servers as small as they go; node 0 is the primary after every reset. */
export class RealServers {
  readonly #place: ServersPlace;

  constructor(place: ServersPlace) {
    this.#place = place;
  }

  address(node: number): string {
    return `${this.#place.network}.${11 + node}`;
  }

  /** As the placeholders of Pgpool's commands name them. */
  commandNodes(): CommandNode[] {
    return nodeIds.map((node) => ({
      host: this.address(node),
      port: 5432,
      dataDirectory: this.dataFolder(node),
    }));
  }

  /** Makes the data folder that every reset copies: one database with one table. */
  async build(): Promise<void> {
    const { context, binaries } = this.#place;
    const template = this.dataFolder('template');
    await mkdir(join(context.labDir, 'template'), { recursive: true });
    await this.#own(join(context.labDir, 'template'));
    const words = ['-D', template, '-U', 'postgres', '-A', 'trust', '-N', '--no-locale', '--wal-segsize=1'];
    await mustRun(context, join(binaries.postgresBin, 'initdb'), words);
    await this.#write(join(template, 'conninfo.conf'), '');
    await this.#write(join(template, 'postgresql.conf'), settingsOf(this.address(0)));
    await this.#launch('template');
    await this.#answers(0, 'template');
    await this.query(0, `create database ${database}`);
    await this.query(0, 'create table probe (id serial)', database);
    await this.#end('template', 'SIGINT');
  }

  /** Whatever ran is killed; three fresh copies start, 1 and 2 as standbys of 0. */
  async reset(): Promise<void> {
    const { context } = this.#place;
    for (const node of nodeIds) await killServerProcesses(this.dataFolder(node));
    await Promise.all(
      nodeIds.map(async (node) => {
        const data = this.dataFolder(node);
        await rm(data, { recursive: true, force: true });
        await mkdir(join(context.labDir, `node${node}`), { recursive: true });
        await this.#own(join(context.labDir, `node${node}`));
        await mustRun(context, 'cp', ['-a', this.dataFolder('template'), data]);
        await this.#write(join(data, 'postgresql.conf'), settingsOf(this.address(node)));
        await this.start(node, node === 0 ? null : 0);
      }),
    );
  }

  async query(node: number, sql: string, name = 'postgres'): Promise<unknown> {
    const client = new pg.Client({
      host: this.address(node),
      port: 5432,
      user: 'postgres',
      database: name,
      connectionTimeoutMillis: 5000,
    });
    client.on('error', () => {});
    await client.connect();
    try {
      const { rows } = await client.query({ text: sql, rowMode: 'array' });
      return rows[0]?.[0];
    } finally {
      await client.end().catch(() => {});
    }
  }

  /** SIGKILL to the postmaster alone: its processes notice and say goodbye (57P01). Returns when none is left. */
  async kill(node: number): Promise<void> {
    await this.#end(node, 'SIGKILL');
  }

  /** All processes at once, as when the power goes: no word to any client. */
  async vanish(node: number): Promise<void> {
    const before = serverProcesses(this.dataFolder(node));
    for (const { pid } of before) send(pid, 'SIGSTOP');
    for (const { pid } of before) send(pid, 'SIGKILL');
    await killServerProcesses(this.dataFolder(node));
  }

  /** Fast shutdown. */
  async stop(node: number): Promise<void> {
    await this.#end(node, 'SIGINT');
  }

  /** Starts a server, as a standby of `upstream` if one is given, else as what its data folder says. */
  async start(node: number, upstream: number | null): Promise<void> {
    if (upstream !== null) {
      await this.#write(join(this.dataFolder(node), 'conninfo.conf'), this.#conninfo(node, upstream));
      await this.#write(join(this.dataFolder(node), 'standby.signal'), '');
    }
    await this.#launch(node);
    await this.#answers(node);
  }

  /** One that is a primary already, by a command of Pgpool's, stays what it is. */
  async promote(node: number): Promise<void> {
    if ((await this.query(node, 'select pg_is_in_recovery()')) === false) return;
    const done = await this.query(node, 'select pg_promote(true, 30)');
    if (done !== true) throw new Error(`node ${node} was not promoted`);
  }

  async repoint(node: number, upstream: number): Promise<void> {
    await this.#write(join(this.dataFolder(node), 'conninfo.conf'), this.#conninfo(node, upstream));
    await this.query(node, 'select pg_reload_conf()');
  }

  /** By node id: the standbys that this server says stream from it. */
  streaming(): Promise<number[][]> {
    const sql =
      "select coalesce(string_agg(application_name, ' '), '') from pg_stat_replication where state = 'streaming'";
    return Promise.all(
      nodeIds.map(async (node) => {
        const names = await this.query(node, sql).catch(() => '');
        return nodeIds.filter((other) => String(names).split(' ').includes(`node${other}`));
      }),
    );
  }

  async #launch(folder: number | 'template'): Promise<void> {
    const { context, binaries } = this.#place;
    const data = this.dataFolder(folder);
    await rm(join(data, 'postmaster.pid'), { force: true });
    startDetached(context, {
      file: join(binaries.postgresBin, 'postgres'),
      args: ['-D', data],
      cwd: data,
      logFile: this.#log(folder),
    }).mustHaveStarted();
  }

  async #answers(node: number, folderOf: number | 'template' = node): Promise<void> {
    const endMs = performance.now() + 20_000;
    for (;;) {
      const folder = await this.query(node, 'show data_directory').catch(() => null);
      if (folder === this.dataFolder(folderOf)) return;
      if (folder !== null) throw new Error(`${this.address(node)} is taken by the server of ${folder}`);
      if (performance.now() > endMs) throw new Error(`node ${node}: ${await logTail(this.#log(folderOf))}`);
      await sleep(25);
    }
  }

  /** A signal to the postmaster; returns when all processes are gone. */
  async #end(folder: number | 'template', signal: NodeJS.Signals): Promise<void> {
    const data = this.dataFolder(folder);
    const all = serverProcesses(data);
    const pids = new Set(all.map(({ pid }) => pid));
    for (const { pid, parentPid } of all) if (!pids.has(parentPid)) send(pid, signal);
    const endMs = performance.now() + 20_000;
    while (serverProcesses(data).length > 0) {
      if (performance.now() > endMs) throw new Error(`${data} does not end`);
      await sleep(10);
    }
    if (signal === 'SIGKILL') await killServerProcesses(data);
  }

  dataFolder(folder: number | 'template'): string {
    return join(this.#place.context.labDir, typeof folder === 'number' ? `node${folder}` : folder, 'data');
  }

  #log(folder: number | 'template'): string {
    return join(this.#place.context.labDir, `postgres-${folder}.log`);
  }

  #conninfo(node: number, upstream: number): string {
    return `primary_conninfo = 'host=${this.address(upstream)} user=postgres application_name=node${node}'\n`;
  }

  async #write(file: string, text: string): Promise<void> {
    await writeFile(file, text, { mode: 0o600 });
    await this.#own(file);
  }

  async #own(path: string): Promise<void> {
    const { user } = this.#place.context;
    if (user.switched) await chown(path, user.uid, user.gid);
  }
}

function settingsOf(address: string): string {
  const settings = [
    `listen_addresses = '${address}'`,
    "unix_socket_directories = ''",
    'fsync = off',
    'shared_buffers = 8MB',
    'max_connections = 60',
    'max_wal_size = 64MB',
    'wal_keep_size = 32MB',
    'wal_retrieve_retry_interval = 500ms',
    'dynamic_shared_memory_type = mmap',
    "include = 'conninfo.conf'",
  ];
  return `${settings.join('\n')}\n`;
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause;
  }
}
