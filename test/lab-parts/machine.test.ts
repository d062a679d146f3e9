// Goal: what a lab does with the machine before and beside its servers: programs that cannot be run, room on the disk, dead
// labs of others, a start that was called off before it began.
import { chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { labCommand } from '../../src/cli/lab.ts';
import { sleep } from '../../src/kernel/clock.ts';
import { DrillError, ExitCode } from '../../src/kernel/errors.ts';
import { checkLab } from '../../src/lab/check.ts';
import { runCommand, startDetached } from '../../src/lab/command.ts';
import { startLab } from '../../src/lab/lab.ts';
import { sweepDeadLabs } from '../../src/lab/lab-command.ts';
import { findRunUser } from '../../src/lab/run-user.ts';
import { loadModel } from '../../src/scenario/load.ts';
import { type Cluster, clusterOf } from '../../src/topology/cluster.ts';

const isRoot = process.getuid?.() === 0;
const systemTmp = process.env.TMPDIR;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgdrill-machine-'));
  process.env.TMPDIR = folder;
});
afterEach(() => {
  if (systemTmp === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = systemTmp;
  rmSync(folder, { recursive: true });
});

function reference(name = 'reference-architecture'): Cluster {
  const { model } = loadModel(join(import.meta.dirname, `../../models/${name}.yaml`));
  if (!model) throw new Error(`the model ${name} cannot be read`);
  return clusterOf(model.value);
}

function context() {
  const user = findRunUser();
  if (!user) throw new Error('no user to run servers as');
  return { labDir: folder, user: { ...user, switched: false }, passFile: join(folder, 'pgpass') };
}

test('a virtual IP is refused before anything starts: only EFM itself can move it', async () => {
  const cluster = reference();
  const agents = cluster.agents.map((agent) => ({
    ...agent,
    properties: { ...agent.properties, 'virtual.ip': '10.0.0.9' },
  }));
  const told = async (of: Cluster, options: { agents?: boolean } = {}) =>
    (await checkLab(of, options)).filter(({ rule }) => rule === 'lab/virtual-ip');
  expect(await told({ ...cluster, agents })).toMatchObject([
    { message: expect.stringContaining('virtual.ip=10.0.0.9') },
  ]);
  expect(await told({ ...cluster, agents }, { agents: false })).toEqual([]);
  expect(await told(cluster)).toEqual([]);
});

test('a watchdog is refused before anything starts: a lab has one Pgpool', async () => {
  const told = async (of: Cluster) => (await checkLab(of, {})).filter(({ rule }) => rule === 'lab/watchdog');
  expect(await told(reference('three-pgpools'))).toMatchObject([
    { message: expect.stringContaining('3 Pgpools with a watchdog') },
  ]);
  expect(await told(reference())).toEqual([]);
});

test('a program that may not be executed is told with its path and what to do, at once', async () => {
  const file = join(folder, 'pgpool');
  writeFileSync(file, '#!/bin/sh\n', { mode: 0o644 });
  const program = startDetached(context(), { file, args: [], cwd: folder, logFile: join(folder, 'log') });
  await sleep(50);
  expect(program.ended()).toBe(true);
  expect(() => program.mustHaveStarted()).toThrow(`cannot run ${file}: spawn ${file} EACCES`);
  await expect(runCommand(context(), file, [])).rejects.toMatchObject({
    hint: expect.stringContaining('allowed to execute'),
  });
});

test('a program that started and ended is no failure to start', async () => {
  const words = { file: '/bin/true', args: [], cwd: folder, logFile: join(folder, 'log') };
  const program = startDetached(context(), words);
  for (let turn = 0; turn < 100 && !program.ended(); turn += 1) await sleep(20);
  expect(program.ended()).toBe(true);
  expect(() => program.mustHaveStarted()).not.toThrow();
});

test('room is asked for by scale', async () => {
  const of = async (scale: number) =>
    (await checkLab(reference(), { scale })).find(({ rule }) => rule === 'lab/disk-space')?.message;
  expect(await of(1e9)).toContain('3 servers at scale 1000000000 need 48000001200 MB');
});

/** The folder of a lab whose pgdrill is gone. */
function deadLab(name: string): string {
  const dir = join(folder, name);
  mkdirSync(dir);
  const state = { schema: 'pgdrill/lab@1', owner: { pid: 4_194_305, startTicks: '1' } };
  writeFileSync(join(dir, 'lab.json'), JSON.stringify(state));
  return dir;
}

test.skipIf(!isRoot)(
  'dead labs of others are left alone and stop nobody; one’s own are removed',
  async () => {
    const others = deadLab('pgdrill-run-0a');
    chownSync(others, 65_000, 65_000);
    const own = deadLab('pgdrill-run-0b');
    await sweepDeadLabs();
    expect(existsSync(others)).toBe(true);
    expect(existsSync(own)).toBe(false);
  },
);

test('a start called off before it began is an interruption, not a bug, and leaves no folder', async () => {
  const dir = join(folder, 'lab');
  const failure = await startLab(reference(), { dir, signal: AbortSignal.abort() }).catch((cause) => cause);
  expect(failure).toBeInstanceOf(DrillError);
  expect(failure).toMatchObject({ exitCode: ExitCode.interrupted });
  expect(existsSync(dir)).toBe(false);
});

describe('the lab command', () => {
  test('status without a lab ends with 1, and --json still prints one JSON value', async () => {
    let printed = '';
    const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      printed += text;
      return true;
    });
    const ended = [];
    for (const words of [['status'], ['status', '--json']])
      ended.push(
        await labCommand()
          .parseAsync(words, { from: 'user' })
          .catch((cause) => cause.exitCode),
      );
    write.mockRestore();
    expect(ended).toEqual([ExitCode.usage, ExitCode.usage]);
    expect(printed).toBe('null\n');
  });

  test('up finds its own model from any folder', async () => {
    const [before, bin] = [process.cwd(), process.env.PGDRILL_PG_BIN];
    process.chdir(folder);
    process.env.PGDRILL_PG_BIN = folder;
    const failure = await labCommand()
      .parseAsync(['up', '--quiet'], { from: 'user' })
      .catch((cause) => cause);
    process.chdir(before);
    if (bin === undefined) delete process.env.PGDRILL_PG_BIN;
    else process.env.PGDRILL_PG_BIN = bin;
    const rules = failure.problems.map(({ rule }: { rule: string }) => rule);
    expect(rules).toContain('lab/binaries');
    expect(rules).not.toContain('readable');
  });
});
