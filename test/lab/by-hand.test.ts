// Goal: a cluster that nobody drills fails over by itself, serves again, and keeps its old primary from coming back as one.
// Method: `lab up`, then SIGKILL from outside to every process of the primary; the application and the operator use only
// the lines that `lab status` tells them.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { epochMs } from '../../src/kernel/clock.ts';
import type { LabStatus } from '../../src/lab/lab-command.ts';
import { serverProcesses } from '../../src/lab/processes.ts';
import { until } from './lab-helpers.ts';
import { cli, type Ended, expectNothingLeft, placeOfFile, shell, writeModel } from './run-cli.ts';

const place = placeOfFile();
let lab: LabStatus;

beforeAll(async () => {
  const up = await cli(
    place,
    'lab',
    'up',
    '--model',
    await writeModel(place, '127.0.103'),
    '--json',
    '--quiet',
  );
  expect(up.code, up.stderr).toBe(0);
  lab = JSON.parse(up.stdout) as LabStatus;
}, 60_000);

afterAll(async () => {
  await cli(place, 'lab', 'down');
}, 30_000);

/** `efm` with the server's own files, as `lab status` says it is called. */
function efm(server: string, ...words: string[]): Promise<Ended> {
  const [line = ''] = lab.access.efm.split(' cluster-status ');
  return shell(`${line.replace('/server1/', `/${server}/`)} ${words.join(' ')}`);
}

function sql(text: string): Promise<Ended> {
  return shell(`${lab.access.psql} -w -At -c "${text}" </dev/null`);
}

interface EfmStatus {
  nodes: Record<string, { type: string; db: string }>;
}

async function efmStatus(server: string): Promise<EfmStatus['nodes']> {
  const { stdout } = await efm(server, 'cluster-status-json', 'efm');
  return (JSON.parse(stdout) as EfmStatus).nodes;
}

describe('the efm command', () => {
  test('shows a healthy cluster and exits with 0', async () => {
    const { code, stdout } = await efm('server2', 'cluster-status', 'efm');
    expect(stdout).toMatch(/Primary\s+127\.0\.103\.11\s+UP/);
    expect(stdout).toMatch(/Standby\s+127\.0\.103\.12\s+UP/);
    expect(stdout).toMatch(/Witness\s+127\.0\.103\.14/);
    expect(code).toBe(0);
  });

  test.each([
    ['a command it does not have', ['frobnicate', 'efm'], /"frobnicate" is no command/],
    ['a cluster it does not know', ['cluster-status', 'nowhere'], /cannot read .*nowhere\.properties/],
    ['a promotion without -switchover', ['promote', 'efm'], /-switchover/],
    ['an option it does not have', ['promote', 'efm', '-hurry'], /unknown option "-hurry"/],
    ['a resume of an agent that is not idle', ['resume', 'efm'], /not idle \(it is standby\)/],
  ])('refuses %s: says so on stderr, exits with 1', async (_what, words, message) => {
    const { code, stdout, stderr } = await efm('server3', ...words);
    expect(stderr).toMatch(message);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  });

  test('without words prints its usage and exits with 1', async () => {
    const { code, stdout } = await efm('server3');
    expect(stdout).toContain('usage: efm <command> <cluster>');
    expect(code).toBe(1);
  });
});

describe('a primary killed from outside', () => {
  const data = (): string => join(lab.dir, 'server1', 'data');
  let command: string[];
  let killedMs: number;

  test('is replaced by itself: a write through Pgpool succeeds again', async () => {
    expect((await sql('create table proof (n int)')).code).toBe(0);
    const before = serverProcesses(data());
    const root = before.find(({ parentPid }) => !before.some(({ pid }) => pid === parentPid));
    command = readFileSync(`/proc/${root?.pid}/cmdline`, 'utf8').split('\0').filter(Boolean);
    killedMs = epochMs();
    for (const { pid } of before) spawnSync('kill', ['-KILL', String(pid)]);
    await until(
      async () => (await sql('insert into proof values (1)')).code === 0,
      'a write is accepted',
      20_000,
    );
    // local.timeout 4 s, its last check and the verification, detach, promotion and Pgpool's search.
    expect(epochMs() - killedMs).toBeLessThan(20_000);
    expect(epochMs() - killedMs).toBeGreaterThan(2500);
    expect((await sql('select inet_server_addr(), pg_is_in_recovery()')).stdout).toContain('127.0.103.1');
  }, 40_000);

  test('cluster-status shows the new primary and the failed server idle', async () => {
    await until(
      async () =>
        Object.values(await efmStatus('server3')).filter(({ type }) => type === 'Primary').length === 1,
      'one primary',
    );
    await until(
      async () => (await efmStatus('server3'))['127.0.103.11']?.type === 'Idle',
      'the agent of the dead server is idle',
    );
    const { stdout } = await efm('server3', 'cluster-status', 'efm');
    expect(stdout).toMatch(/Primary\s+127\.0\.103\.12\s+UP/);
    expect(stdout).toMatch(/Idle\s+127\.0\.103\.11/);
  }, 30_000);

  test('does not come back as a primary: the guard file stops its start', async () => {
    expect(existsSync(join(data(), 'recovery.conf'))).toBe(true);
    const { uid, gid } = statSync(data());
    const [program = '', ...words] = command;
    const start = spawnSync(program, words, { cwd: data(), uid, gid, encoding: 'utf8', timeout: 10_000 });
    expect(start.error).toBeUndefined();
    expect(start.status).not.toBe(0);
    expect(serverProcesses(data())).toEqual([]);
    expect(readFileSync(join(lab.dir, 'server1', 'postgres.log'), 'utf8') + start.stderr).toContain(
      'using recovery command file "recovery.conf" is not supported',
    );
    const refused = await efm('server1', 'resume', 'efm');
    expect([refused.code, (await efmStatus('server3'))['127.0.103.11']?.type]).toEqual([0, 'Idle']);
  }, 30_000);

  test('lab down leaves nothing', async () => {
    expect((await cli(place, 'lab', 'down')).code).toBe(0);
    await expectNothingLeft(place);
    expect((await cli(place, 'lab', 'status')).code).toBe(1);
  }, 30_000);
});
