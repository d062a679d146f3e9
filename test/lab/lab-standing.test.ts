// Goal: a standing lab outlives the command that started it, fails over by itself, and is found and stopped again; a lab
// whose pgdrill is killed does not outlive it.
// Method: lab up, status and down in a temporary folder of their own, with the compiled agents; the primary's processes
// killed from outside, no drill running; the watcher started by a process that is then killed.
import { execFileSync, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RealClock } from '../../src/kernel/clock.ts';
import { startLab } from '../../src/lab/lab.ts';
import { labDown, labStatus, labUp } from '../../src/lab/lab-command.ts';
import { packageDir } from '../../src/lab/package-dir.ts';
import { serverProcesses } from '../../src/lab/processes.ts';
import { watchAgentLog } from '../../src/observe/agent-log.ts';
import type { CommandEvent, RecordedEvent } from '../../src/recording/events.ts';
import { clusterOn, leftovers, ownTemporaryFolder, until } from './lab-helpers.ts';

const programs = process.env.PGDRILL_TEST_PROGRAMS ?? `${packageDir}/dist`;
let folder: string;

beforeAll(async () => {
  folder = await ownTemporaryFolder();
});

afterAll(async () => {
  await labDown();
  rmSync(folder, { recursive: true, force: true });
});

test('a standing lab fails over by itself when its primary is killed from outside, and is gone after lab down', async () => {
  const cluster = await clusterOn('127.0.85');
  expect(await labStatus()).toBeNull();
  const lab = await labUp(cluster, { programs });
  await expect(labUp(cluster, { programs })).rejects.toThrow(/already up/);
  const before = await labStatus();
  expect(before?.servers.map(({ role, agent }) => `${role} ${agent}`)).toEqual([
    'primary true',
    'standby true',
    'standby true',
    'null true',
  ]);
  expect(before?.pgpool?.nodes?.map(({ status }) => status)).toEqual(['up', 'up', 'up']);

  const clock = new RealClock();
  const events: RecordedEvent[] = [];
  const nameOf = (address: string): string =>
    cluster.servers.find((server) => server.address === address)?.name ?? address;
  const logs = lab.agentLogFiles().map((file) =>
    watchAgentLog(file, {
      clock,
      emit: (event) => events.push(event),
      originEpochMs: clock.originEpochMs,
      nameOf,
    }),
  );
  for (const { pid } of serverProcesses(`${lab.dir}/server1/data`))
    execFileSync('kill', ['-KILL', String(pid)]);
  const completed = (): boolean =>
    events.some((event) => event.type === 'notice' && /Failover has completed/.test(event.subject));
  await until(completed, 'the agents say that the failover has completed', 25_000);
  await until(async () => {
    const nodes = (await labStatus())?.pgpool?.nodes ?? [];
    const seen = nodes.map(({ status, role }) => `${status === 'waiting' ? 'up' : status} ${role}`).join();
    return seen === 'down standby,up primary,up standby';
  }, 'Pgpool serves from server2 and server3');
  for (const log of logs) await log.flush();
  for (const log of logs) log.stop();
  const commands = events
    .filter((event): event is CommandEvent => event.type === 'command' && event.atMs > 0)
    .sort((a, b) => a.atMs - b.atMs);
  const steps = [
    'finalCheck server1',
    'loadBalancerDetach server1',
    'promoteServer server2',
    'postPromotion server2',
  ];
  const order = commands
    .map(({ name, node, target }) => `${name} ${target ?? node}`)
    .filter((step) => steps.includes(step));
  expect(order).toEqual(steps);
  expect((await labStatus())?.servers.map(({ role }) => role)).toEqual(['down', 'primary', 'standby', null]);

  expect(await labDown()).toBe(true);
  expect(await labDown()).toBe(false);
  expect(leftovers(folder)).toEqual([]);
}, 60_000);

test('a lab does not outlive a pgdrill that is killed', async () => {
  const lab = await startLab(await clusterOn('127.0.87'), { agents: false, keep: true, programs });
  const program = `import { startWatcher } from '${programs}/lab/watcher.js'; startWatcher('${lab.dir}'); console.log('watching'); setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => owner.stdout.once('data', resolve));
  expect(leftovers(folder).length).toBeGreaterThan(10);
  owner.kill('SIGKILL');
  await until(() => leftovers(folder).length === 0, 'the lab is gone');
}, 30_000);
