import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Where control groups that limit processors can be made: a folder whose children may be given a quota. */
export interface CapTree {
  version: 1 | 2;
  /** Our groups are made in here. */
  dir: string;
}

/** Names a folder of the cgroup file system to make the groups in, where the search below would find none or another. */
const override = 'PGDRILL_CGROUP';

/** One mounted hierarchy of control groups. */
interface Mount {
  version: 1 | 2;
  /** Group that the mount shows as its root, and where it is mounted. */
  root: string;
  point: string;
}

/**
 * Finds where this process may make control groups with a processor quota, or says why nowhere. Nothing is changed.
 *
 * Version 1: the group of the `cpu` controller that we run in. Version 2: the nearest group above ours that hands the
 * `cpu` controller to its children, since a group with processes of its own cannot (kernel documentation, "No Internal
 * Process Constraint"); a delegated sub-tree of systemd is one.
 */
export function findCapTree(environment = process.env): CapTree | { why: string } {
  const named = environment[override];
  if (named !== undefined && named !== '') {
    const version = existsSync(join(named, 'cgroup.subtree_control')) ? 2 : 1;
    const file = join(named, version === 2 ? 'cgroup.procs' : 'cpu.cfs_quota_us');
    if (!existsSync(file))
      return { why: `$${override} is ${named}, which is no control group (it has no ${file})` };
    if (!writable(named)) return { why: `$${override} is ${named}, which we may not write` };
    if (version === 2 && !handsCpu(named))
      return { why: `$${override} is ${named}, which does not hand the cpu controller to its children` };
    return { version, dir: named };
  }
  return capTreeOf(readText('/proc/self/mountinfo'), readText('/proc/self/cgroup'));
}

/**
 * The same from the texts of /proc/self/mountinfo and /proc/self/cgroup.
 */
export function capTreeOf(mountinfo: string, ownGroups: string): CapTree | { why: string } {
  const mounts = cpuMounts(mountinfo);
  const first = mounts.find(({ version }) => version === 1);
  if (first) {
    const dir = folderOf(first, ownGroup(ownGroups, 1));
    return writable(dir) ? { version: 1, dir } : { why: `we may not write to ${dir}` };
  }
  const second = mounts.find(({ version }) => version === 2);
  if (!second) return { why: 'no control groups with the cpu controller are mounted' };
  return delegatedIn(second, ownGroup(ownGroups, 2));
}

/** Walks up from our own group to one that we may write and that hands `cpu` to its children. */
function delegatedIn(mount: Mount, own: string): CapTree | { why: string } {
  for (let dir = folderOf(mount, own); dir.startsWith(mount.point); dir = dirname(dir)) {
    if (handsCpu(dir) && writable(dir) && writable(join(dir, 'cgroup.procs'))) return { version: 2, dir };
    if (dir === mount.point) break;
  }
  const why = `no group above ours at ${mount.point} that we may write hands the cpu controller to its children`;
  return { why };
}

/** Version 2: whether the children of a group have the `cpu` controller. */
function handsCpu(dir: string): boolean {
  return readText(join(dir, 'cgroup.subtree_control')).split(/\s+/).includes('cpu');
}

/** Lines of mountinfo: id, parent, device, root, mount point, options, …, -, type, source, options of the hierarchy. */
function cpuMounts(mountinfo: string): Mount[] {
  return mountinfo.split('\n').flatMap((line): Mount[] => {
    const [left = '', right = ''] = line.split(' - ');
    const [, , , root, point] = left.split(' ');
    const [type, , options = ''] = right.split(' ');
    if (root === undefined || point === undefined) return [];
    if (type === 'cgroup' && options.split(',').includes('cpu')) return [{ version: 1, root, point }];
    return type === 'cgroup2' ? [{ version: 2, root, point }] : [];
  });
}

/** Lines of /proc/self/cgroup: `id:controllers:path`; version 2 has no controllers. */
function ownGroup(text: string, version: 1 | 2): string {
  for (const line of text.split('\n')) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const matches = version === 1 ? controllers.split(',').includes('cpu') : line.startsWith('0::');
    if (matches) return path;
  }
  return '/';
}

/** The mount may show a group further down as its root, as in a container. */
function folderOf({ root, point }: Mount, group: string): string {
  const inside = group === root ? '' : group.startsWith(`${root}/`) ? group.slice(root.length) : group;
  const dir = resolve(join(point, root === '/' ? group : inside));
  return existsSync(dir) ? dir : point;
}

function writable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
