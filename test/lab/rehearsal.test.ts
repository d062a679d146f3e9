// Goal: one rehearsal through the command line tells the truth, and the simulated one beside it tells the same story.
// Method: a shortened main scenario on real servers, once; every claim of its summary against the raw files of its
// folder, and the order of the agents' commands against `simulate` of the same scenario.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { packageDir } from '../../src/lab/package-dir.ts';
import type { RecordedEvent } from '../../src/recording/events.ts';
import type { ClassInterval, Interval } from '../../src/recording/intervals.ts';
import type { LedgerFinding } from '../../src/recording/recording.ts';
import type { Summary } from '../../src/recording/summary.ts';
import {
  cli,
  commandOrder,
  drillOf,
  type Ended,
  eventsOf,
  expectNothingLeft,
  intervalsOf,
  longest,
  oneCandidate,
  placeOfFile,
  readJson,
  writeModel,
  writeScenario,
} from './run-cli.ts';

const place = placeOfFile();
let folder: string;
let ended: Ended;
let summary: Summary;
let events: RecordedEvent[];
let intervals: Interval[];
let simulated: RecordedEvent[];
let summaryOfSimulation: Summary;
let textReport: Ended;

const endS = 48;
const sessions = 24;

beforeAll(async () => {
  folder = join(place.files, 'live');
  const scenario = await writeScenario(place, 'short-rehearsal', {
    model: await writeModel(place, '127.0.86', oneCandidate('127.0.86')),
    warmupS: 3,
    endS,
    readsPerSecond: 270,
    writesPerSecond: 30,
    sessions,
    drills: [
      '{ kind: switchover, at: 7s }',
      '{ kind: failover, at: 18s }',
      '{ kind: rebuild, at: 31s }',
      '{ kind: resume, at: 38s }',
    ],
  });
  ended = await cli(place, 'run', scenario, '--out', folder, '--json');
  const beside = join(place.files, 'simulated');
  const simulation = await cli(place, 'simulate', scenario, '--out', beside, '--json', '--quiet');
  summaryOfSimulation = JSON.parse(simulation.stdout) as Summary;
  textReport = await cli(place, 'report', folder);
  summary = await readJson(folder, 'summary.json');
  [events, intervals, simulated] = [
    await eventsOf(folder),
    await intervalsOf(folder),
    await eventsOf(beside),
  ];
}, 120_000);

function total(name: string, field: keyof ClassInterval): number {
  return intervals.reduce((sum, { classes }) => sum + Number(classes[name]?.[field] ?? 0), 0);
}

/** Ok completions of a class in the slices that lie wholly in a span. */
function okIn(name: string, startMs: number, endMs: number): number {
  return intervals
    .filter((slice) => slice.startMs >= startMs && slice.startMs + slice.lengthMs <= endMs)
    .reduce((sum, { classes }) => sum + (classes[name]?.completedOk ?? 0), 0);
}

function instantOf(test: (event: RecordedEvent) => boolean, what: string): number {
  const found = events.find(test);
  if (!found) throw new Error(`no event: ${what}`);
  return found.atMs;
}

describe('the run', () => {
  test('ends with 0, one JSON value on stdout, and nothing left on the machine', async () => {
    expect(ended.stderr).toContain('the cluster is up');
    expect(ended.code, ended.stderr).toBe(0);
    expect(JSON.parse(ended.stdout)).toEqual(summary);
    expect(summary.verdict.result, summary.verdict.reasons.join('; ')).toBe('pass');
    await expectNothingLeft(place);
  });

  test('leaves one primary, and the roles that its events tell', () => {
    const roles = new Map<string, string>();
    for (const event of events) if (event.type === 'serverRole') roles.set(event.server, event.role);
    expect([...roles.values()].sort()).toEqual(['primary', 'standby', 'standby']);
    expect(Object.fromEntries(roles)).toEqual(
      Object.fromEntries(summary.backends.map(({ name, roleAtEnd }) => [name, roleAtEnd])),
    );
    const promoted = events.flatMap((event) =>
      event.type === 'command' && event.name === 'promoteServer' ? [event.node] : [],
    );
    expect(promoted).toHaveLength(2);
    expect(roles.get(promoted[1] ?? '')).toBe('primary');
  });

  test('counts every operation once, in summary and slices', () => {
    expect(summary.conservation.holds).toBe(true);
    for (const [name, perSecond] of [
      ['read', 270],
      ['write', 30],
    ] as const) {
      expect(total(name, 'due')).toBe(perSecond * endS);
      const ends = (['ok', 'failed', 'unknown', 'skipped'] as const).map((end) => total(name, end));
      expect(ends.reduce((sum, count) => sum + count, 0)).toBe(total(name, 'due'));
      for (const { classes } of intervals) {
        const slice = classes[name];
        if (slice) expect(slice.ok + slice.failed + slice.unknown + slice.skipped).toBe(slice.due);
      }
    }
  });

  test('finds exactly the rows of acknowledged writes that were not lost and of doubtful ones that committed', async () => {
    const { ledger } = await readJson<{ ledger: LedgerFinding }>(folder, 'ledger.json');
    expect(ledger.ok).toBe(total('write', 'ok'));
    expect(ledger.unknown).toBe(total('write', 'unknown'));
    expect(ledger.failed).toBe(total('write', 'failed'));
    expect(ledger.failedFound).toBe(0);
    expect(ledger.unknownFound).toBeLessThanOrEqual(ledger.unknown);
    expect(ledger.found).toBe(ledger.ok - ledger.lostAtMs.length + ledger.unknownFound);
    expect(ledger.found).toBeGreaterThan(30 * endS * 0.6);
    const lost = summary.drills.reduce((sum, { lostCommits }) => sum + (lostCommits ?? 0), 0);
    expect(lost).toBe(ledger.lostAtMs.length);
  });

  test('says that its service times are not calibrated, in every report', async () => {
    expect(summary.provenance.calibrated).toBe(false);
    expect(summaryOfSimulation.provenance.calibrated).toBe(false);
    expect(textReport.stdout).toContain('calibrated: false');
    expect(await readFile(join(folder, 'report.html'), 'utf8')).toMatch(/calibrated/i);
  });

  test('has every file that results/README.md explains, and reports that render again', async () => {
    const readme = await readFile(join(packageDir, 'results', 'README.md'), 'utf8');
    const names = [...readme.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name ?? '');
    expect(names.length).toBeGreaterThan(7);
    for (const name of names) expect((await readFile(join(folder, name))).length, name).toBeGreaterThan(100);
    expect(textReport.code).toBe(0);
    const lines = textReport.stdout.split('\n').filter((line) => !line.includes(folder));
    expect(lines.filter((line) => [...line].length > 80)).toEqual([]);
    for (const id of ['switchover', 'failover', 'rebuild', 'resume'])
      expect(textReport.stdout).toContain(`DRILL ${id} of server`);
    expect(await readJson(folder, 'summary.json')).toEqual(JSON.parse(ended.stdout));
  });
});

describe('what the application saw', () => {
  test('reads and writes are out in switchover and failover, and in no rebuild', () => {
    for (const id of ['switchover', 'failover']) {
      const { outages, atMs } = drillOf(summary, id);
      for (const name of ['read', 'write']) {
        const { startMs, endMs, lengthMs } = longest(outages[name]);
        expect(endMs - startMs).toBeCloseTo(lengthMs, 6);
        expect(startMs).toBeGreaterThan(atMs - 1000);
        expect(okIn(name, startMs + 100, endMs - 100)).toBe(0);
      }
    }
    const { outages, predicted } = drillOf(summary, 'rebuild');
    expect(predicted?.outages).toEqual({ read: [], write: [] });
    // A copy of a server on a busy machine can hold all sessions up for a moment; what a drill takes away, it takes for seconds.
    const lengths = Object.values(outages).flatMap((found) => found.map(({ lengthMs }) => lengthMs));
    expect(Math.max(0, ...lengths)).toBeLessThan(500);
  });

  test('reads are out too from the death of the primary until it is detached, and are back with the writes', () => {
    const deadMs = instantOf(
      (event) => event.type === 'drill' && event.id === 'failover' && event.moment === 'ended',
      'the primary is dead',
    );
    const detachMs = instantOf(
      (event) => event.type === 'command' && event.name === 'loadBalancerDetach' && event.atMs > deadMs,
      'the detach',
    );
    // Killing a busy server takes a while itself; EFM counts from its beginning.
    const injectedMs = instantOf(
      (event) => event.type === 'drill' && event.id === 'failover' && event.moment === 'injected',
      'the kill begins',
    );
    expect(detachMs - injectedMs).toBeGreaterThan(2000);
    expect(okIn('read', deadMs + 200, detachMs)).toBe(0);
    const { outages } = drillOf(summary, 'failover');
    const [read, write] = [longest(outages.read), longest(outages.write)];
    expect(read.endMs).toBeGreaterThan(detachMs);
    // Both wait for the same: a session that Pgpool accepts. Reads are nine times as many and are the first to have one.
    expect(read.endMs).toBeLessThanOrEqual(write.endMs + 500);
  });

  test('afterwards reads go to the two standbys by weight and none to the primary', () => {
    const reads = new Map<string, number>();
    for (const { startMs, readsByServer } of intervals.filter(
      (slice) => slice.startMs >= (endS - 5) * 1000,
    )) {
      for (const [server, count] of Object.entries(readsByServer))
        reads.set(server, (reads.get(server) ?? 0) + (startMs < endS * 1000 ? count : 0));
    }
    const all = [...reads.values()].reduce((sum, count) => sum + count, 0);
    expect(all).toBeGreaterThan(1000);
    const standbys = summary.backends.filter(({ roleAtEnd }) => roleAtEnd === 'standby');
    // A session draws its server once in its life, so the share of one server has the deviation of that many draws.
    const deviation = Math.sqrt(0.25 / sessions);
    for (const { name } of summary.backends) {
      const share = (reads.get(name) ?? 0) / all;
      const weights = standbys.reduce((sum, { weight }) => sum + weight, 0);
      const own = standbys.find((standby) => standby.name === name);
      // One of the standbys may be server1, whose weight of 0 keeps it without reads.
      const due = own ? own.weight / weights : 0;
      if (due === 0 || due === 1) expect(share).toBeCloseTo(due, 6);
      else expect(Math.abs(share - due)).toBeLessThan(4 * deviation);
    }
  });
});

describe('the prediction', () => {
  test('gives the agents the same commands in the same order as the real servers saw', () => {
    const order = commandOrder(events);
    expect(order.length).toBeGreaterThan(30);
    expect(order).toEqual(commandOrder(simulated));
  });

  test('has the shape of the measurement, and its error is predicted less measured', () => {
    for (const drill of summary.drills) {
      const { predicted, predictionError, ...measured } = drill;
      const { id: _id, kind: _kind, target: _target, ...outcome } = measured;
      expect(Object.keys(predicted ?? {}).sort()).toEqual(Object.keys(outcome).sort());
      for (const [name, field] of [
        ['read', 'readOutageMs'],
        ['write', 'writeOutageMs'],
      ] as const) {
        const both = [predicted?.outages[name], drill.outages[name]];
        if (both.some((outages) => !outages?.length)) {
          expect(predictionError?.[field] ?? null).toBeNull();
          continue;
        }
        const [expected, seen] = both.map((outages) => longest(outages).lengthMs);
        expect(predictionError?.[field]).toBeCloseTo((expected ?? 0) - (seen ?? 0), 6);
      }
    }
    const predicted = summary.drills.map((drill) => drill.predicted);
    const alone = summaryOfSimulation.drills.map(({ id, ...drill }) => drill);
    expect(alone).toMatchObject(predicted.map((outcome) => ({ outages: outcome?.outages ?? null })));
  });
});
