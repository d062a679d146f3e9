import { chown, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RealClock } from '../../src/kernel/clock.ts';
import type { Binaries } from '../../src/lab/binaries.ts';
import { type LabContext, runCommand, startDetached } from '../../src/lab/command.ts';
import { processesOf } from '../../src/lab/processes.ts';
import { type PcpNode, pcpNodes } from '../../src/observe/pcp.ts';
import type { CommandNode } from '../../src/topology/pgpool-command.ts';
import { childCount } from './pgpool-differential-clients.ts';
import { commandProgram } from './pgpool-differential-commands.ts';
import { nodeIds } from './pgpool-differential-servers.ts';

const pcpUser = 'pcpadm';
const pcpPassword = 'secret';
const pcpPasswordMd5 = '5ebe2294ecd0e0f08eab7690d2a6ee69';
const clock = new RealClock();

/** A pcp command that has not answered by then never will; those with -g take twice `recovery_timeout`. */
const answerLimitMs = 15_000;

/** Nothing may be written to the log for so long before Pgpool counts as being at rest. */
const quietMs = 150;

export interface PgpoolPlace {
  context: LabContext;
  binaries: Binaries;
  address: string;
  /** By node id. */
  nodes: readonly CommandNode[];
}

/** One real Pgpool-II, its control port and its log. */
export class RealPgpool {
  readonly port = 9999;
  readonly #place: PgpoolPlace;
  readonly #pcpPort = 9898;

  constructor(place: PgpoolPlace) {
    this.#place = place;
  }

  get place(): { host: string; port: number; addresses: readonly string[] } {
    return {
      host: this.address,
      port: this.port,
      addresses: this.#place.nodes.map(({ host }) => host),
    };
  }

  get address(): string {
    return this.#place.address;
  }

  /** Starts with no status file and waits until it knows `primary`. */
  async start(settings: Readonly<Record<string, string>>, primary: number): Promise<void> {
    const { context, binaries } = this.#place;
    await rm(this.#file('pgpool.log'), { force: true });
    await this.#write('pgpool.conf', confOf({ ...this.#base(), ...settings }));
    await this.#write('pcp.conf', `${pcpUser}:${pcpPasswordMd5}\n`);
    await this.#write('pcppass', `${this.address}:${this.#pcpPort}:${pcpUser}:${pcpPassword}\n`);
    await this.#write('follow', this.#followScript(), 0o700);
    await this.#write('command', commandProgram(binaries.postgresBin), 0o700);
    startDetached(context, {
      file: binaries.pgpool,
      args: ['-n', '-D', '-f', this.#file('pgpool.conf'), '-F', this.#file('pcp.conf')],
      cwd: context.labDir,
      logFile: this.#file('pgpool.log'),
    }).mustHaveStarted();
    const endMs = performance.now() + 15_000;
    for (;;) {
      const nodes = await this.nodes().catch(() => []);
      if (nodes[primary]?.role === 'primary') return;
      if (performance.now() > endMs) throw new Error(`Pgpool did not start: ${await this.log()}`);
      await sleep(30);
    }
  }

  /** Asks it to stop; one that does not is killed, with what it left. */
  async stop(): Promise<void> {
    const running = () =>
      processesOf(this.#place.context.labDir).filter(({ program }) => program === 'pgpool');
    const first = running();
    const pids = new Set(first.map(({ pid }) => pid));
    for (const { pid, parentPid } of first) if (!pids.has(parentPid)) send(pid, 'SIGINT');
    const endMs = performance.now() + 8000;
    while (running().length > 0) {
      if (performance.now() > endMs) for (const { pid } of running()) send(pid, 'SIGKILL');
      await sleep(20);
    }
  }

  /** Asks again when no answer comes: the PCP process may have been ended under the question. */
  async nodes(): Promise<PcpNode[]> {
    const endpoint = { address: this.address, port: this.#pcpPort, user: pcpUser, password: pcpPassword };
    const ask = () => pcpNodes(endpoint, { clock, timeoutMs: 4000 });
    return ask().catch(() => ask().catch(ask));
  }

  /** Runs a pcp command; it exits with 0 whether or not it failed, so the message counts. `ok` is null when no answer comes. */
  async pcp(
    command: string,
    node: number,
    options: readonly string[] = [],
  ): Promise<{ ok: boolean | null; message: string }> {
    const { context, binaries } = this.#place;
    const where = ['-h', this.address, '-p', String(this.#pcpPort), '-U', pcpUser, '-w'];
    const program = [`PCPPASSFILE=${this.#file('pcppass')}`, join(binaries.pcpBin, command)];
    const signal = AbortSignal.timeout(answerLimitMs);
    try {
      const words = [...program, ...where, ...options, String(node)];
      const { stdout, stderr } = await runCommand({ ...context, signal }, '/usr/bin/env', words);
      return { ok: /Command Successful/.test(stdout), message: `${stdout}${stderr}`.trim() };
    } catch (error) {
      if (signal.aborted) return { ok: null, message: 'no answer' };
      throw error;
    }
  }

  log(): Promise<string> {
    return readFile(this.#file('pgpool.log'), 'utf8').catch(() => '');
  }

  /**
   * Waits until the main process has nothing left to do: every request that its log took note of is worked off, the PCP
   * process has been started again after it, no follow command runs, and for a moment nothing new is written.
   *
   * @param rounds the health check of every node must have come round so often without giving it anything to do
   */
  async rest({ limitMs, rounds }: { limitMs: number; rounds: number }): Promise<void> {
    const endMs = performance.now() + limitMs;
    for (;;) {
      await this.#idle(endMs);
      if (rounds === 0) return;
      const written = ownLines(await this.log());
      await this.#checked(rounds, endMs);
      if (ownLines(await this.log()) === written) return;
    }
  }

  async #idle(endMs: number): Promise<void> {
    let written = '';
    let sinceMs = performance.now();
    for (;;) {
      const log = await this.log();
      const own = ownLines(log);
      if (own !== written) {
        written = own;
        sinceMs = performance.now();
      } else if (performance.now() - sinceMs >= quietMs && isIdle(log)) return;
      if (performance.now() > endMs) throw new Error(`Pgpool does not come to rest: ${log.slice(-3000)}`);
      await sleep(30);
    }
  }

  /** Waits for `rounds` more health checks of every node; one that is down counts its skipped ones. */
  async #checked(rounds: number, endMs: number): Promise<void> {
    const before = await this.#healthChecks();
    while ((await this.#healthChecks()).some((count, node) => count < (before[node] ?? 0) + rounds)) {
      if (performance.now() > endMs) throw new Error('the health checks stand still');
      await sleep(200);
    }
  }

  /** Health checks begun so far, by node id. */
  #healthChecks(): Promise<number[]> {
    return Promise.all(
      nodeIds.map(async (node) => {
        const { message } = await this.pcp('pcp_health_check_stats', node, ['-v']);
        return Number(/^Total Count\s*:\s*(\d+)/m.exec(message)?.[1]);
      }),
    );
  }

  /** The guide's follow command in our own words: waits, then attaches the node unless it is the old primary. */
  #followScript(): string {
    const attach = join(this.#place.binaries.pcpBin, 'pcp_attach_node');
    return [
      '#!/bin/sh',
      'sleep 1.5',
      '[ "$1" = "$2" ] && exit 0',
      `PCPPASSFILE=${this.#file('pcppass')} ${attach} -h ${this.address} -p ${this.#pcpPort} -U ${pcpUser} -w "$1"`,
      '',
    ].join('\n');
  }

  #base(): Record<string, string> {
    const { context, address } = this.#place;
    const settings: Record<string, string> = {
      backend_clustering_mode: 'streaming_replication',
      listen_addresses: address,
      port: String(this.port),
      pcp_listen_addresses: address,
      pcp_port: String(this.#pcpPort),
      unix_socket_directories: context.labDir,
      pcp_socket_dir: context.labDir,
      wd_ipc_socket_dir: context.labDir,
      logdir: context.labDir,
      pid_file_name: this.#file('pgpool.pid'),
      log_destination: 'stderr',
      num_init_children: String(childCount),
      max_pool: '1',
      enable_shared_relcache: 'off',
      sr_check_user: 'postgres',
      health_check_user: 'postgres',
      health_check_database: 'postgres',
    };
    for (const [node, { host, port, dataDirectory }] of this.#place.nodes.entries()) {
      settings[`backend_hostname${node}`] = host;
      settings[`backend_port${node}`] = String(port);
      settings[`backend_data_directory${node}`] = dataDirectory;
      settings[`backend_weight${node}`] = node === 0 ? '0' : '1';
      settings[`backend_flag${node}`] = 'ALLOW_TO_FAILOVER';
      settings[`backend_application_name${node}`] = `node${node}`;
    }
    return settings;
  }

  #file(name: string): string {
    return join(this.#place.context.labDir, name);
  }

  async #write(name: string, text: string, mode = 0o600): Promise<void> {
    const { user } = this.#place.context;
    await writeFile(this.#file(name), text, { mode });
    if (user.switched) await chown(this.#file(name), user.uid, user.gid);
  }
}

/**
 * Nothing is left to do for the main process, by the order of what it and the others have written (pgpool_main.c and
 * pool_internal_comms.c of 4.3.5): the last signal was taken note of, the last round of work has ended with a new PCP
 * process, and every follow process has ended.
 */
export function isIdle(log: string): boolean {
  const last = (text: string): number => log.lastIndexOf(text);
  if (last('has received failover request') < last('signal_user1_to_parent_with_reason(0)')) return false;
  const begun = Math.max(
    last('LOG:  starting degeneration'),
    last('LOG:  starting fail back'),
    last('LOG:  starting promotion'),
    last('LOG:  starting quarantine'),
  );
  if (last('fork a new PCP child pid') < begun) return false;
  return [...log.matchAll(/follow_child pid (\d+): LOG: {2}start triggering/g)].every(([, pid]) =>
    log.includes(`child process with pid: ${pid} exits`),
  );
}

function confOf(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = '${value}'\n`)
    .join('');
}

/**
 * The lines of the main process and of those that ask it for something. What repeats itself is left out: the checks, and the
 * worker of the replication check, which ends in an error each time its node is no primary and is forked again.
 */
function ownLines(log: string): string {
  return log
    .split('\n')
    .filter(
      (line) =>
        !/ (sr_check_worker|health_check|pcp_main|pcp_child) pid \d+:|worker child process/.test(line),
    )
    .join('\n');
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause;
  }
}
