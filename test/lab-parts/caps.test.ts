// Goal: where control groups can be made is found on every layout of the kernel, what is written there is what the kernel
// asks for, and nothing stays.
// Method: texts of /proc and folders that stand for the cgroup file system; the real one of this machine where it lets us.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { sleep } from '../../src/kernel/clock.ts';
import { CapGroup, capFault, labGroupOf, removeLabGroups, throttledIn } from '../../src/lab/cap-group.ts';
import { type CapTree, capTreeOf, findCapTree } from '../../src/lab/cap-tree.ts';
import { checkCaps } from '../../src/lab/caps.ts';

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
