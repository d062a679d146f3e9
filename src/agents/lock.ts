import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DrillError, ExitCode } from '../kernel/errors.ts';
import type { AgentConfig } from './config.ts';

/** The file that keeps a second agent from the same cluster on this host (method.md EFM A). */
export function lockFile({ lockDir, clusterName }: Pick<AgentConfig, 'lockDir' | 'clusterName'>): string {
  return join(lockDir, `${clusterName}.lock`);
}

/**
 * Takes the lock: the file holds the process and when it began. EFM starts beside no lock file at all; ours takes one over
 * whose process is gone, as an operator would after a kill (docs/method.md E29).
 *
 * @throws DrillError when the agent that holds it lives
 */
export function takeLock(config: Pick<AgentConfig, 'lockDir' | 'clusterName'>): void {
  const file = lockFile(config);
  const holder = readText(file).trim();
  const [pid = ''] = holder.split(' ');
  if (holder !== '' && holder === markOf(pid)) {
    throw new DrillError(`an agent of cluster ${config.clusterName} runs here already (process ${pid})`, {
      hint: `it holds ${file}`,
      exitCode: ExitCode.usage,
    });
  }
  writeFileSync(file, `${markOf(String(process.pid)) ?? process.pid}\n`);
}

/** Gives the lock up; it may have been removed meanwhile. */
export function releaseLock(config: Pick<AgentConfig, 'lockDir' | 'clusterName'>): void {
  rmSync(lockFile(config), { force: true });
}

/** A process by its number and the instant of its start, in ticks since boot; undefined for one that is gone. */
function markOf(pid: string): string | undefined {
  if (!/^\d+$/.test(pid)) return undefined;
  const stat = readText(`/proc/${pid}/stat`);
  const [state = 'Z', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' || state === 'X' || stat === '' ? undefined : `${pid} ${fields[18] ?? ''}`;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
