// Goal: a sweep's page works in a real browser, from disk, without a network. Method: headless Chromium opens the page of a
// small sweep in virtual time; what it draws and shows is compared with the result.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SweepResult } from '../../src/analysis/sweep-result.ts';
import { formatEstimate } from '../../src/report/sweep-cells.ts';
import { renderSweepHtml } from '../../src/report/sweep-html.ts';
import { parseAxis } from '../../src/study/sweep/axes.ts';
import { sweep } from '../../src/study/sweep.ts';
import { chartsOf, dark, type OpenPage, openPage, widthsOf } from './open-page.ts';

let folder: string;
let result: SweepResult;
let opened: OpenPage;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pgdrill-sweep-page-'));
  const sets = [
    'standbys=1,2,3,4,5,6',
    'load.classes.read.perSecond=3000',
    'load.sessionLifetime=1s',
    'phases.warmup=500ms',
    'phases.measure=1s',
  ];
  result = await sweep(
    {
      scenario: join(import.meta.dirname, '../../workloads/compare-weights.yaml'),
      world: 'simulated',
      axes: sets.map(parseAxis),
      repeat: 2,
      wanted: null,
      mostRuns: 2,
      folder: join(folder, 'sweep'),
      resume: false,
      threads: 0,
    },
    { progress: () => undefined, signal: new AbortController().signal, onResult: () => undefined },
  );
  opened = await openPage(renderSweepHtml(result));
}, 120_000);

afterAll(async () => {
  await opened?.close();
  rmSync(folder, { recursive: true, force: true });
}, 30_000);

test('the page opens without complaint and asks for nothing but itself', () => {
  expect(opened.complaints).toEqual([]);
  expect(opened.requests).toHaveLength(1);
  expect(opened.requests[0]).toMatch(/^file:/);
});

test('offload, throughput, latency and the fitted law are drawn', async () => {
  expect(await opened.page.locator('html').getAttribute('data-charts')).toBe('4');
  const charts = await chartsOf(opened.page);
  expect(charts).toHaveLength(4);
  for (const { width, colours } of charts) {
    expect(width).toBeGreaterThan(1000);
    expect(colours.length).toBeGreaterThan(10);
  }
});

test('the table holds the numbers of every cell', async () => {
  const rows = opened.page.locator('table', { hasText: 'runs' }).first().locator('tbody tr');
  expect(await rows.count()).toBe(6);
  const kind = result.figures.find(({ name }) => name === 'read.perSecond');
  const text = await rows.nth(3).textContent();
  expect(kind && text?.includes(formatEstimate(result.cells[3]?.estimates['read.perSecond'], kind))).toBe(
    true,
  );
});

test('the charts follow the window and the theme', async () => {
  const { page, complaints } = opened;
  await page.setViewportSize({ width: 800, height: 1200 });
  await expect.poll(async () => (await widthsOf(page)).chart).toBeLessThan(800);
  expect((await widthsOf(page)).page).toBeLessThanOrEqual(800);
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect.poll(async () => (await chartsOf(page))[0]?.colours).toContain(dark.read);
  expect(await chartsOf(page)).toHaveLength(4);
  expect(complaints).toEqual([]);
});
