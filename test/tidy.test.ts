// Goal: the map stays true. The layer check really looked at the modules, files stay small, and what the documents
// name exists.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder)).flatMap((name) => {
    const path = join(folder, name);
    return statSync(join(root, path)).isDirectory() ? filesBelow(path) : [path];
  });
}

const sources = filesBelow('src').filter((file) => file.endsWith('.ts'));

test('the layer check cruises every module and finds the layers kept', () => {
  const args = ['--config', '.dependency-cruiser.mjs', '--output-type', 'json', 'src'];
  const report = JSON.parse(
    execFileSync(join(root, 'node_modules/.bin/depcruise'), args, {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 64e6,
    }),
  );
  const ours = report.modules.filter(({ source }: { source: string }) => source.startsWith('src/'));
  expect(ours.length).toBe(sources.length);
  expect(ours.length).toBeGreaterThan(100);
  expect(report.summary.violations).toEqual([]);
});

test('files are about 300 lines at most', () => {
  const long = sources.filter((file) => readFileSync(join(root, file), 'utf8').split('\n').length > 330);
  expect(long).toEqual([]);
});

test('no file is called after being useful', () => {
  expect(sources.filter((file) => /(^|\/)(utils?|helpers?|common|misc|index)\.ts$/.test(file))).toEqual([]);
});

test('the README lists every layer, in the order of the layer check', async () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const { order } = (await import(join(root, '.dependency-cruiser.mjs'))) as { order: string[] };
  const present = order.filter((layer) => existsSync(join(root, 'src', layer)));
  const shown = present.map((layer) => readme.indexOf(`\n      ${layer}/ `));
  expect(present.filter((_, index) => (shown[index] ?? -1) < 0)).toEqual([]);
  const withoutRun = shown.filter((_, index) => present[index] !== 'run');
  expect(withoutRun).toEqual([...withoutRun].sort((a, b) => a - b));
  expect([...present].sort()).toEqual(
    readdirSync(join(root, 'src'))
      .filter((name) => !name.endsWith('.ts'))
      .sort(),
  );
});

test('files that the documents link to exist', () => {
  const documents = ['README.md', ...filesBelow('docs').filter((file) => file.endsWith('.md'))];
  const dead = documents.flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)].map(([, link]) => link as string);
    return links
      .filter((link) => !existsSync(join(root, file, '..', link)))
      .map((link) => `${file}: ${link}`);
  });
  expect(dead).toEqual([]);
});
