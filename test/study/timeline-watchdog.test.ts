// Goal: the loss of the leading Pgpool has a timeline that follows Pgpool's own arithmetic, a detach that Pgpool itself wants
// waits for votes, and a pgpool.conf with a watchdog makes a cluster of several Pgpools.
// Method: the story itself, computed in this thread; models/three-pgpools.yaml with the settings that a case is about.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { InputError } from '../../src/kernel/errors.ts';
import { readTimelineInput } from '../../src/study/timeline/inputs.ts';
import type { TimelineResult } from '../../src/study/timeline/result.ts';
import { runTrial } from '../../src/study/timeline/trial.ts';
import { type TimelineRequest, timeline } from '../../src/study/timeline.ts';

const shipped = 'models/three-pgpools.yaml';
const folder = mkdtempSync(join(tmpdir(), 'pgdrill-watchdog-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

/** The shipped model with other values in its pgpool.settings. */
function modelWith(settings: Record<string, string | number>): string {
  let text = readFileSync(shipped, 'utf8');
  for (const [name, value] of Object.entries(settings)) {
    const line = new RegExp(`^    ${name}: .*$`, 'm');
    const written = `    ${name}: ${JSON.stringify(value)}`;
    text = line.test(text)
      ? text.replace(line, written)
      : text.replace(/^ {2}settings:$/m, `  settings:\n${written}`);
  }
  files += 1;
  const file = join(folder, `model-${files}.yaml`);
  writeFileSync(file, text);
  return file;
}

const quick = { wd_interval: 2, wd_heartbeat_keepalive: 1, wd_heartbeat_deadtime: 6 };

function ask(drill: string, more: Partial<TimelineRequest> = {}): Promise<TimelineResult> {
  return timeline({
    ...{ drill, efm: null, pgpool: null, model: shipped, versions: null, targetMs: null },
    ...{ trials: 8, seed: 3, threads: 0, pairs: 2, ...more },
  });
}

function phase({ phases }: TimelineResult, name: string) {
  const found = phases.find((row) => row.name === name);
  if (!found) throw new Error(`no phase ${name} among ${phases.map((row) => row.name).join(', ')}`);
  return found;
}

describe('the loss of the leading Pgpool', () => {
  test('killed: its closed connections tell, and 1 s of election and 1 s of joining follow', async () => {
    const result = await ask('pgpool-loss');
    expect(result.target).toBe('pgpool1');
    expect(phase(result, 'leaderLost').worstMs).toBeLessThan(10);
    for (const name of ['election', 'quorum']) {
      const { bestMs, worstMs } = phase(result, name);
      expect(bestMs).toBeGreaterThan(990);
      expect(worstMs).toBeLessThan(1020);
    }
    expect(phase(result, 'addressUp').worstMs).toBeLessThan(50);
    expect(result.phases.map(({ name }) => name)).not.toContain('escalation');
    expect(result.writeOutageMs.best).toBeGreaterThan(2000);
    expect(result.writeOutageMs.worst).toBeLessThan(2100);
    expect(result.sensitivity.map(({ setting }) => setting)).toContain('wd_heartbeat_deadtime');
    expect(result.remarks.join('\n')).toMatch(/stays on pgpool1 too/);
  }, 60_000);

  test('with its host: found by heartbeats within their bounds, and a silent host costs the election 4 s more', async () => {
    const result = await ask('node-loss', { model: modelWith(quick), on: 'pgpool1', trials: 24, pairs: 16 });
    const lost = phase(result, 'leaderLost');
    expect(lost.bestMs).toBeGreaterThanOrEqual(6000);
    expect(lost.bestMs).toBeLessThan(6050);
    expect(lost.worstMs).toBeLessThanOrEqual(9000);
    expect(lost.worstMs).toBeGreaterThan(8950);
    expect(lost.boundBy?.setting).toBe('wd_heartbeat_deadtime');
    expect(phase(result, 'election').bestMs).toBeCloseTo(5000, -2);
    expect(result.writeOutageMs.best).toBeGreaterThan(lost.bestMs + 5000);
    expect(result.writeOutageMs.worst).not.toBeNull();
  }, 120_000);

  test.each([
    [5, 3],
    [2, 3],
    [10, 4],
  ])(
    'with its host: best and worst are found too where life checks each %i s and heartbeats each %i s seldom meet',
    async (intervalS, keepaliveS) => {
      const apart = { ...quick, wd_interval: intervalS, wd_heartbeat_keepalive: keepaliveS };
      const lost = phase(
        await ask('node-loss', { model: modelWith(apart), on: 'pgpool1', trials: 2 }),
        'leaderLost',
      );
      const [bestMs, worstMs] = [1000 * (6 + 1 - keepaliveS), 1000 * (6 + 1 + intervalS)];
      expect(lost.bestMs).toBeGreaterThanOrEqual(bestMs);
      expect(lost.bestMs).toBeLessThan(bestMs + 50);
      expect(lost.worstMs).toBeLessThanOrEqual(worstMs);
      expect(lost.worstMs).toBeGreaterThan(worstMs - 50);
    },
    60_000,
  );

  test('with its host: a drawn fault comes anywhere in the interval of the life checks, one at a beat within its period', () => {
    const clusterOf = (model: string) =>
      readTimelineInput({ efm: null, pgpool: null, model, versions: null }).cluster;
    const usual = clusterOf(shipped);
    const seldom = clusterOf(modelWith({ ...quick, wd_heartbeat_keepalive: 3 }));
    // Pgpool starts at 0.5 s, leads after 14 s and beats a second later; wd_interval is 10 s, wd_heartbeat_keepalive 2 s.
    const firstMs = 15_500;
    const injectedAt = (
      phases: { fault: number; atBeat?: boolean; pgpool: number },
      cluster = usual,
    ): number => {
      const others = { agent: () => 0, watchdog: (place: number) => place / 3 };
      const plan = { cluster, kind: 'node-loss' as const, target: 'pgpool1', seed: 1 };
      const place = { index: 0, trials: 1, phases: { ...phases, ...others } };
      return (runTrial(plan, place).injectedMs - firstMs) % 30_000;
    };
    for (const pgpool of [0, 0.13, 0.31]) {
      for (const fault of [0, 0.3, 0.77]) {
        expect(injectedAt({ fault, pgpool }) % 10_000).toBeCloseTo(0.4 + fault * 9999.6, 6);
        expect(injectedAt({ fault, pgpool, atBeat: true }) % 10_000).toBeCloseTo(0.4 + fault * 1999.6, 6);
        expect(injectedAt({ fault, pgpool }, seldom) % 3000).toBeCloseTo(0.4 + fault * 2999.6, 6);
      }
    }
  }, 60_000);

  test('with the usual deadtime the third missed beacon tells before it, without a setting', async () => {
    const result = await ask('witness-loss', { trials: 24 });
    expect(phase(result, 'leaderLost').worstMs).toBeLessThanOrEqual(41_000);
    expect(phase(result, 'leaderLost').meanMs).toBeLessThan(31_000);
    expect(result.remarks.join('\n')).toMatch(/30 s without a beacon/);
  }, 120_000);

  test('wd_escalation_command comes before the address, as long as the model says', async () => {
    const model = modelWith({ wd_escalation_command: '/opt/up.sh' });
    const longer = readFileSync(model, 'utf8').replace(
      /^ {2}script: /m,
      "  escalationCommand: { mean: 3000ms, variation: 0, source: 'a command of three seconds' }\n  script: ",
    );
    writeFileSync(model, longer);
    const result = await ask('pgpool-loss', { model });
    expect(phase(result, 'escalation')).toMatchObject({ bestMs: 3000, worstMs: 3000 });
    expect(result.writeOutageMs.best).toBeGreaterThan(5000);
    expect(result.remarks.join('\n')).toMatch(/limits it by nothing/);
  }, 60_000);

  test('found by queries: wd_life_point of them in a row', async () => {
    const model = modelWith({ ...quick, wd_lifecheck_method: 'query', wd_lifecheck_user: 'pgpool' });
    const result = await ask('node-loss', { model, on: 'pgpool1' });
    expect(phase(result, 'leaderLost').bestMs).toBeGreaterThanOrEqual(4000);
    expect(phase(result, 'leaderLost').worstMs).toBeLessThan(13_000);
    const settings = result.sensitivity.map(({ setting }) => setting);
    expect(settings).toContain('wd_life_point');
    expect(settings).not.toContain('wd_heartbeat_deadtime');
  }, 60_000);

  test('by query every Pgpool asks itself too: the primary’s loss takes them all along before EFM acts, unless the points last longer', async () => {
    const byQuery = { ...quick, wd_lifecheck_method: 'query', wd_lifecheck_user: 'pgpool' };
    const gone = await ask('failover', { model: modelWith({ ...byQuery, wd_life_point: 2 }) });
    expect(gone.writeOutageMs).toMatchObject({ best: null, worst: null });
    expect(gone.readOutageMs.worst).toBeNull();
    expect(gone.remarks.join('\n')).toMatch(/it ends for good/);
    const patient = await ask('failover', { model: modelWith({ ...byQuery, wd_life_point: 40 }) });
    expect(patient.writeOutageMs.worst).toBeLessThan(70_000);
    const standby = await ask('standby-down', { model: modelWith({ ...byQuery, wd_life_point: 2 }) });
    expect(standby.writeOutageMs.worst).toBeLessThan(5000);
  }, 120_000);

  test('a follower’s loss moves nothing, and says what the next one would', async () => {
    const result = await ask('pgpool-loss', { on: 'pgpool3' });
    expect(result.writeOutageMs.worst).toBe(0);
    expect(result.remarks.join('\n')).toMatch(/the loss of one more takes the address away/);
  }, 60_000);

  test('of two Pgpools the one that is left has no majority: no end', async () => {
    const two = readFileSync(shipped, 'utf8').replace(/ {2}- name: pgpool3\n.*\n.*\n/, '');
    const model = join(folder, 'two.yaml');
    writeFileSync(model, two);
    const result = await ask('pgpool-loss', { model });
    expect(result.writeOutageMs.best).toBeNull();
    expect(result.remarks.join('\n')).toMatch(/nobody may hold the address/);
  }, 60_000);

  test('without delegate_IP nobody leads the clients to the new leader', async () => {
    const result = await ask('pgpool-loss', { model: modelWith({ delegate_IP: '' }) });
    expect(result.writeOutageMs.best).toBeNull();
    expect(result.remarks.join('\n')).toMatch(/clients are taken to stay at pgpool1/);
  }, 60_000);

  test('the leader cut off from the others: they go on, with the address', async () => {
    const result = await ask('partition', { model: modelWith(quick), on: 'pgpool1' });
    expect(result.writeOutageMs.best).toBeGreaterThan(11_000);
    expect(result.writeOutageMs.worst).not.toBeNull();
    expect(result.remarks.join('\n')).toMatch(/until then two hosts have it/);
  }, 60_000);
});

describe('votes', () => {
  const checked = { ...quick, health_check_period: 1, health_check_timeout: 1 };

  test('a standby that every Pgpool misses by its own health check goes down with the second vote', async () => {
    const result = await ask('standby-down', { model: modelWith(checked) });
    const { bestMs, worstMs } = phase(result, 'votes');
    expect(bestMs).toBeGreaterThanOrEqual(0);
    expect(worstMs).toBeLessThan(1200);
    expect(result.remarks.join('\n')).toMatch(/needs the votes of 2 of 3 Pgpools/);
  }, 60_000);

  test('without consensus the word of one suffices', async () => {
    const model = modelWith({ ...checked, failover_require_consensus: 'off' });
    const result = await ask('standby-down', { model });
    expect(result.phases.map(({ name }) => name)).not.toContain('votes');
  }, 60_000);

  test('a failover by EFM asks nobody', async () => {
    const result = await ask('failover', { model: modelWith(quick) });
    expect(result.phases.map(({ name }) => name)).not.toContain('votes');
    expect(phase(result, 'detach').worstMs).toBeLessThan(500);
    expect(result.writeOutageMs.worst).toBeLessThan(6000);
  }, 60_000);
});

describe('what is read', () => {
  const conf = (more: readonly string[]): string => {
    files += 1;
    const file = join(folder, `pgpool-${files}.conf`);
    const backends = [0, 1, 2].map((id) => `backend_hostname${id} = 'db${id}'`);
    writeFileSync(
      file,
      [...backends, 'use_watchdog = on', "delegate_ip = '10.0.0.9'", ...more, ''].join('\n'),
    );
    return file;
  };
  const read = (pgpool: string, model: string | null = null) =>
    readTimelineInput({ efm: null, pgpool, model, versions: '5.4,4.5.1' });

  test('Pgpools at the hosts of backends, on the witness, and on a host of their own', () => {
    const { cluster, remarks } = read(conf(["hostname0 = 'db1'", "hostname1 = 'lb1'", "hostname2 = 'lb2'"]));
    expect(cluster.pgpools.map(({ server }) => server)).toEqual(['server2', 'witness', 'pgpool3']);
    expect(remarks.join()).not.toMatch(/watchdog/);
  });

  test('a watchdog that names no other Pgpool is none', () => {
    const { cluster, remarks } = read(conf(["hostname0 = 'db1'"]));
    expect(cluster.pgpools).toHaveLength(1);
    expect(remarks.join()).toMatch(/names no other Pgpool: nobody takes over/);
  });

  test('a model with one Pgpool keeps it, and says so', () => {
    const file = conf(["hostname0 = 'lb1'", "hostname1 = 'lb2'"]);
    const text = readFileSync(file, 'utf8').replace(/db(\d)/g, (_, id) => `127.0.77.1${Number(id) + 1}`);
    writeFileSync(file, text);
    const { cluster, remarks } = read(file, 'models/reference-architecture.yaml');
    expect(cluster.pgpools).toHaveLength(1);
    expect(remarks.join()).toMatch(/the model has one Pgpool: nobody takes over/);
  });

  test.each([['use_watchdog', 'off', 'several-pgpools', /3 Pgpools and no watchdog/]])(
    '%s %s is refused',
    (name, value, rule, says) => {
      const model = modelWith({ [name]: value });
      const error = catching(() => readTimelineInput({ efm: null, pgpool: null, model, versions: null }));
      expect(error).toBeInstanceOf(InputError);
      const [problem] = (error as InputError).problems;
      expect(problem?.rule).toBe(rule);
      expect(problem?.message).toMatch(says);
      expect(problem?.hint).toMatch(/use_watchdog: 'on'/);
    },
  );

  test.each([
    ['nowhere', /has no server "nowhere"/, 'node-loss'],
    ['server1', /takes no server/, 'failover'],
  ])('--on %s', async (on, says, drill) => {
    await expect(ask(drill, { on })).rejects.toThrow(says);
  });
});

function catching(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}
