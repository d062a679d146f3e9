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

const documents = ['README.md', 'CHANGELOG.md', 'results/README.md'].concat(
  filesBelow('docs').filter((file) => file.endsWith('.md')),
);
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

test('files and headings that the documents link to exist', () => {
  const headingsOf = (file: string): string[] =>
    [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    );
  const dead = documents.flatMap((file) =>
    [...read(file).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)]
      .filter(([, link = '', heading]) => {
        const path = link === '' ? file : join(file, '..', link);
        return !existsSync(join(root, path)) || (heading && !headingsOf(path).includes(heading));
      })
      .map(([link]) => `${file}: ${link}`),
  );
  expect(dead).toEqual([]);
});

test('source files, tests, scripts and scenarios that the documents name exist', () => {
  const folders = ['src', 'test', 'scripts', 'bench', 'docs', 'models', 'workloads'];
  const ofPgpool = ['failover.sh'];
  const known = [...folders.flatMap(filesBelow), ...ofPgpool, 'vitest.config.ts', '.dependency-cruiser.mjs'];
  const named = documents.flatMap((file) =>
    [...read(file).matchAll(/`([^`\n]+)`/g)].flatMap(([, words = '']) =>
      [...words.matchAll(/(?<![\w.*/$-])[\w./-]+\.(?:ts|mjs|sh)\b/g)].map(([name]) => ({ file, name })),
    ),
  );
  expect(named.length).toBeGreaterThan(50);
  const absent = named.filter(({ name }) => !known.some((path) => `/${path}`.endsWith(`/${name}`)));
  expect(absent).toEqual([]);
});

test('assumptions that the source cites by number stand in docs/method.md', () => {
  const method = read('docs/method.md');
  const cited = sources.flatMap((file) =>
    [...read(file).matchAll(/docs\/method\.md,? ((?:[A-Z]\d+(?:, | and | to )?)+)/g)].flatMap(
      ([, numbers = '']) => [...numbers.matchAll(/[A-Z]\d+/g)].map(([number]) => ({ file, number })),
    ),
  );
  expect(cited.length).toBeGreaterThan(30);
  const unknown = cited.filter(({ number }) => !new RegExp(`(?:^- |[.:] )${number} `, 'm').test(method));
  expect(unknown).toEqual([]);
});
