// Goal: outages begin and end at the completions themselves, and belong to the drill that caused them.
// Method: recordings with known gaps; 100 reads a second complete 2 ms after due times of 5, 15, 25 … ms.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { drillOfOutage, outagesOf, outageThresholdMs } from '../../src/analysis/outages.ts';
import { buildRecording } from './build-recording.ts';

const options = { perSecond: 100, loadEndMs: 10_000 };

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
