// Goal: the report works in a real browser, from disk, without a network. Method: headless Chromium opens the page; what it
// shows is compared with the summary that it was made from.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BrowserContext, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { summarise } from '../../src/analysis/summary.ts';
import { formatShare, formatSpan } from '../../src/report/format.ts';
import { renderHtml } from '../../src/report/html.ts';
import { rehearsal } from '../analysis/rehearsal.ts';

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const summary = summarise(rehearsal(), { predicted: summarise(rehearsal('simulated', 300)) });
let folder: string;
let context: BrowserContext;
let page: Page;
const complaints: string[] = [];
const requests: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pgdrill-browser-'));
  const file = join(folder, 'report.html');
  writeFileSync(file, renderHtml(summary, rehearsal()));
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
}, 60_000);

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

test('every chart is drawn', async () => {
  const charts = await page.evaluate<{ width: number; colours: number }[]>(inkOfCharts);
  expect(charts).toHaveLength(4);
  for (const { width, colours } of charts) {
    expect(width).toBeGreaterThan(1000);
    expect(colours).toBeGreaterThan(10);
  }
});

test('the key numbers are those of the summary', async () => {
  const textOf = (id: string) => page.locator(`#key-${id}`).textContent();
  expect(await page.locator('#verdict').textContent()).toBe(summary.verdict.result);
  expect(await textOf('longest-write')).toBe(formatSpan(summary.drills[0]?.outages.write?.[0]?.lengthMs));
  expect(await textOf('longest-read')).toBe(formatSpan(summary.drills[0]?.outages.read?.[0]?.lengthMs));
  expect(await textOf('p99-read')).toBe(formatSpan(summary.classes.read?.latencyMs?.p99));
  expect(await textOf('offload')).toBe(formatShare(summary.offload));
});

test('the timeline of the drill stands there with both worlds and the settings', async () => {
  const timeline = page.locator('svg.timeline');
  expect(await timeline.count()).toBe(1);
  expect(await timeline.locator('rect.own').count()).toBe(summary.drills[0]?.timeline.length);
  expect(await timeline.locator('rect.simulated').count()).toBe(13);
  expect(await timeline.textContent()).toContain('search_primary_node_timeout = 3 (pgpool.conf)');
  const box = await timeline.boundingBox();
  expect(box?.height).toBeGreaterThan(400);
});

test('the charts follow the window, the theme and the printer', async () => {
  await page.setViewportSize({ width: 800, height: 1200 });
  const widest =
    'Math.max(...[...document.querySelectorAll(".chart canvas")].map((canvas) => canvas.clientWidth))';
  await expect.poll(() => page.evaluate(widest)).toBeLessThan(800);
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(800);
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.emulateMedia({ media: 'print' });
  const printed = await page.evaluate<{ width: number; colours: number }[]>(inkOfCharts);
  expect(printed).toHaveLength(4);
  expect(complaints).toEqual([]);
});
