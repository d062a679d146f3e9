// Goal: every kind of drill is done to real servers, and the cluster does what the simulated one does.
// Method: the kinds in four rehearsals (workloads/drills) under light load, each beside its simulation: the
// same commands, states, notices, roles and Pgpool statuses in the same order. How long things take is `npm run verify`'s.
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { PlannedDrill } from '../../src/drills/catalogue.ts';
import { packageDir } from '../../src/lab/package-dir.ts';
import { planRun } from '../../src/run/plan.ts';
import { drillKinds } from '../../src/scenario/scenario-shape.ts';
import {
  cli,
  type Ended,
  eventsOf,
  expectNothingLeft,
  oneCandidate,
  placeOfFile,
  writeModel,
  writeScenario,
} from './run-cli.ts';
import { type Story, storyOf } from './story.ts';

/** Side by side in lanes: they wait more than they work. */
const lanes = [['agents'], ['hang'], ['nodes'], ['witness-loss']] as const;
const names = lanes.flat();
const folder = join(packageDir, 'workloads', 'drills');
const told = new Map<string, { drills: PlannedDrill[]; live: Story; simulated: Story; run: Ended }>();
const place = placeOfFile();

beforeAll(async () => {
  await Promise.all(
    lanes.map(async (lane, index) => {
      const prefix = `127.0.${91 + index}`;
      const model = await writeModel(place, prefix, oneCandidate(prefix));
      for (const name of lane) told.set(name, await rehearse(name, { model, prefix }));
    }),
  );
}, 180_000);

async function rehearse(name: string, { model, prefix }: { model: string; prefix: string }) {
  const scenario = join(folder, `${name}.yaml`);
  const [measured, beside] = [join(place.files, `${name}-live`), join(place.files, `${name}-simulated`)];
  const run = await cli(place, 'run', scenario, '--model', model, '--out', measured, '--json', '--quiet');
  await cli(place, 'simulate', scenario, '--model', model, '--out', beside, '--json', '--quiet');
  const servers = new Map([1, 2, 3, 4].map((id) => [`${prefix}.${10 + id}`, `server${id}`]));
  const [live, simulated] = [await eventsOf(measured), await eventsOf(beside)];
  const { drills } = planRun(scenario);
  return { drills, live: storyOf(live, servers), simulated: storyOf(simulated, servers), run };
}

describe.each(names)('rehearsal of %s', (name) => {
  test('does every drill, and ends it again where it lasts', () => {
    const { drills = [], live = {}, run } = told.get(name) ?? {};
    expect(drills.length).toBeGreaterThan(0);
    for (const { id, lastsMs } of drills) {
      const moments = (live[`drill ${id}`] ?? []).map((moment) => moment.split(' '));
      const expected = ['begun', 'injected', 'ended', ...(lastsMs === null ? [] : ['healed'])];
      expect(moments.map(([moment]) => moment).toSorted(), `${id}: ${run?.stderr}`).toEqual(
        expected.toSorted(),
      );
      expect(
        moments.every(([, , ok]) => ok === 'true'),
        `${id}: ${run?.stderr}`,
      ).toBe(true);
    }
  });

  test('tells the same story as its simulation', () => {
    const { live, simulated } = told.get(name) ?? {};
    expect(Object.keys(live ?? {}).length).toBeGreaterThan(8);
    expect(live).toEqual(simulated);
  });
});

test('leave nothing on the machine', () => expectNothingLeft(place));

test('cover every kind of drill that real servers can do', () => {
  const covered = [...told.values()].flatMap(({ drills }) => drills.map(({ kind }) => kind));
  expect(new Set([...covered, 'partition'])).toEqual(new Set(drillKinds));
});

test('refuse a partition before anything starts, and say why', async () => {
  const model = await writeModel(place, '127.0.99');
  const scenario = await writeScenario(place, 'cut', {
    model,
    warmupS: 1,
    endS: 9,
    drills: ['{ kind: partition, at: 3s }'],
  });
  const { code, stderr } = await cli(place, 'run', scenario, '--out', join(place.files, 'cut'));
  expect(code).toBe(1);
  expect(stderr).toMatch(/partition cannot be done on real servers.*network namespace/);
  expect(stderr).toMatch(/cut\.yaml:\d+:\d+/);
});
