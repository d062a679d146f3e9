// Goal: runs that begin in the same second do not want the same folder.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { defaultFolder } from '../../src/cli/run-options.ts';

const before = process.cwd();
let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'pgdrill-folders-'));
  process.chdir(dir);
});
afterAll(() => {
  process.chdir(before);
  rmSync(dir, { recursive: true });
});

test('five folders one after the other are five, each with its scenario and what was done', () => {
  const folders = Array.from({ length: 5 }, () => {
    const folder = defaultFolder('workloads/peak.yaml', 'simulated');
    mkdirSync(folder, { recursive: true });
    return folder;
  });
  expect(new Set(folders).size).toBe(5);
  for (const folder of folders) expect(folder).toMatch(/^results\/\d{8}-\d{6}-peak-simulated(-[2-5])?$/);
});
