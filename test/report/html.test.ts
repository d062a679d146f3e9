// Goal: the page is one safe file. What it looks like in a browser is asked in test/browser.
import { expect, test } from 'vitest';
import { summarise } from '../../src/analysis/summary.ts';
import { chartData } from '../../src/report/charts.ts';
import { renderHtml } from '../../src/report/html.ts';
import { escapeHtml, scriptJson } from '../../src/report/html-text.ts';
import { timelineSvg } from '../../src/report/timeline-svg.ts';
import { buildRecording } from '../analysis/build-recording.ts';
import { rehearsal } from '../analysis/rehearsal.ts';
import { predictedRehearsal } from './extremes.ts';

test('names are text, never markup, in the page and in its data', () => {
  const recording = rehearsal();
  const summary = predictedRehearsal();
  const evil = '</script><script>alert(1)</script>';
  summary.name = evil;
  const [drill] = summary.drills;
  if (drill) drill.id = evil;
  const page = renderHtml(summary, recording);
  expect(page).not.toContain(evil);
  expect(page).not.toContain('<b>&"made');
  expect(scriptJson({ evil })).not.toContain('<');
  expect(JSON.parse(scriptJson({ evil }))).toEqual({ evil });
  expect(escapeHtml(`<a href="x" b='y'>&`)).toBe('&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;');
});

test('how long operations that were not answered ok kept their clients waiting stands below the load', () => {
  const summary = predictedRehearsal();
  const { read } = summary.classes;
  if (!read) throw new Error('no class read');
  expect(renderHtml(summary, rehearsal())).not.toMatch(/read: (failed|unknown) after/);
  const spans = { p50: 20, p95: 400, p99: 500, p999: 600, max: 7000, mean: 30 };
  Object.assign(read, { failedMs: spans, unknownMs: { ...spans, max: 8000 } });
  expect(/read: failed after [^<]*/.exec(renderHtml(summary, rehearsal()))?.[0]).toBe(
    'read: failed after 20 ms (p50), 500 ms (p99), 7.00 s (max); unknown after 20 ms (p50), 500 ms (p99), 8.00 s (max).',
  );
});

test('nothing in the page points outside', () => {
  const page = renderHtml(predictedRehearsal(), rehearsal());
  expect(page).not.toMatch(/(src|href)\s*=/);
  expect(page).not.toMatch(/@import|url\(/);
  expect(page).toContain("default-src 'none'");
});

test('an hour of load stays below 2 MB', () => {
  const recording = buildRecording({
    measureMs: 3_598_000,
    classes: [
      { name: 'read', perSecond: 20 },
      { name: 'write', perSecond: 5 },
    ],
  });
  const page = renderHtml(summarise(recording), recording);
  expect(Buffer.byteLength(page)).toBeLessThan(2_000_000);
});

test('charts hold the seconds of the run, gaps where nothing was answered', () => {
  const { charts, times, changes, drills } = chartData(predictedRehearsal(), rehearsal());
  expect(times).toHaveLength(50);
  const byId = new Map(charts.map((chart) => [chart.id, chart]));
  expect(byId.get('rate-read')?.series[0]?.values.slice(19, 24)).toEqual([270, 0, 0, 0, 52]);
  expect(byId.get('latency')?.series[1]?.values.slice(19, 23)).toEqual([0.84, null, null, null]);
  expect(byId.get('share')?.series.map(({ values }) => values[10])).toEqual([0, 50, 50]);
  expect(changes).toEqual([
    { at: 20.15, label: 'server1 is down' },
    { at: 24, label: 'server2 is primary' },
  ]);
  const [failover] = predictedRehearsal().drills;
  const seconds = (ms: number | undefined): number => (ms ?? Number.NaN) / 1000;
  expect(drills).toEqual([{ label: 'failover', from: 20, to: seconds(failover?.endMs) }]);
  const [outage] = failover?.outages.write ?? [];
  expect(byId.get('rate-write')?.outages).toEqual([[seconds(outage?.startMs), seconds(outage?.endMs)]]);
});

test('a timeline has a bar for each outage and phase of both worlds', () => {
  const [drill] = predictedRehearsal().drills;
  const svg = drill ? timelineSvg(drill, 'measured') : '';
  const count = (kind: string): number => svg.split(`<rect class="${kind}"`).length - 1;
  expect([count('outage'), count('own'), count('simulated')]).toEqual([2, 11, 13]);
  expect(svg).toContain('local.timeout = 4 (efm.properties)');
  expect(svg).not.toContain('NaN');
  const detect = svg.split('<g>').find((row) => row.includes('>detect</text>')) ?? '';
  const [own, simulated] = [...detect.matchAll(/<rect class="(?:own|simulated)" x="([\d.]+)"/g)].map(
    ([, x]) => x,
  );
  expect(own).toBeDefined();
  expect(simulated).toBe(own);
});

test('outages count from the injection, and counts that differ stand out', () => {
  const summary = predictedRehearsal();
  const page = renderHtml(summary, rehearsal());
  expect(page).toContain('<td class="number">-13 ms</td>');
  expect(page).not.toContain('DIFFERS');
  const [check] = summary.conservation.checks;
  if (check) check.actual += 1;
  expect(renderHtml(summary, rehearsal())).toContain('DIFFERS');
});

test('a drill without outage and phase has no picture', () => {
  const [drill] = predictedRehearsal().drills;
  const bare = drill && { ...drill, timeline: [], outages: { read: [] }, predicted: null };
  expect(bare && timelineSvg(bare, 'measured')).toBe('');
});
