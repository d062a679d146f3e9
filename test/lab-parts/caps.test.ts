// Goal: where control groups can be made is found on every layout of the kernel, what is written there is what the kernel
// asks for, and nothing stays.
// Method: texts of /proc and folders that stand for the cgroup file system; the real one of this machine where it lets us.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { RealClock, sleep } from '../../src/kernel/clock.ts';
import { CapGroup, capFault, labGroupOf, removeLabGroups, throttledIn } from '../../src/lab/cap-group.ts';
import { type CapTree, capTreeOf, findCapTree } from '../../src/lab/cap-tree.ts';
import { checkCaps, LabCaps } from '../../src/lab/caps.ts';
import { serverLayout } from '../../src/lab/layout.ts';
import { watchCpu } from '../../src/observe/cpu-sampler.ts';
import type { Observer } from '../../src/observe/observer.ts';
import { loadModel } from '../../src/scenario/load.ts';
import { clusterOf } from '../../src/topology/cluster.ts';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'caps-'));
  folders.push(folder);
  return folder;
}

function mountLine(point: string, type: 'cgroup' | 'cgroup2', options: string): string {
  return `31 23 0:28 / ${point} rw,relatime shared:9 - ${type} cgroup rw,${options}`;
}

test('version 1: the group of the cpu controller that we run in, wherever it is mounted', () => {
  const point = newFolder();
  mkdirSync(join(point, 'jobs'));
  const mounts = [mountLine('/nowhere', 'cgroup', 'cpuset'), mountLine(point, 'cgroup', 'cpu,cpuacct')].join(
    '\n',
  );
  expect(capTreeOf(mounts, '4:cpuset:/\n3:cpu,cpuacct:/jobs\n')).toEqual({
    version: 1,
    dir: join(point, 'jobs'),
  });
  expect(capTreeOf(mounts, '3:cpu,cpuacct:/\n')).toEqual({ version: 1, dir: point });
});

test('in a container the mount shows our own group as its root', () => {
  const point = newFolder();
  mkdirSync(join(point, 'inner'));
  const mounts = mountLine(point, 'cgroup', 'cpu').replace(' / ', ' /docker/4f ');
  expect(capTreeOf(mounts, '3:cpu:/docker/4f\n')).toEqual({ version: 1, dir: point });
  expect(capTreeOf(mounts, '3:cpu:/docker/4f/inner\n')).toEqual({ version: 1, dir: join(point, 'inner') });
});

test('version 2: the nearest group above ours that hands cpu to its children', () => {
  const point = newFolder();
  const scope = join(point, 'user.slice', 'session.scope');
  mkdirSync(scope, { recursive: true });
  for (const [dir, controllers] of [
    [point, 'cpu memory'],
    [join(point, 'user.slice'), 'memory cpu'],
    [scope, ''],
  ] as const) {
    writeFileSync(join(dir, 'cgroup.subtree_control'), `${controllers}\n`);
    writeFileSync(join(dir, 'cgroup.procs'), '');
  }
  const mounts = mountLine(point, 'cgroup2', 'nsdelegate');
  const own = '0::/user.slice/session.scope\n';
  expect(capTreeOf(mounts, own)).toEqual({ version: 2, dir: join(point, 'user.slice') });
  for (const dir of [point, join(point, 'user.slice')])
    writeFileSync(join(dir, 'cgroup.subtree_control'), 'memory\n');
  expect(capTreeOf(mounts, own)).toMatchObject({ why: expect.stringContaining('hands the cpu controller') });
});

test('without control groups it says so', () => {
  expect(capTreeOf('22 1 8:1 / / rw - ext4 /dev/sda1 rw\n', '')).toMatchObject({
    why: expect.stringContaining('mounted'),
  });
});

test('a folder that is named must be a control group', () => {
  const folder = newFolder();
  expect(findCapTree({ PGDRILL_CGROUP: folder })).toMatchObject({ why: expect.stringContaining(folder) });
  writeFileSync(join(folder, 'cpu.cfs_quota_us'), '-1');
  expect(findCapTree({ PGDRILL_CGROUP: folder })).toEqual({ version: 1, dir: folder });
});

test('version 2 gets cpu handed down, processes and one line of limit', () => {
  const tree: CapTree = { version: 2, dir: newFolder() };
  const group = CapGroup.make(tree, '/tmp/some-lab', 'server2');
  group.enter([17]);
  group.limit({ cpu: 0.25, periodMs: 50 });
  const parent = labGroupOf(tree, '/tmp/some-lab');
  expect(readFileSync(join(parent, 'cgroup.subtree_control'), 'utf8')).toBe('+cpu');
  expect(readFileSync(join(parent, 'server2', 'cgroup.procs'), 'utf8')).toBe('17');
  expect(readFileSync(join(parent, 'server2', 'cpu.max'), 'utf8')).toBe('12500 50000');
  expect(labGroupOf(tree, '/tmp/other-lab')).not.toBe(parent);
});

test('throttled time is read in the words of both versions', () => {
  expect(throttledIn('nr_periods 5\nnr_throttled 2\nthrottled_time 1500000\n')).toBe(1.5);
  expect(throttledIn('usage_usec 9\nnr_periods 5\nthrottled_usec 2500\n')).toBe(2.5);
  expect(throttledIn('usage_usec 9\n')).toBeNull();
});

test('caps that the kernel would refuse are named before anything starts', () => {
  expect(capFault({ cpu: 0.5, periodMs: 100 })).toBeNull();
  expect(capFault({ cpu: 0.005, periodMs: 100 })).toContain('at least 1 ms');
  expect(capFault({ cpu: 1, periodMs: 1500 })).toContain('1 ms to 1 s');
  const server = { name: 'server1', address: '127.0.95.1', cpu: null };
  expect(checkCaps({ servers: [{ ...server, cap: null }] })).toEqual([]);
  const [problem] = checkCaps({ servers: [{ ...server, cap: { cpu: 0.001, periodMs: 100 } }] });
  expect(problem).toMatchObject({ rule: 'lab/cap', message: expect.stringContaining('server1') });
});

test('version 2 by name: only where cpu is handed down', () => {
  const dir = newFolder();
  writeFileSync(join(dir, 'cgroup.procs'), '');
  writeFileSync(join(dir, 'cgroup.subtree_control'), 'memory pids\n');
  expect(findCapTree({ PGDRILL_CGROUP: dir })).toMatchObject({
    why: expect.stringContaining('does not hand the cpu controller'),
  });
  writeFileSync(join(dir, 'cgroup.subtree_control'), 'cpuset cpu\n');
  expect(findCapTree({ PGDRILL_CGROUP: dir })).toEqual({ version: 2, dir });
});

const here = findCapTree();

test.skipIf('why' in here)(
  'on this machine a cap holds a busy process back, and nothing of it stays',
  async () => {
    if ('why' in here) return;
    const labDir = newFolder();
    const child = spawn('/bin/sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' });
    try {
      const group = CapGroup.make(here, labDir, 'server1');
      group.enter([child.pid ?? 0]);
      group.limit({ cpu: 0.05, periodMs: 50 });
      for (let turn = 0; turn < 100 && (group.throttledMs() ?? 0) === 0; turn += 1) await sleep(50);
      expect(group.throttledMs()).toBeGreaterThan(0);
    } finally {
      child.kill('SIGKILL');
    }
    await removeLabGroups(here, labDir);
    expect(existsSync(labGroupOf(here, labDir))).toBe(false);
    await removeLabGroups(here, labDir);
  },
);

/** A program that sleeps under PostgreSQL's name, with its pid where a postmaster leaves it. */
function fakePostgres(data: string): ChildProcess {
  const file = join(data, 'postgres');
  copyFileSync('/bin/sleep', file);
  const child = spawn(file, ['100'], { stdio: 'ignore' });
  writeFileSync(join(data, 'postmaster.pid'), `${child.pid}\n`);
  return child;
}

test.skipIf('why' in here)('a server that is started anew gets into its group again', async () => {
  if ('why' in here) return;
  const { model } = loadModel(join(import.meta.dirname, '../../models/reference-architecture.yaml'));
  if (!model) throw new Error('the reference model cannot be read');
  const cluster = clusterOf(model.value);
  const labDir = newFolder();
  const { data } = serverLayout(labDir, 'server2');
  mkdirSync(data, { recursive: true });
  const cap = { cpu: 0.5, periodMs: 100 };
  const servers = cluster.servers.map((server) => ({
    ...server,
    cap: server.name === 'server2' ? cap : null,
  }));
  const caps = new LabCaps(labDir, { ...cluster, servers });
  const members = (): string[] => {
    const file = join(labGroupOf(here, labDir), 'server2', 'cgroup.procs');
    return readFileSync(file, 'utf8').trim().split('\n');
  };
  const children = [fakePostgres(data)];
  let observer: Observer | null = null;
  try {
    caps.apply();
    expect(members()).toEqual([String(children[0]?.pid)]);
    const target = caps.targets().find(({ server }) => server === 'server2');
    if (!target) throw new Error('server2 is not watched');
    children[0]?.kill('SIGKILL');
    await once(children[0] as ChildProcess, 'exit');
    rmSync(join(data, 'postgres'));
    children.push(fakePostgres(data));
    observer = watchCpu(target, { clock: new RealClock(), emit: () => {} });
    await expect.poll(members).toEqual([String(children[1]?.pid)]);
  } finally {
    observer?.stop();
    for (const child of children) child.kill('SIGKILL');
  }
  await removeLabGroups(here, labDir);
});
