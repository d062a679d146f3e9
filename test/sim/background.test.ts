// Goal: what a server does without load takes its processors' time, as much a second as the model says, and only while it runs.
// Method: a simulated run without a word on it, and with; samples of processor time as the observers take them.
import { expect, test } from 'vitest';
import type { CpuEvent } from '../../src/recording/events.ts';
import { planRun } from '../../src/run/plan.ts';
import { simulatePlan } from '../../src/run/simulate.ts';

async function samplesOf(background: string | null): Promise<CpuEvent[]> {
  const plan = planRun('workloads/rehearse-failover.yaml', {
    set: [
      { path: 'phases.measure', value: '16s' },
      { path: 'drills', value: '[{ kind: failover, at: 10s }]' },
      ...(background ? [{ path: 'model.serviceTimes.background', value: background }] : []),
    ],
  });
  const { events } = await simulatePlan(plan);
  return events.filter((event): event is CpuEvent => event.type === 'cpu');
}

const usedBy = (samples: readonly CpuEvent[], server: string, fromMs: number, untilMs: number): number => {
  const own = samples.filter(
    ({ server: name, atMs, lengthMs }) => name === server && atMs - lengthMs >= fromMs && atMs <= untilMs,
  );
  const lengthMs = own.reduce((sum, sample) => sum + sample.lengthMs, 0);
  return own.reduce((sum, sample) => sum + (sample.postgresMs ?? 0), 0) / lengthMs;
};

test('fifty milliseconds a second more on each database server that runs', async () => {
  const without = await samplesOf(null);
  const [before, after] = [without, await samplesOf('{ mean: 50ms, variation: 0.1, source: test }')];
  for (const server of ['server1', 'server2', 'server3']) {
    const more = usedBy(after, server, 1000, 9500) - usedBy(before, server, 1000, 9500);
    expect(more, server).toBeGreaterThan(0.045);
    expect(more, server).toBeLessThan(0.055);
  }
  expect(usedBy(after, 'server1', 11_500, 19_500)).toBeLessThan(0.005);
  expect(
    after.filter(({ server }) => server === 'server4').every(({ postgresMs }) => postgresMs === null),
  ).toBe(true);
});
