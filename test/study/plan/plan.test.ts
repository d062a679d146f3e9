import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PlanOptions } from '../../../src/study/plan/inputs.ts';
import { renderPlan } from '../../../src/study/plan/text.ts';
import { plan } from '../../../src/study/plan.ts';

// Goal: the answer of a plan, found by formula and confirmed by simulation, and what it says when there is none.

const quiet = (): void => undefined;

function asked(change: Partial<PlanOptions>): PlanOptions {
  return {
    model: 'models/capacity.yaml',
    reads: '6000/s',
    writes: '100/s',
    slo: ['read.p99 < 10ms', 'write.p99 < 60ms'],
    survive: [],
    runs: '0',
    ...change,
  };
}

test('the least number of standbys that keeps to the objectives in every state', async () => {
  const result = await plan(asked({}), quiet);
  const { standbys } = result.answer;
  expect(result.answer.result).toBe('met');
  expect(result.candidates.map((candidate) => [candidate.standbys, candidate.meets])).toEqual(
    Array.from({ length: standbys ?? 0 }, (_, index) => [index + 1, index + 1 === standbys]),
  );
  expect(result.candidates.at(-1)?.states.map(({ state }) => state)).toEqual([
    'normal',
    'failover',
    'standby-loss',
  ]);
  expect(Object.keys(result.answer.weights ?? {})).toHaveLength((standbys ?? 0) + 1);
  expect(standbys).toBeGreaterThan(1);
  const fewer = await plan(asked({ survive: ['none'] }), quiet);
  expect(fewer.answer.standbys).toBeLessThan(standbys ?? 0);
});

test('a primary takes reads where that saves a standby', async () => {
  const slo = ['read.p99 < 10ms'];
  const lean = { reads: '8000/s', writes: '1/s', survive: ['none'] };
  const result = await plan(asked({ slo, ...lean }), quiet);
  expect(result.answer).toMatchObject({ result: 'met', standbys: 1 });
  expect(result.answer.weights?.server1).toBeGreaterThan(0);
  const kept = await plan(asked({ slo: [...slo, 'offload >= 95%'], ...lean }), quiet);
  expect(kept.answer).toMatchObject({ standbys: 2, weights: { server1: 0 } });
});

test('scripts of the user: more statements are more work on servers and in Pgpool', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'plan-'));
  const file = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
  const two = file('two.sql', 'SELECT abalance FROM pgbench_accounts WHERE aid = 1;\nSELECT 1;\n');
  const one = file('one.sql', 'UPDATE pgbench_accounts SET abalance = 0 WHERE aid = 1;\n');
  const light = { reads: '2000/s', writes: '50/s', survive: ['none'] };
  const utilisationOf = async (change: Partial<PlanOptions>): Promise<number | undefined> => {
    const { candidates } = await plan(asked({ ...light, maxStandbys: '1', ...change }), quiet);
    const [state] = candidates[0]?.states ?? [];
    return state?.busiest.utilisation;
  };
  const builtin = (await utilisationOf({})) ?? 0;
  expect((await utilisationOf({ readScript: two })) ?? 0).toBeGreaterThan(1.9 * builtin);
  const result = await plan(asked({ ...light, writeScript: one }), quiet);
  expect(result.asked.scripts).toEqual({ read: 'builtin:select-only', write: one });
  expect(renderPlan(result).replace(/\s+/g, ' ')).toContain(`a write is one execution of ${one}`);
  await expect(plan(asked({ ...light, readScript: one }), quiet)).rejects.toThrow(/1 problem/);
  await expect(plan(asked({ ...light, writeScript: two }), quiet)).rejects.toThrow(/1 problem/);
  await expect(plan(asked({ ...light, readScript: join(dir, 'none.sql') }), quiet)).rejects.toThrow(
    /1 problem/,
  );
  rmSync(dir, { recursive: true });
});

test.each<[string, Partial<PlanOptions>, RegExp]>([
  ['writes beyond one primary', { writes: '900/s' }, /limited by primary CPU, server1.*busy 1\d\d %/],
  ['an objective below the work itself', { slo: ['read.p99 < 0.3ms'] }, /out of reach without any load/],
  ['more sessions than children', { sessions: '100' }, /^children: 100 sessions .* serves 64 at once/],
  [
    'connections',
    { maxConnections: '50' },
    /^connections: Pgpool may open 64 to each server, which takes 47/,
  ],
  [
    'too few standbys allowed',
    { maxStandbys: '1' },
    /^failover \(server2 promoted\), 1 standby: limited by/m,
  ],
  [
    'two losses of one standby',
    { survive: ['double-loss'], maxStandbys: '1', reads: '100' },
    /nothing is left to serve/,
  ],
])('impossible, and why: %s', async (_, change, why) => {
  const { answer } = await plan(asked(change), quiet);
  expect(answer.result).toBe('impossible');
  expect(answer.why.join('\n')).toMatch(why);
});

test('servers that share one machine gain nothing by standbys, and are told so', async () => {
  const model = 'models/reference-architecture.yaml';
  const result = await plan(asked({ model, reads: '9000/s', sessions: '20' }), quiet);
  expect(result.answer.result).toBe('impossible');
  expect(result.remarks.join()).toMatch(/share one machine of two cores/);
});

test('of several Pgpools the one that leads is reckoned with, and the plan says so', async () => {
  const model = 'models/three-pgpools.yaml';
  const { remarks, connections } = await plan(asked({ model, reads: '100/s', writes: '10/s' }), quiet);
  expect(remarks.join()).toMatch(/Of the 3 Pgpools one serves, the watchdog's leader/);
  expect(connections.perServer).toBe(connections.children);
  const alone = await plan(asked({ reads: '100/s', writes: '10/s' }), quiet);
  expect(alone.remarks.join()).not.toMatch(/Pgpools/);
});

test('that Pgpool refuses everybody is said of settings with which it does, and where a primary is lost', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'plan-'));
  const failsOver = join(dir, 'model.yaml');
  const text = readFileSync('models/capacity.yaml', 'utf8');
  writeFileSync(
    failsOver,
    text.replace("failover_on_backend_error: 'off'", "failover_on_backend_error: 'on'"),
  );
  const remarksOf = async (change: Partial<PlanOptions>): Promise<string> =>
    (await plan(asked({ reads: '100/s', writes: '10/s', ...change }), quiet)).remarks.join('\n');
  expect(await remarksOf({})).toMatch(/until EFM detaches it Pgpool refuses every new session/);
  expect(await remarksOf({ survive: ['standby-loss'] })).not.toMatch(/refuses every new session/);
  expect(await remarksOf({ model: failsOver })).not.toMatch(/refuses every new session/);
  rmSync(dir, { recursive: true });
});

test('simulation confirms the formulas, with intervals, and measures the outage in between', async () => {
  const slo = ['read.p99 < 10ms', 'write.p99 < 60ms', 'outage.write < 20s'];
  const result = await plan(
    asked({ reads: '1200/s', writes: '60/s', slo, runs: '2', sessionLifetime: '5s' }),
    quiet,
  );
  expect(result.answer).toMatchObject({ result: 'met', standbys: 1 });
  const [confirmation] = result.confirmed;
  const found = Object.fromEntries(
    (confirmation?.states ?? []).map(({ state, thresholds }) => [
      state,
      thresholds.map(({ interval }) => interval?.mean),
    ]),
  );
  for (const { state, readP99Ms, writeP99Ms } of result.candidates[0]?.states ?? []) {
    const ratios = [
      (found[state]?.[0] ?? 0) / (readP99Ms ?? 0),
      (found[state]?.[1] ?? 0) / (writeP99Ms ?? 0),
    ];
    for (const ratio of ratios) {
      expect(ratio).toBeGreaterThan(0.8);
      expect(ratio).toBeLessThan(1.25);
    }
  }
  expect(found.normal?.[2]).toBe(0);
  expect(found.failover?.[2]).toBeGreaterThan(1000);
  expect(renderPlan(result)).toMatch(
    /SIMULATED, 1 STANDBY, 2 RUNS[\s\S]*failover +read\.p99 < 10ms +[\d.]+ ms +±/,
  );
}, 120_000);

test('an outage that timers make is no matter of standbys', async () => {
  const slo = ['read.p99 < 10ms', 'outage.write < 1s'];
  const { answer } = await plan(
    asked({ reads: '100/s', writes: '10/s', slo, runs: '1', survive: ['failover'], maxStandbys: '1' }),
    quiet,
  );
  expect(answer.result).toBe('impossible');
  expect(answer.why.join()).toMatch(/failover: .* outage\.write < 1s at \d.*timers do: pgdrill timeline/);
}, 120_000);

test('the text fits 80 columns and prints no value that is none', async () => {
  const text = renderPlan(await plan(asked({ writes: '900/s' }), quiet));
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  expect(text).not.toMatch(/NaN|Infinity|undefined|null/);
  expect(text).toMatch(/^IMPOSSIBLE\n/);
});

test('JSON holds no number that JSON lacks: what has no end is null', async () => {
  const result = JSON.parse(JSON.stringify(await plan(asked({ writes: '900/s' }), quiet)));
  expect(result.schema).toBe('pgdrill/plan@1');
  expect(result.candidates[0].states[0].writeP99Ms).toBeNull();
});
