// Goal: a simulated result folder is a function of its inputs and the seed, and tells nothing of the machine that made it.
// Method: whole runs in virtual time into folders; every file compared byte by byte.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeReports } from '../../src/run/reports.ts';
import { run } from '../../src/run.ts';

let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'run-'));
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

const hooks = { progress: () => {}, tick: () => {}, signal: new AbortController().signal };

/** A shortened rehearsal: what differs from run to run shows in its first drill already. */
function scenario(): string {
  const file = join(dir, 'short.yaml');
  const text = readFileSync('workloads/rehearse-failover.yaml', 'utf8')
    .replace('../models/', `${process.cwd()}/models/`)
    .replace(/measure: \d+s/, 'measure: 26s')
    .replace(/kind: switchover, at: \d+s/, 'kind: switchover, at: 8s')
    .replace(/kind: failover, at: \d+s/, 'kind: failover, at: 18s')
    .replace(/^.*kind: (rebuild|resume).*\n/gm, '');
  writeFileSync(file, text);
  return file;
}

async function simulate(name: string, seed: number): Promise<Record<string, Buffer>> {
  const folder = join(dir, name);
  const result = await run({ scenario: scenario(), world: 'simulated', seed, folder }, hooks);
  expect(result.failure).toBeNull();
  return Object.fromEntries(readdirSync(folder).map((file) => [file, readFileSync(join(folder, file))]));
}

test('the same seed gives the same bytes in every file, another seed others', async () => {
  const [first, again, other] = [
    await simulate('first', 5),
    await simulate('again', 5),
    await simulate('other', 6),
  ];
  const files = Object.keys(first);
  expect(files.sort()).toEqual(
    [
      'events.jsonl',
      'intervals.jsonl',
      'latency.hlog',
      'ledger.json',
      'manifest.json',
      'report.html',
      'summary.json',
    ].sort(),
  );
  expect(Object.keys(again).sort()).toEqual(files);
  for (const file of files) expect(again[file]?.equals(first[file] as Buffer), file).toBe(true);
  for (const file of ['events.jsonl', 'intervals.jsonl', 'latency.hlog', 'summary.json'])
    expect(other[file]?.equals(first[file] as Buffer), file).toBe(false);
}, 60_000);

test('no file holds a time of day, a path, a host name or a process id', async () => {
  const files = await simulate('clean', 7);
  for (const [name, bytes] of Object.entries(files)) {
    const text = bytes.toString('utf8');
    if (name !== 'report.html') expect(text, name).not.toMatch(/\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d/);
    for (const trace of [dir, process.cwd(), hostname()].filter((word) => word.length > 3))
      expect(text.includes(trace), `${name} holds ${trace}`).toBe(false);
    expect(text, name).not.toMatch(/"pid"/);
  }
  expect(JSON.parse(files['manifest.json']?.toString() ?? '')).toMatchObject({
    startedAt: null,
    world: 'simulated',
    seed: 7,
  });
}, 60_000);

test('a report made again from the folder is the same to the byte', async () => {
  const files = await simulate('once', 8);
  writeReports(join(dir, 'once'));
  for (const name of ['summary.json', 'report.html'])
    expect(readFileSync(join(dir, 'once', name)).equals(files[name] as Buffer), name).toBe(true);
}, 60_000);

test('a folder that holds a result is not overwritten', async () => {
  const before = await simulate('kept', 9);
  await expect(simulate('kept', 10)).rejects.toThrow(/holds a result already/);
  expect(readFileSync(join(dir, 'kept', 'summary.json')).equals(before['summary.json'] as Buffer)).toBe(true);
}, 60_000);
