import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadModel } from '../../src/scenario/load.ts';
import { type Cluster, clusterOf } from '../../src/topology/cluster.ts';

const models = new URL('../../models/', import.meta.url);

/** The reference architecture on other addresses: `prefix` such as `127.0.84`. */
export async function clusterOn(prefix: string): Promise<Cluster> {
  const text = await readFile(new URL('reference-architecture.yaml', models), 'utf8');
  const dir = await mkdtemp(join(tmpdir(), 'model-'));
  const file = join(dir, 'model.yaml');
  await writeFile(file, text.replaceAll('127.0.77', prefix));
  const { model, problems } = loadModel(file);
  await rm(dir, { recursive: true });
  if (!model) throw new Error(`the reference model cannot be read: ${JSON.stringify(problems)}`);
  return clusterOf(model.value);
}

/** A temporary folder for all labs of a test file, so that what they leave behind can be told from everything else. */
export async function ownTemporaryFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'lt-'));
  await chmod(dir, 0o755);
  process.env.TMPDIR = dir;
  return dir;
}

/** Processes that work in the folder or carry the mark of a lab in it, and what lies in the folder. */
export function leftovers(dir: string): string[] {
  const found = readdirSync(dir);
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const cwd = readlinkSync(`/proc/${pid}/cwd`);
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
      if (cwd.startsWith(dir) || environment.includes(`PGDRILL_LAB=${dir}`)) {
        found.push(`${pid} ${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()}`);
      }
    } catch {
      // ended meanwhile
    }
  }
  return found;
}

/** Ids of System V shared memory segments that nobody is attached to. */
export function orphanedSegments(): number[] {
  const rows = readFileSync('/proc/sysvipc/shm', 'utf8').trim().split('\n').slice(1);
  return rows
    .map((row) => row.trim().split(/\s+/).map(Number))
    .filter((row) => row[6] === 0)
    .map((row) => row[1] ?? 0);
}

/** Waits until `test` holds; fails with `what` after `withinMs`. */
export async function until(
  test: () => boolean | Promise<boolean>,
  what: string,
  withinMs = 10_000,
): Promise<void> {
  const endMs = Date.now() + withinMs;
  while (!(await test())) {
    if (Date.now() > endMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
