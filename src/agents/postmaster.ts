import { readdir, readFile, readlink, realpath, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** What a data folder's postmaster.pid says of its server, and what /proc says of that process. */
export interface Postmaster {
  /** `none`: no readable postmaster.pid. `gone`: the process does not exist, or is dead and only not collected by its parent. */
  state: 'none' | 'gone' | 'alive';
  /** Its Unix-domain socket, without an ending; null when it has none. */
  socket: string | null;
}

/**
 * Looks whether the server of a data folder lives.
 *
 * pg_ctl and postgres take a killed process that nobody has collected yet (state Z) for a live one: in a container
 * whose first process collects nothing it stays so for ever, and a stop waits out its time limit.
 */
export async function lookAtPostmaster(dataDir: string): Promise<Postmaster> {
  const text = await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => '');
  const [pidLine = '', , , port, socketDir] = text.split('\n');
  // A stand-alone backend writes its pid as a negative number.
  const pid = Math.abs(Number(pidLine));
  if (!Number.isInteger(pid) || pid === 0) return { state: 'none', socket: null };
  const socket = socketDir && port ? join(socketDir, `.s.PGSQL.${port}`) : null;
  return { state: (await isAlive(pid)) ? 'alive' : 'gone', socket };
}

/**
 * Removes the lock files of a killed server, which would keep a new one from starting while the old process is not
 * collected. Leaves everything as it is while any process of that server still works in the data folder.
 */
export async function clearDeadPostmaster(dataDir: string): Promise<void> {
  const { state, socket } = await lookAtPostmaster(dataDir);
  if (state !== 'gone' || (await hasProcesses(dataDir))) return;
  const files = [join(dataDir, 'postmaster.pid'), ...(socket ? [socket, `${socket}.lock`] : [])];
  for (const file of files) await rm(file, { force: true });
}

/** Without /proc nothing is known, and a process counts as alive. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch((cause: NodeJS.ErrnoException) => cause);
  if (typeof stat === 'string') return !['Z', 'X'].includes(stat.replace(/^.*\) /s, '').charAt(0));
  return (await readFile('/proc/self/stat', 'utf8').catch(() => null)) === null;
}

async function hasProcesses(dataDir: string): Promise<boolean> {
  const folder = await realpath(dataDir);
  for (const entry of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(entry)) continue;
    const cwd = await readlink(`/proc/${entry}/cwd`).catch(() => '');
    const program = cwd === folder ? await readlink(`/proc/${entry}/exe`).catch(() => '') : '';
    if (/^(edb-)?postgres\b/.test(basename(program))) return true;
  }
  return false;
}
