import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Problem } from '../kernel/errors.ts';
import { DrillError } from '../kernel/errors.ts';
import type { CpuTarget } from '../observe/cpu-sampler.ts';
import { treeTime } from '../observe/cpu-time.ts';
import type { Cluster } from '../topology/cluster.ts';
import { CapGroup, capFault, labGroupOf, removeLabGroups } from './cap-group.ts';
import { findCapTree } from './cap-tree.ts';
import { serverLayout } from './layout.ts';

/** A process that forks while its tree is moved leaves children behind; so often is looked again. */
const moveRounds = 5;

/**
 * Processor caps of a lab's servers: a control group each, with PostgreSQL and Pgpool of that server in it. The agents and
 * their scripts stay outside: they stand for EFM, whose own appetite is another.
 */
export class LabCaps {
  readonly #labDir: string;
  readonly #cluster: Cluster;
  readonly #groups = new Map<string, CapGroup>();

  constructor(labDir: string, cluster: Cluster) {
    this.#labDir = labDir;
    this.#cluster = cluster;
  }

  /**
   * Moves what runs on the capped servers into groups of their own and limits these from now on.
   * @throws DrillError when the kernel does not let us
   */
  apply(): void {
    const capped = this.#cluster.servers.filter(({ cap }) => cap !== null);
    if (capped.length === 0) return;
    const tree = findCapTree();
    if ('why' in tree) throw new DrillError(`CPU caps cannot be set: ${tree.why}`);
    for (const { name, cap } of capped) {
      if (!cap) continue;
      const group = this.#groups.get(name) ?? CapGroup.make(tree, this.#labDir, name);
      this.#groups.set(name, group);
      for (const root of Object.values(this.#roots(name))) moveTree(group, root());
      group.limit(cap);
    }
  }

  /** What an observer of processor time needs to know of each server that runs PostgreSQL or Pgpool. */
  targets(): CpuTarget[] {
    return this.#cluster.servers.flatMap(({ name }) => {
      const { postgres, pgpool } = this.#roots(name);
      if (!postgres && !pgpool) return [];
      return [
        {
          server: name,
          ...(postgres ? { postgres: () => postgres()?.pid ?? null } : {}),
          ...(pgpool ? { pgpool: () => pgpool()?.pid ?? null } : {}),
          throttledMs: () => this.#groups.get(name)?.throttledMs() ?? null,
          onStarted: () => this.#follow(name),
        },
      ];
    });
  }

  /** A program of a capped server was started anew, outside its group. */
  #follow(server: string): void {
    const group = this.#groups.get(server);
    if (group) for (const root of Object.values(this.#roots(server))) moveTree(group, root());
  }

  #roots(server: string): { postgres?: () => Root | null; pgpool?: () => Root | null } {
    const { data, pgpoolDir } = serverLayout(this.#labDir, server);
    const has = (places: readonly { server: string }[]): boolean =>
      places.some((place) => place.server === server);
    return {
      ...(has(this.#cluster.backends) && {
        postgres: () => rootIn(join(data, 'postmaster.pid'), 'postgres'),
      }),
      ...(has(this.#cluster.pgpools) && { pgpool: () => rootIn(join(pgpoolDir, 'pgpool.pid'), 'pgpool') }),
    };
  }
}

/** What stands in the way of a model's caps on this machine; empty where it has none. Nothing is changed. */
export function checkCaps({ servers }: Pick<Cluster, 'servers'>): Problem[] {
  const capped = servers.flatMap(({ name, cap }) => (cap ? [{ name, cap }] : []));
  const problems = capped.flatMap(({ name, cap }): Problem[] => {
    const fault = capFault(cap);
    return fault === null ? [] : [{ rule: 'lab/cap', message: `${name}: ${fault}` }];
  });
  if (capped.length === 0) return problems;
  const tree = findCapTree();
  if ('why' in tree) {
    const names = capped.map(({ name }) => name).join(', ');
    problems.push({
      rule: 'lab/cap',
      message: `the cluster model caps the processors of ${names}, and this machine lets us make no control group: ${tree.why}`,
      hint: 'run as root or in a delegated group, name a group that you may write in $PGDRILL_CGROUP, or leave server.cap out',
    });
  }
  return problems;
}

/** Folder that the control groups of a lab will have; null when the model caps nothing or none can be made. */
export function labGroupDir(labDir: string, { servers }: Pick<Cluster, 'servers'>): string | null {
  if (servers.every(({ cap }) => cap === null)) return null;
  const tree = findCapTree();
  return 'why' in tree ? null : labGroupOf(tree, labDir);
}

/** Removes the control groups that a lab in this folder had, if any; its processes have ended. */
export async function removeCaps(labDir: string): Promise<void> {
  const tree = findCapTree();
  if (!('why' in tree)) await removeLabGroups(tree, labDir);
}

interface Root {
  pid: number;
  program: string;
}

/** The process that a pid file names first (Pgpool ends the number with a zero byte); it may have ended. */
function rootIn(file: string, program: string): Root | null {
  try {
    const pid = /^[1-9]\d*/.exec(readFileSync(file, 'utf8'))?.[0];
    return pid === undefined ? null : { pid: Number(pid), program };
  } catch {
    return null;
  }
}

function moveTree(group: CapGroup, root: Root | null): void {
  const moved = new Set<number>();
  for (let round = 0; root && round < moveRounds; round += 1) {
    const left = (treeTime(root.pid, root.program)?.pids ?? []).filter((pid) => !moved.has(pid));
    if (left.length === 0) return;
    group.enter(left);
    for (const pid of left) moved.add(pid);
  }
}
