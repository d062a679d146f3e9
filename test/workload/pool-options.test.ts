// Goal: late work, connections of one transaction and time limits are as the scenario asks, to the instant.
// Method: the real pool on the virtual clock, against transports that answer as scripted.
import { describe, expect, test } from 'vitest';
import type { LoadPlan } from '../../src/workload/plan.ts';
import type { ExecutionOutcome } from '../../src/workload/transport.ts';
import { arrivalsAt, closedClass, openClass, rig } from './pool-rig.ts';
import { type Behaviour, steady } from './scripted-transport.ts';

function run(behaviour: Behaviour, plan: Partial<LoadPlan>, dues?: readonly (readonly [number, number])[]) {
  const made = rig(behaviour, { plan, ...(dues && { arrivals: arrivalsAt(dues) }) });
  made.pool.connect(() => made.pool.start(1000, () => undefined));
  made.clock.runUntil(60_000);
  return made;
}

const everyTenMs = (count: number) => Array.from({ length: count }, (_, index) => [10 * index, 0] as const);
const takes = (afterMs: number): Behaviour => ({
  ...steady,
  execute: () => ({ afterMs, outcome: { ok: true } }),
});
const refused = { ok: false, error: { code: '53300', message: '' } } as const;

describe('late work', () => {
  const plan = { sessions: 1, patienceMs: 100, durationMs: 1000 };

  test('that is skipped leaves the rest on time', () => {
    const { ends } = run(takes(50), plan, everyTenMs(100));
    const waits = ends.flatMap(({ sentMs, dueMs }) => (sentMs === null ? [] : [sentMs - dueMs]));
    expect(Math.max(...waits)).toBeLessThanOrEqual(100);
    expect(ends.filter(({ outcome }) => outcome === 'skipped').length).toBeGreaterThan(70);
  });

  test('that is caught up with is sent in order however late, and skipped only so long after the end of the schedule', () => {
    const { ends } = run(takes(50), { ...plan, late: 'catch-up' }, everyTenMs(100));
    const sent = ends.filter(({ outcome }) => outcome === 'ok');
    expect(sent.map(({ number }) => number)).toEqual(sent.map((_, index) => index));
    expect(sent.map(({ sentMs }) => sentMs)).toEqual(sent.map((_, index) => 50 * index));
    expect(sent).toHaveLength(22);
    const skipped = ends.filter(({ outcome }) => outcome === 'skipped');
    expect(new Set(skipped.map(({ endedMs }) => endedMs))).toEqual(new Set([1100]));
    expect(sent.length + skipped.length).toBe(100);
  });

  test('is not waited for once the run was stopped, but for the patience', () => {
    const made = rig(takes(50), {
      plan: { ...plan, late: 'catch-up' },
      arrivals: arrivalsAt(everyTenMs(100)),
    });
    made.pool.connect(() => made.pool.start(1000, () => undefined));
    made.clock.runUntil(1500);
    made.pool.stop();
    made.clock.runUntil(60_000);
    expect(Math.max(...made.ends.map(({ dueMs }) => dueMs))).toBeLessThanOrEqual(500);
    expect(Math.max(...made.ends.flatMap(({ sentMs }) => sentMs ?? []))).toBeLessThanOrEqual(600);
  });

  test('of a closed class waits on too', () => {
    const away: Behaviour = {
      ...steady,
      connect: (atMs) =>
        atMs > 1100 && atMs < 4000 ? { afterMs: 1, outcome: refused } : steady.connect(atMs),
    };
    const classes = [closedClass('read', { sessions: 1, thinkTimeMs: 10 })];
    const made = rig(away, { plan: { sessions: 0, durationMs: 5000, late: 'catch-up', classes } });
    made.pool.connect(() => made.pool.start(1000, () => undefined));
    for (let atMs = 1150; atMs < 1200; atMs += 1)
      made.clock.setTimeout(() => made.transports[0]?.lose(), atMs);
    made.clock.runUntil(60_000);
    expect(made.ends.map(({ outcome }) => outcome)).toEqual(made.ends.map(() => 'ok'));
    const longestMs = Math.max(...made.ends.map(({ sentMs, dueMs }) => (sentMs ?? 0) - dueMs));
    expect(longestMs).toBeGreaterThan(2500);
  });
});

describe('a connection per transaction', () => {
  // A lifetime means nothing to such a session: none is renewed.
  const plan: Partial<LoadPlan> = {
    ...{ sessions: 2, connect: 'perTransaction', durationMs: 1000, sessionLifetimeMs: 200 },
  };

  test('is opened when the operation is due, counts from there, and is closed with its end', () => {
    const { ends, transports, intervals } = run(steady, plan, [
      [100, 0],
      [200, 1],
      [300, 0],
    ]);
    expect(ends.map(({ sentMs, endedMs, outcome, server }) => [sentMs, endedMs, outcome, server])).toEqual([
      [100, 103, 'ok', 'server1'],
      [200, 203, 'ok', null],
      [300, 303, 'ok', 'server1'],
    ]);
    expect(transports.map(({ opened, executed }) => opened - executed.length)).toEqual([1, 0]);
    expect(intervals.every(({ sessionsByServer }) => Object.keys(sessionsByServer).length === 0)).toBe(true);
  });

  test('connects once before the load, with one session', () => {
    const made = rig(steady, { plan: { ...plan, sessions: 5 } });
    let readyAtMs = -1;
    made.pool.connect(() => {
      readyAtMs = made.clock.nowMs();
    });
    made.clock.runUntil(1000);
    expect(readyAtMs).toBe(1);
    expect(made.transports.map(({ connectsAtMs }) => connectsAtMs.length)).toEqual([1, 0, 0, 0, 0]);
  });

  test('that is refused ends its operation as failed, a write too, and the session rests for the back-off', () => {
    const full: Behaviour = {
      ...steady,
      connect: (atMs) => (atMs > 500 ? { afterMs: 4, outcome: refused } : steady.connect(atMs)),
    };
    const dues = Array.from({ length: 40 }, (_, index) => [10 * index, index % 2] as const);
    const { ends, transports, refusals } = run(full, { ...plan, sessions: 1, patienceMs: 60 }, dues);
    const failed = ends.filter(({ outcome }) => outcome === 'failed');
    expect(new Set(failed.map(({ code }) => code))).toEqual(new Set(['53300']));
    expect(new Set(failed.map(({ classIndex }) => classIndex))).toEqual(new Set([0, 1]));
    expect(refusals).toHaveLength(failed.length);
    expect(ends.every(({ outcome }) => outcome === 'failed' || outcome === 'skipped')).toBe(true);
    const attempts = transports[0]?.connectsAtMs.slice(1) ?? [];
    expect(attempts).toHaveLength(failed.length);
    for (const [index, atMs] of attempts.entries())
      if (index > 0) expect(atMs - (attempts[index - 1] ?? 0)).toBeGreaterThanOrEqual(50);
  });

  test('that is still being opened when the time is over, or the run is given up, was no write in doubt', () => {
    const slow: Behaviour = {
      ...steady,
      connect: (atMs) => (atMs > 500 ? { afterMs: 900, outcome: refused } : steady.connect(atMs)),
    };
    const made = rig(slow, {
      plan: { ...plan, sessions: 1, classes: [openClass('read', 1, 300), openClass('write', 1, 300)] },
      arrivals: arrivalsAt([
        [100, 1],
        [500, 1],
      ]),
    });
    made.pool.connect(() => made.pool.start(1000, () => undefined));
    made.clock.setTimeout(() => made.pool.abort(), 1600);
    made.clock.runUntil(5000);
    expect(made.ends.map(({ endedMs, outcome, code }) => [endedMs, outcome, code])).toEqual([
      [400, 'failed', 'timeout'],
      [600, 'failed', 'closed'],
    ]);
  });

  test('never opens one that no operation needs', () => {
    const flaky: Behaviour = {
      ...steady,
      execute: () => ({
        afterMs: 2,
        outcome: { ok: false, error: { code: 'XX000', message: '' }, definite: true, lost: true },
      }),
    };
    const { transports, ends } = run(flaky, { ...plan, sessions: 3 }, everyTenMs(50));
    const opened = transports.reduce((sum, { connectsAtMs }) => sum + connectsAtMs.length, 0);
    const sent = ends.filter(({ sentMs }) => sentMs !== null);
    expect(sent.length).toBeGreaterThan(10);
    expect(opened).toBe(1 + sent.length);
    const full: Behaviour = {
      ...steady,
      connect: (atMs) => (atMs > 500 ? { afterMs: 4, outcome: refused } : steady.connect(atMs)),
    };
    const other = run(full, { ...plan, sessions: 3 }, everyTenMs(20));
    const failed = other.ends.filter(({ outcome }) => outcome === 'failed').length;
    expect(other.transports.map(({ connectsAtMs }) => connectsAtMs.length).reduce((a, b) => a + b)).toBe(
      1 + failed,
    );
  });

  test('that hung before it was refused is followed by the next within 100 ms', () => {
    const hangs: Behaviour = {
      ...steady,
      connect: (atMs) => (atMs > 500 ? { afterMs: 900, outcome: refused } : steady.connect(atMs)),
    };
    const { transports } = run(hangs, { ...plan, sessions: 1, patienceMs: 30_000 }, everyTenMs(10));
    const attempts = transports[0]?.connectsAtMs.slice(1) ?? [];
    expect(attempts).toHaveLength(10);
    for (const [index, atMs] of attempts.entries())
      if (index > 0) expect(atMs - (attempts[index - 1] ?? 0)).toBeLessThanOrEqual(1000);
  });
});

describe('time limits', () => {
  const silent: Behaviour = {
    ...steady,
    execute: () => ({ afterMs: Number.POSITIVE_INFINITY, outcome: { ok: true } }),
  };
  const classes = [openClass('read', 1, 400), openClass('write', 1, 250)];
  const dues = [
    [100, 0],
    [110, 1],
  ] as const;
  const stopped = (definite: boolean): ExecutionOutcome => ({
    ...{ ok: false, error: { code: '57014', message: '' }, definite, lost: false },
  });

  test('are those of the class', () => {
    const { ends } = run(silent, { classes }, dues);
    expect(
      ends.map(({ classIndex, endedMs, outcome, code }) => [classIndex, endedMs, outcome, code]),
    ).toEqual([
      [1, 360, 'unknown', 'timeout'],
      [0, 500, 'failed', 'timeout'],
    ]);
  });

  test('ask the server to stop; when it says that it did, the operation failed for sure and the session lives', () => {
    const { ends, transports } = run(
      { ...silent, cancel: () => ({ afterMs: 7, outcome: stopped(true) }) },
      { classes },
      dues,
    );
    expect(
      ends.map(({ classIndex, endedMs, outcome, code }) => [classIndex, endedMs, outcome, code]),
    ).toEqual([
      [1, 367, 'failed', 'timeout'],
      [0, 507, 'failed', 'timeout'],
    ]);
    expect(transports.map(({ connectsAtMs, cancels }) => [connectsAtMs.length, cancels])).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  test('leave a write in doubt that was stopped after a part of it was committed', () => {
    const { ends } = run(
      { ...silent, cancel: () => ({ afterMs: 7, outcome: stopped(false) }) },
      { classes },
      dues,
    );
    expect(ends.map(({ outcome }) => outcome)).toEqual(['unknown', 'failed']);
  });

  test('take the answer that came before the server was reached', () => {
    const { ends } = run(
      { ...silent, cancel: () => ({ afterMs: 3, outcome: { ok: true } }) },
      { classes },
      dues,
    );
    expect(ends.map(({ endedMs, outcome }) => [endedMs, outcome])).toEqual([
      [363, 'ok'],
      [503, 'ok'],
    ]);
  });

  test('give up a server that does not say so within the grace, and drop the connection', () => {
    const deaf: Behaviour = {
      ...silent,
      cancel: () => ({ afterMs: Number.POSITIVE_INFINITY, outcome: { ok: true } }),
    };
    const { ends, transports } = run(deaf, { classes }, dues);
    expect(
      ends.map(({ classIndex, endedMs, outcome, code }) => [classIndex, endedMs, outcome, code]),
    ).toEqual([
      [1, 860, 'unknown', 'timeout'],
      [0, 1000, 'failed', 'timeout'],
    ]);
    expect(transports.map(({ cancels }) => cancels)).toEqual([1, 1]);
    expect(transports[1]?.connectsAtMs).toEqual([5, 1860]);
  });

  test('a statement that the server stopped on its own is no timeout of ours', () => {
    const { ends } = run(
      { ...steady, execute: () => ({ afterMs: 2, outcome: stopped(true) }) },
      { classes },
      dues,
    );
    expect(ends.map(({ code }) => code)).toEqual(['57014', '57014']);
  });
});
