// Goal: every kind of drill has a timeline that makes sense, in both generations of EFM; equal requests give equal bytes;
// a target is reached by few changes, or said to be out of reach.
// Method: the story itself, computed in this thread with few trials.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { InputError } from '../../src/kernel/errors.ts';
import { type DrillKind, drillKinds } from '../../src/scenario/scenario-shape.ts';
import { pingTimesOf } from '../../src/sim/virtual-ip.ts';
import { readTimelineInput } from '../../src/study/timeline/inputs.ts';
import { spreadOf } from '../../src/study/timeline/spread.ts';
import { renderTimeline } from '../../src/study/timeline/text.ts';
import { type TimelineRequest, timeline } from '../../src/study/timeline.ts';

const lab = 'models/reference-architecture.yaml';

function ask(drill: string, more: Partial<TimelineRequest> = {}) {
  return timeline({
    drill,
    efm: null,
    pgpool: null,
    model: lab,
    versions: null,
    trials: 6,
    seed: 3,
    targetMs: null,
    threads: 0,
    pairs: 2,
    ...more,
  });
}

/** What each kind must show on the guide's four servers: phases that are there, and whether it ends by itself. */
const expected: Record<DrillKind, { phases: string[]; write: 'none' | 'ends' | 'endless'; says?: RegExp }> = {
  switchover: { phases: ['stop', 'detach', 'promote', 'reconfigure', 'standbysAttached'], write: 'ends' },
  switchback: { phases: ['stop', 'detach', 'promote', 'reconfigure', 'standbysAttached'], write: 'ends' },
  failover: {
    phases: ['detect', 'verify', 'detach', 'promote'],
    write: 'ends',
    says: /rebuilt by the operator/,
  },
  'node-loss': {
    phases: ['detect', 'verify', 'detach', 'promote'],
    write: 'ends',
    says: /reads are refused too/,
  },
  'agent-kill': { phases: ['detect', 'verify'], write: 'none', says: /no failover: .*unprotected/ },
  'agent-stop': { phases: [], write: 'none', says: /no failover/ },
  'standby-down': { phases: ['detect', 'verify', 'detach'], write: 'ends', says: /1 of 2 standbys/ },
  'standby-node-loss': {
    phases: ['detect', 'verify', 'detach'],
    write: 'ends',
    says: /holds up every new session/,
  },
  'witness-loss': { phases: [], write: 'endless', says: /Pgpool ran on server4/ },
  'pgpool-loss': { phases: [], write: 'endless', says: /no session is served/ },
  hang: { phases: ['detect', 'verify', 'stop'], write: 'endless', says: /until the frozen server/ },
  partition: { phases: ['detect', 'verify', 'detach', 'promote'], write: 'ends' },
  rebuild: { phases: [], write: 'none', says: /resumed/ },
  resume: { phases: ['standbysAttached'], write: 'ends' },
};

describe.each(['3.9,4.3.5', '5.4,4.3.5'])('EFM,Pgpool %s', (versions) => {
  test.each(drillKinds)(
    '%s',
    async (kind) => {
      const result = await ask(kind, { versions });
      const { phases, says } = expected[kind];
      // Before 4.2 a primary whose agent is gone is taken out of Pgpool, though its database runs.
      const detached = kind === 'agent-kill' && versions.startsWith('3.9');
      const write = detached ? 'endless' : expected[kind].write;
      const names: string[] = result.phases.map(({ name }) => name);
      for (const name of phases) expect(names).toContain(name);
      const { writeOutageMs, readOutageMs, reducedReadMs } = result;
      if (write === 'endless') expect(writeOutageMs.worst).toBeNull();
      else expect(writeOutageMs.worst).not.toBeNull();
      if (write === 'none') expect(writeOutageMs.worst).toBe(0);
      for (const spread of [writeOutageMs, readOutageMs, reducedReadMs]) {
        const { best, p5, p50, p95, worst } = spread;
        const found = [best, p5, p50, p95, worst].map((span) => span ?? Number.POSITIVE_INFINITY);
        expect(found.toSorted((a, b) => a - b)).toEqual(found);
      }
      for (const { bestMs, meanMs, worstMs } of result.phases) {
        expect(bestMs).toBeLessThanOrEqual(meanMs);
        expect(meanMs).toBeLessThanOrEqual(worstMs);
      }
      if (says) expect(result.remarks.join('\n')).toMatch(says);
      const text = renderTimeline(result);
      expect(text.split('\n').every((line) => line.length <= 80)).toBe(true);
      expect(text).toContain(`Timeline: ${kind}`);
    },
    60_000,
  );
});

test('equal requests give equal bytes, another seed others', async () => {
  const [first, again, other] = await Promise.all([
    ask('failover'),
    ask('failover'),
    ask('failover', { seed: 4 }),
  ]);
  expect(JSON.stringify(again)).toBe(JSON.stringify(first));
  expect(other.writeOutageMs.mean).not.toBe(first.writeOutageMs.mean);
});

test('a failover answers to its settings: one for one to local.timeout, minus a half to local.period', async () => {
  const { sensitivity } = await ask('failover', { model: null, pairs: 32 });
  const slopeOf = (name: string) => sensitivity.find(({ setting }) => setting === name)?.writePerSecond;
  expect(slopeOf('local.timeout')).toBeCloseTo(1, 1);
  expect(slopeOf('local.period')).toBeCloseTo(-0.5, 1);
  expect(slopeOf('node.timeout')).toBe(0);
  expect(slopeOf('remote.timeout')).toBe(0);
}, 60_000);

describe('a target', () => {
  test('is reached by the fewest settings, and no further than it must', async () => {
    const { targetFinding, writeOutageMs } = await ask('failover', { model: null, targetMs: 15_000 });
    expect(writeOutageMs.worst).toBeGreaterThan(60_000);
    expect(targetFinding?.result).toBe('reachable');
    expect(targetFinding?.changes.map(({ setting }) => setting)).toEqual(['local.timeout', 'local.period']);
    const [timeout] = targetFinding?.changes ?? [];
    expect(Number(timeout?.to)).toBe(13);
    expect(targetFinding?.worstMs).toBeLessThanOrEqual(15_000);
    expect(timeout?.risk).toMatch(/failed over/);
  }, 60_000);

  test('that no setting reaches is said to be out of reach, with what is left', async () => {
    const { targetFinding } = await ask('failover', { targetMs: 500 });
    expect(targetFinding?.result).toBe('unreachable');
    expect(targetFinding?.worstMs).toBeGreaterThan(500);
    expect(targetFinding?.boundBy.length).toBeGreaterThan(0);
  }, 60_000);

  test('that is met needs nothing', async () => {
    const { targetFinding } = await ask('agent-stop', { targetMs: 500 });
    expect(targetFinding).toMatchObject({ result: 'met', changes: [] });
  });
});

describe('what is asked wrongly', () => {
  test.each([
    [{ drill: 'earthquake' }, /"earthquake" is no kind of drill/],
    [{ efm: '/no/such/efm.properties' }, /cannot read \/no\/such\/efm.properties/],
    [{ versions: '5.4' }, /--versions takes EFM's and Pgpool's version, got "5.4"/],
    [{ versions: '2.0,4.3' }, /--versions/],
    [{ trials: 0 }, /--trials is a whole number from 1/],
  ])('%o', async (more, message) => {
    await expect(ask('failover', more)).rejects.toThrow(message);
    await expect(ask('failover', more)).rejects.toMatchObject({ exitCode: 1 });
  });

  test('every problem of a file at its line', async () => {
    const error = await ask('failover', { model: null, efm: 'test/study/broken.properties' }).catch(
      (cause) => cause,
    );
    expect(error).toBeInstanceOf(InputError);
    expect((error as InputError).problems.map(({ place }) => place?.line)).toEqual([2, 3]);
    for (const { place } of (error as InputError).problems)
      expect(place?.file).toBe('test/study/broken.properties');
  });
});

test('what a broken setting brings about is not told beside it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pgdrill-timeline-'));
  const file = join(folder, 'pgpool.conf');
  writeFileSync(file, 'num_init_children = many\n');
  const read = () => readTimelineInput({ efm: null, pgpool: file, model: null, versions: null });
  const found = catching(read);
  rmSync(folder, { recursive: true });
  expect(found).toBeInstanceOf(InputError);
  const { problems } = found as InputError;
  expect(problems.map(({ place, rule }) => [place?.line, rule])).toEqual([[1, 'pgpool-setting-value']]);
});

function catching(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}

test('an efm.properties without balancer scripts: Pgpool is never told', async () => {
  const result = await ask('failover', {
    model: null,
    efm: 'test/study/bare.properties',
    versions: '5.4,4.3.5',
  });
  expect(result.writeOutageMs.best).toBeNull();
  expect(result.remarks.join('\n')).toMatch(/script.load.balancer.detach.* not set: Pgpool is not told/);
}, 60_000);

test.each([
  ['4.1.0', true],
  ['4.3.5', false],
])('Pgpool %s: follow_master_command is its follow command: %s', (pgpool, expected) => {
  const folder = mkdtempSync(join(tmpdir(), 'pgdrill-timeline-'));
  const file = join(folder, 'pgpool.conf');
  writeFileSync(file, "follow_master_command = '/opt/follow.sh %d %P'\nfailover_command = '/opt/own.sh'\n");
  const input = readTimelineInput({ efm: null, pgpool: file, model: null, versions: `4.10,${pgpool}` });
  rmSync(folder, { recursive: true });
  expect(input.hasFollowCommand).toBe(expected);
  expect(input.remarks).toEqual([
    expect.stringMatching(
      /^failover_command is taken as a script that changes no server, .*sets it no limit$/,
    ),
  ]);
});

describe('failover_command', () => {
  const guide = readFileSync('models/guide-4.3/pgpool.conf', 'utf8');
  const folder = mkdtempSync(join(tmpdir(), 'pgdrill-timeline-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const sample = '/etc/pgpool-II/failover.sh %d %h %p %D %m %H %M %P %r %R %N %S';
  const folders = [0, 1, 2].map((id) => `backend_data_directory${id} = '/data'\n`).join('');
  const failover = (name: string, lines: string) => {
    const pgpool = join(folder, `${name}.conf`);
    const own = /^(?:failover_command|failover_on_backend_error) .*\n/gm;
    writeFileSync(pgpool, `${guide.replace(own, '')}${lines}`);
    return ask('failover', { model: null, pgpool, versions: '4.10,4.3.5' });
  };
  const byItself = 'failover_on_backend_error = on\n';

  test('that promotes: Pgpool serves writes again long before EFM has found anything out', async () => {
    const promoting = `${byItself}${folders}failover_command = '${sample}'\n`;
    const result = await failover('promoting', promoting);
    expect(result.writeOutageMs.worst).toBeLessThan(10_000);
    expect(result.remarks.join('\n')).toMatch(
      /failover_command promotes a server .*by its name.*two parties/,
    );
    const without = await failover('without', byItself);
    expect(without.writeOutageMs.best).toBeGreaterThan(40_000);
  }, 60_000);

  test('the sample without data directories promotes nothing: its arguments are one too early', async () => {
    const result = await failover('shifted', `${byItself}failover_command = '${sample}'\n`);
    expect(result.writeOutageMs.best).toBeGreaterThan(40_000);
    expect(result.remarks.join('\n')).toMatch(/failover_command ends in an error/);
  }, 60_000);

  test('of two minutes: nobody is served before its end, and the trial waits for it', async () => {
    const model = join(folder, 'slow.yaml');
    const text = readFileSync(lab, 'utf8')
      .replace("failover_command: ''", 'failover_command: /opt/own.sh %d')
      .replace(/^( +)script:/m, '$1failoverCommand: { mean: 120s, variation: 0, source: test }\n$1script:');
    writeFileSync(model, text);
    const { writeOutageMs, readOutageMs, remarks } = await ask('failover', { model });
    for (const { best, worst } of [writeOutageMs, readOutageMs]) {
      expect(best).toBeGreaterThan(120_000);
      expect(worst).toBeLessThan(140_000);
    }
    expect(remarks.join('\n')).toMatch(
      /failover_command is taken as a script .*serviceTimes.failoverCommand/,
    );
  }, 60_000);
});

test('a span that never ends in some trials has no mean and no worst', () => {
  expect(spreadOf([3000, 1000, Number.POSITIVE_INFINITY, 2000])).toEqual({
    best: 1000,
    mean: null,
    worst: null,
    p5: 1000,
    p50: 2000,
    p95: null,
  });
});

test('a ping command takes its requests a second apart, and no longer than its deadline', () => {
  expect(pingTimesOf()).toEqual({ reachableMs: 2000, absentMs: 3000, droppedMs: 5000 });
  expect(pingTimesOf('/bin/ping -q -c1 -w1')).toEqual({ reachableMs: 0, absentMs: 1000, droppedMs: 1000 });
});
