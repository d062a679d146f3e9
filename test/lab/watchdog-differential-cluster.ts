import { chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Binaries, findBinaries } from '../../src/lab/binaries.ts';
import { type LabContext, startDetached } from '../../src/lab/command.ts';
import { killProcesses, type LabProcess, processesOf, stopProcesses } from '../../src/lab/processes.ts';
import { findRunUser } from '../../src/lab/run-user.ts';
import { startWatcher, type Watcher } from '../../src/lab/watcher.ts';
import { WatchdogBackends } from './watchdog-differential-backends.ts';
import { pcpPort, pgpoolConf, vipScript } from './watchdog-differential-conf.ts';
import { PrivateNetwork } from './watchdog-differential-network.ts';
import {
  type Escalations,
  type Observed,
  readInfo,
  readNodes,
  readRuns,
} from './watchdog-differential-observe.ts';
import {
  backendIds,
  idsOf,
  mostMembers,
  times,
  type WatchdogProfile,
} from './watchdog-differential-profiles.ts';
import type { Step } from './watchdog-differential-steps.ts';

const everyNode = idsOf({ members: mostMembers });

/** The life check of a Pgpool that has found its place looks every ten intervals whether it has heard all peers; its first look may be too early. */
const lifeCheckMs = 10_000 * times.interval + 3000;

const pcpMd5 = '5ebe2294ecd0e0f08eab7690d2a6ee69';

/** Real Pgpools with watchdogs, each in a network namespace of its own, before a PostgreSQL primary and its standby. */
export class WatchdogCluster {
  readonly versions: { postgres: string; pgpool: string };
  readonly #context: LabContext;
  readonly #binaries: Binaries;
  readonly #network: PrivateNetwork;
  readonly #backends: WatchdogBackends;
  readonly #watcher: Watcher;
  /** When all were first seen at rest since the last start; null: they were not yet. */
  #placedMs: number | null = null;

  private constructor(context: LabContext, binaries: Binaries) {
    this.#context = context;
    this.#binaries = binaries;
    this.#network = new PrivateNetwork(context);
    this.#backends = new WatchdogBackends(context, binaries, this.#network);
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
      await cluster.#network.build(everyNode, backendIds);
      await cluster.#backends.build();
      await cluster.#write('vip.sh', vipScript, 0o755);
      for (const node of everyNode) await cluster.#makeFolder(node);
      return cluster;
    } catch (error) {
      await cluster.remove();
      throw error;
    }
  }

  /** Stops and removes everything. @returns the programs that were still there after it */
  async remove(): Promise<string[]> {
    const { labDir } = this.#context;
    for (const node of everyNode) send(this.#processes(node), 'SIGCONT');
    await stopProcesses(labDir);
    const left = processesOf(labDir).map(({ program }) => program);
    await rm(labDir, { recursive: true, force: true });
    this.#watcher.dismiss();
    return left;
  }

  /** All Pgpools are killed, everything else is whole, and those of the profile start: the first leads before the others come, who wins of several at once is chance. */
  async reset(profile: WatchdogProfile): Promise<void> {
    for (const node of everyNode) {
      await this.kill(node);
      await this.#network.mend(node);
      for (const name of ['log', 'notes']) await rm(this.#file(node, name), { force: true });
    }
    await this.#backends.liftAll();
    const ids = idsOf(profile);
    for (const node of ids) await this.#configure(profile, node);
    await this.start(0);
    const endMs = performance.now() + 40_000;
    while (!(await this.log(0)).includes('I am the cluster leader node')) {
      if (performance.now() > endMs) throw new Error(`Pgpool 0 does not lead: ${await this.log(0)}`);
      await sleep(50);
    }
    for (const node of ids.slice(1)) await this.start(node);
  }

  async apply({ action, node, backend }: Step): Promise<void> {
    if (node === null) {
      if (action === 'drop') await this.#backends.drop(backend ?? 0);
      else await this.#backends.lift(backend ?? 0);
      return;
    }
    switch (action) {
      case 'unlink':
        return this.#network.setLink(node, 'down');
      case 'link':
        return this.#network.setLink(node, 'up');
      case 'cut':
      case 'join':
        return this.#network[action](node);
      case 'block':
      case 'unblock':
        return this.#network[action](node, backend ?? 0);
      case 'detach':
      case 'attach':
        await this.#pcp(node, `pcp_${action}_node`, ['-n', String(backend)]);
        return;
      case 'freeze':
        return send(this.#processes(node), 'SIGSTOP');
      case 'resume':
        return send(this.#processes(node), 'SIGCONT');
      case 'kill':
      case 'stop':
      case 'start':
        return this[action](node);
      default:
        throw new Error(`no step of a Pgpool: ${action}`);
    }
  }

  async start(node: number): Promise<void> {
    this.#placedMs = null;
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

  /** Every Pgpool has been seen with its place in the watchdog. */
  placed(): void {
    this.#placedMs ??= performance.now();
  }

  /** Every life check has had the time to hear all peers and to begin: before that no silent peer is found. */
  get lifeChecksRun(): boolean {
    return this.#placedMs !== null && performance.now() - this.#placedMs > lifeCheckMs;
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
  async observe(profile: WatchdogProfile, node: number): Promise<Observed | null> {
    const info = await this.#pcp(node, 'pcp_watchdog_info', ['-v']);
    const nodes = await this.#pcp(node, 'pcp_node_info', ['-a', '-v']);
    if (info === null || nodes === null) return null;
    const seen = readInfo(info, node, idsOf(profile));
    return seen && { ...seen, nodes: readNodes(nodes) };
  }

  async escalations(node: number): Promise<Escalations> {
    const notes = await readFile(this.#file(node, 'notes'), 'utf8').catch(() => '');
    return { vip: await this.#network.holdsVirtualIp(node), runs: readRuns(notes) };
  }

  runs(node: number): boolean {
    return this.#processes(node).length > 0;
  }

  /** Through the socket, for a node without a link does not reach its own address. */
  #pcp(node: number, command: string, words: readonly string[]): Promise<string | null> {
    const where = ['-h', this.#file(node, ''), '-p', String(pcpPort), '-U', 'pcpadm', '-w'];
    return this.#network.run(`node${node}`, [join(this.#binaries.pcpBin, command), ...where, ...words], {
      PCPPASSFILE: this.#file(node, 'pcppass'),
    });
  }

  async #makeFolder(node: number): Promise<void> {
    await mkdir(this.#file(node, ''));
    await this.#own(this.#file(node, ''));
    await this.#write(`pgpool${node}/pgpool_node_id`, `${node}\n`);
    await this.#write(`pgpool${node}/pcp.conf`, `pcpadm:${pcpMd5}\n`);
    await this.#write(`pgpool${node}/pcppass`, `*:*:pcpadm:secret\n`);
  }

  async #configure(profile: WatchdogProfile, node: number): Promise<void> {
    const conf = pgpoolConf(profile, node, {
      folder: this.#file(node, ''),
      script: join(this.#context.labDir, 'vip.sh'),
      notes: this.#file(node, 'notes'),
    });
    await this.#write(`pgpool${node}/pgpool.conf`, conf);
  }

  #processes(node: number): LabProcess[] {
    return processesOf(this.#file(node, '')).filter(({ program }) => program === 'pgpool');
  }

  #file(node: number, name: string): string {
    return join(this.#context.labDir, `pgpool${node}`, name).replace(/\/$/, '');
  }

  async #write(name: string, text: string, mode = 0o600): Promise<void> {
    const path = join(this.#context.labDir, name);
    await writeFile(path, text, { mode });
    await this.#own(path);
  }

  async #own(path: string): Promise<void> {
    const { user } = this.#context;
    if (user.switched) await chown(path, user.uid, user.gid);
  }
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
