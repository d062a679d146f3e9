import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join, sep } from 'node:path';
import { epochMs, sleep } from '../kernel/clock.ts';
import { DrillError } from '../kernel/errors.ts';
import { labMark } from './layout.ts';

/** A running process, as /proc shows it now. */
export interface LabProcess {
  pid: number;
  parentPid: number;
  /** Name of the program file. */
  program: string;
  cwd: string;
}

/**
 * Every process of a lab, found by what it is now and not by remembered numbers, so that a reused pid is never hit:
 * a PostgreSQL or Pgpool working inside the lab's folder (both overwrite their environment), or anything that carries
 * the lab's mark in its environment. A shell that a person opened in the folder is neither.
 */
export function processesOf(labDir: string): LabProcess[] {
  const found: LabProcess[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const process = readProcess(Number(entry), labDir);
    if (process) found.push(process);
  }
  return found;
}

/** The processes of one PostgreSQL: all that work in its data folder. */
export function serverProcesses(dataDir: string): LabProcess[] {
  return processesOf(dataDir).filter(({ program }) => program === 'postgres');
}

/**
 * SIGKILL to all PostgreSQL processes of a data folder, found before the first dies; the postmaster goes first so that
 * it cannot react. Returns when none is left.
 */
export async function killServerProcesses(dataDir: string): Promise<number> {
  const before = serverProcesses(dataDir);
  const pids = new Set(before.map(({ pid }) => pid));
  const roots = before.filter(({ parentPid }) => !pids.has(parentPid));
  for (const { pid } of [...roots, ...before.filter((process) => !roots.includes(process))])
    signal(pid, 'SIGKILL');
  await untilNone(() => serverProcesses(dataDir), {
    withinMs: 5000,
    each: ({ pid }) => signal(pid, 'SIGKILL'),
  });
  removeSegments(new Set(), [dataDir]);
  return before.length;
}

/**
 * Ends every process of a lab: agents and scripts at once, so that none reacts to what follows; then PostgreSQL
 * (immediate) and Pgpool (fast), which remove their own shared memory; after 3 s whatever is left is killed and its
 * shared memory removed.
 *
 * @throws DrillError when a process survives even that
 */
export async function stopProcesses(labDir: string): Promise<void> {
  const servers = new Set(['postgres', 'pgpool']);
  const all = processesOf(labDir);
  const creators = new Set(all.map(({ pid }) => pid));
  for (const { pid } of all.filter(({ program }) => !servers.has(program))) signal(pid, 'SIGKILL');
  for (const { pid, program } of all.filter(
    ({ parentPid, program }) => servers.has(program) && !creators.has(parentPid),
  )) {
    signal(pid, program === 'postgres' ? 'SIGQUIT' : 'SIGINT');
  }
  const orderlyUntilMs = epochMs() + 3000;
  await untilNone(() => processesOf(labDir), {
    withinMs: 8000,
    each: ({ pid, program }) => {
      if (!servers.has(program) || epochMs() > orderlyUntilMs) signal(pid, 'SIGKILL');
    },
  });
  removeSegments(
    creators,
    subfolders(labDir).map((name) => join(labDir, name, 'data')),
  );
}

/**
 * Lists again and again, and acts on each that is left, until none is.
 *
 * @throws DrillError when some are still there after `withinMs`
 */
export async function untilNone(
  list: () => LabProcess[],
  options: { withinMs: number; each: (process: LabProcess) => void },
): Promise<void> {
  const untilMs = epochMs() + options.withinMs;
  for (let left = list(); left.length > 0; left = list()) {
    if (epochMs() > untilMs) {
      throw new DrillError(
        `processes do not end: ${left.map(({ pid, program }) => `${program} (${pid})`).join(', ')}`,
      );
    }
    left.forEach(options.each);
    await sleep(20);
  }
}

function readProcess(pid: number, labDir: string): LabProcess | undefined {
  try {
    const cwd = readlinkSync(`/proc/${pid}/cwd`);
    const program = basename(readlinkSync(`/proc/${pid}/exe`)).replace(/ \(deleted\)$/, '');
    const inside = cwd === labDir || cwd.startsWith(labDir + sep);
    const isServer = program === 'postgres' || program === 'pgpool';
    if (!(inside && isServer) && !isMarked(pid, labDir)) return undefined;
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return fields[0] === 'Z' ? undefined : { pid, parentPid: Number(fields[1]), program, cwd };
  } catch {
    return undefined;
  }
}

function isMarked(pid: number, labDir: string): boolean {
  return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`${labMark}=${labDir}`);
}

/** Sends a signal; to a process that has ended meanwhile it means nothing. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause;
  }
}

/** Removes System V segments that killed servers left: those made by the given processes, or named in a postmaster.pid, and attached by nobody. */
export function removeSegments(creators: ReadonlySet<number>, dataDirs: readonly string[]): void {
  const named = new Set(dataDirs.map(segmentOf).filter((id) => id !== undefined));
  for (const row of segmentRows()) {
    const [, id, , , creator, , attached] = row.trim().split(/\s+/).map(Number);
    if (id === undefined || attached !== 0) continue;
    if (creators.has(creator ?? -1) || named.has(id)) removeSegment(id);
  }
}

/** The machine's segments, one a row; none where the kernel has no System V memory. */
function segmentRows(): string[] {
  try {
    return readFileSync('/proc/sysvipc/shm', 'utf8').trim().split('\n').slice(1);
  } catch {
    return [];
  }
}

/** Another clean-up (a server that starts, the watcher) may have been quicker; a segment that stays costs a few bytes. */
function removeSegment(id: number): void {
  try {
    execFileSync('/usr/bin/ipcrm', ['-m', String(id)], { stdio: 'ignore' });
  } catch {}
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

function subfolders(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
