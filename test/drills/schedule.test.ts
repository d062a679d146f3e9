// Goal: drills begin at their times, one after the other; a refused switchover is asked for again and counts from the
// attempt that was accepted; nothing is left on the clock after a stop.
// Method: a world that only notes what it is asked, on the virtual clock.
import { describe, expect, test } from 'vitest';
import type { PlannedDrill } from '../../src/drills/catalogue.ts';
import { DrillSchedule } from '../../src/drills/schedule.ts';
import type { ActionResult, DrillAction, World } from '../../src/drills/world.ts';
import { VirtualClock } from '../../src/kernel/clock.ts';
import { MemoryRecorder } from '../../src/recording/memory.ts';

const done: ActionResult = { ok: true, detail: null };
const refused: ActionResult = { ok: false, detail: 'exit 1: Switchover refused: a standby is behind' };

function bench(plan: readonly Pick<PlannedDrill, 'kind' | 'atMs'>[], answers: ActionResult[], takesMs = 100) {
  const clock = new VirtualClock();
  const recorder = new MemoryRecorder();
  const asked: { atMs: number; action: DrillAction }[] = [];
  const ended: string[] = [];
  const world = {
    clock,
    view: () => ({ primary: 'a', lastFailed: 'z', agentBeside: () => 'b' }),
    perform: (action: DrillAction, end: (result: ActionResult) => void) => {
      asked.push({ atMs: clock.nowMs(), action });
      clock.setTimeout(() => end(answers.shift() ?? done), takesMs);
    },
  } as unknown as World;
  const schedule = new DrillSchedule({
    world,
    recorder,
    plan: plan.map(({ kind, atMs }) => ({ id: kind, kind, target: null, atMs, lastsMs: null })),
    onDone: ({ id }, { ok }) => ended.push(`${id} ${ok} at ${clock.nowMs()}`),
  });
  schedule.start();
  const moments = (): string[] =>
    recorder
      .recording({} as never)
      .events.flatMap((event) =>
        event.type === 'drill' ? [`${event.id} ${event.moment} ${event.atMs}`] : [],
      );
  return { clock, schedule, asked, ended, moments };
}

describe('DrillSchedule', () => {
  test('begins each drill at its time', () => {
    const { clock, asked, ended } = bench(
      [
        { kind: 'failover', atMs: 1000 },
        { kind: 'rebuild', atMs: 5000 },
      ],
      [],
    );
    clock.runUntil(10_000);
    expect(asked).toEqual([
      { atMs: 1000, action: { type: 'killServer', server: 'a' } },
      { atMs: 5000, action: { type: 'rebuildServer', server: 'z', primary: 'a' } },
    ]);
    expect(ended).toEqual(['failover true at 1100', 'rebuild true at 5100']);
  });

  test('a drill waits for the action of the one before it', () => {
    const { clock, asked } = bench(
      [
        { kind: 'failover', atMs: 1000 },
        { kind: 'rebuild', atMs: 1500 },
      ],
      [],
      3000,
    );
    clock.runUntil(10_000);
    expect(asked.map(({ atMs }) => atMs)).toEqual([1000, 4000]);
  });

  test('a refused switchover is asked for again, and counts from the attempt that was accepted', () => {
    const { clock, moments, ended } = bench([{ kind: 'switchover', atMs: 1000 }], [refused, refused, done]);
    clock.runUntil(10_000);
    expect(moments()).toEqual(['switchover begun 1000', 'switchover injected 2200', 'switchover ended 2300']);
    expect(ended).toEqual(['switchover true at 2300']);
  });

  test('any other failure is final', () => {
    const { clock, asked, ended } = bench(
      [{ kind: 'switchover', atMs: 1000 }],
      [{ ok: false, detail: 'the switchover may have begun' }],
    );
    clock.runUntil(10_000);
    expect(asked).toHaveLength(1);
    expect(ended).toEqual(['switchover false at 1100']);
  });

  test('gives up after ten refusals', () => {
    const { clock, asked, ended } = bench([{ kind: 'switchover', atMs: 0 }], Array(20).fill(refused));
    clock.runUntil(60_000);
    expect(asked).toHaveLength(10);
    expect(ended).toEqual(['switchover false at 5500']);
  });

  test('a stop leaves no timer behind: neither the next drill nor the next attempt comes', () => {
    const { clock, schedule, asked } = bench(
      [
        { kind: 'switchover', atMs: 1000 },
        { kind: 'failover', atMs: 5000 },
      ],
      [refused, done],
    );
    clock.runUntil(1200);
    schedule.stop();
    expect(clock.pendingTimers).toBe(0);
    clock.runUntil(60_000);
    expect(asked).toHaveLength(1);
  });
});
