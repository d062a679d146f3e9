// Goal: a thread in the ring wakes up when it must: alarms serve long waits, a far instant is slept to in two, and what waits are
// learned from is right.
// Method: the kernel's calls, written down; a real server.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { monotonicMs } from '../../../src/kernel/clock.ts';
import { type KernelCalls, loadKernelCalls } from '../../../src/load/wire/kernel-calls.ts';
import { Ring } from '../../../src/load/wire/ring.ts';
import { RingIo } from '../../../src/load/wire/ring-io.ts';
import { WakeLead } from '../../../src/load/wire/ring-lead.ts';
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
      expect(lateMs).toBeGreaterThanOrEqual(0);
      after.push(waits[0]);
    }
    await stage.io.close();
    expect(before.length).toBeGreaterThanOrEqual(10);
    expect(before).not.toContain(true);
    // One alarm in a hundred happens to ring just then.
    expect(after.filter(Boolean).length).toBeGreaterThanOrEqual(3);
  },
);

test.runIf(hasRing)(
  'a wait that time alone has ended tells when it ended; one that an answer ended does not',
  async () => {
    const waits: [fromMs: number, setMs: number, endMs: number][] = [];
    const told = vi
      .spyOn(WakeLead.prototype, 'waited')
      .mockImplementation((...wait) => void waits.push(wait));
    const stage = new Stage(new RingIo(await loadKernelCalls(), 16));
    const talker = await stage.talker(server.target);
    // By turns a wait with a timer of its own and one that the alarm ends.
    let dues = 0;
    let dueMs = monotonicMs() + 1;
    await stage.io.drive({
      nextDueMs: () => dueMs,
      due: (nowMs) => {
        dues += 1;
        dueMs = nowMs + (dues % 2 === 0 ? 1 : 5);
      },
      finished: () => dues >= 40,
    });
    const slept = waits.filter(([fromMs, setMs]) => setMs > fromMs);
    expect(slept.length).toBeGreaterThanOrEqual(30);
    expect(slept.length).toBeLessThanOrEqual(60);
    // None ends early, but for the rounding of a time to nanoseconds.
    expect(Math.min(...slept.map(([, setMs, endMs]) => endMs - setMs))).toBeGreaterThan(-0.001);
    waits.length = 0;
    const select = compileQuery(['SELECT 1'], []);
    talker.onHeard = (wire) => wire.sendQuery(select, []);
    talker.wire.sendQuery(select, []);
    // The instant draws near and stays so.
    await stage.io.drive({
      nextDueMs: () => monotonicMs() + 0.3,
      due: () => undefined,
      finished: () => talker.heard.length >= 500,
    });
    told.mockRestore();
    await stage.io.close();
    expect(waits.length).toBeLessThan(20);
  },
);

/** What the instants that the waits for a due instant were set for lie before it, ms: of each of 40 that lie so far ahead. */
async function partsOfWaits(aheadMs: number): Promise<number[][]> {
  const stage = new Stage(new RingIo(await loadKernelCalls(), 16));
  await stage.talker(server.target);
  await stage.until(() => true);
  const rounds: number[][] = [];
  let dueMs = Number.POSITIVE_INFINITY;
  const { enter } = Ring.prototype;
  const told = vi.spyOn(Ring.prototype, 'enter').mockImplementation(function (this: Ring, waitMs) {
    if (waitMs > 0) rounds.at(-1)?.push(dueMs - monotonicMs() - waitMs);
    enter.call(this, waitMs);
  });
  await stage.io.drive({
    nextDueMs: () => {
      if (dueMs === Number.POSITIVE_INFINITY) {
        rounds.push([]);
        dueMs = monotonicMs() + aheadMs;
      }
      return dueMs;
    },
    due: () => {
      dueMs = Number.POSITIVE_INFINITY;
    },
    finished: () => rounds.length > 40,
  });
  told.mockRestore();
  await stage.io.close();
  return rounds.slice(0, 40);
}

const middle = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

test.runIf(hasRing)('a far instant is slept to in two: to 0.25 ms before it, then to the lead', async () => {
  const rounds = await partsOfWaits(1);
  const first = middle(rounds.map(([ahead]) => ahead ?? Number.NaN));
  expect(first).toBeGreaterThan(0.23);
  expect(first).toBeLessThan(0.26);
  const second = rounds.flatMap(([, next]) => next ?? []);
  expect(second.length).toBeGreaterThan(20);
  expect(middle(second)).toBeLessThan(0.11);
  expect(middle(second)).toBeGreaterThan(0);
});

test.runIf(hasRing)('a near one in one', async () => {
  const rounds = await partsOfWaits(0.3);
  expect(middle(rounds.map(([first]) => first ?? Number.NaN))).toBeLessThan(0.11);
});

test.runIf(hasRing)('what is left of a wait that is shorter than the lead is waited awake', async () => {
  const lead = vi.spyOn(WakeLead.prototype, 'ms', 'get').mockReturnValue(0.1);
  const slept = await partsOfWaits(0.2);
  const awake = await partsOfWaits(0.09);
  lead.mockRestore();
  expect(middle(slept.map(({ length }) => length))).toBe(1);
  expect(middle(awake.map(({ length }) => length))).toBe(0);
});
