import { readFileSync } from 'node:fs';
import { sep } from 'node:path';
import { DrillError } from '../kernel/errors.ts';
import { serverLayout } from './layout.ts';
import { type LabProcess, processesOf, rootsFirst, serverProcesses, signal, untilNone } from './processes.ts';

/** Longest that a stopped process may take to show as stopped, or an agent to end in order, ms. */
const settledWithinMs = 5000;

/** The EFM agent of a server: the program that was started with the server's folder of settings; none or one. */
export function agentProcesses(labDir: string, server: string): LabProcess[] {
  return agentsAmong(processesOf(labDir), serverLayout(labDir, server).efmDir);
}

function agentsAmong(processes: readonly LabProcess[], efmDir: string): LabProcess[] {
  return processes.filter(({ pid, program }) => {
    const words = program === 'node' ? argumentsOf(pid) : [];
    return words.includes('--config-dir') && words.includes(efmDir);
  });
}

/** The processes of the Pgpool of a server: all that work in its folder. */
export function pgpoolProcesses(labDir: string, server: string): LabProcess[] {
  const { pgpoolDir } = serverLayout(labDir, server);
  return processesOf(pgpoolDir).filter(({ program }) => program === 'pgpool');
}

/** Everything that runs on a server: its agent, PostgreSQL, Pgpool, and the scripts and programs that these have under way. */
export function hostProcesses(labDir: string, server: string): LabProcess[] {
  const { dir, efmDir } = serverLayout(labDir, server);
  const all = processesOf(labDir);
  const agents = agentsAmong(all, efmDir).map(({ pid }) => pid);
  const found = new Set(agents);
  for (const { pid, cwd } of all) if (cwd === dir || cwd.startsWith(dir + sep)) found.add(pid);
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const { pid, parentPid } of all) if (found.has(parentPid)) found.add(pid);
  }
  const first = (pid: number): number => (agents.includes(pid) ? 0 : 1);
  return all.filter(({ pid }) => found.has(pid)).sort((a, b) => first(a.pid) - first(b.pid));
}

/** SIGSTOP to every process of a PostgreSQL, its postmaster first; returns when all are stopped. */
export async function stopServerProcesses(dataDir: string): Promise<number> {
  const before = serverProcesses(dataDir);
  if (before.length === 0) throw new DrillError('PostgreSQL does not run there');
  for (const { pid } of rootsFirst(before)) signal(pid, 'SIGSTOP');
  const running = (): LabProcess[] => serverProcesses(dataDir).filter(({ pid }) => !isStopped(pid));
  await untilNone(running, { withinMs: settledWithinMs, each: ({ pid }) => signal(pid, 'SIGSTOP') });
  return serverProcesses(dataDir).length;
}

/** SIGCONT to every process of a PostgreSQL. */
export function continueServerProcesses(dataDir: string): number {
  const found = serverProcesses(dataDir);
  for (const { pid } of found) signal(pid, 'SIGCONT');
  return found.length;
}

/** SIGTERM to an agent, as its service does; returns when it has ended. */
export async function endAgent(labDir: string, server: string): Promise<void> {
  for (const { pid } of agentProcesses(labDir, server)) signal(pid, 'SIGTERM');
  await untilNone(() => agentProcesses(labDir, server), { withinMs: settledWithinMs, each: () => {} });
}

function argumentsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

function isStopped(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .startsWith('T');
  } catch {
    return true;
  }
}
