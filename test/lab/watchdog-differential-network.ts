import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type LabContext, startDetached } from '../../src/lab/command.ts';
import { processesOf } from '../../src/lab/processes.ts';

const run = promisify(execFile);

/** Addresses of the private network: nothing of it is seen outside, so every cluster has the same. */
export const hubAddress = '10.99.0.1';
export const addressOf = (node: number): string => `10.99.0.${11 + node}`;

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

  async build(nodes: readonly number[]): Promise<void> {
    for (const name of ['hub', ...nodes.map((node) => `node${node}`)]) await this.#hold(name);
    const hub = ['ip link set lo up', 'ip link add br0 type bridge', `ip addr add ${hubAddress}/24 dev br0`];
    for (const node of nodes) {
      hub.push(`ip link add v${node} type veth peer name eth0 netns ${this.#holder(`node${node}`)}`);
      hub.push(`ip link set v${node} master br0 up`);
    }
    await this.#inside('hub', [...hub, 'ip link set br0 up']);
    for (const node of nodes) {
      const own = [`ip addr add ${addressOf(node)}/24 dev eth0`, 'ip link set eth0 up', 'ip link set lo up'];
      await this.#inside(`node${node}`, own);
    }
  }

  /** No packet reaches this node or leaves it; its link stays up. */
  async cut(node: number): Promise<void> {
    await this.#inside('hub', [`ip link set v${node} nomaster`]);
  }

  async join(node: number): Promise<void> {
    await this.#inside('hub', [`ip link set v${node} master br0`]);
  }

  /** The command line that runs a program as the unprivileged user in a namespace. */
  command(name: string, words: readonly string[]): [string, ...string[]] {
    const { uid, gid } = this.#context.user;
    const user = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
    return ['nsenter', '-t', String(this.#holder(name)), '-n', ...user, ...words];
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
