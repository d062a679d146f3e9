// Goal: with nothing happening, every count is exact: due, rows written, and the servers' own counters.
// Method: 8 s of load without a drill through the command line, then the raw counts of its folder.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Manifest } from '../../src/recording/manifest.ts';
import type { LedgerFinding } from '../../src/recording/recording.ts';
import { agrees, type CountCheck, type Summary } from '../../src/recording/summary.ts';
import { cli, expectNothingLeft, placeOfFile, readJson, writeModel, writeScenario } from './run-cli.ts';

const place = placeOfFile();

test('a quiet run passes, and clients, rows and servers count the same', async () => {
  const model = await writeModel(place, '127.0.106');
  const options = { model, warmupS: 1, endS: 8, readsPerSecond: 180, writesPerSecond: 20, sessions: 12 };
  const scenario = await writeScenario(place, 'quiet', options);
  const folder = join(place.files, 'quiet');
  const { code, stdout, stderr } = await cli(
    place,
    'run',
    scenario,
    '--seed',
    '77',
    '--out',
    folder,
    '--json',
  );
  expect(code, stderr).toBe(0);
  const summary = JSON.parse(stdout) as Summary;
  expect(summary.verdict).toEqual({ result: 'pass', reasons: [] });
  expect(summary.seed).toBe(77);
  expect((await readJson<Manifest>(folder, 'manifest.json')).seed).toBe(77);
  expect(summary.drills).toEqual([]);
  for (const [name, perSecond] of [
    ['read', 180],
    ['write', 20],
  ] as const) {
    const all = perSecond * 7;
    expect(summary.classes[name]).toMatchObject({ due: all, ok: all, failed: 0, unknown: 0, skipped: 0 });
  }

  const { ledger, counters } = await readJson<{ ledger: LedgerFinding; counters: CountCheck[] }>(
    folder,
    'ledger.json',
  );
  const writes = 20 * 8;
  expect(ledger).toEqual({
    ok: writes,
    unknown: 0,
    failed: 0,
    found: writes,
    unknownFound: 0,
    failedFound: 0,
    lostAtMs: [],
  });
  expect(counters.filter((check) => !agrees(check))).toEqual([]);
  const counted = (name: string): number | undefined =>
    counters.find((counter) => counter.name === name)?.actual;
  expect(counted('INSERTs that Pgpool sent')).toBe(writes);
  expect(counted('UPDATEs that Pgpool sent')).toBe(3 * writes);
  expect(counted('rows that server1 inserted into the ledger')).toBe(writes);
  const lookups = ['server1', 'server2', 'server3'].map(
    (server) => counted(`accounts that ${server} looked up`) ?? Number.NaN,
  );
  // A read looks up one account; a write updates one and reads its balance.
  expect(lookups.reduce((sum, count) => sum + count, 0)).toBe(180 * 8 + 2 * writes);
  expect(summary.conservation.holds).toBe(true);
  await expectNothingLeft(place);
}, 60_000);
