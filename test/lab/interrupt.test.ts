// Goal: whatever moment a run is called off or fails at, the person is told, nothing is left, and what was recorded can be read.
// Method: SIGINT and SIGTERM at moments that the run itself shows (its progress, its events), ports taken and settings
// broken from outside, a drill that cannot be; then one look at processes, folders and shared memory.
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { RecordedEvent } from '../../src/recording/events.ts';
import type { Summary } from '../../src/recording/summary.ts';
import { until } from './lab-helpers.ts';
import {
  cli,
  eventsOf,
  expectNothingLeft,
  placeOfFile,
  type Running,
  readJson,
  startCli,
  writeModel,
  writeScenario,
} from './run-cli.ts';

const place = placeOfFile();
let model: string;
let runs = 0;

beforeAll(async () => {
  model = await writeModel(place, '127.0.101');
});

const nextFolder = (): string => join(place.files, `run${++runs}`);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function shows(running: Running, text: string): Promise<void> {
  return until(() => running.said().includes(text), `pgdrill says "${text}": ${running.said()}`, 20_000);
}

function happens(folder: string, test: (event: RecordedEvent) => boolean): Promise<void> {
  return until(async () => (await eventsOf(folder)).some(test), 'the event is recorded', 25_000);
}

const loadHasStarted = (event: RecordedEvent): boolean => event.type === 'phase' && event.name === 'start';
const detaches = (event: RecordedEvent): boolean =>
  event.type === 'command' && event.name === 'loadBalancerDetach';
const primaryIsDead = (event: RecordedEvent): boolean =>
  event.type === 'drill' && event.kind === 'failover' && event.moment === 'ended';

const moments: [string, NodeJS.Signals, string, (running: Running, folder: string) => Promise<void>][] = [
  ['while the first server is made', 'SIGTERM', '', (running) => shows(running, 'creating server1')],
  [
    'while standbys are copied',
    'SIGINT',
    '',
    async (running) => {
      await shows(running, 'copying');
      await pause(200);
    },
  ],
  ['while agents start', 'SIGTERM', '', (running) => shows(running, 'starting the EFM agents')],
  ['while load sessions connect', 'SIGINT', '', (running) => shows(running, 'connecting 24 sessions')],
  [
    'in steady load',
    'SIGTERM',
    '',
    async (_, folder) => {
      await happens(folder, loadHasStarted);
      await pause(1500);
    },
  ],
  ['inside a switchover', 'SIGINT', 'switchover', (_, folder) => happens(folder, detaches)],
  [
    'inside the detection of a failover',
    'SIGTERM',
    'failover',
    async (_, folder) => {
      await happens(folder, primaryIsDead);
      await pause(1000);
    },
  ],
];

test.each(moments)(
  'called off %s (%s): exit 130, nothing left, the folder readable',
  async (_when, signal, drill, moment) => {
    const drills = drill === '' ? [] : [`{ kind: ${drill}, at: 2s }`];
    const scenario = await writeScenario(place, `called-off-${++runs}`, {
      model,
      warmupS: 1,
      endS: 60,
      ...(drill === '' ? {} : { drills }),
    });
    const folder = nextFolder();
    const running = startCli(place, 'run', scenario, '--out', folder);
    await moment(running, folder);
    running.child.kill(signal);
    const { code, stderr } = await running.ended;
    expect(stderr).toContain('interrupted');
    expect(stderr).not.toContain('bug');
    expect(code).toBe(130);
    await expectNothingLeft(place);
    const report = await cli(place, 'report', folder);
    expect(report.code, report.stderr).toBe(0);
    expect(report.stdout).toContain('the run was interrupted');
    if (drill !== '') expect(report.stdout).toContain(`DRILL ${drill} of server1`);
  },
  60_000,
);

describe('a run that cannot start', () => {
  test('because a port is taken: says by whom and what to do, exit 1, no result folder', async () => {
    const squatter = createServer().listen({ host: '127.0.101.12', port: 5432 });
    try {
      const scenario = await writeScenario(place, 'squatted', { model, warmupS: 1, endS: 5 });
      const folder = nextFolder();
      const { code, stdout, stderr } = await cli(place, 'run', scenario, '--out', folder);
      expect(code).toBe(1);
      expect(stderr).toMatch(/PostgreSQL of server2 cannot listen on 127\.0\.101\.12:5432: taken by .*pid/);
      expect(stderr).toContain('hint:');
      expect(stdout).toBe('');
      await expect(readJson(folder, 'manifest.json')).rejects.toThrow(/ENOENT/);
      await expectNothingLeft(place);
    } finally {
      squatter.close();
    }
  });

  test('because a server does not start: the end of its log, exit 2, nothing left', async () => {
    // So many pooled connections would need more max_connections than PostgreSQL allows.
    const broken = await writeModel(place, '127.0.102', { 'max_pool: 1': 'max_pool: 1000000' });
    const scenario = await writeScenario(place, 'broken', { model: broken, warmupS: 1, endS: 5 });
    const { code, stderr } = await cli(place, 'run', scenario, '--out', nextFolder());
    expect(stderr).toMatch(/server1 \(PostgreSQL at 127\.0\.102\.11:5432\) did not start/);
    expect(stderr).toMatch(/hint: the end of .*postgres\.log:\n.*max_connections/);
    expect(code).toBe(2);
    await expectNothingLeft(place);
  }, 60_000);
});

test('a drill that cannot be carried out: exit 2, told why, what was measured is kept', async () => {
  const drills = ['{ kind: failover, at: 7s }', '{ kind: rebuild, at: 8s }'];
  const scenario = await writeScenario(place, 'no-primary', { model, warmupS: 1, endS: 9, drills });
  const folder = nextFolder();
  const { code, stdout, stderr } = await cli(place, 'run', scenario, '--out', folder, '--json');
  expect(stderr).toContain('drill rebuild could not be carried out: there is no primary to rebuild from');
  expect(code).toBe(2);
  const summary = await readJson<Summary>(folder, 'summary.json');
  expect(JSON.parse(stdout)).toEqual(summary);
  expect(summary.verdict.result).toBe('fail');
  expect(summary.classes.read?.ok).toBeGreaterThan(50);
  await expectNothingLeft(place);
  expect((await cli(place, 'report', folder)).code).toBe(99);
}, 60_000);
