// Goal: N workers offer exactly what one would: same operations, same instants, same variables.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arrivalsFor, type DueOperation } from '../../src/workload/arrivals.ts';
import { builtinScript } from '../../src/workload/builtin.ts';
import { executionMaker, operationIdOf, parseOperationId } from '../../src/workload/calls.ts';
import type { LoadPlan } from '../../src/workload/plan.ts';
import { meanPerSecond, rateOf } from '../../src/workload/rate.ts';
import { type Script, statementMaker } from '../../src/workload/script.ts';
import { onlyWorker, type PlannedSession, sessionCount, sessionsOf } from '../../src/workload/share.ts';

function script(name: string): Script {
  const found = builtinScript(`builtin:${name}`);
  if (!('script' in found)) throw new Error(name);
  return found.script;
}

function planOf(overrides: Partial<LoadPlan> = {}): LoadPlan {
  return {
    seed: 3,
    scale: 2,
    ...{ protocol: 'simple', transport: 'auto', arrivals: 'poisson', late: 'skip', connect: 'pooled' },
    durationMs: 5000,
    classes: [
      { name: 'read', script: script('select-only'), perSecond: 90, closed: null, timeoutMs: 5000 },
      { name: 'write', script: script('tpcb-like'), perSecond: 17.5, closed: null, timeoutMs: 5000 },
    ],
    sessions: 4,
    sessionLifetimeMs: null,
    patienceMs: 1000,
    timeoutMs: 5000,
    ...overrides,
  };
}

function all(plan: LoadPlan, share?: { worker: number; workers: number }): DueOperation[] {
  const arrivals = arrivalsFor(plan, share);
  const taken: DueOperation[] = [];
  for (; arrivals.dueMs < Number.POSITIVE_INFINITY; arrivals.advance()) {
    const { classIndex, number, dueMs } = arrivals;
    taken.push({ classIndex, number, dueMs });
  }
  return taken;
}

test('the schedule is split exactly, whatever the number of workers', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 31 - 1 }),
      fc.integer({ min: 1, max: 9 }),
      fc.constantFrom('constant' as const, 'poisson' as const),
      fc.double({ min: 0.1, max: 300, noNaN: true }),
      (seed, workers, arrivals, perSecond) => {
        const base = planOf({ seed, arrivals, durationMs: 3000 });
        const plan = {
          ...base,
          classes: base.classes.map((entry, index) => ({ ...entry, perSecond: perSecond * (index + 1) })),
        };
        const whole = all(plan);
        const parts = Array.from({ length: workers }, (_, worker) => all(plan, { worker, workers }));
        parts.forEach((part, worker) => {
          for (const { number } of part) expect(number % workers).toBe(worker);
        });
        const order = (a: DueOperation, b: DueOperation): number =>
          a.dueMs - b.dueMs || a.classIndex - b.classIndex;
        expect(parts.flat().sort(order)).toEqual(whole);
        expect([...whole].sort(order)).toEqual(whole);
      },
    ),
    { numRuns: 60 },
  );
});

const changing = fc.oneof(
  fc.record({
    from: fc.double({ min: 1, max: 300, noNaN: true }),
    to: fc.double({ min: 0, max: 300, noNaN: true }),
  }),
  fc.record({
    from: fc.constant(0),
    to: fc.double({ min: 1, max: 300, noNaN: true }),
    over: fc.integer({ min: 1, max: 3000 }),
  }),
  fc
    .uniqueArray(
      fc.record({ at: fc.integer({ min: 0, max: 2900 }), perSecond: fc.integer({ min: 0, max: 400 }) }),
      {
        minLength: 1,
        maxLength: 5,
        selector: ({ at }) => at,
      },
    )
    .map((steps) => steps.sort((a, b) => a.at - b.at)),
);

test('a rate that changes makes as many due as its integral, split exactly too', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 31 - 1 }),
      fc.integer({ min: 1, max: 5 }),
      fc.constantFrom('constant' as const, 'poisson' as const),
      changing,
      (seed, workers, arrivals, written) => {
        const base = planOf({ seed, arrivals, durationMs: 3000 });
        const rate = rateOf(written, 3000);
        const plan = { ...base, classes: base.classes.map((entry) => ({ ...entry, perSecond: rate })) };
        const whole = all(plan);
        const parts = Array.from({ length: workers }, (_, worker) => all(plan, { worker, workers }));
        const order = (a: DueOperation, b: DueOperation): number =>
          a.dueMs - b.dueMs || a.classIndex - b.classIndex;
        expect(parts.flat().sort(order)).toEqual(whole);
        const own = whole.filter(({ classIndex }) => classIndex === 0);
        expect(own.map(({ number }) => number)).toEqual(own.map((_, number) => number));
        const expected = 3 * meanPerSecond(rate, { startMs: 0, endMs: 3000 });
        if (arrivals === 'constant') expect(Math.abs(own.length - expected)).toBeLessThanOrEqual(0.5 + 1e-6);
        else expect(Math.abs(own.length - expected)).toBeLessThanOrEqual(6 * Math.sqrt(expected) + 6);
      },
    ),
    { numRuns: 100 },
  );
});

test('Poisson arrivals of steps keep to the rate of each step', () => {
  const perSecond = rateOf(
    [
      { at: 0, perSecond: 200 },
      { at: 100_000, perSecond: 20 },
      { at: 200_000, perSecond: 400 },
    ],
    300_000,
  );
  const base = planOf({ durationMs: 300_000 });
  const dues = all({ ...base, classes: base.classes.map((entry) => ({ ...entry, perSecond })) });
  for (const [step, rate] of [200, 20, 400].entries()) {
    const own = dues.filter(
      ({ dueMs, classIndex }) => classIndex === 0 && Math.floor(dueMs / 100_000) === step,
    );
    expect(Math.abs(own.length - rate * 100)).toBeLessThan(5 * Math.sqrt(rate * 100));
  }
});

test('a closed class has no schedule', () => {
  const base = planOf();
  const classes = base.classes.map((entry, index) =>
    index === 0
      ? { ...entry, perSecond: null, closed: { sessions: 3, thinkTimeMs: 10, think: 'fixed' as const } }
      : entry,
  );
  expect(new Set(all({ ...base, classes }).map(({ classIndex }) => classIndex))).toEqual(new Set([1]));
});

test('sessions are split exactly, closed ones too, and no worker has two more than another', () => {
  const counts = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 2 });
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 20 }),
      counts,
      fc.integer({ min: 1, max: 6 }),
      (sessions, closed, workers) => {
        const [entry] = planOf().classes;
        if (!entry) throw new Error('no class');
        const classes = closed.map((number) => ({
          ...{ ...entry, perSecond: null },
          closed: { sessions: number, thinkTimeMs: 0, think: 'fixed' as const },
        }));
        const plan = planOf({ sessions, classes });
        const parts = Array.from({ length: workers }, (_, worker) => sessionsOf(plan, { worker, workers }));
        const key = ({ closedClass, number }: PlannedSession): string => `${closedClass} ${number}`;
        expect(parts.flat().map(key).sort()).toEqual(sessionsOf(plan, onlyWorker).map(key).sort());
        expect(parts.flat()).toHaveLength(sessionCount(plan));
        const sizes = parts.map(({ length }) => length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(2);
      },
    ),
  );
});

test('constant arrivals are as many as rate times duration, in the middle of equal gaps', () => {
  const operations = all(planOf({ arrivals: 'constant' }));
  expect(operations.filter(({ classIndex }) => classIndex === 0)).toHaveLength(450);
  expect(operations.find(({ classIndex }) => classIndex === 0)?.dueMs).toBeCloseTo(5.5556, 3);
});

test('Poisson arrivals have the mean and the spread of an exponential gap', () => {
  const dues = all(planOf({ durationMs: 400_000 })).filter(({ classIndex }) => classIndex === 0);
  const gaps = dues.slice(1).map(({ dueMs }, index) => dueMs - (dues[index]?.dueMs ?? 0));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
  expect(mean).toBeGreaterThan(0.98 * (1000 / 90));
  expect(mean).toBeLessThan(1.02 * (1000 / 90));
  expect(deviation / mean).toBeGreaterThan(0.97);
  expect(deviation / mean).toBeLessThan(1.03);
});

test('variables depend on class and number only, and spread over the whole range', () => {
  const plan = planOf();
  const maker = () => {
    const [executionOf, make] = [executionMaker(plan), statementMaker(script('tpcb-like'), plan)];
    return (operation: DueOperation) => make(executionOf(operation));
  };
  const [one, two] = [maker(), maker()];
  const operation = (number: number): DueOperation => ({ classIndex: 1, number, dueMs: 0 });
  for (const number of [5, 4, 3]) two(operation(number));
  expect(one(operation(7))).toEqual(two(operation(7)));
  expect(one(operation(7))).not.toEqual(one(operation(8)));
  expect(one(operation(2 ** 32))[1]).not.toEqual(one(operation(0))[1]);
  const accounts = Array.from({ length: 4000 }, (_, number) =>
    Number(/aid = (\d+)/.exec(one(operation(number))[1]?.sql ?? '')?.[1]),
  );
  const tenths = new Array<number>(10).fill(0);
  for (const aid of accounts)
    tenths[Math.floor((aid - 1) / 20_000)] = (tenths[Math.floor((aid - 1) / 20_000)] ?? 0) + 1;
  for (const count of tenths) expect(count).toBeGreaterThan(330);
  expect(Math.min(...accounts)).toBeGreaterThanOrEqual(1);
  expect(Math.max(...accounts)).toBeLessThanOrEqual(200_000);
});

test('operation ids are read back, also with the blanks of char(22), and nothing else is', () => {
  expect(parseOperationId(operationIdOf(1, 123456).padEnd(22))).toEqual({ classIndex: 1, number: 123456 });
  expect(operationIdOf(15, 999_999_999_999).length).toBeLessThanOrEqual(22);
  for (const other of ['', ' ', '1', 'a.1', '1.2.3', '1.-2']) expect(parseOperationId(other)).toBeNull();
});
