// Goal: the parts that the summary is made of, at their edges.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ClusterHistory } from '../../src/analysis/cluster-history.ts';
import { commandsIn, spanOf } from '../../src/analysis/commands.ts';
import { degradedStretches, recoveredAfterMs } from '../../src/analysis/degraded.ts';
import { frameOf } from '../../src/analysis/frame.ts';
import { lostByDrill } from '../../src/analysis/lost.ts';
import { secondsOf } from '../../src/analysis/seconds.ts';
import { spikeOf } from '../../src/analysis/spikes.ts';
import { buildRecording } from './build-recording.ts';
import { atStart, command, drill, listed, role } from './rehearsal.ts';

const window = {
  id: 'failover',
  kind: 'failover',
  target: null,
  begunMs: 5000,
  injectedMs: 5000,
  actionEndMs: null,
  ok: true,
  detail: null,
  untilMs: 10_000,
};

test('seconds hold exactly what the slices hold', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 90 }), fc.integer({ min: 1, max: 9 }), (start, length) => {
      const outages = [{ className: 'read', startMs: start * 100, endMs: (start + length) * 100 }];
      const seconds = secondsOf(buildRecording({ outages }), 10_000);
      const sum = (field: 'due' | 'failed') =>
        seconds.reduce((all, { classes }) => all + (classes.read?.[field] ?? 0), 0);
      expect([seconds.length, sum('due'), sum('failed')]).toEqual([10, 1000, length * 10]);
    }),
    { numRuns: 20 },
  );
});

test('a second at 95 % is not degraded, one below is; little due is no degradation', () => {
  const second = (startMs: number, due: number, completedOk: number) => ({
    startMs,
    classes: { read: { due, failed: 0, unknown: 0, skipped: 0, completedOk } },
    readsByServer: {},
  });
  const seconds = [
    second(5000, 100, 95),
    second(6000, 100, 94),
    second(7000, 50, 48),
    second(8000, 100, 100),
  ];
  const options = { window, baselinePerSecond: 100 };
  const found = degradedStretches(seconds, 'read', options);
  expect(found).toEqual([{ startMs: 6000, endMs: 7000 }]);
  expect(recoveredAfterMs(found, window)).toBe(2000);
});

test('a rate that changes is held against what was due, a closed class against its baseline less its scatter', () => {
  const second = (startMs: number, due: number, completedOk: number) => ({
    startMs,
    classes: { read: { due, failed: 0, unknown: 0, skipped: 0, completedOk } },
    readsByServer: {},
  });
  const seconds = [second(5000, 200, 120), second(6000, 40, 40), second(7000, 80, 79), second(8000, 60, 60)];
  const startsOf = (load: 'steady' | 'changing' | 'closed') =>
    degradedStretches(seconds, 'read', { window, baselinePerSecond: 100, load }).map(
      ({ startMs }) => startMs,
    );
  expect([startsOf('steady'), startsOf('changing'), startsOf('closed')]).toEqual([[], [5000], [6000, 8000]]);
});

test('an operation or two that the next second answered are no degradation, unless one was lost', () => {
  const second = (startMs: number, completedOk: number, skipped: number) => ({
    startMs,
    classes: { read: { due: 16, failed: 0, unknown: 0, skipped, completedOk } },
    readsByServer: {},
  });
  const seconds = [second(5000, 14, 0), second(6000, 13, 0), second(7000, 15, 0), second(8000, 15, 1)];
  for (const load of ['steady', 'changing'] as const) {
    const found = degradedStretches(seconds, 'read', { window, baselinePerSecond: 16, load });
    expect(found.map(({ startMs }) => startMs)).toEqual([6000, 8000]);
  }
});

test('the second in which the next drill begins belongs to neither recovery', () => {
  const recording = buildRecording({ outages: [{ className: 'read', startMs: 7300, endMs: 8500 }] });
  const first = { ...window, untilMs: 7301 };
  expect(
    degradedStretches(secondsOf(recording, 10_000), 'read', { window: first, baselinePerSecond: 100 }),
  ).toEqual([]);
});

test('a spike counts slow seconds, less the outage in them', () => {
  const recording = buildRecording({
    outages: [{ className: 'read', startMs: 5000, endMs: 5600 }],
    latencyMs: (_, dueMs) => (dueMs >= 5600 && dueMs < 7000 ? 10 : 2),
  });
  const outages = [{ startMs: 4997, endMs: 5615, lengthMs: 618, lost: 60 }];
  const spike = spikeOf(recording.latency, 'read', { window, baselineMs: 2, outages });
  // Of 5..6 s 385 ms are left; 6..7 s is slow; the last slow answer falls into 7..8 s.
  expect(spike).toMatchObject({ baselineP99Ms: 2, lengthMs: 385 + 1000 });
  expect(spike?.p99Ms).toBeCloseTo(10, 1);
});

test('less than twice the baseline is no spike', () => {
  const recording = buildRecording({ latencyMs: (_, dueMs) => (dueMs > 5000 ? 3.9 : 2) });
  expect(spikeOf(recording.latency, 'read', { window, baselineMs: 2, outages: [] })?.lengthMs).toBe(0);
});

test('commands pair with their own ends; one without an end has no span', () => {
  const events = [
    ...command('server1', 'finalCheck', { startMs: 1, endMs: 9 }),
    ...command('server2', 'finalCheck', { startMs: 2, endMs: 4 }),
    ...command('server2', 'fence', { startMs: 5, endMs: 6 }).slice(0, 1),
  ].toSorted((first, second) => first.atMs - second.atMs);
  const spans = commandsIn(events, { startMs: 0, endMs: 10 });
  expect(spans.map(({ node, startMs, endMs }) => [node, startMs, endMs])).toEqual([
    ['server1', 1, 9],
    ['server2', 2, 4],
    ['server2', 5, null],
  ]);
  expect(spanOf(spans.slice(0, 2))).toEqual({ startMs: 1, endMs: 9 });
  expect(spanOf(spans.slice(2))).toBeUndefined();
  expect(spanOf([])).toBeUndefined();
});

test('the history knows roles and attachments at any instant', () => {
  const history = new ClusterHistory([
    ...atStart,
    role(100, 'server1', 'down'),
    listed(150, 'server3', ['down', 'standby']),
    role(200, 'server2', 'primary'),
    listed(250, 'server3', ['waiting', 'standby']),
    listed(300, 'server3', ['up', 'standby']),
  ]);
  expect([history.roleAt('server2', 199), history.roleAt('server2', 200)]).toEqual(['standby', 'primary']);
  expect([history.primaryAt(50), history.primaryAt(150), history.primaryAt(250)]).toEqual([
    'server1',
    null,
    'server2',
  ]);
  expect([140, 200, 260].map((atMs) => history.attachedAt('server3', atMs))).toEqual([true, false, true]);
  expect(history.changesOf('server3', { startMs: 0, endMs: 400 })).toEqual([
    { atMs: 150, to: 'out' },
    { atMs: 250, to: 'in' },
  ]);
  expect(history.doublePrimaries(1000)).toEqual([]);
});

test('drills share the time without holes; the baseline ends with the first', () => {
  const events = [...drill('one', null, [4000, 4010, 4500]), ...drill('two', null, [7000, 7000, 7100])];
  const { drills, baseline, measured } = frameOf(buildRecording({ events }));
  expect(drills.map(({ injectedMs, untilMs }) => [injectedMs, untilMs])).toEqual([
    [4010, 7000],
    [7000, 10_000],
  ]);
  expect(baseline).toEqual({ startMs: 2000, endMs: 4000 });
  expect(measured).toEqual({ startMs: 2000, endMs: 10_000 });
});

test('losses go to the promotion that follows them, else to the drill under way, else nowhere', () => {
  const promote = { name: 'promote' as const, startMs: 6000, endMs: 7000, boundBy: null };
  const late = { ...window, id: 'rebuild', begunMs: 10_000, injectedMs: 10_000, untilMs: 12_000 };
  const drills = [
    { window, timeline: [promote] },
    { window: late, timeline: [] },
  ];
  const { byDrill, unexplained } = lostByDrill([4990, 7000, 7001, 11_000, 13_000], drills);
  expect([...byDrill]).toEqual([
    ['failover', 3],
    ['rebuild', 1],
  ]);
  expect(unexplained).toBe(1);
});
