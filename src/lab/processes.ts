import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join, sep } from 'node:path';
import { epochMs, sleep } from '../kernel/clock.ts';
import { DrillError } from '../kernel/errors.ts';
import { labMark } from './layout.ts';
import { removeSegments, removeSemaphores } from './system-v.ts';

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

/** Longest that a killed process may take to vanish, ms. */
const vanishedWithinMs = 5000;

/** What a kill met. */
export interface Killed {
  /** How many processes there were at first. */
  count: number;
  /**
   * Their shared memory is gone. A server has failed before that: whoever times a fault does not wait for it, but before
   * the end of pgdrill.
   */
  cleaned: Promise<void>;
}

/** SIGKILL to all PostgreSQL processes of a data folder, see `killProcesses`. */
export function killServerProcesses(dataDir: string): Promise<Killed> {
  return killProcesses(() => serverProcesses(dataDir), [dataDir]);
}

/**
 * SIGKILL to a list of processes, found before the first dies, those first that started others of it, so that none reacts
 * to another's end; then to whatever has begun meanwhile. Returns when none is left and their semaphores are removed; their
 * shared memory (also what a data folder still names) goes as they let go of it.
 */
export async function killProcesses(
  list: () => LabProcess[],
  dataDirs: readonly string[] = [],
): Promise<Killed> {
  const before = list();
  const pids = new Set(before.map(({ pid }) => pid));
  for (const { pid } of rootsFirst(before)) signal(pid, 'SIGKILL');
  await untilNone(list, { withinMs: vanishedWithinMs, each: ({ pid }) => signal(pid, 'SIGKILL') });
  const cleaned = removeSegments(pids, dataDirs);
  if (before.some(({ program }) => program === 'pgpool')) removeSemaphores(pids);
  return { count: before.length, cleaned };
}

/** Those first that no other of them has started. */
export function rootsFirst(processes: readonly LabProcess[]): LabProcess[] {
  const pids = new Set(processes.map(({ pid }) => pid));
  const isRoot = ({ parentPid }: LabProcess): boolean => !pids.has(parentPid);
  return [...processes.filter(isRoot), ...processes.filter((process) => !isRoot(process))];
}

/**
 * Ends every process of a lab: agents and scripts at once, so that none reacts to what follows; then PostgreSQL
 * (immediate) and Pgpool (fast), which remove their own shared memory and semaphores; after 3 s whatever is left is killed
 * and these are removed.
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
  let isForced = false;
  await untilNone(() => processesOf(labDir), {
    withinMs: 8000,
    each: ({ pid, program }) => {
      isForced ||= epochMs() > orderlyUntilMs;
      if (!servers.has(program) || isForced) signal(pid, 'SIGKILL');
    },
  });
  await removeSegments(
    creators,
    subfolders(labDir).map((name) => join(labDir, name, 'data')),
  );
  if (isForced) removeSemaphores(creators);
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

function subfolders(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
