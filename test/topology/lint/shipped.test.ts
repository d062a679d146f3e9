// Goal: what we ship and what the lab writes passes our own rules, and the guide's own settings do not.
// Method: the lab's real writers into a folder, read back as files; the models' files and the shipped scripts as they are.
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installScripts, writeAgentFiles } from '../../../src/lab/efm-agents.ts';
import { type LabSettings, newAccounts } from '../../../src/lab/lab-settings.ts';
import { layoutOf, serverLayout } from '../../../src/lab/layout.ts';
import { writePgpoolFiles } from '../../../src/lab/pgpool.ts';
import { loadModel } from '../../../src/scenario/load.ts';
import { clusterOf } from '../../../src/topology/cluster.ts';
import { lint } from '../../../src/topology/lint/lint.ts';
import { lintFilesOfModel } from '../../../src/topology/lint/model.ts';
import { type LintRequest, readLintFiles } from '../../../src/topology/lint/read.ts';

const root = join(import.meta.dirname, '../../..');
let dir: string;

// Not in /tmp, which is a finding of its own.
beforeAll(() => {
  dir = mkdtempSync('/var/tmp/lint-shipped-');
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

function findingsOf(request: LintRequest) {
  const { files, problems } = readLintFiles(request);
  expect(problems).toEqual([]);
  return lint(files);
}

const pair = (name: string) => ({
  efm: [join(root, 'models', name, 'efm.properties')],
  pgpool: [join(root, 'models', name, 'pgpool.conf')],
});

describe('clean pairs', () => {
  test.each([
    ['guide-4.3', '5.4', '4.3.5'],
    ['guide-3.9', '3.9', '4.0'],
  ])('%s with the shipped scripts has no finding', (name, efmVersion, pgpoolVersion) => {
    const request = { ...pair(name), scripts: join(root, 'scripts/efm'), efmVersion, pgpoolVersion };
    expect(findingsOf(request)).toEqual([]);
    const { efmVersion: _, pgpoolVersion: __, ...told } = request;
    expect(findingsOf(told)).toEqual([]);
  });

  test('what the lab writes for the reference architecture has no finding', async () => {
    const { model } = loadModel(join(root, 'models/reference-architecture.yaml'));
    if (!model) throw new Error('the model cannot be read');
    const cluster = clusterOf(model.value);
    const labDir = join(dir, 'lab');
    const lab: LabSettings = {
      cluster,
      layout: layoutOf(labDir),
      accounts: newAccounts(),
      binaries: {
        postgresBin: '/usr/lib/postgresql/15/bin',
        postgresVersion: '15',
        pgpool: '/usr/sbin/pgpool',
        pcpBin: '/usr/sbin',
        pgpoolVersion: '4.3.5',
      },
      context: {
        labDir,
        user: { name: 'postgres', uid: 0, gid: 0, switched: false },
        passFile: join(labDir, 'pgpass'),
      },
      scriptsFrom: join(root, 'scripts/efm'),
      programs: join(root, 'dist'),
    };
    mkdirSync(labDir);
    await installScripts(lab);
    writeFileSync(lab.layout.pcpPassFile, '', { mode: 0o600 });
    for (const agent of cluster.agents) await writeAgentFiles(lab, agent);
    for (const place of cluster.pgpools) await writePgpoolFiles(lab, place);
    const findings = findingsOf({
      efm: cluster.agents.map(({ server }) => join(serverLayout(labDir, server).efmDir, 'efm.properties')),
      pgpool: cluster.pgpools.map(({ server }) => serverLayout(labDir, server).pgpoolConf),
      scripts: lab.layout.scripts,
      primary: '127.0.77.11',
    });
    expect(findings).toEqual([]);
  });
});

describe("the guide's own settings", () => {
  const rulesOf = (request: LintRequest) => new Set(findingsOf(request).map(({ rule }) => rule));

  test('in the versions that the guide is for', () => {
    const rules = rulesOf({ ...pair('guide-literal'), efmVersion: '3.9', pgpoolVersion: '4.0' });
    for (const rule of [
      'efm-post-promotion-missing',
      'efm-hook-without-type',
      'pgpool-renamed-setting',
      'pgpool-unknown-setting',
      'pgpool-failover-on-error',
      'watchdog-life-point-unused',
      'pgpool-stale-reads-undecided',
    ]) {
      expect(rules).toContain(rule);
    }
    expect(rules).not.toContain('pgpool-missing-index');
  });

  test('pasted into 4.3.5: Pgpool does not even start, and does not know the other Pgpools', () => {
    const rules = rulesOf({ ...pair('guide-literal'), efmVersion: '5.4', pgpoolVersion: '4.3.5' });
    for (const rule of [
      'pgpool-missing-index',
      'pgpool-failover-on-shutdown',
      'pgpool-follow-command-missing',
      'watchdog-alone',
      'pgpool-renamed-setting',
    ]) {
      expect(rules).toContain(rule);
    }
  });

  test('scripts with the mistakes of its appendix are named with their lines', () => {
    const scripts = join(dir, 'appendix');
    mkdirSync(scripts);
    const write = (name: string, ...lines: string[]): void => {
      writeFileSync(join(scripts, name), `#!/bin/bash\n${lines.join('\n')}\n`);
      chmodSync(join(scripts, name), 0o755);
    };
    write(
      'load_balancer_detach.sh',
      'log=/tmp/hooks/log',
      'now=$(date +%d.%m.%Y %H:%M)',
      'echo "$now" >>$log',
      '/tmp/hooks/backend.sh detach "$1" >>$log',
      'exit 0',
    );
    write('load_balancer_attach.sh', '/opt/hooks/backend.sh attach "$1"', 'exit 0');
    write(
      'backend.sh',
      "role=$($BIN/pcp_node_info -U pcp -w 0 | awk '{ print $6 }')",
      '$BIN/pcp_attach_node -U pcp -w 0',
    );
    write(
      'follow_master.sh',
      'if [ $1 -ne $2 ]; then',
      'sleep 10',
      '$BIN/pcp_attach_node -U pcp -w $1',
      'fi',
    );
    const findings = findingsOf({
      ...pair('guide-literal'),
      scripts,
      efmVersion: '3.9',
      pgpoolVersion: '4.1',
    });
    const places = findings
      .filter(({ place }) => place.file.startsWith(scripts))
      .map(({ rule, place }) => `${rule} ${place.file.slice(scripts.length + 1)}:${place.line}`);
    expect(places).toEqual(
      expect.arrayContaining([
        'script-unquoted-date load_balancer_detach.sh:3',
        'script-in-tmp load_balancer_detach.sh:2',
        'script-always-succeeds load_balancer_detach.sh:6',
        'script-always-succeeds load_balancer_attach.sh:3',
        'attach-without-question load_balancer_attach.sh:2',
        'script-trusts-pcp-status backend.sh:2',
        'script-without-limit backend.sh:2',
        'follow-attaches-dead-primary follow_master.sh:4',
        'follow-sleeps follow_master.sh:3',
      ]),
    );
  });
});

test('what is looked up on this machine: scripts that are there, executable, and password files', () => {
  const folder = join(dir, 'paths');
  const scripts = join(folder, 'scripts');
  mkdirSync(scripts, { recursive: true });
  const [efm, pgpool] = ['efm.properties', 'pgpool.conf'].map((name) => {
    const file = join(folder, name);
    writeFileSync(file, readFileSync(join(root, 'models/guide-4.3', name), 'utf8'));
    return file;
  }) as [string, string];
  writeFileSync(join(folder, 'pool_passwd'), 'app:TEXTsecret\n', { mode: 0o644 });
  for (const name of readdirSync(join(root, 'scripts/efm')))
    writeFileSync(join(scripts, name), readFileSync(join(root, 'scripts/efm', name)), { mode: 0o755 });
  chmodSync(join(scripts, 'post_promotion.sh'), 0o644);
  rmSync(join(scripts, 'load_balancer_attach.sh'));
  const found = findingsOf({ efm: [efm], pgpool: [pgpool], scripts }).map(({ rule }) => rule);
  expect(found.sort()).toEqual(['hook-missing', 'hook-not-executable', 'pool-passwd-readable']);
});

describe('cluster models', () => {
  const findingsOfModel = (file: string) => {
    const { model } = loadModel(file);
    if (!model) throw new Error(`${file} cannot be read`);
    const { files, problems } = lintFilesOfModel(model);
    expect(problems).toEqual([]);
    return lint(files);
  };

  test.each(['reference-architecture', 'guide-4.3', 'guide-3.9', 'three-pgpools'])(
    '%s has no finding',
    (name) => {
      expect(findingsOfModel(join(root, 'models', `${name}.yaml`))).toEqual([]);
    },
  );

  test("the guide's has those of its files, each told once", () => {
    const findings = findingsOfModel(join(root, 'models/guide-literal.yaml'));
    const rules = findings.map(({ rule }) => rule);
    for (const rule of ['efm-post-promotion-missing', 'pgpool-failover-on-error', 'pgpool-renamed-setting'])
      expect(rules.filter((found) => found === rule)).toHaveLength(1);
  });

  test('what the model says itself is judged at its line in the model', () => {
    const text = readFileSync(join(root, 'models/reference-architecture.yaml'), 'utf8')
      .replace('role: primary, weight: 0', 'role: primary, weight: 2')
      .replace('local.period: 1', 'local.period: 3')
      .replace("load_balance_mode: 'on'", "load_balance_mode: 'on'\n    num_init_child: 3");
    const file = join(dir, 'model.yaml');
    writeFileSync(file, text);
    const lines = text.split('\n');
    const found = findingsOfModel(file).map(({ rule, place }) => `${rule} ${lines[place.line - 1]?.trim()}`);
    expect(found).toEqual([
      'pgpool-primary-takes-reads postgres: { port: 5432, role: primary, weight: 2 }',
      'efm-local-period local.period: 3',
      'pgpool-unknown-setting num_init_child: 3',
    ]);
  });
});
