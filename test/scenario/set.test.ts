// Goal: a value of the command line takes the place of the file's, is checked like one, and mistakes name the option.
// Method: plans of a small scenario with values set, and what is refused.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatProblem, InputError } from '../../src/kernel/errors.ts';
import { planRun, type RunPlan } from '../../src/run/plan.ts';
import type { Assignment } from '../../src/scenario/set.ts';
import { testServiceTimes } from './service-times.ts';

let folder = '';
let file = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgdrill-set-'));
  file = join(folder, 'scenario.yaml');
  writeFileSync(
    join(folder, 'model.yaml'),
    `name: small
servers:
  - { name: a1, address: 127.0.90.1, postgres: { role: primary, weight: 0 }, efm: {} }
  - { name: w, address: 127.0.90.9, efm: { witness: true }, pgpool: { port: 9990 } }
  - { name: a2, address: 127.0.90.2, postgres: { role: standby, weight: 3 }, efm: { properties: { promotable: true } } }
efm: { properties: { local.period: 10 } }
pgpool: { settings: { num_init_children: 40, failover_command: '' } }
serviceTimes:
  calibrated: false
${testServiceTimes}
`,
  );
  writeFileSync(
    file,
    `name: one
cluster: model.yaml
seed: 5
load:
  classes:
    - { name: read, script: builtin:select-only, perSecond: 10 }
    - { name: write, script: builtin:tpcb-like, perSecond: 1 }
  sessions: 4
phases: { warmup: 1s, measure: 20s }
drills:
  - { kind: switchover, at: 5s }
  - { id: again, kind: switchback, at: 6s }
  - { kind: switchback, at: 7s }
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

function planned(...set: string[]): RunPlan {
  return planRun(file, { set: set.map(assignment) });
}

function assignment(text: string): Assignment {
  const at = text.indexOf('=');
  return { path: text.slice(0, at), value: text.slice(at + 1) };
}

test('the fixture itself is sound', () => expect(refused()).toEqual([]));

function refused(...set: string[]): string[] {
  try {
    planned(...set);
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as InputError).problems.map((problem) =>
      formatProblem(problem).replaceAll(`${folder}/`, ''),
    );
  }
  return [];
}

describe('values of the scenario', () => {
  test('entries of lists are meant by name, id, kind or index, and text is read as in the file', () => {
    const { scenario, durationMs } = planned(
      'load.classes.read.perSecond=500',
      'load.classes[1].perSecond=2.5',
      'drills.switchover.at=4s',
      'drills.again.at=8s',
      'drills.2.at=9s',
      'phases.measure=1min',
      'load.sessionLifetime=2s',
      'load.arrivals=poisson',
    );
    const { load, drills } = scenario.value;
    expect(load.classes.map(({ perSecond }) => perSecond)).toEqual([500, 2.5]);
    expect(drills.map(({ at }) => at)).toEqual([4000, 8000, 9000]);
    expect(durationMs).toBe(61_000);
    expect(load.sessionLifetime).toBe(2000);
    expect(load.arrivals).toBe('poisson');
  });

  test('null takes a key out, whatever the file has there', () => {
    const { load } = planned(
      'load.sessionLifetime=2s',
      'load.sessionLifetime=null',
      'load.classes.read.perSecond=null',
      'load.classes.read.sessions=3',
    );
    expect(load.sessionLifetimeMs).toBeNull();
    expect(load.classes[0]).toMatchObject({ perSecond: null, closed: { sessions: 3 } });
    expect(refused('load.sessions=null').join()).toMatch(/^--set load\.sessions=null:1:15: /);
  });

  test('a later value wins, and the seed of the run wins over both', () => {
    expect(planned('seed=7', 'seed=8').scenario.value.seed).toBe(8);
    expect(planRun(file, { seed: 9, set: [{ path: 'seed', value: '7' }] }).scenario.value.seed).toBe(9);
  });

  test('hashes tell changed files from unchanged ones, each file by itself', () => {
    const plain = planRun(file);
    const same = planRun(file, { set: [] });
    const scenario = planned('load.sessions=5');
    const model = planned('model.servers.a1.postgres.weight=1');
    expect([same.scenario.hash, same.model.hash]).toEqual([plain.scenario.hash, plain.model.hash]);
    expect(scenario.scenario.hash).not.toBe(plain.scenario.hash);
    expect(scenario.model.hash).toBe(plain.model.hash);
    expect(model.model.hash).not.toBe(plain.model.hash);
    expect(model.scenario.hash).toBe(plain.scenario.hash);
    expect(planned('load.sessions=6').scenario.hash).not.toBe(scenario.scenario.hash);
  });

  test('another cluster model may be named', () => {
    writeFileSync(
      join(folder, 'other.yaml'),
      `name: other
servers:
  - { name: b1, address: 127.0.91.1, postgres: { role: primary }, efm: {}, pgpool: {} }
  - { name: b2, address: 127.0.91.2, postgres: { role: standby }, efm: {} }
serviceTimes:
  calibrated: false
${testServiceTimes}
`,
    );
    expect(planned('cluster=other.yaml').cluster.name).toBe('other');
  });
});

describe('values of the model', () => {
  test('weights, settings with dots in their names, and parts that the file leaves out', () => {
    const { cluster } = planned(
      'model.servers.a1.postgres.weight=0.5',
      'model.efm.properties.local.period=20',
      'model.efm.properties.remote.timeout=7',
      'model.servers.a2.efm.properties.ping.server.ip=127.0.0.9',
      'model.pgpool.settings.num_init_children=12',
      'model.pgpool.settings.failover_command=/bin/true %d',
      'model.operator.rebuildAfter=5s',
      'model.efm.version=4.10',
      'model.pgpool.settings.failback_command=null',
    );
    expect(cluster.backends.map(({ weight }) => weight)).toEqual([0.5, 3]);
    const second = cluster.agents.find(({ server }) => server === 'a2');
    expect(second?.properties).toMatchObject({
      'local.period': '20',
      'remote.timeout': '7',
      promotable: 'true',
      'ping.server.ip': '127.0.0.9',
    });
    expect(second?.version).toBe('4.10');
    expect(cluster.pgpoolSettings).toMatchObject({
      num_init_children: '12',
      failover_command: '/bin/true %d',
      failback_command: 'null',
    });
    expect(cluster.rebuildAfterMs).toBe(5000);
  });
});

describe('standbys', () => {
  test('more: copies of the last one behind it, with names, addresses and agents of their own', () => {
    const { cluster } = planned('standbys=3', 'model.servers.a4.postgres.weight=7');
    expect(cluster.backends.map(({ server, address, weight }) => [server, address, weight])).toEqual([
      ['a1', '127.0.90.1', 0],
      ['a2', '127.0.90.2', 3],
      ['a3', '127.0.90.10', 3],
      ['a4', '127.0.90.11', 7],
    ]);
    expect(cluster.agents.map(({ server, address }) => [server, address])).toEqual([
      ['a1', '127.0.90.1'],
      ['w', '127.0.90.9'],
      ['a2', '127.0.90.2'],
      ['a3', '127.0.90.10'],
      ['a4', '127.0.90.11'],
    ]);
  });

  test('a file of settings is of one agent: its copies do without', () => {
    writeFileSync(join(folder, 'own.properties'), 'remote.timeout=9\n');
    writeFileSync(
      join(folder, 'own.yaml'),
      `name: own
servers:
  - { name: a1, address: 127.0.90.1, postgres: { role: primary }, efm: {}, pgpool: {} }
  - { name: a2, address: 127.0.90.2, postgres: { role: standby }, efm: { file: own.properties, properties: { local.period: 3 } } }
serviceTimes:
  calibrated: false
${testServiceTimes}
`,
    );
    const { agents } = planned('cluster=own.yaml', 'standbys=2').cluster;
    expect(agents.map(({ properties }) => properties['remote.timeout'])).toEqual([undefined, '9', undefined]);
    expect(agents.map(({ properties }) => properties['local.period'])).toEqual([undefined, '3', '3']);
  });

  test('fewer: the last ones go, and as many as there are changes nothing', () => {
    const model = planned('standbys=3').model.value;
    expect(planned('standbys=1').cluster.servers).toEqual(planRun(file).cluster.servers);
    expect(model.servers).toHaveLength(5);
  });

  test.each([
    ['standbys=0', /standbys is a whole number from 1 to 127, got "0"/],
    ['standbys=two', /got "two"/],
  ])('%s is refused at the option', (set, told) => {
    const problems = refused(set);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(told);
    expect(problems[0]).toMatch(/^--set standbys=\w+:1:10: /);
  });

  test('places of the model stay those of the file when servers before them went', () => {
    writeFileSync(
      join(folder, 'five.yaml'),
      `name: five
servers:
  - { name: a1, address: 127.0.90.1, postgres: { role: primary }, efm: {} }
  - { name: a2, address: 127.0.90.2, postgres: { role: standby }, efm: {} }
  - { name: a3, address: 127.0.90.3, postgres: { role: standby }, efm: {} }
  - { name: w, address: here, efm: { witness: true }, pgpool: {} }
serviceTimes:
  calibrated: false
${testServiceTimes}
`,
    );
    expect(refused('cluster=five.yaml', 'standbys=1').join()).toMatch(
      /^five\.yaml:6:16: servers\[2\]\.address/,
    );
    const added = refused('cluster=five.yaml', 'standbys=3').join();
    expect(added).toMatch(/^five\.yaml:6:16: servers\[4\]\.address/);
  });
});

describe('pgpoolServer', () => {
  test('moves Pgpool with its ports', () => {
    expect(planned('pgpoolServer=a2').cluster.pgpools).toMatchObject([
      { server: 'a2', address: '127.0.90.2', port: 9990 },
    ]);
    expect(planned('pgpoolServer=w').cluster).toEqual(planRun(file).cluster);
  });

  test('a standby that carries it is not dropped, another goes instead', () => {
    const { cluster } = planned('standbys=3', 'pgpoolServer=a4', 'standbys=1');
    expect(cluster.backends.map(({ server }) => server)).toEqual(['a1', 'a4']);
    expect(refused('pgpoolServer=b')[0]).toMatch(/no such server[\s\S]*it has a1, w, a2/);
  });
});

describe('mistakes name the option, all at once', () => {
  test.each([
    [['load.sesions=4'], [/^--set load\.sesions=4:1:14: "sesions" is no key of load \[known-key\]/]],
    [['load.sessions=0'], [/^--set load\.sessions=0:1:15: load\.sessions: .*; got 0/]],
    [['load.sessions=many'], [/got "many"/]],
    [['phases.measure=20'], [/a duration is a number with a unit/]],
    [['load.classes.delete.perSecond=1'], [/load\.classes has no entry called "delete"; it has read, write/]],
    [['load.classes.7.perSecond=1'], [/2 entries, so none with the index 7/]],
    [['drills.switchback.at=1s'], [/2 entries of drills are called "switchback"[\s\S]*1 or 2/]],
    [['load.sessions.most=3'], [/load\.sessions is 4 and has no part "most"/]],
    [['load..sessions=3'], [/is no path/]],
    [['load.classes={'], [/"\{" cannot be read/]],
    [['model.servers.a1.postgres.weight=-1'], [/servers\[0\]\.postgres\.weight/]],
    [['model.servers.zz.postgres.weight=1'], [/servers has no entry called "zz"; it has a1, w, a2/]],
    [['load.sessions=999'], [/^--set load\.sessions=999:1:15: .*num_init_children/]],
    [
      ['load.sessions=x', 'model.servers.a1.address=here'],
      [/^--set load\.sessions=x/, /^--set model\.servers\.a1\.address=here/],
    ],
  ])('%j', (set, told) => {
    const problems = refused(...set);
    expect(problems).toHaveLength(told.length);
    for (const [index, pattern] of told.entries()) expect(problems[index]).toMatch(pattern);
  });
});
