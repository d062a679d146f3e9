// Goal: N workers offer exactly what one would: same operations, same instants, same variables.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arrivalsFor, type DueOperation } from '../../src/workload/arrivals.ts';
import { builtinScript } from '../../src/workload/builtin.ts';
import { callMaker, operationIdOf, parseOperationId } from '../../src/workload/calls.ts';
import type { LoadPlan } from '../../src/workload/plan.ts';
import type { Script } from '../../src/workload/script.ts';

function script(name: string): Script {
  const found = builtinScript(`builtin:${name}`);
  if (!('script' in found)) throw new Error(name);
  return found.script;
}

function planOf(overrides: Partial<LoadPlan> = {}): LoadPlan {
  return {
    seed: 3,
    scale: 2,
    arrivals: 'poisson',
    durationMs: 5000,
    classes: [
      { name: 'read', script: script('select-only'), perSecond: 90 },
      { name: 'write', script: script('tpcb-like'), perSecond: 17.5 },
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
  for (let next = arrivals.next(); next; next = arrivals.next()) taken.push(next);
  expect(arrivals.nextDueMs()).toBe(Number.POSITIVE_INFINITY);
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
  const [one, two] = [callMaker(plan), callMaker(plan)];
  const operation = (number: number): DueOperation => ({ classIndex: 1, number, dueMs: 0 });
  for (const number of [5, 4, 3]) two(operation(number));
  expect(one(operation(7)).statements()).toEqual(two(operation(7)).statements());
  expect(one(operation(7)).statements()).not.toEqual(one(operation(8)).statements());
  expect(one(operation(2 ** 32)).statements()[1]).not.toEqual(one(operation(0)).statements()[1]);
  const accounts = Array.from({ length: 4000 }, (_, number) =>
    Number(/aid = (\d+)/.exec(one(operation(number)).statements()[1]?.sql ?? '')?.[1]),
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
