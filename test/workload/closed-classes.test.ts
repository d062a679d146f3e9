// Goal: a user of a closed class has one operation after the other, with the pauses that the scenario names, whatever else runs.
// Method: the real pool on the virtual clock, against transports that answer as scripted.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../src/kernel/random.ts';
import type { LoadPlan } from '../../src/workload/plan.ts';
import { closedClass, type End, openClass, rig } from './pool-rig.ts';
import { type Behaviour, steady } from './scripted-transport.ts';

const closedOnly = { sessions: 0, durationMs: 1000 };

function run(behaviour: Behaviour, plan: Partial<LoadPlan>, share?: { worker: number; workers: number }) {
  const made = rig(behaviour, share ? { plan, share } : { plan });
  let drainedAtMs = Number.NaN;
  made.pool.connect(() =>
    made.pool.start(Math.max(1000, made.clock.nowMs()), () => {
      drainedAtMs = made.clock.nowMs();
    }),
  );
  made.clock.runUntil(200_000);
  expect(drainedAtMs).not.toBeNaN();
  return { ...made, drainedAtMs };
}

/** The ends of each user in order, by the number of its first operation. */
function byUser(ends: readonly End[], users: number): End[][] {
  const lists: End[][] = Array.from({ length: users }, () => []);
  for (const end of ends) lists[end.number % users]?.push(end);
  return lists;
}

describe('instants', () => {
  test('without a pause the next operation is due and sent when the one before it ends', () => {
    const { ends, drainedAtMs } = run(steady, {
      ...closedOnly,
      classes: [closedClass('read', { sessions: 1 })],
    });
    expect(ends).toHaveLength(500);
    for (const [index, { number, dueMs, sentMs, endedMs, foundFree }] of ends.entries())
      expect([number, dueMs, sentMs, endedMs, foundFree]).toEqual([
        index,
        2 * index,
        2 * index,
        2 * index + 2,
        true,
      ]);
    expect(drainedAtMs).toBe(2000);
  });

  test('fixed pauses begin spread over one pause and last as long as written', () => {
    const classes = [closedClass('write', { sessions: 4, thinkTimeMs: 100 })];
    const { ends } = run(steady, { ...closedOnly, classes });
    const users = byUser(ends, 4);
    expect(users.map(([first]) => first?.dueMs)).toEqual([12.5, 37.5, 62.5, 87.5]);
    for (const own of users) {
      expect(own.length).toBe(1 + Math.floor((999 - (own[0]?.dueMs ?? 0)) / 102));
      const pauses = own.slice(1).map(({ dueMs }, index) => dueMs - (own[index]?.endedMs ?? 0));
      for (const pause of pauses) expect(pause).toBeCloseTo(100, 9);
    }
  });

  test('exponential pauses have the mean and the spread, and every user draws its own', () => {
    const classes = [closedClass('read', { sessions: 5, thinkTimeMs: 50, think: 'exponential' })];
    const { ends } = run(steady, { ...closedOnly, durationMs: 100_000, classes });
    const users = byUser(ends, 5);
    const pauses = users.flatMap((own) =>
      own.slice(1).map(({ dueMs }, index) => dueMs - (own[index]?.endedMs ?? 0)),
    );
    const mean = pauses.reduce((sum, pause) => sum + pause, 0) / pauses.length;
    const deviation = Math.sqrt(pauses.reduce((sum, pause) => sum + (pause - mean) ** 2, 0) / pauses.length);
    expect(Math.abs(mean - 50)).toBeLessThan(5 * (50 / Math.sqrt(pauses.length)));
    expect(deviation / mean).toBeGreaterThan(0.93);
    expect(deviation / mean).toBeLessThan(1.07);
    expect(new Set(users.map(([first]) => first?.dueMs)).size).toBe(5);
  });

  test('nothing becomes due at or after the end of the load, nor after a stop', () => {
    const classes = [closedClass('read', { sessions: 3, thinkTimeMs: 30 })];
    const { ends } = run(steady, { ...closedOnly, classes });
    expect(Math.max(...ends.map(({ dueMs }) => dueMs))).toBeLessThan(1000);
    const stopped = rig(steady, { plan: { ...closedOnly, classes } });
    stopped.pool.connect(() => stopped.pool.start(1000, () => undefined));
    stopped.clock.runUntil(1400);
    stopped.pool.stop();
    const before = stopped.ends.length;
    stopped.clock.runUntil(10_000);
    expect(before).toBeGreaterThan(10);
    expect(stopped.ends.length - before).toBeLessThanOrEqual(3);
    expect(Math.max(...stopped.ends.map(({ dueMs }) => dueMs))).toBeLessThanOrEqual(400);
  });
});

describe('a server that is away', () => {
  test('makes each user skip one operation a patience, and goes on when it is back', () => {
    const away: Behaviour = {
      ...steady,
      connect: (atMs) =>
        atMs > 1200 && atMs < 5000
          ? { afterMs: 1, outcome: { ok: false, error: { code: '08S01', message: '' } } }
          : steady.connect(atMs),
    };
    const plan = {
      ...closedOnly,
      durationMs: 6000,
      classes: [closedClass('write', { sessions: 2, thinkTimeMs: 20 })],
    };
    const made = rig(away, { plan });
    made.pool.connect(() => made.pool.start(1000, () => undefined));
    for (const transport of made.transports)
      for (let atMs = 1250; atMs < 1300; atMs += 1) made.clock.setTimeout(() => transport.lose(), atMs);
    made.clock.runUntil(20_000);
    const skipped = made.ends.filter(({ outcome }) => outcome === 'skipped');
    expect(skipped.length).toBeGreaterThanOrEqual(6);
    expect(skipped.length).toBeLessThanOrEqual(8);
    for (const { dueMs, endedMs } of skipped) expect(endedMs - dueMs).toBeCloseTo(1000, 6);
    for (const own of byUser(made.ends, 2)) expect(own.at(-1)?.outcome).toBe('ok');
    for (const own of byUser(made.ends, 2))
      for (const [index, end] of own.entries())
        if (index > 0) expect(end.dueMs).toBeGreaterThanOrEqual((own[index - 1]?.endedMs ?? 0) + 20 - 1e-9);
  });
});

test('a user whose session leaves writes alone has its next one due on time, and sent when it may write again', () => {
  const readOnly: Behaviour = {
    ...steady,
    execute: (_, atMs) => ({
      afterMs: 2,
      outcome:
        atMs < 1400
          ? { ok: false, error: { code: '25006', message: '' }, definite: true, lost: false }
          : { ok: true },
    }),
  };
  const classes = [closedClass('write', { sessions: 1, thinkTimeMs: 10 })];
  const { clock, pool, transports, ends } = rig(readOnly, { plan: { ...closedOnly, classes } });
  pool.connect(() => pool.start(1000, () => undefined));
  // Its connection is renewed while the write waits: the new one may not write yet either.
  clock.setTimeout(() => transports[0]?.lose(), 1020);
  clock.runUntil(10_000);
  const early = ends.filter(({ outcome }) => outcome === 'failed');
  expect(early.length).toBeGreaterThan(1);
  for (const [index, { dueMs, sentMs }] of ends.slice(1, 1 + early.length).entries()) {
    const before = early[index]?.endedMs ?? 0;
    expect(dueMs - before).toBeCloseTo(10, 9);
    expect((sentMs ?? 0) - before).toBeGreaterThanOrEqual(50);
    expect((sentMs ?? 0) - before).toBeLessThanOrEqual(500);
  }
  expect(ends.at(-1)?.outcome).toBe('ok');
});

test('open and closed classes share nothing but the clock: each has its own sessions', () => {
  const classes = [openClass('read', 100), closedClass('write', { sessions: 3 })];
  const slow: Behaviour = {
    ...steady,
    execute: ({ kind }) => ({ afterMs: kind === 'read' ? 2 : 400, outcome: { ok: true } }),
  };
  const { ends, transports } = run(slow, { sessions: 2, durationMs: 2000, classes });
  expect(ends.filter(({ classIndex }) => classIndex === 0)).toHaveLength(200);
  expect(ends.filter(({ classIndex }) => classIndex === 1)).toHaveLength(15);
  const kinds = transports.map(({ executed }) => new Set(executed.map(({ call }) => call.kind)));
  expect(kinds).toEqual([new Set(['read']), new Set(['read']), ...[1, 2, 3].map(() => new Set(['write']))]);
});

test('each user does the same at the same instants, whatever the number of workers', () => {
  const classes = [
    closedClass('read', { sessions: 5, thinkTimeMs: 40, think: 'exponential' }),
    closedClass('write', { sessions: 3, thinkTimeMs: 100 }),
  ];
  const told = (ends: readonly End[]): string[] =>
    ends
      .map(({ classIndex, number, dueMs, endedMs }) => `${classIndex} ${number} ${dueMs} ${endedMs}`)
      .sort();
  const whole = run(steady, { ...closedOnly, seed: 9, classes });
  for (const workers of [2, 3]) {
    const parts = Array.from({ length: workers }, (_, worker) =>
      run(steady, { ...closedOnly, seed: 9, classes }, { worker, workers }),
    );
    expect(told(parts.flatMap(({ ends }) => ends))).toEqual(told(whole.ends));
  }
});

test('conservation under random servers: a user has one operation at a time, numbers are unique, the books balance', () => {
  const codes = ['XX000', '25006', '40001', 'closed', '53300'];
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1_000_000 }),
      fc.constantFrom('pooled' as const, 'perTransaction' as const),
      fc.constantFrom('skip' as const, 'catch-up' as const),
      (seed, connect, late) => {
        const dice = new Random(seed);
        const wild: Behaviour = {
          connect: () =>
            dice.unit() < 0.7
              ? { afterMs: dice.exponential(20), outcome: { ok: true, server: 'a' } }
              : {
                  afterMs: dice.exponential(100),
                  outcome: { ok: false, error: { code: '53300', message: '' } },
                },
          execute: () => {
            const afterMs = dice.unit() < 0.03 ? Number.POSITIVE_INFINITY : dice.exponential(15);
            if (dice.unit() < 0.8) return { afterMs, outcome: { ok: true } };
            const code = codes[dice.integer(0, codes.length - 1)] ?? '';
            const [definite, lost] = [dice.unit() < 0.5, dice.unit() < 0.3];
            return { afterMs, outcome: { ok: false, error: { code, message: '' }, definite, lost } };
          },
          ...(dice.unit() < 0.5 && {
            cancel: () => ({
              afterMs: dice.unit() < 0.3 ? Number.POSITIVE_INFINITY : dice.exponential(100),
              outcome: {
                ok: false as const,
                error: { code: '57014', message: '' },
                definite: dice.unit() < 0.5,
                lost: false,
              },
            }),
          }),
        };
        const plan = {
          ...{ seed, connect, late, durationMs: 4000, patienceMs: 300, sessions: 2 },
          classes: [
            openClass('read', 60, 900),
            closedClass(
              'write',
              { sessions: 3, thinkTimeMs: dice.integer(0, 1) * 30, think: 'exponential' },
              700,
            ),
          ],
        };
        const { ends, intervals, books } = run(wild, plan);
        const keys = ends.map(({ classIndex, number }) => `${classIndex}.${number}`);
        expect(new Set(keys).size).toBe(keys.length);
        const users = byUser(
          ends.filter(({ classIndex }) => classIndex === 1),
          3,
        );
        for (const [user, own] of users.entries()) {
          expect(own.map(({ number }) => number)).toEqual(own.map((_, index) => user + 3 * index));
          for (const [index, { dueMs }] of own.entries())
            expect(dueMs).toBeGreaterThanOrEqual(own[index - 1]?.endedMs ?? 0);
        }
        for (const { outcome, sentMs, dueMs, endedMs, classIndex } of ends) {
          const limitMs = (classIndex === 0 ? 900 : 700) + 500;
          if (sentMs !== null) expect(endedMs - sentMs).toBeLessThanOrEqual(limitMs + 1e-6);
          else if (late === 'skip') expect(endedMs - dueMs).toBeCloseTo(300, 6);
          else expect([outcome, endedMs]).toEqual(['skipped', expect.closeTo(4300, 6)]);
        }
        expect(intervals.map(({ startMs }) => startMs)).toEqual(intervals.map((_, index) => index * 100));
        for (const [index, totals] of books.totals().entries())
          expect(totals.due).toBe(ends.filter(({ classIndex }) => classIndex === index).length);
      },
    ),
    { numRuns: 60 },
  );
});
