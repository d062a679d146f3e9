// Goal: a ring that fails in the middle costs its sessions, once each, and nothing more: the thread goes on. Sessions are opened a few at a time, and one timer serves all waits on sockets.
// Method: the kernel's calls with one that fails from a chosen moment on; a real server.
import { readdirSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { monotonicMs } from '../../../src/kernel/clock.ts';
import { Doorway } from '../../../src/load/wire/doorway.ts';
import { FallingBackIo } from '../../../src/load/wire/falling-back.ts';
import { type KernelCalls, loadKernelCalls } from '../../../src/load/wire/kernel-calls.ts';
import { wireLabel } from '../../../src/load/wire/open-wire.ts';
import { RingIo } from '../../../src/load/wire/ring-io.ts';
import { StreamIo } from '../../../src/load/wire/stream-io.ts';
import { compileQuery } from '../../../src/load/wire/templates.ts';
import { type RealServer, startRealServer } from './real-server.ts';
import { Stage, transportsHere } from './talker.ts';

let server: RealServer;
beforeAll(async () => {
  server = await startRealServer('127.0.91.2');
}, 60_000);
afterAll(() => server.remove());

const hasRing = (await transportsHere()).includes('ring');

/** The kernel's calls; `fail` makes every further wait in a ring fail. */
async function frailCalls(): Promise<{ calls: KernelCalls; fail: () => void }> {
  const calls = await loadKernelCalls();
  let failing = false;
  const ringEnter: KernelCalls['ringEnter'] = (...words) => (failing ? -5 : calls.ringEnter(...words));
  return {
    calls: { ...calls, ringEnter },
    fail: () => {
      failing = true;
    },
  };
}

test('on sockets of Node, too, one timer serves all answers until it fires', async () => {
  const stage = new Stage(new StreamIo('for a test'));
  const talker = await stage.talker(server.target);
  const select = compileQuery(['SELECT 1'], []);
  talker.onHeard = (wire) => wire.sendQuery(select, []);
  talker.wire.sendQuery(select, []);
  const timers = vi.spyOn(globalThis, 'setTimeout');
  const startMs = monotonicMs();
  let dueMs = startMs + 90.1;
  await stage.io.drive({
    nextDueMs: () => dueMs,
    due: () => {
      dueMs += 90.1;
    },
    finished: () => talker.heard.length >= 1000,
  });
  const set = timers.mock.calls.length;
  timers.mockRestore();
  await stage.io.close();
  expect(set).toBeLessThan(5 + (monotonicMs() - startMs) / 15);
});

const socketCount = (): number =>
  readdirSync('/proc/self/fd').filter((name) => {
    try {
      return /^(socket|anon_inode:\[io_uring)/.test(readlinkSync(`/proc/self/fd/${name}`));
    } catch {
      return false;
    }
  }).length;

test.runIf(hasRing)(
  'busy and idle sessions are lost once each, and the next are opened on sockets',
  async () => {
    const before = socketCount();
    const { calls, fail } = await frailCalls();
    const stage = new Stage(new FallingBackIo(new RingIo(calls, 16)));
    expect(wireLabel(stage.io)).toBe('ring');
    const [busy, idle] = [await stage.talker(server.target), await stage.talker(server.target)];
    await stage.ask(idle, 'SELECT 1');
    busy.wire.sendQuery(compileQuery(['SELECT pg_sleep(30)'], []), []);
    const failMs = monotonicMs() + 50;
    let failed = false;
    await stage.io.drive({
      nextDueMs: () => (failed ? Number.POSITIVE_INFINITY : failMs),
      due: () => {
        failed = true;
        fail();
      },
      finished: () => busy.lost.length > 0 && idle.lost.length > 0,
    });
    for (const { lost, wire } of [busy, idle]) {
      expect(lost).toEqual([{ code: 'closed', message: 'io_uring failed (errno 5)' }]);
      expect(wire.isOpen).toBe(false);
    }
    expect(wireLabel(stage.io)).toBe('stream (the ring was given up: io_uring failed (errno 5))');
    const next = await stage.talker(server.target);
    expect((await stage.ask(next, 'SELECT 2')).kept[0]?.rows).toEqual([['2']]);
    expect(stage.io.size).toBe(1);
    await stage.io.close();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(socketCount()).toBeLessThanOrEqual(before);
  },
);

test('a doorway lets so many through at once, in order, also when one fails', async () => {
  const doorway = new Doorway(2);
  const order: number[] = [];
  const ends: ((fails: boolean) => void)[] = [];
  const visits = [0, 1, 2, 3].map((number) =>
    doorway
      .pass(
        () =>
          new Promise<void>((resolve, reject) => {
            order.push(number);
            ends.push((fails) => (fails ? reject(new Error('no')) : resolve()));
          }),
      )
      .catch(() => undefined),
  );
  expect([order, doorway.size]).toEqual([[0, 1], 4]);
  ends[1]?.(true);
  await visits[1];
  expect([order, doorway.size]).toEqual([[0, 1, 2], 3]);
  ends[0]?.(false);
  await visits[0];
  expect(order).toEqual([0, 1, 2, 3]);
  for (const end of ends) end(false);
  await Promise.all(visits);
  expect(doorway.size).toBe(0);
});
