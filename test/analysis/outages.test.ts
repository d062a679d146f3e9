// Goal: outages begin and end at the completions themselves, and belong to the drill that caused them.
// Method: recordings with known gaps; 100 reads a second complete 2 ms after due times of 5, 15, 25 … ms.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { drillOfOutage, dueRateOf, outagesOf, outageThresholdMs } from '../../src/analysis/outages.ts';
import { buildRecording } from './build-recording.ts';

const options = { dueRate: () => 100, loadEndMs: 10_000 };

test('a silence becomes an outage above 200 ms or 15 gaps', () => {
  expect(outageThresholdMs(270)).toBe(200);
  expect(outageThresholdMs(30)).toBe(500);
});

test('a steady stream has no outage', () => {
  expect(outagesOf(buildRecording({}), 'read', options)).toEqual([]);
});

test('one gap is one outage, from the last ok to the next', () => {
  const recording = buildRecording({ outages: [{ className: 'read', startMs: 3000, endMs: 4500 }] });
  expect(outagesOf(recording, 'read', options)).toEqual([
    { startMs: 2997, endMs: 4507, lengthMs: 1510, lost: 150 },
  ]);
});

test('a gap of 200 ms is none, one of 210 ms is', () => {
  const gapOf = (endMs: number) => buildRecording({ outages: [{ className: 'read', startMs: 3000, endMs }] });
  expect(outagesOf(gapOf(3190), 'read', options)).toEqual([]);
  expect(outagesOf(gapOf(3200), 'read', options)).toHaveLength(1);
});

test('an outage still open at the end of the load ends there', () => {
  const recording = buildRecording({ outages: [{ className: 'read', startMs: 9000, endMs: 10_000 }] });
  expect(outagesOf(recording, 'read', options)).toEqual([
    { startMs: 8997, endMs: 10_000, lengthMs: 1003, lost: 100 },
  ]);
});

test('answers that come after the load do not stretch the last gap', () => {
  const recording = buildRecording({ latencyMs: (_, dueMs) => (dueMs > 9900 ? 800 : 2) });
  expect(outagesOf(recording, 'read', options)).toEqual([]);
});

test('no answer at all is one outage of the whole load', () => {
  const recording = buildRecording({ outages: [{ className: 'read', startMs: 0, endMs: 10_000 }] });
  expect(outagesOf(recording, 'read', options)).toEqual([
    { startMs: 0, endMs: 10_000, lengthMs: 10_000, lost: 1000 },
  ]);
});

test('an outage counts for the drill that began before it could be noticed', () => {
  const window = { kind: 'failover', target: null, actionEndMs: null, ok: true, detail: null };
  const first = { ...window, id: 'first', begunMs: 1000, injectedMs: 1000, untilMs: 5000 };
  const second = { ...window, id: 'second', begunMs: 5000, injectedMs: 5000, untilMs: 9000 };
  const at = (startMs: number) =>
    drillOfOutage({ startMs, endMs: startMs + 900, lengthMs: 900, lost: 1 }, [first, second], 200)?.id;
  expect([at(700), at(995), at(4700), at(4995)]).toEqual([undefined, 'first', 'first', 'second']);
});

test('any one gap longer than the threshold is found with its edges', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 3, max: 20 }), (start, length) => {
      const [startMs, endMs] = [start * 100, (start + length) * 100];
      const recording = buildRecording({ outages: [{ className: 'read', startMs, endMs }] });
      const expected = {
        startMs: startMs - 3,
        endMs: endMs + 7,
        lengthMs: endMs - startMs + 10,
        lost: length * 10,
      };
      expect(outagesOf(recording, 'read', options)).toEqual([expected]);
    }),
    { numRuns: 40 },
  );
});

describe('the rate that a silence is held against', () => {
  const about = { name: 'read', kind: 'read', script: '' } as const;
  const measured = { startMs: 2000, endMs: 10_000 };

  test('of an open class is the scenario’s, where it changes that of the silence', () => {
    const recording = buildRecording({});
    expect(dueRateOf(recording, { ...about, perSecond: 70 }, measured)(measured)).toBe(70);
    const rates = [
      { startMs: 0, endMs: 4000, fromPerSecond: 0, toPerSecond: 100 },
      { startMs: 4000, endMs: 10_000, fromPerSecond: 20, toPerSecond: 20 },
    ];
    const rate = dueRateOf(recording, { ...about, perSecond: 33, rates }, measured);
    expect(rate({ startMs: 1000, endMs: 3000 })).toBeCloseTo(50, 9);
    expect(rate({ startMs: 3000, endMs: 5000 })).toBeCloseTo((87.5 + 20) / 2, 9);
    expect(rate({ startMs: 12_000, endMs: 13_000 })).toBe(0);
  });

  test('of a closed class is what it had answered per second of the measured time', () => {
    const closed = { sessions: 2, thinkTimeMs: 0, think: 'fixed' } as const;
    const recording = buildRecording({ outages: [{ className: 'read', startMs: 4000, endMs: 8000 }] });
    expect(dueRateOf(recording, { ...about, perSecond: null, closed }, measured)(measured)).toBeCloseTo(
      50,
      0,
    );
    const silent = buildRecording({ outages: [{ className: 'read', startMs: 0, endMs: 10_000 }] });
    const dueRate = dueRateOf(silent, { ...about, perSecond: null, closed }, measured);
    expect(outagesOf(silent, 'read', { dueRate, loadEndMs: 10_000 })).toHaveLength(1);
  });

  test('lets a silence pass in which little was due, and not one in which much was', () => {
    const silence = (startMs: number) =>
      buildRecording({ outages: [{ className: 'read', startMs, endMs: startMs + 500 }] });
    const rates = [
      { startMs: 0, endMs: 5000, fromPerSecond: 10, toPerSecond: 10 },
      { startMs: 5000, endMs: 10_000, fromPerSecond: 200, toPerSecond: 200 },
    ];
    const found = (startMs: number) => {
      const dueRate = dueRateOf(silence(startMs), { ...about, perSecond: 105, rates }, measured);
      return outagesOf(silence(startMs), 'read', { dueRate, loadEndMs: 10_000 }).length;
    };
    expect([found(3000), found(7000)]).toEqual([0, 1]);
  });
});
