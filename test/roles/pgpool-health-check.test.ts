// Goal: a health check finds a lost node when Pgpool's does, and not before; what it makes of it depends on how the node is lost.
// Method: one Pgpool on the virtual clock; the loss comes right after a passed check (worst case) and right before one.
import { describe, expect, test } from 'vitest';
import { tryOf, worstDetectionMs } from '../../src/roles/pgpool-health-check.ts';
import type { HealthCheckConf } from '../../src/topology/pgpool-conf.ts';
import { bench, everyNode } from './pgpool-bench.ts';

const conf: HealthCheckConf = {
  periodMs: 10_000,
  timeoutMs: 20_000,
  maxRetries: 3,
  retryDelayMs: 2000,
  connectTimeoutMs: 10_000,
};

function watched(more: Partial<HealthCheckConf> = {}, flags: Parameters<typeof everyNode>[1] = []) {
  return bench({ settings: { hasFollowCommand: false, nodes: everyNode({ ...conf, ...more }, flags) } });
}

/** From the loss, 1 ms after a check, until the node is shown down. */
function downAfterMs(how: 'alive' | 'hung' | 'gone', more: Partial<HealthCheckConf> = {}): number {
  const at = watched(more);
  at.pass(1);
  Object.assign(at.server(2), { [how]: how !== 'alive' });
  const fromMs = at.clock.nowMs();
  while (!at.nodes().endsWith('down:s') && at.clock.nowMs() < fromMs + 300_000) at.pass(1);
  return at.clock.nowMs() - fromMs;
}

describe('worst case: period + (retries + 1) tries + retries × delay', () => {
  test.each([
    ['alive', 'refuses', {}],
    ['gone', 'drops', {}],
    ['hung', 'hangs', {}],
    ['gone', 'drops', { timeoutMs: 5000 }],
    ['alive', 'refuses', { maxRetries: 0 }],
    ['hung', 'hangs', { maxRetries: 0, timeoutMs: 3000, periodMs: 1000 }],
  ] as const)('%s (%s) with %j', (how, greeting, more) => {
    const expectedMs = worstDetectionMs({ ...conf, ...more }, greeting);
    expect(Math.abs(downAfterMs(how, more) - expectedMs)).toBeLessThanOrEqual(2);
  });

  test('of the shape that the documentation gives', () => {
    expect(worstDetectionMs(conf, 'refuses')).toBe(10_000 + 3 * 2000);
    expect(worstDetectionMs(conf, 'drops')).toBe(10_000 + 4 * 10_000 + 3 * 2000);
    expect(worstDetectionMs(conf, 'hangs')).toBe(10_000 + 4 * 20_000 + 3 * 2000);
  });
});

test('which timer ends a try decides: the health check’s own restarts every child, a refusal or connect_timeout only those of the node', () => {
  expect(tryOf('drops', conf)).toEqual({ lastsMs: 10_000, timedOut: false });
  expect(tryOf('drops', { ...conf, timeoutMs: 5000 })).toEqual({ lastsMs: 5000, timedOut: true });
  expect(tryOf('hangs', { ...conf, timeoutMs: 0 }).lastsMs).toBe(Number.POSITIVE_INFINITY);
  for (const [how, scope] of [
    ['alive', 'balancedTo'],
    ['gone', 'balancedTo'],
    ['hung', 'all'],
  ] as const) {
    const at = watched({ maxRetries: 0 });
    Object.assign(at.server(2), { [how]: how !== 'alive' });
    at.pass(40_000);
    expect(at.cuts[0]?.cut.scope).toBe(scope);
  }
});

test('a node that comes back within the retries stays', () => {
  const at = watched();
  at.pass(5000);
  at.server(2).alive = false;
  at.pass(9000);
  at.server(2).alive = true;
  at.pass(30_000);
  expect(at.nodes()).toBe('up:p up:s up:s');
  expect(at.cuts).toEqual([]);
});

test('a node that may not fail over stays, and a node that is down is left alone', () => {
  const at = watched({ maxRetries: 0 }, ['ALLOW_TO_FAILOVER', 'ALLOW_TO_FAILOVER', 'DISALLOW_TO_FAILOVER']);
  at.server(2).alive = false;
  at.pass(60_000);
  expect(at.nodes()).toBe('up:p up:s up:s');
  at.pgpool.detach(1);
  at.pass(60_000);
  expect(at.nodes()).toBe('up:p down:s up:s');
  expect(at.cuts).toHaveLength(1);
});

test('a silent node without health_check_timeout holds its check up until it answers', () => {
  const at = watched({ timeoutMs: 0 });
  at.pass(1);
  at.server(2).hung = true;
  at.pass(600_000);
  expect(at.nodes()).toBe('up:p up:s up:s');
});
