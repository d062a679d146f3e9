// Goal: a setting's effect comes with an interval that tells it from chance, and a phase is bound by a setting of its own work.
// Method: the estimator on numbers made up for it; then node-loss, where Pgpool's checks and EFM's timers meet by chance.
import { describe, expect, test } from 'vitest';
import type { Figures } from '../../src/study/timeline/figures.ts';
import type { TimelineResult } from '../../src/study/timeline/result.ts';
import { compare } from '../../src/study/timeline/sensitivity.ts';
import { certainSlope, isNearZero, slopeOf } from '../../src/study/timeline/slope.ts';
import { renderTimeline } from '../../src/study/timeline/text.ts';
import { tunables } from '../../src/study/timeline/tunables.ts';
import { timeline } from '../../src/study/timeline.ts';

/** Numbers that look random and are not: the fractional parts of multiples of an irrational one. */
const scattered = (count: number): number[] =>
  Array.from({ length: count }, (_, index) => (((index + 1) * Math.SQRT2) % 1) - 0.5);

describe('a slope', () => {
  test('of equal differences is exact', () => {
    expect(slopeOf([1, 1, 1, 1])).toEqual({ mean: 1, low: 1, high: 1 });
    expect(slopeOf([])).toBeNull();
  });

  test('of a trend along the sample is hardly uncertain, of the same numbers shuffled it is', () => {
    const trend = Array.from({ length: 32 }, (_, index) => -index / 32);
    const shuffled = trend.map((_, index) => trend[(index * 13) % 32] ?? 0);
    const [even, uneven] = [slopeOf(trend), slopeOf(shuffled)];
    if (!even || !uneven) throw new Error('no slope');
    expect(even.mean).toBe(uneven.mean);
    expect(even.high - even.low).toBeLessThan(0.05);
    expect(uneven.high - uneven.low).toBeGreaterThan(0.2);
  });

  test('that is only noise covers 0 and counts as none; a small true one does not', () => {
    const noise = slopeOf(scattered(64));
    if (!noise) throw new Error('no slope');
    expect(isNearZero(noise)).toBe(true);
    expect(certainSlope(noise)).toBe(0);
    const shifted = slopeOf(scattered(64).map((value) => value + 0.5));
    expect(certainSlope(shifted)).toBeCloseTo(0.5, 1);
    expect(certainSlope(null)).toBe(0);
  });

  test('has an interval that covers the truth nineteen times of twenty', () => {
    const rounds = 200;
    const draws = scattered(rounds * 40);
    let covered = 0;
    for (let round = 0; round < rounds; round += 1) {
      const sample = draws.filter((_, index) => index % rounds === (round * 77) % rounds);
      const slope = slopeOf(sample.map((value) => value + 1));
      if (slope && slope.low <= 1 && slope.high >= 1) covered += 1;
    }
    expect(covered / rounds).toBeGreaterThan(0.9);
  });
});

test('what all trials have in common cancels out: each is compared with its own twin', () => {
  const [tunable] = tunables;
  if (!tunable) throw new Error('no tunable');
  const figures = (writeOutageMs: number): Figures => ({
    writeOutageMs,
    readOutageMs: Number.POSITIVE_INFINITY,
    reducedReadMs: 0,
    standbysAtEnd: 0,
    phases: { detect: writeOutageMs / 2 },
    starts: {},
    notices: [],
    target: null,
    promoted: null,
    refused: null,
  });
  const before = scattered(32).map((value) => figures(60_000 + 20_000 * value));
  const after = before.map(({ writeOutageMs }) => figures(writeOutageMs + 300));
  const found = compare(tunable, before, after);
  expect(found.write).toEqual({ mean: 0.3, low: 0.3, high: 0.3 });
  expect(found.phases.detect).toEqual({ mean: 0.15, low: 0.15, high: 0.15 });
  expect(found.read).toBeNull();
  expect(found.reducedRead).toEqual({ mean: 0, low: 0, high: 0 });
});

describe('node-loss', () => {
  const asked = new Map<string | null, Promise<TimelineResult>>();
  /** Once for each model. */
  const ask = (model: string | null): Promise<TimelineResult> => {
    const result = asked.get(model) ?? askAnew(model);
    asked.set(model, result);
    return result;
  };
  const askAnew = (model: string | null) =>
    timeline({
      drill: 'node-loss',
      efm: null,
      pgpool: null,
      model,
      versions: null,
      trials: 20,
      seed: 5,
      targetMs: null,
      threads: 0,
      pairs: 48,
    });

  test.each([null, 'models/reference-architecture.yaml'])(
    '%s: each phase is bound by its own work, never by what only moves it in time',
    async (model) => {
      const { phases } = await ask(model);
      const boundOf = (name: string) => phases.find((phase) => phase.name === name)?.boundBy ?? null;
      expect(boundOf('detect')).toMatchObject({ setting: 'node.timeout', per: 1 });
      expect(boundOf('verify')).toMatchObject({ setting: 'remote.timeout', per: 1 });
      expect(boundOf('promote')).toMatchObject({ setting: 'recovery.check.period', per: 1 });
      for (const name of ['primarySearch', 'reconfigure', 'detach'])
        expect(['remote.timeout', 'node.timeout', 'recovery.check.period']).not.toContain(
          boundOf(name)?.setting,
        );
    },
    120_000,
  );

  test('a search that is over in a second does not wait for a timeout of ten, though one second more would make it', async () => {
    const { phases, sensitivity } = await ask(null);
    const search = phases.find(({ name }) => name === 'primarySearch');
    expect(search?.worstMs).toBeLessThan(1500);
    expect(search?.boundBy).toMatchObject({ setting: 'search_primary_node_timeout', per: 0 });
    const [low = 0] = sensitivity.find(({ setting }) => setting === 'remote.timeout')?.intervals.write ?? [];
    expect(low).toBeGreaterThan(0.5);
  }, 120_000);

  test("where Pgpool's replication check holds its lock, the search is bound by its connect_timeout", async () => {
    const result = await ask('models/reference-architecture.yaml');
    const search = result.phases.find(({ name }) => name === 'primarySearch');
    expect(search?.worstMs).toBeGreaterThan(5000);
    expect(search?.boundBy).toMatchObject({ setting: 'connect_timeout', file: 'pgpool.conf' });
    const sensitivity = result.sensitivity.find(({ setting }) => setting === 'connect_timeout');
    const [low = 0, high = 0] = sensitivity?.intervals.write ?? [];
    expect(low).toBeGreaterThan(0);
    expect(high).toBeLessThan(1.5);
    expect(sensitivity?.pairs).toBe(48);
  }, 120_000);
});

test('text: half an interval where it shows, about 0 where it covers 0', async () => {
  const result = await timeline({
    drill: 'failover',
    efm: null,
    pgpool: null,
    model: null,
    versions: null,
    trials: 4,
    seed: 1,
    targetMs: null,
    threads: 0,
    pairs: 4,
  });
  const row = {
    setting: 'node.timeout',
    file: 'efm.properties' as const,
    value: '50',
    writePerSecond: 0.4,
    readPerSecond: 0.2,
    reducedReadPerSecond: 1,
    intervals: { write: [0.3, 0.5], read: [-0.1, 0.5], reducedRead: [1, 1] } as Record<
      'write' | 'read' | 'reducedRead',
      [number, number]
    >,
    pairs: 4,
  };
  const text = renderTimeline({ ...result, sensitivity: [row] });
  expect(text).toMatch(/node\.timeout 50 +E +\+0\.40 ±0\.10 +≈0 +\+1\.00/);
}, 60_000);
