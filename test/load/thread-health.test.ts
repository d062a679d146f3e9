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
  while (cpuMs(before) < 80);
  const busyMs = monotonicMs() - startMs;
  health.sample(startMs + busyMs);
  const usedMs = cpuMs(before);
  await sleep(200);
  health.sample(startMs + busyMs + 200);
  let garbage: unknown[] = [];
  for (let round = 0; round < 300; round += 1) garbage = Array.from({ length: 10_000 }, (_, at) => [at]);
  expect(garbage).toHaveLength(10_000);
  await sleep(50);
  const secondStartMs = monotonicMs();
  health.sample(secondStartMs);
  const beforeSecond = process.cpuUsage();
  while (cpuMs(beforeSecond) < 80);
  const secondMs = monotonicMs() - secondStartMs;
  health.sample(secondStartMs + secondMs);
  const { cpuShares, gcMs } = health.finish();
  const [busy, idle, , second] = cpuShares;
  if (typeof busy !== 'number' || typeof idle !== 'number' || typeof second !== 'number') return skip();
  expect(cpuShares).toHaveLength(4);
  // Other threads of this process, which compile and collect garbage, have the rest; shares are rounded to a thousandth.
  const roundingMs = busyMs / 1000;
  expect(busy * busyMs).toBeGreaterThan(usedMs * 0.4 - roundingMs);
  expect(busy * busyMs).toBeLessThan(usedMs * 1.05 + roundingMs);
  expect(second * secondMs).toBeGreaterThan(80 * 0.4 - secondMs / 1000);
  expect(idle * 200).toBeLessThan(busy * busyMs);
  expect(gcMs).toBeGreaterThan(0);
});
