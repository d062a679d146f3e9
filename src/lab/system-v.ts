import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { epochMs, sleep } from '../kernel/clock.ts';

/**
 * A killed process no longer shows its program before it has given its memory back, which takes as long as it gets no
 * processor; a segment of a reused process number stays attached for good. ms.
 */
const detachedWithinMs = 2000;

/**
 * Removes shared memory segments that killed servers left: those made by the given processes, or named in the
 * postmaster.pid of a data folder, at once or as soon as nobody is attached. Another clean-up (a server that starts, the watcher) may be
 * quicker; a segment that stays costs a few bytes.
 */
export async function removeSegments(
  creators: ReadonlySet<number>,
  dataDirs: readonly string[],
): Promise<void> {
  const named = new Set(dataDirs.map(segmentOf).filter((id) => id !== undefined));
  const isTheirs = (id: number, creator: number): boolean => creators.has(creator) || named.has(id);
  const untilMs = epochMs() + detachedWithinMs;
  while (removeDetached(isTheirs) && epochMs() < untilMs) await sleep(20);
}

/** Whether some are left, which are attached still. */
function removeDetached(isTheirs: (id: number, creator: number) => boolean): boolean {
  let isLeft = false;
  for (const row of rowsOf('shm')) {
    const [, id = -1, , , creator = -1, , attached] = row.map(Number);
    if (!isTheirs(id, creator)) continue;
    if (attached === 0) runQuietly('ipcrm', ['-m', String(id)]);
    else isLeft = true;
  }
  return isLeft;
}

/**
 * Removes semaphore sets that killed Pgpools left: those that the given processes, all dead, used last. The kernel remembers
 * no creator, but for each semaphore the process that last changed it, and Pgpool's main process sets all of its own when it
 * starts.
 */
export function removeSemaphores(users: ReadonlySet<number>): void {
  for (const [, id = ''] of rowsOf('sem')) {
    const lines = runQuietly('ipcs', ['-s', '-i', id]).split('\n');
    const isTheirs = lines.some((line) => {
      const fields = line.trim().split(/\s+/);
      return fields.length === 5 && users.has(Number(fields[4]));
    });
    if (isTheirs) runQuietly('ipcrm', ['-s', id]);
  }
}

/** The machine's segments or semaphore sets, a row each; none where the kernel has none. */
function rowsOf(kind: 'shm' | 'sem'): string[][] {
  try {
    const [, ...rows] = readFileSync(`/proc/sysvipc/${kind}`, 'utf8').trim().split('\n');
    return rows.map((row) => row.trim().split(/\s+/));
  } catch {
    return [];
  }
}

/** Line 7 of postmaster.pid: key and id of the server's segment. */
function segmentOf(dataDir: string): number | undefined {
  try {
    const id = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n')[6]?.trim().split(/\s+/)[1];
    return id === undefined ? undefined : Number(id);
  } catch {
    return undefined;
  }
}

/** Its output; nothing when it fails. */
function runQuietly(program: 'ipcs' | 'ipcrm', args: readonly string[]): string {
  try {
    return execFileSync(`/usr/bin/${program}`, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return '';
  }
}
