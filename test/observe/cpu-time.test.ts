// Goal: a program's processor time counts all its processes, living and ended, and each start of it from its beginning.
// Method: shells that burn a known part of their time, beside what the kernel says of them when they have ended.
import { type ChildProcess, spawn } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import { RealClock, sleep } from '../../src/kernel/clock.ts';
import { watchCpu } from '../../src/observe/cpu-sampler.ts';
import { TreeMeter, treeTime } from '../../src/observe/cpu-time.ts';
import type { RecordedEvent } from '../../src/recording/events.ts';

const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL');
    } catch {}
  }
});

const burn = (rounds: number): string => `n=0; while [ $n -lt ${rounds} ]; do n=$((n+1)); done`;

/** A shell named `sh`, with a group of its own. */
function shell(line: string): number {
  const child = spawn('/bin/sh', ['-c', line], { stdio: 'ignore', detached: true });
  children.push(child);
  return child.pid ?? 0;
}

async function nameOf(pid: number): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  return (await readFile(`/proc/${pid}/comm`, 'utf8')).trim();
}

async function until(test: () => boolean): Promise<void> {
  for (let turn = 0; turn < 200 && !test(); turn += 1) await sleep(25);
  expect(test()).toBe(true);
}

test('children count while they live and after they were collected', async () => {
  const pid = shell(`(${burn(300_000)}) & wait; (${burn(300_000)}) & wait; sleep 100 & wait`);
  await sleep(50);
  const name = await nameOf(pid);
  await until(() => (treeTime(pid, name)?.pids.length ?? 0) === 2 && (treeTime(pid, name)?.usedMs ?? 0) > 0);
  let before = 0;
  await until(() => {
    const now = treeTime(pid, name)?.usedMs ?? 0;
    const rests = now === before;
    before = now;
    return rests && now > 100;
  });
  expect(treeTime(pid, name)?.pids[0]).toBe(pid);
  expect(treeTime(pid, 'postgres')).toBeNull();
});

test('a meter starts at its first reading, follows a new root from its start, and survives its end', async () => {
  const first = shell(`${burn(200_000)}; sleep 100`);
  await sleep(50);
  const name = await nameOf(first);
  await until(() => (treeTime(first, name)?.pids.length ?? 0) === 2);
  const meter = new TreeMeter(name);
  expect(meter.read(first)).toMatchObject({ spentMs: 0, isNew: true });
  expect(meter.read(null)).toEqual({ spentMs: 0, pids: [], isNew: false });
  const second = shell(`${burn(200_000)}; sleep 100`);
  await until(() => (treeTime(second, name)?.pids.length ?? 0) === 2);
  const { spentMs, isNew, pids } = meter.read(second);
  expect(isNew).toBe(true);
  expect(pids[0]).toBe(second);
  expect(spentMs).toBeGreaterThan(20);
  expect(spentMs).toBeLessThan((treeTime(second, name)?.usedMs ?? 0) + 1);
  expect(meter.read(second).spentMs).toBeLessThan(20);
});

test('the observer tells what was used between two looks, and of the cap only what grew', async () => {
  const events: RecordedEvent[] = [];
  let heldMs = 500;
  const observer = watchCpu(
    { server: 'server1', postgres: () => null, throttledMs: () => heldMs },
    { clock: new RealClock(), emit: (event) => events.push(event) },
  );
  heldMs = 540;
  await until(() => events.length > 0);
  observer.stop();
  expect(events[0]).toMatchObject({
    type: 'cpu',
    server: 'server1',
    postgresMs: 0,
    pgpoolMs: null,
    throttledMs: 40,
  });
});
