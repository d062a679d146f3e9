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

/** Where tests put their folders: a test file may have set $TMPDIR to one of its own since. */
const shared = tmpdir();

/**
 * Ids of System V shared memory segments that nobody is attached to, and that no killed server will find again: tests run
 * side by side, and one that has killed a server keeps its data folder, whose postmaster.pid names the segment.
 */
export function orphanedSegments(): number[] {
  const rows = readFileSync('/proc/sysvipc/shm', 'utf8').trim().split('\n').slice(1);
  const orphans = rows
    .map((row) => row.trim().split(/\s+/).map(Number))
    .filter((row) => row[6] === 0)
    .map((row) => row[1] ?? 0);
  if (orphans.length === 0) return [];
  const named = new Set(foldersIn(shared, /^(lt|pgdrill)-/, 4).flatMap(segmentNamedIn));
  return orphans.filter((id) => !named.has(id));
}

/** A folder's folders down to a depth, of which the first level has a name of ours. */
function foldersIn(dir: string, name: RegExp, depth: number): string[] {
  if (depth < 0) return [];
  try {
    return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
      if (!entry.isDirectory() || !name.test(entry.name)) return [];
      const inside = join(dir, entry.name);
      return [inside, ...foldersIn(inside, /./, depth - 1)];
    });
  } catch {
    return [];
  }
}

/** Line 7 of a data folder's postmaster.pid: key and id. */
function segmentNamedIn(dir: string): number[] {
  try {
    const [, id] = (readFileSync(join(dir, 'postmaster.pid'), 'utf8').split('\n')[6] ?? '')
      .trim()
      .split(/\s+/);
    return id === undefined ? [] : [Number(id)];
  } catch {
    return [];
  }
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
