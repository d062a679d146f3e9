import { execFile } from 'node:child_process';
import { appendFile, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Binaries, findBinaries } from '../../src/lab/binaries.ts';
import { type LabContext, mustRun, startDetached } from '../../src/lab/command.ts';
import { killProcesses, type LabProcess, processesOf, stopProcesses } from '../../src/lab/processes.ts';
import { findRunUser } from '../../src/lab/run-user.ts';
import { startWatcher, type Watcher } from '../../src/lab/watcher.ts';
import { addressOf, hubAddress, PrivateNetwork } from './watchdog-differential-network.ts';

export const pgpoolIds = [0, 1, 2] as const;

/** wd_priority by node: who leads where both could is no matter of the second in which they started. */
export const priorities: readonly number[] = [3, 2, 1];

/** Seconds: short, for each loss waits for them. */
export const times = { interval: 1, keepalive: 1, deadtime: 3 } as const;

/** What one Pgpool says of the watchdog cluster; ids of nodes. */
export interface Observed {
  state: string;
  leader: number | null;
  /** As a leader tells it. */
  quorum: string | null;
  escalated: boolean;
  /** Peers that are there to it. */
  sees: readonly number[];
}

/** A starting Pgpool has a leader after 5 to 7 s; its life check looks every ten intervals whether it has heard all peers. */
const lifeCheckMs = 7000 + 10_000 * times.interval + 2000;

const pcpPort = 9898;
const pcpMd5 = '5ebe2294ecd0e0f08eab7690d2a6ee69';

/** States in which a peer is not there; a node that never came is DEAD. */
const absent = new Set(['DEAD', 'LOST', 'SHUTDOWN']);

/** Three real Pgpools with watchdogs, each in a network namespace of its own, before a small PostgreSQL. */
export class WatchdogCluster {
  readonly versions: { postgres: string; pgpool: string };
  readonly #context: LabContext;
  readonly #binaries: Binaries;
  readonly #network: PrivateNetwork;
  readonly #watcher: Watcher;
  #startedMs = 0;

  private constructor(context: LabContext, binaries: Binaries) {
    this.#context = context;
    this.#binaries = binaries;
    this.#network = new PrivateNetwork(context);
    this.#watcher = startWatcher(context.labDir, null);
    this.versions = { postgres: binaries.postgresVersion, pgpool: binaries.pgpoolVersion };
  }

  static async build(): Promise<WatchdogCluster> {
    const user = findRunUser();
    const { binaries, problems } = findBinaries();
    if (!user || !binaries)
      throw new Error(`no servers here: ${problems.map(({ message }) => message).join('; ')}`);
    const labDir = await mkdtemp(join(tmpdir(), 'pgdrill-watchdog-'));
    if (user.switched) await chown(labDir, user.uid, user.gid);
    const cluster = new WatchdogCluster({ labDir, user, passFile: join(labDir, 'pgpass') }, binaries);
    try {
      await cluster.#network.build(pgpoolIds);
      await cluster.#startPostgres();
      for (const node of pgpoolIds) await cluster.#configure(node);
      return cluster;
    } catch (error) {
      await cluster.remove();
      throw error;
    }
  }

  /** Stops and removes everything. @returns the programs that were still there after it */
  async remove(): Promise<string[]> {
    const { labDir } = this.#context;
    for (const node of pgpoolIds) send(this.#processes(node), 'SIGCONT');
    await stopProcesses(labDir);
    const left = processesOf(labDir).map(({ program }) => program);
    await rm(labDir, { recursive: true, force: true });
    this.#watcher.dismiss();
    return left;
  }

  /** All Pgpools are killed, the network is whole, and they start one after the other: each has begun to look for others before the next. */
  async reset(): Promise<void> {
    for (const node of pgpoolIds) {
      await this.kill(node);
      await this.#network.join(node);
      await rm(this.#file(node, 'log'), { force: true });
    }
    for (const node of pgpoolIds) {
      await this.start(node);
      const endMs = performance.now() + 20_000;
      while (!(await this.log(node)).includes('to [LOADING]')) {
        if (performance.now() > endMs)
          throw new Error(`Pgpool ${node} does not start: ${await this.log(node)}`);
        await sleep(20);
      }
    }
  }

  async start(node: number): Promise<void> {
    this.#startedMs = performance.now();
    const cwd = this.#file(node, '');
    for (const name of ['pgpool.pid', 'pgpool_status']) await rm(this.#file(node, name), { force: true });
    const conf = ['-f', this.#file(node, 'pgpool.conf'), '-F', this.#file(node, 'pcp.conf')];
    const [file, ...args] = this.#network.command(`node${node}`, [
      this.#binaries.pgpool,
      '-n',
      '-D',
      ...conf,
    ]);
    startDetached(this.#context, {
      file,
      args,
      cwd,
      logFile: this.#file(node, 'log'),
      asRoot: true,
    }).mustHaveStarted();
  }

  /** SIGKILL to all its processes. */
  async kill(node: number): Promise<void> {
    await killProcesses(() => this.#processes(node));
  }

  /** An orderly shutdown (SIGINT to its main process); returns when it is gone. */
  async stop(node: number): Promise<void> {
    const all = this.#processes(node);
    const pids = new Set(all.map(({ pid }) => pid));
    send(
      all.filter(({ parentPid }) => !pids.has(parentPid)),
      'SIGINT',
    );
    const endMs = performance.now() + 15_000;
    while (this.#processes(node).length > 0) {
      if (performance.now() > endMs) await this.kill(node);
      await sleep(50);
    }
  }

  async freeze(node: number): Promise<void> {
    send(this.#processes(node), 'SIGSTOP');
  }

  async resume(node: number): Promise<void> {
    send(this.#processes(node), 'SIGCONT');
  }

  cut(node: number): Promise<void> {
    return this.#network.cut(node);
  }

  join(node: number): Promise<void> {
    return this.#network.join(node);
  }

  /** Every life check has had the time to hear all peers and to begin: before that no silent peer is found. */
  get lifeChecksRun(): boolean {
    return performance.now() - this.#startedMs > lifeCheckMs;
  }

  /** Its log without what the questions of the comparison leave in it. */
  async log(node: number): Promise<string> {
    const text = await readFile(this.#file(node, 'log'), 'utf8').catch(() => '');
    return text
      .split('\n')
      .filter((line) => !/ pcp_(main|child) pid/.test(line))
      .join('\n');
  }

  /** Null while its PCP process does not answer. */
  async observe(node: number): Promise<Observed | null> {
    const command = join(this.#binaries.pcpBin, 'pcp_watchdog_info');
    const where = ['-h', addressOf(node), '-p', String(pcpPort), '-U', 'pcpadm', '-w', '-v'];
    const [file, ...args] = this.#network.command(`node${node}`, [command, ...where]);
    const env = { PATH: process.env.PATH, PCPPASSFILE: this.#file(node, 'pcppass') };
    const text = await new Promise<string | null>((resolve) => {
      execFile(file, args, { env, timeout: 5000 }, (error, stdout) => resolve(error ? null : stdout));
    });
    return text === null ? null : readInfo(text, node);
  }

  async #startPostgres(): Promise<void> {
    const { labDir } = this.#context;
    const data = join(labDir, 'data');
    const words = ['-D', data, '-U', 'postgres', '-A', 'trust', '-N', '--no-locale', '--wal-segsize=1'];
    await mustRun(this.#context, join(this.#binaries.postgresBin, 'initdb'), words);
    await appendFile(join(data, 'pg_hba.conf'), 'host all all 10.99.0.0/24 trust\n');
    const settings = [
      `listen_addresses = '${hubAddress}'`,
      "unix_socket_directories = ''",
      'fsync = off',
      'shared_buffers = 8MB',
      'dynamic_shared_memory_type = mmap',
    ];
    await appendFile(join(data, 'postgresql.conf'), `${settings.join('\n')}\n`);
    const server = join(this.#binaries.postgresBin, 'postgres');
    const [file, ...args] = this.#network.command('hub', [server, '-D', data]);
    const logFile = join(labDir, 'postgres.log');
    startDetached(this.#context, { file, args, cwd: data, logFile, asRoot: true }).mustHaveStarted();
  }

  async #configure(node: number): Promise<void> {
    await mkdir(this.#file(node, ''));
    await this.#own(this.#file(node, ''));
    const folder = this.#file(node, '');
    const settings: Record<string, string> = {
      backend_clustering_mode: 'streaming_replication',
      listen_addresses: addressOf(node),
      port: '9999',
      pcp_listen_addresses: addressOf(node),
      pcp_port: String(pcpPort),
      unix_socket_directories: folder,
      pcp_socket_dir: folder,
      wd_ipc_socket_dir: folder,
      logdir: folder,
      pid_file_name: this.#file(node, 'pgpool.pid'),
      log_destination: 'stderr',
      num_init_children: '2',
      max_pool: '1',
      backend_hostname0: hubAddress,
      backend_port0: '5432',
      sr_check_user: 'postgres',
      sr_check_period: '0',
      health_check_period: '0',
      search_primary_node_timeout: '1',
      failover_on_backend_error: 'off',
      failover_on_backend_shutdown: 'off',
      use_watchdog: 'on',
      wd_priority: String(priorities[node]),
      wd_lifecheck_method: 'heartbeat',
      wd_interval: String(times.interval),
      wd_heartbeat_keepalive: String(times.keepalive),
      wd_heartbeat_deadtime: String(times.deadtime),
    };
    for (const id of pgpoolIds) {
      settings[`hostname${id}`] = addressOf(id);
      settings[`pgpool_port${id}`] = '9999';
      settings[`wd_port${id}`] = '9000';
      settings[`heartbeat_hostname${id}`] = addressOf(id);
      settings[`heartbeat_port${id}`] = '9694';
    }
    const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`);
    await this.#write(node, 'pgpool.conf', lines.join(''));
    await this.#write(node, 'pgpool_node_id', `${node}\n`);
    await this.#write(node, 'pcp.conf', `pcpadm:${pcpMd5}\n`);
    await this.#write(node, 'pcppass', `*:*:pcpadm:secret\n`);
  }

  #processes(node: number): LabProcess[] {
    return processesOf(this.#file(node, '')).filter(({ program }) => program === 'pgpool');
  }

  #file(node: number, name: string): string {
    return join(this.#context.labDir, `pgpool${node}`, name).replace(/\/$/, '');
  }

  async #write(node: number, name: string, text: string): Promise<void> {
    await writeFile(this.#file(node, name), text, { mode: 0o600 });
    await this.#own(this.#file(node, name));
  }

  async #own(path: string): Promise<void> {
    const { user } = this.#context;
    if (user.switched) await chown(path, user.uid, user.gid);
  }
}

/** What `pcp_watchdog_info -v` prints, as seen by a node. */
export function readInfo(text: string, own: number): Observed | null {
  const nodes = text.split(/\n(?=Node Name)/).slice(1);
  const field = (part: string, name: string): string | null =>
    new RegExp(`^${name}\\s*:\\s*(.*?)\\s*$`, 'm').exec(part)?.[1] ?? null;
  const idOf = (address: string | null): number | null =>
    pgpoolIds.find((id) => addressOf(id) === address) ?? null;
  const states = new Map(nodes.map((part) => [idOf(field(part, 'Host Name')), field(part, 'Status Name')]));
  const state = states.get(own);
  if (typeof state !== 'string') return null;
  const quorum = field(text, 'Quorum state');
  return {
    state,
    leader: idOf(field(text, 'Leader Host Name')),
    quorum: state === 'LEADER' ? quorum : null,
    escalated: field(text, 'Local node escalation') === 'YES',
    sees: pgpoolIds.filter((id) => id !== own && !absent.has(states.get(id) ?? 'DEAD')),
  };
}

function send(processes: readonly LabProcess[], signal: NodeJS.Signals): void {
  for (const { pid } of processes) {
    try {
      process.kill(pid, signal);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause;
    }
  }
}
