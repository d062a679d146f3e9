// Goal: the interval of a share holds what chance does to it.
// Method: the formula at known numbers; simulated runs of many seeds, counted.
import { expect, test } from 'vitest';
import { summarise } from '../../src/analysis/summary.ts';
import { planRun, type RunPlan } from '../../src/run/plan.ts';
import { simulatePlan } from '../../src/run/simulate.ts';

function planOf(seed: number, drills = '[]'): RunPlan {
  return planRun('workloads/rehearse-failover.yaml', {
    seed,
    set: [
      { path: 'phases.warmup', value: '1s' },
      { path: 'phases.measure', value: '10s' },
      { path: 'load.sessionLifetime', value: '2s' },
      { path: 'drills', value: drills },
    ],
  });
}

test('twenty-four sessions renewed every two seconds for ten: the shares lie within about 95 times in 100', async () => {
  let within = 0;
  const runs = 20;
  for (let seed = 1; seed <= runs; seed += 1) {
    const { shareInterval, backends } = summarise(await simulatePlan(planOf(seed)));
    expect(shareInterval?.sessionStarts).toBe(24 * 6);
    const expected = shareInterval?.servers.find(({ name }) => name === 'server2');
    expect(expected?.share).toBe(0.5);
    expect(expected?.halfWidth).toBeCloseTo(1.96 * Math.sqrt(0.25 / 144), 6);
    const seen = backends.find(({ name }) => name === 'server2')?.readShare ?? 0;
    if (Math.abs(seen - 0.5) <= (expected?.halfWidth ?? 0)) within += 1;
  }
  expect(within).toBeGreaterThanOrEqual(16);
}, 120_000);

test('a run with a drill has none: the drill changes who can be drawn', async () => {
  const summary = summarise(await simulatePlan(planOf(1, '[{ kind: standby-down, at: 5s }]')));
  expect(summary.shareInterval).toBeUndefined();
});
