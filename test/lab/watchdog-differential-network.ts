import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type LabContext, startDetached } from '../../src/lab/command.ts';
import { processesOf } from '../../src/lab/processes.ts';

const run = promisify(execFile);

/** Addresses of the private network: nothing of it is seen outside, so every cluster has the same. */
export const backendAddressOf = (backend: number): string => `10.99.0.${1 + backend}`;
export const addressOf = (node: number): string => `10.99.0.${11 + node}`;
export const virtualIp = '10.99.0.100';

/** The link of a node; also what wd_monitoring_interfaces_list names. */
export const linkName = 'eth0';

/**
 * A network namespace for each node and a hub between them, held by a process each: they are gone when those are, whatever
 * ended them, and no name is left behind.
 */
export class PrivateNetwork {
  readonly #context: LabContext;
  readonly #holders = new Map<string, number>();

  constructor(context: LabContext) {
    this.#context = context;
  }

  async build(nodes: readonly number[], backends: readonly number[]): Promise<void> {
    for (const name of ['hub', ...nodes.map((node) => `node${node}`)]) await this.#hold(name);
    // A bridge without an address of its own takes one of its links', and another when that link leaves it: nobody would reach the hub for a while.
    const hub = ['ip link set lo up', 'ip link add br0 address 02:00:00:00:00:01 type bridge'];
    for (const id of backends) hub.push(`ip addr add ${backendAddressOf(id)}/24 dev br0`);
    for (const node of nodes) {
      hub.push(`ip link add v${node} type veth peer name ${linkName} netns ${this.#holder(`node${node}`)}`);
      hub.push(`ip link set v${node} master br0 up`);
    }
    await this.#inside('hub', [...hub, 'ip link set br0 up']);
    for (const node of nodes) {
      const address = `ip addr add ${addressOf(node)}/24 dev ${linkName}`;
      await this.#inside(`node${node}`, [address, `ip link set ${linkName} up`, 'ip link set lo up']);
    }
  }

  /** As it was built: every link up and on the bridge, every backend within reach, the virtual IP nowhere. */
  async mend(node: number): Promise<void> {
    await this.join(node);
    await this.#inside(`node${node}`, [
      `ip link set ${linkName} up`,
      'ip route flush type unreachable',
      `ip addr del ${virtualIp}/24 dev ${linkName} 2>&- || true`,
    ]);
  }

  /** No packet reaches this node or leaves it; its link stays up. */
  async cut(node: number): Promise<void> {
    await this.#inside('hub', [`ip link set v${node} nomaster`]);
  }

  async join(node: number): Promise<void> {
    await this.#inside('hub', [`ip link set v${node} master br0`]);
  }

  /** The link itself, up or down: its node hears of it. */
  async setLink(node: number, state: 'up' | 'down'): Promise<void> {
    await this.#inside(`node${node}`, [`ip link set ${linkName} ${state}`]);
  }

  /** Connections of a node to a backend are refused at once, or no more. */
  async block(node: number, backend: number): Promise<void> {
    await this.#inside(`node${node}`, [`ip route add unreachable ${backendAddressOf(backend)}`]);
  }

  async unblock(node: number, backend: number): Promise<void> {
    await this.#inside(`node${node}`, [`ip route del unreachable ${backendAddressOf(backend)}`]);
  }

  async holdsVirtualIp(node: number): Promise<boolean> {
    const { stdout } = await run('nsenter', [
      ...['-t', String(this.#holder(`node${node}`)), '-n'],
      ...['ip', '-4', '-o', 'addr', 'show', 'dev', linkName],
    ]);
    return stdout.includes(` ${virtualIp}/`);
  }

  /** What a program run in a namespace prints, as the unprivileged user; null when it fails. */
  async run(
    name: string,
    words: readonly string[],
    env: Record<string, string | undefined> = {},
  ): Promise<string | null> {
    const [file, ...args] = this.command(name, words);
    const options = { env: { PATH: process.env.PATH, ...env }, timeout: 15_000 };
    return run(file, args, options).then(
      ({ stdout }) => stdout,
      () => null,
    );
  }

  /** The command line that runs a program as the unprivileged user in a namespace, who may set addresses there. */
  command(name: string, words: readonly string[]): [string, ...string[]] {
    const { uid, gid } = this.#context.user;
    const user = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
    const rights = ['--inh-caps=+net_admin,+net_raw', '--ambient-caps=+net_admin,+net_raw'];
    return ['nsenter', '-t', String(this.#holder(name)), '-n', ...user, ...rights, ...words];
  }

  async #hold(name: string): Promise<void> {
    const { labDir } = this.#context;
    const cwd = join(labDir, `net-${name}`);
    await mkdir(cwd);
    startDetached(this.#context, {
      file: 'unshare',
      args: ['-n', 'sleep', 'infinity'],
      cwd,
      logFile: join(cwd, 'log'),
      asRoot: true,
    }).mustHaveStarted();
    const endMs = performance.now() + 10_000;
    for (;;) {
      const holder = processesOf(labDir).find((found) => found.program === 'sleep' && found.cwd === cwd);
      if (holder) {
        this.#holders.set(name, holder.pid);
        return;
      }
      if (performance.now() > endMs) throw new Error(`no network namespace for ${name}`);
      await sleep(20);
    }
  }

  #holder(name: string): number {
    const pid = this.#holders.get(name);
    if (pid === undefined) throw new Error(`no namespace ${name}`);
    return pid;
  }

  async #inside(name: string, commands: readonly string[]): Promise<void> {
    await run('nsenter', ['-t', String(this.#holder(name)), '-n', 'sh', '-ec', commands.join('\n')]);
  }
}
