// Goal: a thread's share of a processor is what the kernel says it used, span by span.
// Method: a busy span and an idle one, against Node's own account of the process, which holds the thread's.
import { expect, test } from 'vitest';
import { monotonicMs, sleep } from '../../src/kernel/clock.ts';
import { ThreadHealth } from '../../src/load/thread-health.ts';

const cpuMs = (since?: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
};

test('the share of a busy span and of an idle one', async ({ skip }) => {
  const health = new ThreadHealth();
  const startMs = monotonicMs();
  health.start(startMs);
  const before = process.cpuUsage();
  let garbage: unknown[] = [];
  while (cpuMs(before) < 300) garbage = [...garbage.slice(-1000), { at: cpuMs() }];
  const busyMs = monotonicMs() - startMs;
  health.sample(startMs + busyMs);
  const usedMs = cpuMs(before);
  await sleep(200);
  health.sample(startMs + busyMs + 200);
  const { cpuShares, gcMs } = health.finish();
  const [busy, idle] = cpuShares;
  if (busy === null || busy === undefined || idle === null || idle === undefined) return skip();
  expect(cpuShares).toHaveLength(2);
  // Other threads of this process, which collect garbage and compile, have the rest.
  expect(busy * busyMs).toBeGreaterThan(usedMs * 0.4);
  expect(busy * busyMs).toBeLessThan(usedMs * 1.05);
  expect(idle).toBeLessThan(busy);
  expect(gcMs).toBeGreaterThan(0);
});
