import { readdirSync, readFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isoNow } from '../kernel/clock.ts';
import type { Cluster } from '../topology/cluster.ts';
import type { LabSettings } from './lab-settings.ts';
import { layoutOf } from './layout.ts';
import { writePrivate } from './postgres.ts';

/**
 * What a lab folder says about itself. No process ids but the owner's: which processes belong to a lab is read from
 * /proc (`processesOf`), so that a reused id is never taken for one of them.
 */
export interface LabState {
  schema: 'pgdrill/lab@1';
  startedAt: string;
  /** The pgdrill that started it, with its start time in clock ticks since boot. */
  owner: { pid: number; startTicks: string };
  runUser: string;
  user: string;
  database: string;
  pcpUser: string;
  versions: { postgres: string; pgpool: string };
  programs: string;
  cluster: Cluster;
}

export async function writeLabState(lab: LabSettings): Promise<void> {
  const state: LabState = {
    schema: 'pgdrill/lab@1',
    startedAt: isoNow(),
    owner: { pid: process.pid, startTicks: startTicks(process.pid) ?? '' },
    runUser: lab.context.user.name,
    user: lab.accounts.user,
    database: lab.accounts.database,
    pcpUser: lab.accounts.pcpUser,
    versions: { postgres: lab.binaries.postgresVersion, pgpool: lab.binaries.pgpoolVersion },
    programs: lab.programs,
    cluster: lab.cluster,
  };
  await writePrivate(lab, lab.layout.stateFile, `${JSON.stringify(state, null, 2)}\n`);
}

/** Null when there is no lab in the folder or its state cannot be read. */
export async function readLabState(labDir: string): Promise<LabState | null> {
  try {
    const state = JSON.parse(await readFile(layoutOf(labDir).stateFile, 'utf8')) as LabState;
    return state.schema === 'pgdrill/lab@1' ? state : null;
  } catch {
    return null;
  }
}

export async function removeLabState(labDir: string): Promise<void> {
  await rm(layoutOf(labDir).stateFile, { force: true });
}

/** Folders of labs that a `run` started and whose pgdrill is gone; its watcher must have been killed too. */
export async function deadLabs(): Promise<string[]> {
  const dead: string[] = [];
  for (const name of readdirSync(tmpdir())) {
    if (!/^pgdrill-run-[0-9a-f]+$/.test(name)) continue;
    const dir = join(tmpdir(), name);
    const state = await readLabState(dir);
    if (state && startTicks(state.owner.pid) !== state.owner.startTicks) dead.push(dir);
  }
  return dead;
}

/** Field 22 of /proc/PID/stat: with the pid it names one process for ever. Undefined when there is no such process. */
function startTicks(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')[19];
  } catch {
    return undefined;
  }
}
