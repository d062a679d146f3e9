// Goal: a cluster model takes its settings from the files it names, inline ones win, and where model and files contradict
// each other, or a file is wrong, all of it is told at its place with the other place.
// Method: a small model and two files written to a folder, one thing changed at a time; the shipped models.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatProblem } from '../../src/kernel/errors.ts';
import { planRun } from '../../src/run/plan.ts';
import { loadModel } from '../../src/scenario/load.ts';
import { checkSimulated } from '../../src/sim/check.ts';
import { checkModel } from '../../src/topology/check.ts';
import { type Cluster, clusterOf } from '../../src/topology/cluster.ts';
import { parseEfmSettings } from '../../src/topology/efm-properties.ts';
import { modelFileWarnings, readModelFiles } from '../../src/topology/model-files.ts';
import { pgpoolConfOf } from '../../src/topology/pgpool-conf-of.ts';
import { testServiceTimes } from '../scenario/service-times.ts';

const models = join(import.meta.dirname, '../../models');
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgdrill-model-files-'));
  mkdirSync(join(folder, 'conf'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const model = `name: small
servers:
  - { name: a, address: 192.0.2.1, postgres: { role: primary }, efm: {} }
  - { name: b, address: 192.0.2.2, postgres: { role: standby }, efm: {} }
  - { name: w, address: 192.0.2.3, efm: { witness: true }, pgpool: {} }
efm: { file: conf/efm.properties }
pgpool: { file: conf/pgpool.conf }
serviceTimes:
  calibrated: false
${testServiceTimes}
`;
const efm = 'bind.address=192.0.2.1:7800\nlocal.timeout=30\nstop.failed.primary=false\n';
const pgpool = `port = 9998
backend_hostname0 = '192.0.2.1'
backend_port0 = 5444
backend_weight0 = 0
backend_hostname1 = '192.0.2.2'
backend_port1 = 5444
backend_weight1 = 3
num_init_children = 7
`;

interface Texts {
  model?: string;
  efm?: string;
  pgpool?: string;
  own?: string;
}

/** Problems of a model and its files, and the cluster that would be built. */
function load(texts: Texts): { problems: string[]; cluster: Cluster | null } {
  writeFileSync(join(folder, 'model.yaml'), texts.model ?? model);
  writeFileSync(join(folder, 'conf/efm.properties'), texts.efm ?? efm);
  writeFileSync(join(folder, 'conf/pgpool.conf'), texts.pgpool ?? pgpool);
  if (texts.own !== undefined) writeFileSync(join(folder, 'conf/own.properties'), texts.own);
  const { model: source, problems } = loadModel(join(folder, 'model.yaml'));
  const files = source && readModelFiles(source);
  if (source) problems.push(...checkModel(source, files));
  return {
    problems: problems.map((problem) => formatProblem(problem).replaceAll(`${folder}/`, '')),
    cluster: source ? clusterOf(source.value, files) : null,
  };
}

describe('settings of files', () => {
  test('are the cluster’s, with the ports and weights that the model leaves to them', () => {
    const { problems, cluster } = load({});
    expect(problems).toEqual([]);
    expect(cluster?.backends.map(({ port, weight }) => [port, weight])).toEqual([
      [5444, 0],
      [5444, 3],
    ]);
    expect(cluster?.pgpools).toMatchObject([{ port: 9998, pcpPort: 9898 }]);
    expect(cluster?.pgpoolSettings).toEqual({ num_init_children: '7' });
    expect(cluster?.agents.map(({ version, properties }) => [version, properties])).toEqual(
      Array(3).fill(['5.4', { 'local.timeout': '30', 'stop.failed.primary': 'false' }]),
    );
  });

  test('may call a backend by the name of its server', () => {
    const named = pgpool
      .replace("0 = '192.0.2.1'", "0 = 'a'")
      .replace("1 = '192.0.2.2'", "1 = 'b.example.com'");
    expect(load({ pgpool: named }).problems).toEqual([]);
    expect(load({ pgpool: pgpool.replace("1 = '192.0.2.2'", "1 = 'a'") }).problems).toHaveLength(1);
  });

  test('lose to those of the model, and those to a server’s own', () => {
    const text = model
      .replace(
        'name: b, address: 192.0.2.2, postgres: { role: standby }, efm: {}',
        'name: b, address: 192.0.2.2, postgres: { role: standby }, efm: { properties: { local.timeout: 50 } }',
      )
      .replace('conf/efm.properties }', 'conf/efm.properties, properties: { local.timeout: 40 } }')
      .replace('conf/pgpool.conf }', 'conf/pgpool.conf, settings: { num_init_children: 9 } }');
    const { problems, cluster } = load({ model: text });
    expect(problems).toEqual([]);
    expect(cluster?.agents.map(({ properties }) => properties['local.timeout'])).toEqual(['40', '50', '40']);
    expect(cluster?.pgpoolSettings).toEqual({ num_init_children: '9' });
  });

  test('a server’s own file stands for the model’s', () => {
    const text = model.replace(
      'role: standby }, efm: {}',
      'role: standby }, efm: { file: conf/own.properties }',
    );
    const own = 'bind.address=192.0.2.2:7801\nadmin.port=7810\nlocal.timeout=20\nis.witness=false\n';
    const { problems, cluster } = load({ model: text, own });
    expect(problems).toEqual([]);
    expect(cluster?.agents[1]).toMatchObject({
      port: 7801,
      adminPort: 7810,
      properties: { 'local.timeout': '20' },
    });
    expect(cluster?.agents[0]).toMatchObject({
      port: 7800,
      adminPort: 7809,
      properties: { 'local.timeout': '30' },
    });
  });

  test('are read for the version that the model names, else for the one their names fit', () => {
    const old = efm.replace('primary', 'master');
    expect(load({ efm: old }).cluster?.agents[0]?.version).toBe('3.10');
    const named = load({ efm: old, model: model.replace('efm: { file', "efm: { version: '3.9', file") });
    expect(named.problems).toEqual([]);
    expect(named.cluster?.agents[0]?.version).toBe('3.9');
    expect(load({ pgpool: `${pgpool}follow_master_command = 'x'\n` }).cluster?.pgpoolVersion).toBe('4.1');
    const refused = load({ efm: old, model: model.replace('efm: { file', "efm: { version: '5.4', file") });
    expect(refused.problems).toEqual([
      expect.stringContaining('conf/efm.properties:3:1: EFM 5.4 does not know'),
    ]);
  });
});

describe('contradictions are refused with both places', () => {
  test.each([
    [
      'another address',
      { pgpool: pgpool.replace("1 = '192.0.2.2'", "1 = '192.0.2.9'") },
      /pgpool.conf:5:21: backend_hostname1 is 192.0.2.9, but the model says 192.0.2.2 .*\(model.yaml:4:16\) \[file-agrees\]/,
    ],
    [
      'another port',
      { model: model.replace('role: standby }', 'role: standby, port: 5432 }') },
      /pgpool.conf:6:17: backend_port1 is 5444, but the model says 5432 .*\(model.yaml:4:63\)/,
    ],
    [
      'another weight',
      { model: model.replace('role: primary }', 'role: primary, weight: 1 }') },
      /pgpool.conf:4:19: backend_weight0 is 0, but the model says 1/,
    ],
    [
      'another Pgpool port',
      { model: model.replace('pgpool: {} }', 'pgpool: { port: 9999 } }') },
      /pgpool.conf:1:8: port is 9998, but the model says 9999 for the port of w's Pgpool/,
    ],
    [
      'a backend more',
      { pgpool: `${pgpool}backend_hostname2 = '192.0.2.3'\n` },
      /pgpool.conf:9:21: backend_hostname2 is 192.0.2.3, but the model has 2 servers with PostgreSQL/,
    ],
    [
      'a backend less',
      { pgpool: pgpool.replaceAll(/backend_\w+1 = .*\n/g, '') },
      /model.yaml:4:5: b is Pgpool's backend 1, but conf\/pgpool.conf sets no backend_hostname1 \[server-is-backend\]/,
    ],
    [
      'an agent nowhere',
      { efm: efm.replace('192.0.2.1', '192.0.2.7') },
      /efm.properties:1:14: bind.address is 192.0.2.7:7800; no server with an agent has that address/,
    ],
    [
      'a standby nowhere',
      { efm: `${efm}priority.standbys=192.0.2.2 192.0.2.8\n` },
      /efm.properties:4:19: priority.standbys names 192.0.2.8; no server has that address \[known-node\]/,
    ],
    [
      'an inline standby nowhere',
      {
        model: model.replace(
          'conf/efm.properties }',
          'conf/efm.properties, properties: { priority.standbys: 192.0.2.8 } }',
        ),
      },
      /model.yaml:6:49: priority.standbys names 192.0.2.8/,
    ],
    [
      'no agent',
      { model: model.replace('role: standby }, efm: {} }', 'role: standby } }') },
      /no EFM agent watches/,
    ],
    [
      'an unknown version',
      { model: model.replace('efm: { file', "efm: { version: '2.1', file") },
      /model.yaml:6:8: efm.version "2.1" is not known; known are 3.9 to 5.4/,
    ],
    [
      'a version that YAML reads as a number',
      { model: model.replace('efm: { file', 'efm: { version: 4.10, file') },
      /model.yaml:6:8: efm.version: a version in quotes.*; got 4.1/,
    ],
    [
      'a file that is not there',
      { model: model.replace('conf/pgpool.conf', 'conf/none.conf') },
      /model.yaml:7:11: cannot read conf\/none.conf: ENOENT/,
    ],
  ] as [string, Texts, RegExp][])('%s', (_, texts, expected) => {
    const { problems } = load(texts);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(expected);
  });

  test('an own file for another server, witness or port', () => {
    const text = model.replace(
      'role: standby }, efm: {}',
      'role: standby }, efm: { file: conf/own.properties, port: 7800 }',
    );
    const own = 'bind.address=192.0.2.1:7801\nis.witness=true\n';
    expect(load({ model: text, own }).problems.map((problem) => problem.split(' ')[0])).toEqual([
      'conf/own.properties:1:14:',
      'conf/own.properties:1:14:',
      'conf/own.properties:2:12:',
    ]);
  });

  test('every problem of model and files comes at once', () => {
    const { problems } = load({
      model: model.replace('conf/efm.properties }', 'conf/efm.properties, properties: { local.timout: 4 } }'),
      efm: `${efm}nothing\nauto.failover=maybe\n`,
      pgpool: `${pgpool}max_pool = many\nfollow_primary_command = 'it''s'\n`,
    });
    expect(problems.map((problem) => /^[^ ]+/.exec(problem)?.[0]).sort()).toEqual([
      'conf/efm.properties:4:1:',
      'conf/efm.properties:5:15:',
      'conf/pgpool.conf:10:26:',
      'conf/pgpool.conf:9:12:',
      'model.yaml:6:49:',
    ]);
  });
});

test('a run tells what the model’s files say without effect, and refuses what keeps Pgpool from starting', () => {
  const scenario = join(folder, 'scenario.yaml');
  writeFileSync(
    scenario,
    'name: one\ncluster: model.yaml\nload: { sessions: 4, classes: [{ name: read, script: builtin:select-only, perSecond: 10 }] }\nphases: { warmup: 1s, measure: 2s }\n',
  );
  load({
    pgpool: `${pgpool}follow_master_command = 'x'\nfollow_primary_command = 'x'\nmax_pool = 1\nmax_pool = 2\n`,
  });
  const plan = planRun(scenario);
  expect(plan.warnings.map(({ rule, place }) => `${rule} ${place?.line}`)).toEqual([
    'pgpool-setting-renamed 9',
    'pgpool-setting-twice 12',
  ]);
  expect(plan.cluster.pgpoolSettings).toMatchObject({ max_pool: '2' });
  load({ pgpool: `${pgpool}wd_port = 9000\nbackend_clustering_mode = 'raw'\n` });
  expect(() => planRun(scenario)).toThrow(/1 problem in the input/);
});

describe('shipped models', () => {
  test.each(readdirSync(models).filter((name) => name.endsWith('.yaml')))('%s is sound', (name) => {
    const { model: source, problems } = loadModel(join(models, name));
    expect(problems).toEqual([]);
    expect(source && checkModel(source)).toEqual([]);
  });

  test('the reference architecture’s settings reach the worlds as they are written', () => {
    const { model: source } = loadModel(join(models, 'reference-architecture.yaml'));
    if (!source) throw new Error('the model cannot be read');
    const cluster = clusterOf(source.value, readModelFiles(source));
    const written = Object.entries(source.value.pgpool.settings).map(([name, value]) => [
      name,
      String(value),
    ]);
    expect(cluster.pgpoolSettings).toEqual(Object.fromEntries(written));
    expect([cluster.pgpoolVersion, cluster.agents[0]?.version]).toEqual(['4.3.5', '5.4']);
    expect(cluster.backends.map(({ weight }) => weight)).toEqual([0, 1, 1]);
  });

  test('the guide to the letter runs, as its Pgpool would, with the names told that have no effect', () => {
    const { model: source } = loadModel(join(models, 'guide-literal.yaml'));
    if (!source) throw new Error('the model cannot be read');
    const files = readModelFiles(source);
    expect(checkModel(source, files)).toEqual([]);
    const told = modelFileWarnings(files, source);
    expect(told.map(({ message }) => /"(\w+)"/.exec(message)?.[1])).toEqual([
      ...['fail_over_on_backend_error', 'wd_lifecycle_method', 'if_cmdconfig_path'],
    ]);
    const { pgpoolSettings } = clusterOf(source.value, files);
    expect(pgpoolConfOf(pgpoolSettings, '4.3.5').failoverOnBackendError).toBe(true);
  });

  test('of the guide build clusters of the same servers, each as its versions are', () => {
    const clusters = ['guide-3.9.yaml', 'guide-4.3.yaml'].map((name) => {
      const { model: source } = loadModel(join(models, name));
      if (!source) throw new Error(`${name} cannot be read`);
      return clusterOf(source.value, readModelFiles(source));
    });
    const [old, now] = clusters as [Cluster, Cluster];
    expect(clusters.map(checkSimulated)).toEqual([[], []]);
    expect(old.backends).toEqual(now.backends);
    expect(old.backends.map(({ port, weight }) => [port, weight])).toEqual([
      [5444, 0],
      [5444, 1],
      [5444, 1],
    ]);
    const agents = [old, now].map(({ agents: [agent] }) =>
      parseEfmSettings(agent?.properties ?? {}, agent?.version),
    );
    expect(agents.map(({ recoveryCheckPeriodMs }) => recoveryCheckPeriodMs)).toEqual([2000, 1000]);
    const confs = [old, now].map(({ pgpoolSettings }) => pgpoolConfOf(pgpoolSettings, '4.3.5'));
    expect(confs.map(({ failoverOnBackendShutdown }) => failoverOnBackendShutdown)).toEqual([true, false]);
    expect(confs.map(({ failoverOnBackendError }) => failoverOnBackendError)).toEqual([false, false]);
  });
});
