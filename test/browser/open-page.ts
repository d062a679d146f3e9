import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, type Page } from 'playwright-core';

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Inks of `pageStyle` by theme. */
export const light = { read: 0x0072b2 };
export const dark = { read: 0x56b4e9 };

/** A page that headless Chromium opened from disk, and what it did that it should not. */
export interface OpenPage {
  page: Page;
  complaints: string[];
  requests: string[];
  close: () => Promise<void>;
}

/** Opens HTML in a browser with a profile of its own; `close` removes both. */
export async function openPage(html: string): Promise<OpenPage> {
  const folder = mkdtempSync(join(tmpdir(), 'pgdrill-browser-'));
  const file = join(folder, 'page.html');
  writeFileSync(file, html);
  const context = await chromium.launchPersistentContext(join(folder, 'profile'), {
    executablePath: '/usr/bin/chromium',
    args: flags,
    viewport: { width: 1400, height: 2400 },
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(pathToFileURL(file).href);
  const close = async (): Promise<void> => {
    await context.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { page, complaints, requests, close };
}

/** One chart as it stands in the page. */
interface DrawnChart {
  width: number;
  /** Colours of its canvas, 0xRRGGBB. */
  colours: number[];
  /** Pixels under a translucent veil: drills and outages. */
  veiled: number;
}

export function chartsOf(page: Page): Promise<DrawnChart[]> {
  return page.evaluate(`[...document.querySelectorAll('.chart canvas')].map((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const colours = new Set();
    let veiled = 0;
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] > 200) colours.add(data[at] * 65536 + data[at + 1] * 256 + data[at + 2]);
      else if (data[at + 3] > 25 && data[at + 3] < 80) veiled += 1;
    }
    return { width: canvas.clientWidth, colours: [...colours], veiled };
  })`);
}

/** How wide the widest chart and the whole page are. */
export function widthsOf(page: Page): Promise<{ chart: number; page: number }> {
  return page.evaluate(`({
    chart: Math.max(...[...document.querySelectorAll('.chart canvas')].map((canvas) => canvas.clientWidth)),
    page: document.documentElement.scrollWidth,
  })`);
}
