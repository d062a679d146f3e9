// Goal: kernel, stations and distributions give what queueing theory says of them.
// Method: a slice of what `npm run verify -- --only theory` does whole: 8 seeds of each model, its own 95 % intervals against the
// exact values; and hand-made wrong answers, to see that the comparison would notice.
import { describe, expect, test } from 'vitest';
import { covers, intervalOf, theoryModels, usualLength } from './theory-models.ts';

const seeds = Array.from({ length: 8 }, (_, index) => 501 + index);
const length = { ...usualLength, batch: 2000 };

describe('in at least 6 of 8 runs the exact value lies in the 95 % interval of every metric', () => {
  test.each(theoryModels)('$name', ({ exact, run }) => {
    const runs = seeds.map((seed) => run(seed, length));
    for (const [metric, value] of Object.entries(exact)) {
      const intervals = runs.map((measured) => intervalOf(measured, metric));
      const covered = intervals.filter((interval) => covers(interval, value)).length;
      expect(covered, metric).toBeGreaterThanOrEqual(6);
      const mean = intervals.reduce((sum, interval) => sum + interval.mean, 0) / intervals.length;
      expect(Math.abs(mean / value - 1), metric).toBeLessThan(0.05);
    }
  });
});

test('an answer that is wrong by 5 % is noticed in nearly every run', () => {
  const model = theoryModels.find(({ name }) => name.startsWith('M/M/4, processor sharing'));
  if (!model) throw new Error('the model is gone');
  const utilisation = model.exact.utilisation as number;
  const noticed = seeds.filter((seed) => {
    const interval = intervalOf(model.run(seed, length), 'utilisation');
    return !covers(interval, utilisation * 1.05);
  });
  expect(noticed.length).toBeGreaterThanOrEqual(7);
});
