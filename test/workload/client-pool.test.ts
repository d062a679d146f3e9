// Goal: every due operation meets exactly one end, at the instant the rules promise, whatever the server does.
// Method: the real pool on the virtual clock, against transports that answer as scripted.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../../src/kernel/clock.ts';
import { Random } from '../../src/kernel/random.ts';
import { arrivalsFor } from '../../src/workload/arrivals.ts';
import type { ExecutionOutcome } from '../../src/workload/transport.ts';
import { arrivalsAt, openClass, planOf, rig } from './pool-rig.ts';
import { type Behaviour, ScriptedTransport, steady } from './scripted-transport.ts';

describe('instants', () => {
  test('an operation that finds no session is skipped exactly when patience ends, one that was sent ends exactly at the timeout', () => {
    const silent: Behaviour = {
      ...steady,
      execute: () => ({ afterMs: Number.POSITIVE_INFINITY, outcome: { ok: true } }),
    };
    const arrivals = arrivalsAt([
      [100.25, 0],
      [101.5, 1],
      [200.125, 0],
      [300.5, 1],
    ]);
    const { clock, pool, ends } = rig(silent, { arrivals });
    let drainedAtMs = 0;
    pool.connect(() => pool.start(1000, () => (drainedAtMs = clock.nowMs())));
    clock.runUntil(20_000);
    expect(ends.map(({ endedMs, outcome, code }) => [endedMs, outcome, code])).toEqual([
      [1200.125, 'skipped', null],
      [1300.5, 'skipped', null],
      [5100.25, 'failed', 'timeout'],
      [5101.5, 'unknown', 'timeout'],
    ]);
    expect(drainedAtMs).toBe(6101.5);
  });

  test('free sessions take turns', () => {
    const dues = Array.from({ length: 12 }, (_, index) => [100 * index + 50, 0] as const);
    const { clock, pool, transports } = rig(steady, { plan: { sessions: 4 }, arrivals: arrivalsAt(dues) });
    pool.connect(() => pool.start(clock.nowMs(), () => undefined));
    clock.runUntil(5000);
    expect(transports.map(({ executed }) => executed.length)).toEqual([3, 3, 3, 3]);
  });

  test('sessions are renewed within 20 % of their lifetime, not together', () => {
    const { clock, pool, transports, ends } = rig(steady, {
      plan: { sessions: 10, sessionLifetimeMs: 5000 },
      arrivals: arrivalsAt([[11_000, 0]]),
    });
    pool.connect(() => pool.start(0, () => undefined));
    clock.runUntil(20_000);
    const lifetimes = transports.map(
      ({ connectsAtMs }) => (connectsAtMs[1] ?? 0) - (connectsAtMs[0] ?? 0) - 1,
    );
    for (const lifetime of lifetimes) {
      expect(lifetime).toBeGreaterThanOrEqual(4000);
      expect(lifetime).toBeLessThanOrEqual(6000);
    }
    expect(new Set(lifetimes.map(Math.round)).size).toBeGreaterThan(7);
    expect(ends.map(({ outcome }) => outcome)).toEqual(['ok']);
  });

  test('a busy session is renewed only when it is free', () => {
    const slow: Behaviour = { ...steady, execute: () => ({ afterMs: 4000, outcome: { ok: true } }) };
    const { clock, pool, transports, ends } = rig(slow, {
      plan: { sessions: 1, sessionLifetimeMs: 1000 },
      arrivals: arrivalsAt([[100, 1]]),
    });
    pool.connect(() => pool.start(0, () => undefined));
    clock.runUntil(3000);
    expect(transports[0]?.connectsAtMs).toHaveLength(1);
    clock.runUntil(10_000);
    expect(ends.map(({ outcome, endedMs }) => [outcome, endedMs])).toEqual([['ok', 4100]]);
  });
});

test('a clock whose zero lies elsewhere, so that its instants are rounded, stops nothing', () => {
  for (const originMs of [0.1, 1 / 3, 12_345.678_9, 1e9 / 7]) {
    const dues = Array.from({ length: 300 }, (_, index) => [(index + 0.5) * (100 / 27), index % 2] as const);
    const made = rig(steady, { plan: { sessions: 3 } });
    const inner = made.clock;
    const shifted = {
      nowMs: () => inner.nowMs() - originMs,
      setTimeout: (fire: () => void, delayMs: number) => inner.setTimeout(guarded(fire), delayMs),
      clearTimeout: (id: unknown) => inner.clearTimeout(id),
    };
    let fired = 0;
    const guarded = (fire: () => void) => () => {
      fired += 1;
      if (fired > 20_000) throw new Error(`no end of timers at ${inner.nowMs()} ms`);
      fire();
    };
    const again = rig(steady, {
      plan: { sessions: 3, sessionLifetimeMs: 70 },
      arrivals: arrivalsAt(dues),
      clock: shifted,
      transports: made.transports,
    });
    inner.runUntil(originMs);
    again.pool.connect(() => again.pool.start(shifted.nowMs() + 7.7, () => undefined));
    inner.runUntil(originMs + 10_000);
    expect(again.ends.map(({ outcome }) => outcome)).toEqual(dues.map(() => 'ok'));
  }
});

test('a thread that loses its core between any two looks at the clock keeps its books', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1_000_000 }), (seed) => {
      const dice = new Random(seed);
      const dues = Array.from({ length: 60 }, (_, index) => [index * 37 + 0.5, index % 2] as const);
      const inner = new VirtualClock();
      let lostMs = 0;
      const forced = {
        nowMs: () => {
          if (dice.unit() < 0.05) lostMs += dice.exponential(150);
          return inner.nowMs() + lostMs;
        },
        setTimeout: (fire: () => void, delayMs: number) => inner.setTimeout(fire, delayMs),
        clearTimeout: (id: unknown) => inner.clearTimeout(id),
      };
      const transports = [1, 2].map(() => new ScriptedTransport(inner, steady));
      const options = { clock: forced, transports, arrivals: arrivalsAt(dues) };
      const { pool, ends, intervals } = rig(steady, options);
      pool.connect(() => pool.start(forced.nowMs() + 5, () => undefined));
      inner.runUntil(60_000);
      expect(ends.map(({ number }) => number).sort((a, b) => a - b)).toEqual(dues.map((_, index) => index));
      expect(intervals.map(({ startMs }) => startMs)).toEqual(intervals.map((_, index) => index * 100));
    }),
    { numRuns: 200 },
  );
});

describe('errors', () => {
  const answer = (outcome: ExecutionOutcome): Behaviour => ({
    ...steady,
    execute: () => ({ afterMs: 2, outcome }),
  });
  const error = (code: string): { code: string; message: string } => ({ code, message: code });

  test('a write in doubt is unknown, a read never is', () => {
    const lost = answer({ ok: false, error: error('closed'), definite: false, lost: true });
    const { clock, pool, ends } = rig(lost, {
      arrivals: arrivalsAt([
        [100, 0],
        [200, 1],
      ]),
    });
    pool.connect(() => pool.start(0, () => undefined));
    clock.runUntil(5000);
    expect(ends.map(({ outcome, code }) => [outcome, code])).toEqual([
      ['failed', 'closed'],
      ['unknown', 'closed'],
    ]);
  });

  test('without a primary a session leaves writes alone for a while and goes on reading', () => {
    const standby: Behaviour = {
      ...steady,
      execute: ({ kind }) =>
        kind === 'read'
          ? { afterMs: 2, outcome: { ok: true } }
          : { afterMs: 2, outcome: { ok: false, error: error('25006'), definite: true, lost: false } },
    };
    const { clock, pool, ends, transports } = rig(standby, {
      plan: { sessions: 1 },
      arrivals: arrivalsAt([
        [100, 1],
        [105, 1],
        [106, 0],
      ]),
    });
    pool.connect(() => pool.start(0, () => undefined));
    clock.runUntil(5000);
    const [write, read, later] = ends;
    expect([write?.outcome, read?.outcome, later?.outcome]).toEqual(['failed', 'ok', 'failed']);
    expect(read?.sentMs).toBe(106);
    expect(later?.sentMs).toBeGreaterThanOrEqual(152);
    expect(later?.sentMs).toBeLessThanOrEqual(202);
    expect(transports[0]?.connectsAtMs).toHaveLength(1);
  });

  test('while connects are refused attempts come 50 to 500 ms apart, and one that hung is repeated within 100 ms', () => {
    let hangs = false;
    const away: Behaviour = {
      ...steady,
      connect: (atMs) =>
        atMs < 10
          ? { afterMs: 1, outcome: { ok: true, server: null } }
          : { afterMs: hangs ? 3000 : 5, outcome: { ok: false, error: error('XX000') } },
    };
    const { clock, pool, transports } = rig(away, { plan: { sessions: 1 } });
    pool.connect(() => undefined);
    clock.setTimeout(() => transports[0]?.lose(), 1000);
    clock.setTimeout(() => {
      hangs = true;
    }, 6000);
    clock.runUntil(14_000);
    const times = transports[0]?.connectsAtMs ?? [];
    expect(times[1]).toBe(1000);
    const gaps = times.slice(2).map((atMs, index) => atMs - (times[index + 1] ?? 0));
    for (const gap of gaps.filter((length) => length < 3000)) {
      expect(gap).toBeGreaterThanOrEqual(50);
      expect(gap).toBeLessThanOrEqual(500);
    }
    const hanging = gaps.filter((length) => length >= 3000);
    expect(hanging.length).toBeGreaterThan(1);
    for (const gap of hanging) expect(gap).toBeLessThanOrEqual(3100);
  });
});

describe('ends', () => {
  test('stop lets due operations end, abort ends them at once', () => {
    const slow: Behaviour = { ...steady, execute: () => ({ afterMs: 700, outcome: { ok: true } }) };
    const dues = [
      [100, 0],
      [110, 1],
      [120, 0],
      [5000, 0],
    ] as const;
    const stopped = rig(slow, { arrivals: arrivalsAt(dues) });
    stopped.pool.connect(() => stopped.pool.start(0, () => undefined));
    stopped.clock.setTimeout(() => stopped.pool.stop(), 500);
    stopped.clock.runUntil(10_000);
    expect(stopped.ends.map(({ outcome, endedMs }) => [outcome, endedMs])).toEqual([
      ['ok', 800],
      ['ok', 810],
      ['ok', 1500],
    ]);
    expect(stopped.intervals.map(({ sessionsByServer }) => sessionsByServer)).toEqual(
      stopped.intervals.map(() => ({ server1: 2 })),
    );
    const aborted = rig(slow, { arrivals: arrivalsAt(dues) });
    aborted.pool.connect(() => aborted.pool.start(0, () => undefined));
    aborted.clock.setTimeout(() => aborted.pool.abort(), 500);
    aborted.clock.runUntil(10_000);
    expect(aborted.ends.map(({ outcome, code, endedMs }) => [outcome, code, endedMs])).toEqual([
      ['skipped', null, 500],
      ['failed', 'closed', 500],
      ['unknown', 'closed', 500],
    ]);
  });
});

test('conservation under random servers: every due operation ends once, within patience or timeout, and the books balance', () => {
  const codes = ['XX000', '25006', '40001', '57P01', 'closed', '53300', '23505'];
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1_000_000 }), fc.integer({ min: 1, max: 6 }), (seed, sessions) => {
      const dice = new Random(seed);
      const wild: Behaviour = {
        connect: () =>
          dice.unit() < 0.7
            ? { afterMs: dice.exponential(20), outcome: { ok: true, server: dice.unit() < 0.5 ? 'a' : 'b' } }
            : {
                afterMs: dice.exponential(200),
                outcome: { ok: false, error: { code: 'XX000', message: '' } },
              },
        execute: () => {
          const afterMs = dice.unit() < 0.03 ? Number.POSITIVE_INFINITY : dice.exponential(15);
          if (dice.unit() < 0.8) return { afterMs, outcome: { ok: true } };
          const code = codes[dice.integer(0, codes.length - 1)] ?? '';
          return {
            afterMs,
            outcome: {
              ok: false,
              error: { code, message: '' },
              definite: dice.unit() < 0.5,
              lost: dice.unit() < 0.3,
            },
          };
        },
      };
      const plan = planOf({
        ...{ seed, arrivals: 'poisson', durationMs: 4000, sessions },
        ...{ patienceMs: 300, sessionLifetimeMs: 400 },
        classes: [openClass('read', 60, 900), openClass('write', 30, 900)],
      });
      const { clock, pool, transports, ends, intervals, books } = rig(wild, { plan });
      let drained = 0;
      let zeroMs = 0;
      pool.connect(() => {
        zeroMs = clock.nowMs() + 12.3;
        pool.start(zeroMs, () => {
          drained += 1;
        });
      });
      for (let at = 0; at < 6000; at += 137) clock.setTimeout(() => transports[at % sessions]?.lose(), at);
      clock.runUntil(60_000);
      expect(drained).toBe(1);
      const all = arrivalsFor(plan);
      const dues = [];
      for (; all.dueMs < Number.POSITIVE_INFINITY; all.advance())
        dues.push(`${all.classIndex}.${all.number}`);
      expect(ends.map(({ classIndex, number }) => `${classIndex}.${number}`).sort()).toEqual(dues.sort());
      for (const { dueMs, sentMs, endedMs, outcome, classIndex } of ends) {
        if (outcome === 'skipped') expect(endedMs - dueMs).toBeCloseTo(300, 6);
        else {
          expect((sentMs ?? 0) - dueMs).toBeLessThanOrEqual(300 + 1e-6);
          expect(endedMs - (sentMs ?? 0)).toBeLessThanOrEqual(900 + 1e-6);
        }
        if (classIndex === 0) expect(outcome).not.toBe('unknown');
      }
      expect(intervals.map(({ startMs }) => startMs)).toEqual(intervals.map((_, index) => index * 100));
      for (const [index, { name }] of plan.classes.entries()) {
        const counted = intervals.reduce((sum, interval) => sum + (interval.classes[name]?.ok ?? 0), 0);
        const completed = intervals.reduce(
          (sum, interval) => sum + (interval.classes[name]?.completedOk ?? 0),
          0,
        );
        const really = ends.filter((end) => end.classIndex === index && end.outcome === 'ok').length;
        expect([counted, completed, books.totals()[index]?.ok]).toEqual([really, really, really]);
      }
    }),
    { numRuns: 40 },
  );
});
