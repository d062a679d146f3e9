// Goal: every scenario that ships runs.
// Method: each in virtual time, judged by its own verdict.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { planRun } from '../../src/run/plan.ts';
import { run } from '../../src/run.ts';

let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'run-'));
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

const scenarios = readdirSync('workloads').filter((name) => name.endsWith('.yaml'));

test('there are scenarios', () => {
  expect(scenarios).toContain('rehearse-failover.yaml');
});

test('those of hours have nothing to mend; running them is left to people', () => {
  const long = readdirSync('workloads/long');
  expect(long.length).toBeGreaterThan(0);
  for (const name of long) expect(planRun(join('workloads/long', name)).warnings).toEqual([]);
});

test.each(scenarios)(
  '%s passes in virtual time',
  async (name) => {
    const { summary, failure } = await run(
      { scenario: join('workloads', name), world: 'simulated', folder: join(dir, name) },
      { progress: () => {}, tick: () => {}, signal: new AbortController().signal },
    );
    expect(failure).toBeNull();
    expect(summary.verdict).toEqual({ result: 'pass', reasons: [] });
    expect(summary.conservation.holds).toBe(true);
    expect(summary.backends.filter(({ roleAtEnd }) => roleAtEnd === 'primary')).toHaveLength(1);
  },
  60_000,
);
