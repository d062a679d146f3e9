import { expect, test } from 'vitest';
import { summarise } from '../../src/analysis/summary.ts';
import { judgeThresholds, printMetric } from '../../src/analysis/thresholds.ts';
import type { Recording } from '../../src/recording/recording.ts';
import { renderHtml } from '../../src/report/html.ts';
import { renderTerminal } from '../../src/report/terminal.ts';
import { rehearsal } from './rehearsal.ts';

// Goal: a threshold is judged on the figure it names, and crossing one is a failed verdict in every report.
// Method: the failover made by code, whose figures the other tests work out.

const summary = summarise(rehearsal());

function judgedBy(thresholds: string[]): Recording {
  const { manifest, ...rest } = rehearsal();
  return { ...rest, manifest: { ...manifest, scenario: { ...manifest.scenario, thresholds } } };
}

function judge(text: string) {
  const [judged] = judgeThresholds([text], summary);
  if (!judged) throw new Error('one threshold, one judgement');
  return judged;
}

test('each metric is the figure of the summary', () => {
  const { read, write } = summary.classes;
  expect(judge('read.p99 < 1ms').value).toBe(read?.latencyMs?.p99);
  expect(judge('write.service.max < 1ms').value).toBe(write?.serviceMs?.max);
  expect(judge('read.perSecond > 1/s').value).toBe(read?.perSecond);
  expect(judge('offload > 1%').value).toBe(summary.offload);
  const lost = (write?.failed ?? 0) + (write?.unknown ?? 0);
  expect(judge('write.errors < 1').value).toBe(lost);
  expect(judge('write.failedShare < 1%').value).toBeCloseTo(lost / (write?.due ?? 0), 12);
  expect(judge('read.skippedShare < 1%').value).toBeCloseTo((read?.skipped ?? 0) / (read?.due ?? 0), 12);
  const longest = Math.max(
    ...summary.drills.flatMap(({ outages }) => outages.write ?? []).map((one) => one.lengthMs),
  );
  expect(longest).toBeGreaterThan(1000);
  expect(judge('outage.write < 1s')).toMatchObject({ value: longest, unit: 'ms', result: 'fail' });
  expect(judge('outage.write < 1min').result).toBe('pass');
});

test('an outage outside every drill counts, and none is a length of 0', () => {
  const calm = { ...summary, drills: [] };
  expect(judgeThresholds(['outage.read < 1s'], calm)).toMatchObject([{ value: 0, result: 'pass' }]);
  const outage = { startMs: 0, endMs: 4000, lengthMs: 4000, lost: 9 };
  const stray = [{ className: 'read', outage }];
  expect(judgeThresholds(['outage.read < 1s', 'outage.write < 1s'], calm, stray)).toMatchObject([
    { value: 4000, result: 'fail' },
    { value: 0, result: 'pass' },
  ]);
});

test('what was not measured is unknown, never a pass', () => {
  const read = { ...(summary.classes.read ?? raise()), latencyMs: null, due: 0 };
  const blind = { ...summary, classes: { read }, offload: null };
  const texts = ['read.p99 < 1s', 'write.p99 < 1s', 'offload > 1%', 'read.failedShare < 1%', 'nonsense'];
  expect(judgeThresholds(texts, blind).map(({ value, result }) => [value, result])).toEqual(
    texts.map(() => [null, 'unknown']),
  );
});

test('a crossed threshold fails the run and says by how much', () => {
  const failed = summarise(judgedBy(['outage.write < 1s', 'read.p50 < 1s']));
  expect(failed.verdict.result).toBe('fail');
  expect(failed.verdict.reasons.join()).toMatch(/threshold crossed: outage\.write < 1s, found \d\.\d+ s/);
  expect(failed.thresholds).toMatchObject([{ result: 'fail' }, { result: 'pass' }]);
  expect(renderTerminal(failed)).toMatch(/THRESHOLDS[\s\S]*outage\.write < 1s +\d\.\d+ s +fail/);
  expect(renderHtml(failed, rehearsal())).toMatch(/id="thresholds"[\s\S]*outage\.write &lt; 1s/);
});

test('a threshold that could not be judged leaves the verdict unknown', () => {
  const { verdict } = summarise(judgedBy(['nonsense']));
  expect(verdict).toEqual({ result: 'unknown', reasons: ['threshold nonsense: not measured'] });
});

test('values are printed with their units', () => {
  expect(printMetric(12.34, 'ms')).toBe('12 ms');
  expect(printMetric(0, 'ms')).toBe('0 s');
  expect(printMetric(0.987, 'share')).toBe('98.7 %');
  expect(printMetric(0.00012, 'share')).toBe('0.012 %');
  expect(printMetric(1234.5, 'perSecond')).toBe('1235/s');
  expect(printMetric(3, 'count')).toBe('3');
  expect(printMetric(null, 'ms')).toBe('not measured');
});

function raise(): never {
  throw new Error('the rehearsal has reads');
}
