// Goal: the summary tells what each server used of its processors in the measured stretch, and the report shows it beside p99.
// Method: recordings with known samples; a simulated run under caps.
import { expect, test } from 'vitest';
import { processorsOf } from '../../src/analysis/processors.ts';
import { summarise } from '../../src/analysis/summary.ts';
import type { CpuEvent } from '../../src/recording/events.ts';
import type { Manifest } from '../../src/recording/manifest.ts';
import type { Recording } from '../../src/recording/recording.ts';
import { renderTerminal } from '../../src/report/terminal.ts';
import { planRun } from '../../src/run/plan.ts';
import { simulatePlan } from '../../src/run/simulate.ts';

function sample(atMs: number, server: string, part: Partial<CpuEvent>): CpuEvent {
  return {
    type: 'cpu',
    atMs,
    server,
    lengthMs: 1000,
    postgresMs: null,
    pgpoolMs: null,
    throttledMs: null,
    ...part,
  };
}

test('samples of the stretch are added up by server; a part that was never there stays null', () => {
  const events = [
    sample(1000, 'a', { postgresMs: 900 }),
    sample(2500, 'a', { postgresMs: 100, throttledMs: 5 }),
    sample(3500, 'a', { postgresMs: 50, pgpoolMs: 10, throttledMs: 0 }),
    sample(3500, 'b', { pgpoolMs: 7 }),
    sample(9500, 'b', { pgpoolMs: 700 }),
  ];
  const servers = [{ name: 'a', cap: { cpu: 0.2, periodMs: 100 } }, { name: 'b' }, { name: 'c' }];
  const recording = { events, manifest: { servers } as unknown as Manifest } as unknown as Recording;
  expect(processorsOf(recording, { startMs: 2000, endMs: 5000 })).toEqual([
    {
      name: 'a',
      cpuMs: 160,
      postgresMs: 150,
      pgpoolMs: 10,
      sampledMs: 2000,
      cap: { cpu: 0.2, periodMs: 100 },
      throttledMs: 5,
    },
    { name: 'b', cpuMs: 7, postgresMs: null, pgpoolMs: 7, sampledMs: 1000, cap: null, throttledMs: null },
  ]);
  expect(processorsOf({ ...recording, events: [] }, { startMs: 0, endMs: 1 })).toBeUndefined();
});

test('a simulated run under a cap uses no more than it, is held back, and the report says so', async () => {
  const plan = planRun('workloads/rehearse-failover.yaml', {
    set: [
      { path: 'phases.measure', value: '8s' },
      { path: 'drills', value: '[]' },
      { path: 'load.arrivals', value: 'poisson' },
      { path: 'model.servers.server2.cap', value: '{ cpu: 0.05, period: 100ms }' },
      { path: 'model.servers.server2.cpu', value: '1' },
    ],
  });
  const summary = summarise(await simulatePlan(plan));
  expect(summary.provenance.capped).toBe(true);
  const capped = summary.servers?.find(({ name }) => name === 'server2');
  expect((capped?.cpuMs ?? 0) / (capped?.sampledMs ?? 1)).toBeLessThan(0.0505);
  expect((capped?.cpuMs ?? 0) / (capped?.sampledMs ?? 1)).toBeGreaterThan(0.03);
  expect(capped?.throttledMs).toBeGreaterThan(0);
  const free = summary.servers?.find(({ name }) => name === 'server3');
  expect(free).toMatchObject({ cap: null, throttledMs: null });
  const text = renderTerminal(summary);
  expect(text).toContain('CPU caps were in force');
  expect(text).toMatch(/server2 .* 5\.0 % of 100 ms +\d/);
});
