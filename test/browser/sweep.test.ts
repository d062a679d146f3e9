// Goal: a sweep's page works in a real browser, from disk, without a network. Method: headless Chromium opens the page of a
// small sweep in virtual time; what it draws and shows is compared with the result.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BrowserContext, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SweepResult } from '../../src/analysis/sweep-result.ts';
import { formatEstimate } from '../../src/report/sweep-cells.ts';
import { renderSweepHtml } from '../../src/report/sweep-html.ts';
import { parseAxis } from '../../src/study/sweep/axes.ts';
import { sweep } from '../../src/study/sweep.ts';

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

let folder: string;
let result: SweepResult;
let context: BrowserContext;
let page: Page;
const complaints: string[] = [];
const requests: string[] = [];

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
  const file = join(folder, 'sweep.html');
  writeFileSync(file, renderSweepHtml(result));
  context = await chromium.launchPersistentContext(join(folder, 'profile'), {
    executablePath: '/usr/bin/chromium',
    args: flags,
    viewport: { width: 1400, height: 2400 },
  });
  page = await context.newPage();
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(pathToFileURL(file).href);
}, 120_000);

afterAll(async () => {
  await context?.close();
  rmSync(folder, { recursive: true, force: true });
}, 30_000);

/** Colours in each chart's canvas, and its width; runs in the page. */
const inkOfCharts = `[...document.querySelectorAll('.chart canvas')].map((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 200) colours.add(data[at] * 65536 + data[at + 1] * 256 + data[at + 2]);
  return { width: canvas.clientWidth, colours: colours.size };
})`;

test('the page opens without complaint and asks for nothing but itself', () => {
  expect(complaints).toEqual([]);
  expect(requests).toHaveLength(1);
  expect(requests[0]).toMatch(/^file:/);
});

test('offload, throughput, latency and the fitted law are drawn', async () => {
  expect(await page.locator('html').getAttribute('data-charts')).toBe('4');
  const charts = await page.evaluate<{ width: number; colours: number }[]>(inkOfCharts);
  expect(charts).toHaveLength(4);
  for (const { width, colours } of charts) {
    expect(width).toBeGreaterThan(1000);
    expect(colours).toBeGreaterThan(10);
  }
});

test('the table holds the numbers of every cell', async () => {
  const rows = page.locator('table', { hasText: 'runs' }).first().locator('tbody tr');
  expect(await rows.count()).toBe(6);
  const kind = result.figures.find(({ name }) => name === 'read.perSecond');
  const text = await rows.nth(3).textContent();
  expect(kind && text?.includes(formatEstimate(result.cells[3]?.estimates['read.perSecond'], kind))).toBe(
    true,
  );
});

test('the charts follow the window and the theme', async () => {
  await page.setViewportSize({ width: 800, height: 1200 });
  const widest =
    'Math.max(...[...document.querySelectorAll(".chart canvas")].map((canvas) => canvas.clientWidth))';
  await expect.poll(() => page.evaluate(widest)).toBeLessThan(800);
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(800);
  await page.emulateMedia({ colorScheme: 'dark' });
  expect(await page.evaluate(inkOfCharts)).toHaveLength(4);
  expect(complaints).toEqual([]);
});
