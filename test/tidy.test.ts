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

test('every folder of src is in the README, in the order of the layers', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const places = readdirSync(join(root, 'src')).map((name) => {
    const shown = name.endsWith('.ts') ? `  ${name}` : `  ${name}/`;
    return { name, at: readme.indexOf(shown) };
  });
  expect(places.filter(({ at }) => at < 0)).toEqual([]);
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
