// Goal: the verification calls outages predicted only where the medians agree and the runs lie where the trials do.
import { join } from 'node:path';
import { expect, test } from 'vitest';

interface Judged {
  median: number;
  errorMs: number;
  within: number;
  runs: number;
  medianHolds: boolean;
  shareHolds: boolean;
}

const file = join(import.meta.dirname, '../../scripts/verify/outages-judge.mjs');
const { judgeOutages } = (await import(file)) as {
  judgeOutages: (measured: (number | null)[], predicted: { p5: number; p50: number; p95: number }) => Judged;
};

const predicted = { p5: 3900, p50: 4000, p95: 6000 };

test('a median within 15 % or 0.3 s holds, whichever allows more', () => {
  const of = (ms: number, p50: number): boolean =>
    judgeOutages([ms], { p5: 0, p50, p95: 10_000 }).medianHolds;
  expect([of(4600, 4000), of(4601, 4000), of(3400, 4000), of(3399, 4000)]).toEqual([
    true,
    false,
    true,
    false,
  ]);
  expect([of(1300, 1000), of(1301, 1000), of(700, 1000), of(699, 1000)]).toEqual([true, false, true, false]);
});

test('nine of ten runs must lie within the trials’ p5 and p95, both ends included', () => {
  const inside = [3900, 4000, 4100, 4200, 4300, 4400, 4500, 5000, 6000];
  expect(judgeOutages([...inside, 3899], predicted)).toMatchObject({ within: 9, runs: 10, shareHolds: true });
  expect(judgeOutages([...inside.slice(1), 3899, 6001], predicted)).toMatchObject({
    within: 8,
    runs: 10,
    shareHolds: false,
  });
});

test('the error is predicted less measured, and a run without an outage counts as none', () => {
  expect(judgeOutages([null, 3000, 5000], predicted)).toMatchObject({
    median: 3000,
    errorMs: 1000,
    within: 1,
    medianHolds: false,
  });
});
