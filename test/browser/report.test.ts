// Goal: the report works in a real browser, from disk, without a network. Method: headless Chromium opens the page; what it
// shows is compared with the summary that it was made from.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatShare, formatSpan } from '../../src/report/format.ts';
import { renderHtml } from '../../src/report/html.ts';
import { rehearsal } from '../analysis/rehearsal.ts';
import { predictedRehearsal } from '../report/extremes.ts';
import { chartsOf, dark, light, type OpenPage, openPage, widthsOf } from './open-page.ts';

const summary = predictedRehearsal();
let opened: OpenPage;

beforeAll(async () => {
  opened = await openPage(renderHtml(summary, rehearsal()));
}, 60_000);

afterAll(async () => {
  await opened?.close();
}, 30_000);

test('the page opens without complaint and asks for nothing but itself', () => {
  expect(opened.complaints).toEqual([]);
  expect(opened.requests).toHaveLength(1);
  expect(opened.requests[0]).toMatch(/^file:/);
});

test('every chart is drawn', async () => {
  const charts = await chartsOf(opened.page);
  expect(charts).toHaveLength(4);
  expect(charts[0]?.colours).toContain(light.read);
  for (const { width, colours, veiled } of charts) {
    expect(veiled).toBeGreaterThan(1000);
    expect(width).toBeGreaterThan(1000);
    expect(colours.length).toBeGreaterThan(10);
  }
});

test('the key numbers are those of the summary', async () => {
  const textOf = (id: string) => opened.page.locator(`#key-${id}`).textContent();
  expect(await opened.page.locator('#verdict').textContent()).toBe(summary.verdict.result);
  expect(await textOf('longest-write')).toBe(formatSpan(summary.drills[0]?.outages.write?.[0]?.lengthMs));
  expect(await textOf('longest-read')).toBe(formatSpan(summary.drills[0]?.outages.read?.[0]?.lengthMs));
  expect(await textOf('p99-read')).toBe(formatSpan(summary.classes.read?.latencyMs?.p99));
  expect(await textOf('offload')).toBe(formatShare(summary.offload));
});

test('the timeline of the drill stands there with both worlds and the settings', async () => {
  const timeline = opened.page.locator('svg.timeline');
  expect(await timeline.count()).toBe(1);
  expect(await timeline.locator('rect.own').count()).toBe(summary.drills[0]?.timeline.length);
  expect(await timeline.locator('rect.simulated').count()).toBe(13);
  expect(await timeline.textContent()).toContain('search_primary_node_timeout = 3 (pgpool.conf)');
  const box = await timeline.boundingBox();
  expect(box?.height).toBeGreaterThan(400);
});

test('the charts follow the window, the theme and the printer', async () => {
  const { page, complaints } = opened;
  await page.setViewportSize({ width: 800, height: 1200 });
  await expect.poll(async () => (await widthsOf(page)).chart).toBeLessThan(800);
  expect((await widthsOf(page)).page).toBeLessThanOrEqual(800);
  await page.emulateMedia({ colorScheme: 'dark' });
  const readInks = async (): Promise<number[]> => (await chartsOf(page))[0]?.colours ?? [];
  await expect.poll(readInks).toContain(dark.read);
  await page.emulateMedia({ media: 'print' });
  await expect.poll(readInks).toContain(light.read);
  expect(await chartsOf(page)).toHaveLength(4);
  expect(complaints).toEqual([]);
});
