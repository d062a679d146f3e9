// Goal: a user's file is fitted whatever its form, every bad line is told, and too few points are refused.
// Method: texts as they come, and the compiled command.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatProblem } from '../../src/kernel/errors.ts';
import { readScalePoints } from '../../src/study/sweep/points.ts';

let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgdrill-usl-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const six = '1,10\n2,19\n3,27\n4,34\n5,40\n6,45\n';
const points = [
  [1, 10],
  [2, 19],
  [3, 27],
  [4, 34],
  [5, 40],
  [6, 45],
].map(([n, throughput]) => ({ n, throughput }));

function told(text: string): string[] {
  const read = readScalePoints(text, 'f.csv');
  return 'problems' in read ? read.problems.map(formatProblem) : [];
}

describe('the same points', () => {
  test.each([
    ['without a head', six],
    ['with a head', `n,throughput\n${six}`],
    [
      'with a head in quotes, and a byte order mark',
      `\uFEFF"sessions","tps"\r\n${six.replaceAll('\n', '\r\n')}`,
    ],
    ['with semicolons and blanks', six.replaceAll(',', ' ; ')],
    ['with tabs', six.replaceAll(',', '\t')],
    ['with remarks and empty lines', `# measured on Monday\n\n${six}\n\n# end\n`],
    ['without a last line end, in powers of ten', six.replace('10\n', '1e1\n').trimEnd()],
  ])('%s', (_name, text) => {
    expect(readScalePoints(text, 'f.csv')).toEqual({ points });
  });
});

describe('mistakes', () => {
  test('are told all at once, each at its line and column', () => {
    const text = `n,throughput\n1,10\nn,throughput\n2\n3,27,1\n4, fast\n0,3\n-5,40\n6,\n`;
    expect(told(text)).toEqual([
      'f.csv:3:1: n is no number: "n" [scale-point]',
      'f.csv:4:1: a line holds n and throughput, this one a single value [scale-point]',
      'f.csv:5:6: a line holds n and throughput, this one has 3 values [scale-point]',
      'f.csv:6:4: throughput is no number: "fast" [scale-point]',
      'f.csv:7:1: n must be above 0, got 0 [scale-point]',
      'f.csv:8:1: n must be above 0, got -5 [scale-point]',
      'f.csv:9:3: throughput is no number: "" [scale-point]',
    ]);
  });

  test.each([
    ['', /needs at least 6 points, got 0/],
    ['n,throughput\n', /got 0/],
    ['1,10\n2,19\n3,27\n4,34\n5,40\n', /got 5/],
    ['1,10\n2,19\n3,27\n1,10\n2,19\n3,27\n', /at least 4 different n, got 3/],
  ])('%j is refused', (text, why) => {
    expect(told(text).join()).toMatch(why);
  });
});

function pgdrill(...words: string[]) {
  return spawnSync(process.execPath, ['dist/cli/main.js', 'usl', ...words], {
    encoding: 'utf8',
    timeout: 20_000,
  });
}

describe('the command', () => {
  test('prints coefficients, peak and residuals, or one JSON value', () => {
    const file = join(folder, 'six.csv');
    writeFileSync(file, six);
    const text = pgdrill(file);
    expect(text.status).toBe(0);
    for (const word of ['lambda', 'sigma', 'kappa', 'peak', 'R²', 'residual'])
      expect(text.stdout).toContain(word);
    expect(Math.max(...text.stdout.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
    const json = pgdrill(file, '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ schema: 'pgdrill/usl@1', points: 6 });
    expect(json.stderr).toBe('');
  });

  test.each([
    [['/nowhere.csv'], /cannot read the file/],
    [[], /missing required argument/],
  ])('%j: exit 1, nothing on stdout', (words, why) => {
    const { status, stdout, stderr } = pgdrill(...words);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(why);
  });

  test('a bad line is named on stderr', () => {
    const file = join(folder, 'bad.csv');
    writeFileSync(file, `${six}x,3\n`);
    const { status, stdout, stderr } = pgdrill(file);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toContain(`${file}:7:1: n is no number: "x"`);
  });

  test('--help shows an example', () => {
    expect(pgdrill('--help').stdout).toMatch(/Example:\n {2}pgdrill usl/);
  });
});
