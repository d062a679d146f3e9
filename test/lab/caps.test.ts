// Goal: a capped server is held back and the report says so; nothing of the cap stays, whatever ends the run.
// Method: short runs on a model that caps its database servers; the kernel's own files beside what the run recorded.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { labGroupOf } from '../../src/lab/cap-group.ts';
import { findCapTree } from '../../src/lab/cap-tree.ts';
import type { CpuEvent } from '../../src/recording/events.ts';
import type { Manifest } from '../../src/recording/manifest.ts';
import type { Summary } from '../../src/recording/summary.ts';
import { calibrateModel } from '../../src/study/calibrate.ts';
import { until } from './lab-helpers.ts';
import {
  cli,
  eventsOf,
  expectNothingLeft,
  placeOfFile,
  readJson,
  startCli,
  writeModel,
  writeScenario,
} from './run-cli.ts';

const tree = findCapTree();
const place = placeOfFile();
let model: string;

beforeAll(async () => {
  const capped = Object.fromEntries(
    [11, 12, 13].map((last) => [
      `address: 127.0.95.${last}\n`,
      `address: 127.0.95.${last}\n    cap: { cpu: 0.1, period: 50ms }\n`,
    ]),
  );
  model = await writeModel(place, '127.0.95', capped);
});

/** Control groups of labs in the place. */
function groups(): string[] {
  if ('why' in tree) return [];
  return readdirSync(place.labs)
    .map((name) => labGroupOf(tree, join(place.labs, name)))
    .filter((dir) => existsSync(dir));
}

test.skipIf('why' in tree)(
  'a run under caps: groups hold the servers, the report tells the time held back, two runs calibrate a model',
  async () => {
    if ('why' in tree) return;
    const folders: string[] = [];
    for (const [name, readsPerSecond, writesPerSecond] of [
      ['quiet', 60, 30],
      ['busy', 400, 5],
    ] as const) {
      const scenario = await writeScenario(place, name, {
        model,
        warmupS: 1,
        endS: 13,
        readsPerSecond,
        writesPerSecond,
      });
      const folder = join(place.files, name);
      const running = startCli(place, 'run', scenario, '--out', folder);
      await until(() => groups().length === 1, 'there are control groups', 40_000);
      const [dir = ''] = groups();
      const said = (file: string): string =>
        existsSync(join(dir, 'server2', file)) ? readFileSync(join(dir, 'server2', file), 'utf8').trim() : '';
      const [file, limit] = tree.version === 2 ? ['cpu.max', '5000 50000'] : ['cpu.cfs_quota_us', '5000'];
      await until(() => said('cgroup.procs') !== '' && said(file) === limit, 'server2 is in its group');
      const { code, stderr } = await running.ended;
      expect([0, 3], stderr).toContain(code);
      expect(existsSync(dir)).toBe(false);
      await expectNothingLeft(place);
      folders.push(folder);
    }
    const [quiet = '', busy = ''] = folders;
    const manifest = await readJson<Manifest>(busy, 'manifest.json');
    expect(manifest.capped).toBe(true);
    expect(manifest.servers[1]?.cap).toEqual({ cpu: 0.1, periodMs: 50 });
    const summary = await readJson<Summary>(busy, 'summary.json');
    expect(summary.provenance.capped).toBe(true);
    const standby = summary.servers?.find(({ name }) => name === 'server2');
    expect(standby).toMatchObject({ cap: { cpu: 0.1, periodMs: 50 }, pgpoolMs: null });
    expect(standby?.throttledMs).toBeGreaterThanOrEqual(0);
    expect((standby?.cpuMs ?? 0) / (standby?.sampledMs ?? 1)).toBeLessThan(0.13);
    expect(summary.servers?.find(({ name }) => name === 'server4')).toMatchObject({
      cap: null,
      postgresMs: null,
    });
    expect(summary.servers?.find(({ name }) => name === 'server4')?.pgpoolMs).toBeGreaterThan(0);
    const samples = (await eventsOf(busy)).filter((event): event is CpuEvent => event.type === 'cpu');
    expect(samples.length).toBeGreaterThan(4 * 8);
    const report = await cli(place, 'report', busy);
    expect(report.stdout).toContain('held back');
    const { result } = calibrateModel([quiet, busy], { model });
    const read = result.parameters.find(({ name }) => name === 'read');
    expect(read?.found, read?.evidence).toBe(true);
    expect(read?.meanMs).toBeGreaterThan(0.02);
    expect(read?.meanMs).toBeLessThan(2);
    expect(result.parameters.find(({ name }) => name === 'pgpoolStatement')?.found).toBe(true);
    expect(result.parameters.find(({ name }) => name === 'promoteServer')?.evidence).toContain(
      'no promotion was seen',
    );
  },
  240_000,
);

test.skipIf('why' in tree)(
  'pgdrill killed: its watcher removes the groups too',
  async () => {
    const scenario = await writeScenario(place, 'killed', { model, warmupS: 1, endS: 60 });
    const running = startCli(place, 'run', scenario, '--out', join(place.files, 'killed'));
    await until(() => groups().length === 1, 'there are control groups', 40_000);
    const [dir = ''] = groups();
    running.child.kill('SIGKILL');
    await running.ended;
    await until(() => !existsSync(dir), 'the groups are gone', 15_000);
    await until(() => readdirSync(place.labs).length === 0, 'the folder is gone', 15_000);
    await expectNothingLeft(place);
  },
  180_000,
);

test('where no group can be made, a capped model is refused before anything starts', async () => {
  const scenario = await writeScenario(place, 'refused', { model, warmupS: 1, endS: 5 });
  const before = process.env.PGDRILL_CGROUP;
  process.env.PGDRILL_CGROUP = place.files;
  try {
    const { code, stderr } = await cli(place, 'run', scenario, '--out', join(place.files, 'refused'));
    expect(code).toBe(1);
    expect(stderr).toContain('caps the processors of server1, server2, server3');
    expect(stderr).toContain('PGDRILL_CGROUP');
    expect(existsSync(join(place.files, 'refused'))).toBe(false);
  } finally {
    if (before === undefined) delete process.env.PGDRILL_CGROUP;
    else process.env.PGDRILL_CGROUP = before;
  }
  await expectNothingLeft(place);
});
