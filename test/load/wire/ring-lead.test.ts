// Goal: the lead before an instant follows what most waits oversleep, within its bounds, from wherever it began.
// Method: random oversleeping of known spread.
import { expect, test } from 'vitest';
import { Random } from '../../../src/kernel/random.ts';
import { WakeLead } from '../../../src/load/wire/ring-lead.ts';

/** The lead after each of so many waits that oversleep by 20 to 60 µs, evenly. */
function leads(lead: WakeLead, random: Random, waits: number): number[] {
  return Array.from({ length: waits }, () => {
    lead.waited(1000, 1001, 1001.02 + 0.04 * random.unit());
    return lead.ms;
  });
}

test.each([0.005, 0.03, 0.08])(
  'nineteen waits of twenty end before their instant, begun at %d ms',
  (first) => {
    const lead = new WakeLead(first);
    const random = new Random(7);
    leads(lead, random, 4000);
    const after = leads(lead, random, 8000);
    const mean = after.reduce((sum, ms) => sum + ms, 0) / after.length;
    // The quantile 0.95 of what is drawn is 0.058 ms.
    expect(Math.abs(mean - 0.058)).toBeLessThan(0.001);
  },
);

test('neither a stalled machine nor one that does not oversleep drives it out of its bounds', () => {
  const lead = new WakeLead(1);
  expect(lead.ms).toBe(0.1);
  for (let wait = 0; wait < 200; wait += 1) lead.waited(1000, 1001, 1005);
  expect(lead.ms).toBe(0.1);
  for (let wait = 0; wait < 6000; wait += 1) lead.waited(1000, 1001, 1001);
  expect(lead.ms).toBe(0.005);
});

test('a wait whose instant had passed before it began does not move it', () => {
  const lead = new WakeLead(0.03);
  lead.waited(1000, 1000, 1000);
  lead.waited(1000, 995, 1000);
  expect(lead.ms).toBe(0.03);
  lead.waited(1000, 1001, 1001.1);
  expect(lead.ms).toBeGreaterThan(0.03);
});
