import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { epochMs, sleep } from '../kernel/clock.ts';
import { DrillError } from '../kernel/errors.ts';
import type { CapTree } from './cap-tree.ts';

/** Processors that a server may use: `cpu` cores' worth of time in each period. */
export interface CpuCap {
  cpu: number;
  periodMs: number;
}

/** The kernel's limits on a quota: its length and that of its period, µs (kernel documentation, CFS bandwidth control). */
const quotaLimits = { leastUs: 1000, leastPeriodUs: 1000, mostPeriodUs: 1_000_000 } as const;

/** Longest that a group may take to become empty after its last process was killed, ms. */
const emptyWithinMs = 3000;

/** The folder of a lab's groups; its name follows from the lab's, so that whoever cleans up finds it. */
export function labGroupOf(tree: CapTree, labDir: string): string {
  const mark = createHash('sha256').update(labDir).digest('hex').slice(0, 12);
  return join(tree.dir, `pgdrill-${mark}`);
}

/** Why the kernel would not take a cap; null when it would. */
export function capFault({ cpu, periodMs }: CpuCap): string | null {
  const periodUs = Math.round(periodMs * 1000);
  const quotaUs = Math.round(cpu * periodUs);
  if (periodUs < quotaLimits.leastPeriodUs || periodUs > quotaLimits.mostPeriodUs)
    return `a cap's period is from 1 ms to 1 s, got ${periodMs} ms`;
  if (quotaUs < quotaLimits.leastUs)
    return `a cap gives at least 1 ms a period, got ${quotaUs / 1000} ms (${cpu} of ${periodMs} ms)`;
  return null;
}

/** A control group of one server: its processes live in it, and it limits and counts their processor time. */
export class CapGroup {
  readonly #dir: string;
  readonly #version: 1 | 2;

  private constructor(dir: string, version: 1 | 2) {
    this.#dir = dir;
    this.#version = version;
  }

  /**
   * Makes the group of a server inside its lab's.
   * @throws DrillError when the kernel does not let us
   */
  static make(tree: CapTree, labDir: string, server: string): CapGroup {
    const parent = labGroupOf(tree, labDir);
    const dir = join(parent, server);
    try {
      mkdirSync(dir, { recursive: true });
      if (tree.version === 2) writeFileSync(join(parent, 'cgroup.subtree_control'), '+cpu');
    } catch (cause) {
      throw new DrillError(`cannot make the control group ${dir}: ${(cause as Error).message}`, { cause });
    }
    return new CapGroup(dir, tree.version);
  }

  /** Takes processes in; their later children are born in it. One that has ended meanwhile is no error. */
  enter(pids: Iterable<number>): void {
    for (const pid of pids) {
      try {
        writeFileSync(join(this.#dir, 'cgroup.procs'), String(pid));
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw this.#refused(cause);
      }
    }
  }

  /** Limits the group from now on. */
  limit({ cpu, periodMs }: CpuCap): void {
    const periodUs = Math.round(periodMs * 1000);
    const quotaUs = Math.round(cpu * periodUs);
    try {
      if (this.#version === 2) writeFileSync(join(this.#dir, 'cpu.max'), `${quotaUs} ${periodUs}`);
      else {
        writeFileSync(join(this.#dir, 'cpu.cfs_period_us'), String(periodUs));
        writeFileSync(join(this.#dir, 'cpu.cfs_quota_us'), String(quotaUs));
      }
    } catch (cause) {
      throw this.#refused(cause);
    }
  }

  /** How long its processes have been held back so far, ms, summed over processors; null when the kernel does not say. */
  throttledMs(): number | null {
    return throttledIn(readQuietly(join(this.#dir, 'cpu.stat')));
  }

  #refused(cause: unknown): DrillError {
    return new DrillError(`the control group ${this.#dir} refused: ${(cause as Error).message}`, { cause });
  }
}

/** Reads cpu.stat: `throttled_time` in ns (version 1) or `throttled_usec` (version 2); null where neither stands. */
export function throttledIn(stat: string): number | null {
  const nanos = /^throttled_time (\d+)$/m.exec(stat)?.[1];
  const micros = /^throttled_usec (\d+)$/m.exec(stat)?.[1];
  if (nanos !== undefined) return Number(nanos) / 1e6;
  return micros === undefined ? null : Number(micros) / 1e3;
}

/**
 * Removes the groups of a lab whose processes have ended; no error when there are none.
 * @throws DrillError when a process still lives in one
 */
export async function removeLabGroups(tree: CapTree, labDir: string): Promise<void> {
  const parent = labGroupOf(tree, labDir);
  const untilMs = epochMs() + emptyWithinMs;
  while (existsSync(parent)) {
    try {
      for (const entry of readdirSync(parent, { withFileTypes: true }))
        if (entry.isDirectory()) rmdirSync(join(parent, entry.name));
      rmdirSync(parent);
    } catch (cause) {
      if (epochMs() > untilMs)
        throw new DrillError(`the control group ${parent} cannot be removed: ${(cause as Error).message}`, {
          cause,
        });
      await sleep(50);
    }
  }
}

function readQuietly(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
