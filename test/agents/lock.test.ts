// Goal: one agent a cluster and host: a living one keeps the next out, a dead one does not.
// Method: lock files of this process, of one that has ended, and of one that was never there.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockFile, releaseLock, takeLock } from '../../src/agents/lock.ts';
import { agentConfig } from './agent-config.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgdrill-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const config = () => agentConfig(folder);

test('taken once, refused twice, given up', () => {
  takeLock(config());
  expect(lockFile(config())).toBe(join(folder, 'efm.lock'));
  expect(() => takeLock(config())).toThrow(new RegExp(`runs here already \\(process ${process.pid}\\)`));
  releaseLock(config());
  expect(existsSync(lockFile(config()))).toBe(false);
  releaseLock(config());
  takeLock(config());
});

test.each([
  ['of a process that has ended', () => `${spawnSync('/bin/true').pid} 12345\n`],
  ['of another process that got the number', () => `${process.pid} 1\n`],
  ['that says nothing', () => ''],
  ['that somebody else wrote', () => 'not a number\n'],
])('a lock %s is taken over', (_, text) => {
  writeFileSync(lockFile(config()), text());
  takeLock(config());
  expect(readFileSync(lockFile(config()), 'utf8')).toMatch(new RegExp(`^${process.pid} \\d+\\n$`));
});
