import { randomBytes } from 'node:crypto';
import { chown, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DrillError, InputError, invariant } from '../kernel/errors.ts';
import type { CpuTarget } from '../observe/cpu-sampler.ts';
import type { PcpEndpoint } from '../observe/pcp.ts';
import type { Backend, Cluster } from '../topology/cluster.ts';
import { findBinaries } from './binaries.ts';
import { LabCaps, labGroupDir, removeCaps } from './caps.ts';
import { interrupted, type LabContext } from './command.ts';
import { type EfmCommand, efmCommandOf, installScripts, startAgents, writeAgentFiles } from './efm-agents.ts';
import { LabFaults } from './faults.ts';
import { type LabAccounts, type LabSettings, newAccounts, primaryOf } from './lab-settings.ts';
import { removeLabState, writeLabState } from './lab-state.ts';
import { agentEventsFile, layoutOf, serverLayout } from './layout.ts';
import { packageDir } from './package-dir.ts';
import { pcpEndpoint, startPgpool, writePgpoolFiles } from './pgpool.ts';
import {
  copyStandby,
  initPrimary,
  makeFolder,
  rebuildStandby,
  startServer,
  writePrivate,
  writeServerConf,
} from './postgres.ts';
import { serverProcesses, stopProcesses } from './processes.ts';
import { awaitReplay, awaitStreaming, createDatabase } from './replication.ts';
import { findRunUser } from './run-user.ts';
import { startWatcher, type Watcher } from './watcher.ts';

export interface LabOptions {
  /** Lab folder, which must not exist; default: a new one in the system's temporary folder. */
  dir?: string;
  /** Leave the servers running and the folder in place when this process ends. */
  keep?: boolean;
  /** Start EFM agents; default true. */
  agents?: boolean;
  /** Name of the database and of its superuser; default `pgdrill`. */
  database?: string;
  user?: string;
  /** Folder of the compiled programs and of the integration scripts; default: the package's own. */
  programs?: string;
  scripts?: string;
  /** One line a step, for people. */
  onProgress?: (step: string) => void;
  /** Calls the start off: what was started is stopped, and the start fails as interrupted. */
  signal?: AbortSignal;
}

/** How the application reaches the cluster. */
export interface PgpoolEndpoint {
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
}

/**
 * Starts the real servers of a cluster as processes of this machine, each on its own loopback address.
 *
 * @throws DrillError when a part does not start (with the end of its log) or the signal fires (exit code 130); either
 * way nothing is left running and the folder is gone. InputError when programs are missing.
 */
export async function startLab(cluster: Cluster, options: LabOptions = {}): Promise<Lab> {
  const { binaries, problems } = findBinaries();
  if (!binaries) throw new InputError(problems);
  const user = findRunUser();
  if (!user)
    throw new DrillError('running as root, and no unprivileged user to run PostgreSQL as', {
      hint: 'name one in $PGDRILL_USER',
    });
  const layout = layoutOf(options.dir ?? join(tmpdir(), `pgdrill-run-${randomBytes(5).toString('hex')}`));
  const context: LabContext = {
    labDir: layout.dir,
    user,
    passFile: layout.passFile,
    ...(options.signal ? { signal: options.signal } : {}),
  };
  const settings: LabSettings = {
    cluster,
    layout,
    accounts: newAccounts(options),
    binaries,
    context,
    scriptsFrom: options.scripts ?? join(packageDir, 'scripts', 'efm'),
    programs: options.programs ?? join(packageDir, 'dist'),
  };
  if (options.signal?.aborted) throw interrupted(options.signal, options.signal.reason);
  await makeLabFolder(settings);
  const lab = new Lab(
    settings,
    options.keep ? null : startWatcher(layout.dir, labGroupDir(layout.dir, cluster)),
  );
  try {
    await lab.start(options);
    return lab;
  } catch (cause) {
    await lab.stop();
    throw interrupted(options.signal, cause);
  }
}

/** A running lab. `stop` may be called at any moment and twice. */
export class Lab {
  readonly cluster: Cluster;
  readonly dir: string;
  readonly accounts: LabAccounts;
  readonly #settings: LabSettings;
  readonly #watcher: Watcher | null;
  readonly #faults: LabFaults;
  readonly #caps: LabCaps;
  #stopping: Promise<void> | null = null;

  constructor(settings: LabSettings, watcher: Watcher | null) {
    this.#settings = settings;
    this.#watcher = watcher;
    this.#faults = new LabFaults(settings);
    this.#caps = new LabCaps(settings.layout.dir, settings.cluster);
    this.cluster = settings.cluster;
    this.dir = settings.layout.dir;
    this.accounts = settings.accounts;
  }

  /** Brings everything up; called once, by `startLab`. */
  async start(options: Pick<LabOptions, 'agents' | 'onProgress'>): Promise<void> {
    const lab = this.#settings;
    const step = options.onProgress ?? (() => {});
    const primary = primaryOf(this.cluster);
    if (!primary)
      throw new DrillError('the cluster model has no primary', {
        hint: 'give one server postgres.role: primary',
      });
    await writeLabState(lab);
    await this.#prepareFiles(options.agents !== false);
    step(`creating ${primary.server}`);
    await initPrimary(lab, primary);
    step(`starting ${primary.server}`);
    await startServer(lab, primary);
    const standbys = this.cluster.backends.filter((backend) => backend !== primary);
    step(`copying ${standbys.map(({ server }) => server).join(' and ')} from ${primary.server}`);
    await Promise.all([
      createDatabase(lab, primary),
      ...standbys.map(async (standby) => {
        await copyStandby(lab, standby, primary);
        await startServer(lab, standby);
      }),
    ]);
    step('waiting for replication');
    await awaitStreaming(lab, primary);
    step('starting Pgpool-II');
    await Promise.all(this.cluster.pgpools.map((place) => startPgpool(lab, place)));
    if (options.agents !== false && this.cluster.agents.length > 0) {
      step('starting the EFM agents');
      await startAgents(lab);
    }
    step('the cluster is up');
  }

  /** The servers that have PostgreSQL. */
  servers(): readonly Backend[] {
    return this.cluster.backends;
  }

  /** The cluster's entrance: its first Pgpool. */
  endpoint(): PgpoolEndpoint {
    const { user, password, database } = this.accounts;
    const place = this.cluster.pgpools[0];
    invariant(place, 'a lab has a Pgpool');
    return { host: place.address, port: place.port, user, password, database };
  }

  /** Control port of the Pgpool on the named server; the first one's by default. */
  pcp(server?: string): PcpEndpoint {
    const place = this.cluster.pgpools.find((entry) => entry.server === server) ?? this.cluster.pgpools[0];
    invariant(place, 'a lab has a Pgpool');
    return pcpEndpoint(this.#settings, place);
  }

  /** Connection settings of one server itself, past Pgpool. */
  direct(server: string): PgpoolEndpoint {
    const { address, port } = this.#backend(server);
    return { ...this.endpoint(), host: address, port };
  }

  /**
   * Puts the model's processor caps in force; without any it does nothing. Apart from the start, which would take minutes
   * under a small cap.
   */
  applyCaps(): void {
    this.#caps.apply();
  }

  /** What an observer of processor time needs to know of each server. */
  cpuTargets(): CpuTarget[] {
    return this.#caps.targets();
  }

  /** Recording of each agent, one event a line, by server name. */
  agentLogFiles(): { server: string; file: string }[] {
    return this.cluster.agents.map(({ server }) => ({
      server,
      file: agentEventsFile(this.dir, server, this.cluster.efmCluster),
    }));
  }

  /** How an operator on that server calls `efm`: append the sub-command. */
  efmCommand(server: string): EfmCommand {
    return efmCommandOf(this.#settings, server);
  }

  /** SIGKILL to every process of the server's PostgreSQL; the number of processes there were. */
  killServer(server: string): Promise<number> {
    return this.#faults.killServer(server);
  }

  /** What a drill does to a server. */
  get faults(): LabFaults {
    return this.#faults;
  }

  hasPostgres(server: string): boolean {
    return this.cluster.backends.some((backend) => backend.server === server);
  }

  /** Whether any process of the server's PostgreSQL runs. */
  isRunning(server: string): boolean {
    return serverProcesses(serverLayout(this.dir, server).data).length > 0;
  }

  /** Makes a server that is down a running standby of `primary`, as the operator would; which way it went. */
  async rebuildServer(server: string, primary: string): Promise<'start' | 'pg_rewind' | 'pg_basebackup'> {
    await this.#faults.cleaned;
    return rebuildStandby(this.#settings, this.#backend(server), this.#backend(primary));
  }

  /** Waits until every standby has replayed what the primary has written by now. */
  awaitReplay(): Promise<void> {
    const primary = primaryOf(this.cluster);
    invariant(primary, 'a started lab has a primary');
    return awaitReplay(this.#settings, primary);
  }

  /** Ends every process of the lab and removes its folder. */
  stop(): Promise<void> {
    this.#stopping ??= (async () => {
      await removeLab(this.dir);
      await this.#faults.cleaned;
      this.#watcher?.dismiss();
    })();
    return this.#stopping;
  }

  async #prepareFiles(agents: boolean): Promise<void> {
    const lab = this.#settings;
    const { accounts, layout } = lab;
    await makeFolder(lab, layout.sockets);
    for (const { name } of this.cluster.servers) {
      await makeFolder(lab, serverLayout(this.dir, name).dir);
      await makeFolder(lab, serverLayout(this.dir, name).sockets);
    }
    await writePrivate(lab, layout.passFile, `*:*:*:${accounts.user}:${accounts.password}\n`);
    await writePrivate(lab, layout.pcpPassFile, `*:*:${accounts.pcpUser}:${accounts.pcpPassword}\n`);
    for (const backend of this.cluster.backends) await writeServerConf(lab, backend);
    for (const place of this.cluster.pgpools) await writePgpoolFiles(lab, place);
    await installScripts(lab);
    if (agents) for (const agent of this.cluster.agents) await writeAgentFiles(lab, agent);
  }

  #backend(server: string): Backend {
    const backend = this.cluster.backends.find((entry) => entry.server === server);
    if (!backend) throw new DrillError(`${server} has no PostgreSQL in the cluster model`);
    return backend;
  }
}

/** Ends every process of the lab in a folder, and removes the folder and the lab's control groups. */
export async function removeLab(labDir: string): Promise<void> {
  await stopProcesses(labDir);
  await removeCaps(labDir);
  await removeLabState(labDir);
  await rm(labDir, { recursive: true, force: true, maxRetries: 3 });
}

async function makeLabFolder(lab: LabSettings): Promise<void> {
  const { dir } = lab.layout;
  try {
    await mkdir(dir, { mode: 0o700 });
  } catch (cause) {
    throw new DrillError(`cannot create the lab folder ${dir}`, {
      cause,
      hint: 'it must not exist yet, and its parent must be writable',
    });
  }
  if (lab.context.user.switched) await chown(dir, lab.context.user.uid, lab.context.user.gid);
}
