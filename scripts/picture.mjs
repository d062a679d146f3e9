// Draws docs/report.png from a result folder: node scripts/picture.mjs FOLDER
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [folder] = process.argv.slice(2);
if (!folder) {
  process.stderr.write('usage: node scripts/picture.mjs RESULT_FOLDER\n');
  process.exit(1);
}
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
const page = await browser.newPage({ viewport: { width: 1100, height: 2150 } });
await page.goto(pathToFileURL(join(resolve(folder), 'report.html')).href);
await page.screenshot({ path: join(import.meta.dirname, '../docs/report.png') });
await browser.close();
