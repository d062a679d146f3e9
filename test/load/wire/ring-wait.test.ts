// Goal: a thread in the ring wakes up when it must: alarms serve long waits, a far instant is slept to in two, and what waits are
// learned from is right.
// Method: the kernel's calls, written down; a real server. A real ring at instants of the test's own.
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { monotonicMs } from '../../../src/kernel/clock.ts';
import { type KernelCalls, loadKernelCalls } from '../../../src/load/wire/kernel-calls.ts';
import { Ring } from '../../../src/load/wire/ring.ts';
import { RingIo } from '../../../src/load/wire/ring-io.ts';
import { WakeLead } from '../../../src/load/wire/ring-lead.ts';
import { RingWait } from '../../../src/load/wire/ring-wait.ts';
import { compileQuery } from '../../../src/load/wire/templates.ts';
import { type RealServer, startRealServer } from './real-server.ts';
import { Stage, transportsHere } from './talker.ts';

let server: RealServer;
beforeAll(async () => {
  server = await startRealServer('127.0.91.9');
}, 60_000);
afterAll(() => server.remove());

const hasRing = (await transportsHere()).includes('ring');

test.runIf(hasRing)(
  'an alarm ends long waits without a timer each; an earlier instant gets its own',
  async () => {
    const kernel = await loadKernelCalls();
    const timed = 8; // IORING_ENTER_EXT_ARG
    /** Whether each wait had a timer of its own, since the last round began. */
    let waits: boolean[] = [];
    const ringEnter: KernelCalls['ringEnter'] = (...words) => {
      const [, , minComplete, flags] = words;
      if (minComplete > 0) waits.push((flags & timed) !== 0);
      return kernel.ringEnter(...words);
    };
    const stage = new Stage(new RingIo({ ...kernel, ringEnter }, 16));
    const talker = await stage.talker(server.target);
    await stage.until(() => true);
    const before: boolean[] = [];
    const after: (boolean | undefined)[] = [];
    for (let round = 1; round <= 5; round += 1) {
      waits = [];
      talker.wire.sendQuery(compileQuery(['SELECT pg_sleep(0.15)'], []), []);
      let dueMs = Number.POSITIVE_INFINITY;
      let lateMs = Number.NaN;
      await stage.io.drive({
        nextDueMs: () => {
          if (talker.heard.length === round && dueMs === Number.POSITIVE_INFINITY) {
            before.push(...waits);
            waits = [];
            dueMs = monotonicMs() + 1;
          }
          return dueMs;
        },
        due: (nowMs) => {
          lateMs = nowMs - dueMs;
        },
        finished: () => !Number.isNaN(lateMs),
      });
      after.push(waits[0]);
    }
    await stage.io.close();
    expect(before.length).toBeGreaterThanOrEqual(10);
    expect(before).not.toContain(true);
    // One alarm in a hundred happens to ring just then.
    expect(after.filter(Boolean).length).toBeGreaterThanOrEqual(3);
  },
);

/** A wait in a real ring that does not sleep: what it was to sleep, what alarms were set, and what was learned from. */
async function quietWait(leadMs: number) {
  const ring = new Ring(await loadKernelCalls(), 4096);
  const wait = new RingWait(ring);
  const slept: number[] = [];
  const alarms: number[] = [];
  const learned: number[][] = [];
  vi.spyOn(ring, 'enter').mockImplementation((waitMs) => void slept.push(waitMs));
  vi.spyOn(ring, 'alarm').mockImplementation((afterMs) => void alarms.push(afterMs));
  vi.spyOn(WakeLead.prototype, 'ms', 'get').mockReturnValue(leadMs);
  vi.spyOn(WakeLead.prototype, 'waited').mockImplementation((...told) => void learned.push(told));
  onTestFinished(() => {
    vi.restoreAllMocks();
    ring.close();
  });
  return { wait, slept, alarms, learned };
}
const forever = Number.POSITIVE_INFINITY;

test.runIf(hasRing)('a far instant is slept to in two; only the second part is learned from', async () => {
  const { wait, slept, alarms, learned } = await quietWait(0.0625);
  wait.sleep(1000, 1001, 1100);
  wait.woke(1000.8125, 0);
  expect([slept, alarms, learned]).toEqual([[0.75], [], []]);
  wait.sleep(1000.8125, 1001, 1100);
  wait.woke(1000.96875, 0);
  expect(slept).toEqual([0.75, 0.125]);
  expect(learned).toEqual([[1000.8125, 1000.9375, 1000.96875]]);
});

test.runIf(hasRing)('what an answer ended is not learned from; the lead is waited awake', async () => {
  const { wait, slept, learned } = await quietWait(0.0625);
  wait.sleep(1000, 1000.25, 1100);
  wait.woke(1000.125, 1);
  wait.sleep(1000.21875, 1000.25, 1100);
  expect(slept).toEqual([0.1875, -0.03125]);
  expect(learned).toEqual([]);
});

test.runIf(hasRing)('an overdue instant is not slept to', async () => {
  const { wait, slept } = await quietWait(0.0625);
  wait.sleep(1000, 999, 1100);
  expect(slept[0]).toBeLessThan(0);
});

test.runIf(hasRing)(
  'an alarm serves far instants until it rings; the clock is read wherever something is reckoned from it',
  async () => {
    const { wait, slept, alarms } = await quietWait(0.0625);
    expect(wait.endsBefore(forever)).toBe(false);
    wait.sleep(1000, 1010, 1100);
    wait.sleep(1001, 1010, 1101);
    wait.sleep(1002, forever, 1102);
    expect([alarms, slept]).toEqual([[9.75], [forever, forever, forever]]);
    expect([wait.endsBefore(1010), wait.endsBefore(forever), wait.endsBefore(1009.875)]).toEqual([
      true,
      true,
      false,
    ]);
    wait.sleep(1003, 1004, 1103);
    expect(slept.at(-1)).toBe(0.75);
    wait.alarmed();
    expect(wait.endsBefore(1010)).toBe(false);
    wait.sleep(1009.75, 1010, 1109);
    expect([alarms.length, slept.at(-1)]).toEqual([1, 0.1875]);
  },
);

test.runIf(hasRing)('no wait is longer than its limit', async () => {
  const { wait, slept, alarms, learned } = await quietWait(0.0625);
  wait.sleep(1000, forever, 1001);
  wait.woke(1001.5, 0);
  wait.sleep(1002, 2000, 1102);
  expect([slept, alarms, learned]).toEqual([[1, forever], [100], []]);
});
