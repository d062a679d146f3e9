// Goal: the summary of a run says what happened in it. Method: a failover made by code at 20 s, every number worked out by hand.
import { expect, test } from 'vitest';
import { summarise } from '../../src/analysis/summary.ts';
import { newHistogram, recordMs } from '../../src/recording/histogram.ts';
import type { LatencySlice } from '../../src/recording/latency.ts';
import type { DrillSummary } from '../../src/recording/summary.ts';
import { buildRecording } from './build-recording.ts';
import { atStart, command, drill, failoverEvents, listed, rehearsal, role } from './rehearsal.ts';

function only(drills: readonly DrillSummary[]): DrillSummary {
  const [first] = drills;
  if (!first || drills.length !== 1) throw new Error(`expected one drill, found ${drills.length}`);
  return first;
}

test('a failover: outages, phases with their bounds, recovery', () => {
  const summary = summarise(rehearsal());
  const failover = only(summary.drills);
  expect(summary.verdict).toEqual({ result: 'pass', reasons: [] });
  expect(failover).toMatchObject({
    id: 'failover',
    target: 'server1',
    atMs: 20_000,
    endMs: 27_300,
    lostCommits: 0,
  });
  expect(failover.outages.read).toHaveLength(1);
  expect(failover.outages.write).toHaveLength(1);
  expect(failover.outages.write?.[0]?.lost).toBe(174);
  const spans = failover.timeline.map(({ name, startMs, endMs }) => [
    name,
    startMs - 20_000,
    Math.round(endMs - 20_000),
  ]);
  const firstWriteMs = Math.round((failover.outages.write?.[0]?.endMs ?? 0) - 20_000);
  expect(spans).toEqual([
    ['detect', 0, 3600],
    ['verify', 3600, 3650],
    ['stop', 3655, 3700],
    ['detach', 3700, 3780],
    ['primarySearch', 3700, 5690],
    ['fence', 3800, 3860],
    ['promote', 3860, 4910],
    ['reconfigure', 4915, 5420],
    ['pgpoolPromote', 5510, 5700],
    ['sessionsBack', 5690, firstWriteMs],
    ['standbysAttached', expect.closeTo(firstWriteMs, 0), 7300],
  ]);
  const bounds = failover.timeline.flatMap(({ name, boundBy }) =>
    boundBy ? [[name, boundBy.setting, boundBy.value]] : [],
  );
  expect(bounds).toEqual([
    ['detect', 'local.timeout', '4'],
    ['verify', 'remote.timeout', '2'],
    ['primarySearch', 'search_primary_node_timeout', '3'],
    ['promote', 'recovery.check.period', '1'],
    ['reconfigure', 'restart.connection.timeout', '20'],
  ]);
});

test('a failover: degraded seconds, spike, shares, weight', () => {
  const failover = only(summarise(rehearsal()).drills);
  expect(failover.degraded.read).toEqual([{ startMs: 20_000, endMs: 24_000 }]);
  expect(failover.recoveredAfterMs).toEqual({ read: 4000, write: 6000 });
  expect(failover.readShare.before).toEqual({ server1: 0, server2: 0.5, server3: 0.5 });
  expect(failover.readShare.during).toEqual({ server1: 0, server2: 1, server3: 0 });
  expect(failover.readShare.after.server3).toBeCloseTo(2 / 3, 2);
  expect(failover.spike.read).toMatchObject({ baselineP99Ms: 0.84 });
  expect(failover.spike.read?.p99Ms).toBeGreaterThan(6.5);
  const share = failover.weightRestoredAfterMs.server3;
  expect(share).toBeGreaterThanOrEqual(1000);
  expect(share).toBeLessThanOrEqual(2000);
  expect(Object.keys(failover.weightRestoredAfterMs)).toEqual(['server3']);
});

test('offload counts a promoted standby as the primary it is', () => {
  const { offload, backends } = summarise(rehearsal());
  const [, second, third] = backends;
  const reads = (second?.reads ?? 0) + (third?.reads ?? 0);
  expect(second).toMatchObject({ roleAtStart: 'standby', roleAtEnd: 'primary', weight: 1 });
  expect(reads).toBe(11_394);
  // server2 is primary from 24 s on: alone for 4 s, then with a third of the reads for 22 s.
  const asPrimary = 270 * 4 + (270 * 22) / 3;
  expect(offload).toBeCloseTo(1 - asPrimary / reads, 2);
});

test('counts leave the warm-up out and agree with each other', () => {
  const { classes, conservation, load } = summarise(rehearsal());
  expect(load).toMatchObject({ durationMs: 50_000, warmupMs: 4000 });
  expect(classes.write).toMatchObject({ due: 1380, ok: 1206, failed: 0, unknown: 0, skipped: 174 });
  expect(classes.read?.errors).toEqual({ XX000: 1026 });
  expect(classes.write?.perSecond).toBeCloseTo(1206 / 46, 6);
  expect(conservation.holds).toBe(true);
  expect(conservation.checks).toContainEqual({
    name: 'rows = ok - lost + unknown that committed',
    expected: 1326,
    actual: 1326,
  });
});

test('operations that were not answered ok have the latencies of their class and outcome in the measured time, from their due time', () => {
  const recording = buildRecording({});
  const missed = (startMs: number, spanMs: number, place: Pick<LatencySlice, 'className' | 'outcome'>) => {
    const [latency, service] = [newHistogram(), newHistogram()];
    recordMs(latency, spanMs);
    recordMs(service, spanMs / 2);
    return { startMs, lengthMs: 1000, server: '?', ...place, latency, service };
  };
  const { classes } = summarise({
    ...recording,
    missed: [
      // The warm-up ends at 2 s.
      missed(1000, 900, { className: 'read', outcome: 'failed' }),
      missed(2000, 100, { className: 'read', outcome: 'failed' }),
      missed(3000, 200, { className: 'read', outcome: 'unknown' }),
      missed(3000, 800, { className: 'write', outcome: 'failed' }),
      missed(4000, 50, { className: 'read', outcome: 'failed' }),
    ],
  });
  const { failedMs, unknownMs, latencyMs } = classes.read ?? {};
  expect([failedMs?.p50, failedMs?.max].map((spanMs) => Math.round(spanMs ?? 0))).toEqual([50, 100]);
  expect([unknownMs?.p50, unknownMs?.max].map((spanMs) => Math.round(spanMs ?? 0))).toEqual([200, 200]);
  expect(latencyMs).toEqual(summarise(recording).classes.read?.latencyMs);
});

test('a drill without effect: no outage, nothing degraded, recovered at once, no phases', () => {
  const events = [...atStart, ...drill('rebuild', 'server3', [5000, 5000, 6000])];
  const rebuild = only(summarise(buildRecording({ events })).drills);
  expect(rebuild.outages).toEqual({ read: [] });
  expect(rebuild.degraded).toEqual({ read: [] });
  expect(rebuild.recoveredAfterMs).toEqual({ read: 0 });
  expect(rebuild.spike.read).toMatchObject({ lengthMs: 0 });
  expect(rebuild.timeline).toEqual([]);
  expect(rebuild.weightRestoredAfterMs).toEqual({});
});

test('two outages in one drill stay two; degradation until the end is no recovery', () => {
  const events = [...atStart, ...drill('failover', 'server1', [5000, 5000, 5100])];
  const outages = [
    { className: 'read', startMs: 5000, endMs: 6000 },
    { className: 'read', startMs: 7000, endMs: 7500 },
    { className: 'read', startMs: 9500, endMs: 10_000 },
  ];
  const summary = summarise(buildRecording({ events, outages }));
  const failover = only(summary.drills);
  expect(failover.outages.read?.map(({ lost }) => lost)).toEqual([100, 50, 50]);
  expect(failover.degraded.read).toEqual([
    { startMs: 5000, endMs: 6000 },
    { startMs: 7000, endMs: 8000 },
    { startMs: 9000, endMs: 10_000 },
  ]);
  expect(failover.recoveredAfterMs).toEqual({ read: null });
  expect(summary.notMeasured.map(({ field }) => field)).toContain('drills[failover].recoveredAfterMs.read');
});

test('an outage before every drill is told, not hidden', () => {
  const outages = [{ className: 'read', startMs: 3000, endMs: 4000 }];
  const { verdict } = summarise(buildRecording({ outages }));
  expect(verdict.result).toBe('pass');
  expect(verdict.reasons).toHaveLength(1);
  expect(verdict.reasons[0]).toMatch(/read outage of 1\.01 s/);
});

test('a resumed server is attached and carries its weight', () => {
  const events = [
    ...atStart,
    listed(3000, 'server3', ['down', 'standby']),
    ...drill('resume', 'server3', [5000, 5020, 5400]),
    ...command('server3', 'loadBalancerAttach', { startMs: 5200, endMs: 5300 }),
    listed(5300, 'server3', ['waiting', 'standby']),
  ];
  const readers = (dueMs: number) => (dueMs < 7000 ? ['server2'] : ['server2', 'server3']);
  const resume = only(summarise(buildRecording({ events, readers })).drills);
  expect(resume.timeline).toEqual([{ name: 'standbysAttached', startMs: 5020, endMs: 5300, boundBy: null }]);
  // A window of 1 s holds 40 % of server3's reads once it reaches 0.8 s beyond 7 s.
  expect(resume.weightRestoredAfterMs).toEqual({ server3: 7800 - 5300 });
  expect(resume.readShare).toMatchObject({
    before: { server2: 1, server3: 0 },
    after: { server3: 150 / 460 },
  });
});

test('a lost commit belongs to the failover that lost it, although it was acknowledged before', () => {
  const recording = rehearsal();
  const ok = recording.ledger?.ok ?? 0;
  const ledger = {
    ok,
    unknown: 0,
    failed: 0,
    found: ok - 2,
    unknownFound: 0,
    failedFound: 0,
    lostAtMs: [19_950, 19_990],
  };
  const summary = summarise({ ...recording, ledger });
  expect(only(summary.drills).lostCommits).toBe(2);
  expect(summary.conservation.holds).toBe(true);
});

test('prediction and measurement meet: predicted minus measured', () => {
  const predicted = summarise(rehearsal('simulated', 300));
  const measured = only(summarise(rehearsal(), { predicted }).drills);
  expect(measured.predicted?.outages).toEqual(predicted.drills[0]?.outages);
  expect(measured.predictionError?.writeOutageMs).toBeCloseTo(300, -2);
  expect(summarise(rehearsal()).drills[0]?.predictionError).toBeNull();
});

test('no outage in one of the two worlds leaves no error to state', () => {
  const events = [...atStart, ...drill('failover', 'server1', [5000, 5000, 5100])];
  const outages = [{ className: 'read', startMs: 5000, endMs: 6000 }];
  const predicted = summarise(buildRecording({ events, world: 'simulated' }));
  const measured = only(summarise(buildRecording({ events, outages }), { predicted }).drills);
  expect(measured.predictionError).toEqual({ readOutageMs: null, writeOutageMs: null });
});

test('two primaries at once are a split brain; a moment of overlap is not', () => {
  const overlapOf = (spanMs: number) =>
    summarise(
      buildRecording({
        events: [...atStart, role(5000, 'server2', 'primary'), role(5000 + spanMs, 'server1', 'down')],
      }),
    ).verdict;
  expect(overlapOf(900).result).toBe('pass');
  expect(overlapOf(1100)).toMatchObject({
    result: 'fail',
    reasons: [expect.stringContaining('server1 and server2')],
  });
});

test('a split brain that never ends is found too', () => {
  const { verdict } = summarise(buildRecording({ events: [...atStart, role(5000, 'server2', 'primary')] }));
  expect(verdict.result).toBe('fail');
});

test('a generator behind its schedule and counts that differ make a run invalid, whatever else it shows', () => {
  const late = summarise(
    buildRecording({ measureMs: 12_000, scheduleLagMs: (startMs) => (startMs % 1000 === 0 ? 80 : 1) }),
  );
  expect(late.generator).toMatchObject({ saturated: true });
  expect(late.verdict.result).toBe('invalid');
  const recording = rehearsal();
  const counters = [{ name: 'transactions', expected: 3, actual: 4 }];
  expect(summarise({ ...recording, counters }).verdict).toMatchObject({
    result: 'invalid',
    reasons: ['counts do not agree: transactions: expected 3, found 4'],
  });
  const lossy = (actual: number) => [{ name: 'SELECTs', expected: 3000, actual, mayMiss: 3 }];
  const resultOf = (actual: number) => summarise({ ...recording, counters: lossy(actual) }).verdict.result;
  expect([2997, 2996, 3001].map(resultOf)).toEqual(['pass', 'invalid', 'invalid']);
});

test('one slow slice in thirty does not saturate', () => {
  const { generator } = summarise(
    buildRecording({ scheduleLagMs: (startMs) => (startMs % 3000 === 0 ? 80 : 1) }),
  );
  expect(generator).toMatchObject({ saturated: false, scheduleLagMs: { p95: 1, max: 80 } });
});

test('a cluster that did not come back fails the run; one that had no time to proves nothing', () => {
  const dead = (startMs: number) => ({
    measureMs: 28_000,
    events: [...atStart, ...drill('failover', 'server1', [startMs, startMs, startMs + 10])],
    outages: [{ className: 'read', startMs, endMs: 30_000 }],
  });
  const failed = summarise(buildRecording(dead(10_000))).verdict;
  expect(failed.result).toBe('fail');
  expect(failed.reasons[0]).toMatch(/^no read was answered from 10\.0+ s to the end of the load$/);
  expect(summarise(buildRecording(dead(27_000))).verdict.result).toBe('unknown');
});

test('a silence without a drill that lasts to the end fails the run; a stall in its last moment does not', () => {
  const silent = (startMs: number) =>
    buildRecording({ measureMs: 28_000, outages: [{ className: 'read', startMs, endMs: 30_000 }] });
  expect(summarise(silent(5000)).verdict.result).toBe('fail');
  const stalled = {
    measureMs: 28_000,
    events: [...atStart, ...drill('failover', 'server1', [6000, 6000, 6010])],
    outages: [{ className: 'read', startMs: 29_400, endMs: 30_000 }],
  };
  expect(summarise(buildRecording(stalled)).verdict.result).toBe('pass');
});

test('a recording that stops before the end of the load proves nothing, and is not called inconsistent', () => {
  const whole = buildRecording({ cutShort: true });
  const { verdict, conservation } = summarise({ ...whole, latency: whole.latency.slice(0, -1) });
  expect(verdict).toEqual({ result: 'unknown', reasons: ['the recording stops before the end of the load'] });
  expect(conservation.holds).toBe(true);
});

test('what the run noted against itself makes it invalid', () => {
  const noted = {
    type: 'probe',
    atMs: 9000,
    observer: 'run',
    target: 'load',
    ok: false,
    detail: 'worker 1 was lost',
  } as const;
  expect(summarise(buildRecording({ events: [noted] })).verdict).toEqual({
    result: 'invalid',
    reasons: ['worker 1 was lost'],
  });
});

test('an interrupted run is summed up to where it got', () => {
  const recording = rehearsal();
  const events = [
    ...recording.events,
    { type: 'phase' as const, atMs: 22_000, name: 'interrupted' as const },
  ];
  const cut = { ...recording, events, intervals: recording.intervals.slice(0, 220) };
  const { verdict, drills, load } = summarise(cut);
  expect(load.durationMs).toBe(22_000);
  expect(verdict.reasons).toContain('the run was interrupted');
  expect(only(drills).outages.write?.[0]?.endMs).toBe(22_000);
});

test('a refused drill fails the run, a recording of nothing is invalid', () => {
  const refused = drill('switchover', null, [5000, 5000, 5100]).map((event) =>
    event.type === 'drill' && event.moment === 'ended'
      ? { ...event, ok: false, detail: 'no standby' }
      : event,
  );
  const { verdict } = summarise(buildRecording({ events: [...atStart, ...refused] }));
  expect(verdict).toEqual({ result: 'fail', reasons: ['drill switchover did not succeed: no standby'] });
  const nothing = { ...buildRecording({}), intervals: [], latency: [], events: [] };
  expect(summarise(nothing)).toMatchObject({ verdict: { result: 'invalid' }, offload: null, drills: [] });
});

test('the drill without a baseline says so', () => {
  const events = [...atStart, ...drill('failover', 'server1', [2500, 2500, 2600])];
  const summary = summarise(buildRecording({ events }));
  expect(only(summary.drills)).toMatchObject({ recoveredAfterMs: { read: null }, spike: { read: null } });
  expect(summary.notMeasured.map(({ field }) => field)).toContain(
    'drills[].degraded, spike, recoveredAfterMs',
  );
});

test('the phases of a failover found again after another drill do not mix', () => {
  const events = [...atStart, ...drill('rebuild', 'server1', [2500, 2500, 2600]), ...failoverEvents(4000)];
  const { drills } = summarise(buildRecording({ events, measureMs: 18_000 }));
  // All eleven but the first write: this load has none.
  expect(drills.map(({ timeline }) => timeline.length)).toEqual([0, 10]);
});
