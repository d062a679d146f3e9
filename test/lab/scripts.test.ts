import { readdir, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { processesIn, until } from './cluster-processes.ts';
import { type Ended, type SmallCluster, startSmallCluster } from './small-cluster.ts';

const exit = { done: 0, usage: 1, unreachable: 2, unknown: 3, timeout: 4, unfit: 5, no: 6 };

let cluster: SmallCluster;
beforeAll(async () => {
  cluster = await startSmallCluster('127.0.81');
}, 30_000);
afterAll(async () => {
  expect(await cluster?.remove()).toEqual([]);
}, 30_000);

const backend = (...words: string[]) => cluster.script('pgpool_backend.sh', ...words);
const attach = (node: number, type: string) =>
  cluster.script('load_balancer_attach.sh', cluster.host(node), type);
const detach = (node: number, type: string) =>
  cluster.script('load_balancer_detach.sh', cluster.host(node), type);
const promoted = (node: number, failed: string) =>
  cluster.script('post_promotion.sh', cluster.host(node), failed);
const reaches = (...states: string[]) =>
  until(async () => (await cluster.nodes()).join(' ') === states.join(' '), 9000);
const searchEnds = () => until(async () => !(await cluster.nodes()).includes('down:primary'), 9000);

function expectCode(ended: Ended, code: number): void {
  expect(ended.code, ended.stdout + ended.stderr).toBe(code);
}

/** What the background part of follow_primary.sh holds open. */
async function openFilesOfFollower(): Promise<string[]> {
  const files: string[] = [];
  for (const { pid, command } of await processesIn(cluster.folder)) {
    if (!command.includes('follow_primary.sh')) continue;
    for (const name of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      files.push(await readlink(`/proc/${pid}/fd/${name}`).catch(() => 'gone'));
    }
  }
  return files;
}

// One cluster, one story: each part starts from the state the one before it left.
describe('the integration scripts on a real Pgpool and three real servers', { timeout: 20_000 }, () => {
  test('questions, and requests for what is so already, end at once and change nothing', async () => {
    const before = await cluster.nodes();
    expectCode(await backend('check_primary', cluster.host(0)), exit.done);
    expectCode(await backend('check_primary', cluster.host(1), '5432'), exit.no);
    expectCode(await backend('check_primary', cluster.host(1), '5433'), exit.unknown);
    expectCode(await backend('attach', '127.0.81.99'), exit.unknown);
    expectCode(await backend('watchdog'), exit.no);
    expectCode(await backend('attach'), exit.usage);
    expectCode(await backend('bogus', cluster.host(1)), exit.usage);
    expectCode(await cluster.script('load_balancer_attach.sh', cluster.host(1), 'x'), exit.usage);
    expectCode(await backend('promote', cluster.host(0)), exit.done);
    expectCode(await attach(1, 's'), exit.done);
    expectCode(await backend('promote', cluster.host(1)), exit.unfit);
    expect(await cluster.nodes()).toEqual(before);
  });

  test('a failover whose promotion Pgpool finds by its own search: no second cut', async () => {
    await cluster.kill(0);
    const detached = await detach(0, 'p');
    expectCode(detached, exit.done);
    expect(detached.ms, 'it must not wait for the search').toBeLessThan(1000);
    expect((await cluster.nodes())[0]).toBe('down:primary');
    expectCode(await detach(0, 'p'), exit.done);

    await cluster.promote(1);
    await cluster.repoint(2, 1);
    expectCode(await promoted(1, cluster.host(0)), exit.done);
    expectCode(await attach(1, 'p'), exit.done);
    expectCode(await attach(2, 's'), exit.done);
    expect(await cluster.nodes()).toEqual(['down:standby', 'up:primary', 'up:standby']);
    expect(await cluster.log()).not.toContain('promote of node');
  });

  test('neither a dead server nor a stale primary is attached', async () => {
    expectCode(await attach(0, 's'), exit.unfit);
    await cluster.start(0);
    expectCode(await attach(0, 's'), exit.unfit);
    expectCode(await backend('attach', cluster.host(0)), exit.unfit);
    expectCode(await cluster.script('follow_primary.sh', '0', '-1', cluster.host(0), '5432'), exit.unfit);
    expectCode(await backend('promote', cluster.host(2)), exit.unfit);
    expect(await cluster.nodes()).toEqual(['down:standby', 'up:primary', 'up:standby']);

    await cluster.stop(0);
    await cluster.start(0, 1);
    expectCode(await attach(0, 's'), exit.done);
    expect(await cluster.nodes()).toEqual(['up:standby', 'up:primary', 'up:standby']);
  });

  test('a switchover after the search gave up: %P is -1, and only what answers as a standby comes back', async () => {
    expectCode(await detach(1, 'p'), exit.done);
    await cluster.stop(1);
    await searchEnds();
    expect(await cluster.nodes()).toEqual(['up:standby', 'down:standby', 'up:standby']);

    await cluster.promote(2);
    await cluster.repoint(0, 2);
    expectCode(await promoted(2, cluster.host(1)), exit.done);
    await reaches('up:standby', 'down:standby', 'up:primary');
    await until(async () => (await openFilesOfFollower()).length > 0, 3000);
    await sleep(200);
    const held = await openFilesOfFollower();
    expect(held.length).toBeGreaterThan(0);
    expect(held.filter((file) => file.startsWith('socket:'))).toEqual([]);

    await cluster.start(1, 2);
    const [byHook, again] = await Promise.all([attach(1, 's'), attach(1, 's')]);
    expectCode(byHook, exit.done);
    expectCode(again, exit.done);
    expect(await cluster.nodes()).toEqual(['up:standby', 'up:standby', 'up:primary']);
    expect(await cluster.log()).toContain('(127.0.81.12:5432) was set down, old primary was -1');
  });

  test('a dead old primary stays down although %P is -1; Pgpool attaches the live standby without EFM', async () => {
    await cluster.kill(2);
    expectCode(await detach(2, 'p'), exit.done);
    await searchEnds();
    await cluster.promote(0);
    await cluster.repoint(1, 0);
    expectCode(await promoted(0, ''), exit.done);
    await reaches('up:primary', 'up:standby', 'down:standby');
    await until(async () => (await cluster.log()).includes('silent for 4 s'), 9000);
    expect(await cluster.nodes()).toEqual(['up:primary', 'up:standby', 'down:standby']);
    expect(await cluster.query(1, 'SELECT pg_is_in_recovery()')).toBe('t');
  });

  test('the true primary is down in Pgpool: promote brings it back as the primary', async () => {
    expectCode(await detach(0, 'p'), exit.done);
    await searchEnds();
    expectCode(await promoted(0, ''), exit.done);
    await reaches('up:primary', 'up:standby', 'down:standby');
  });

  test('no Pgpool: the exit code says so', async () => {
    await cluster.stopPgpool();
    await sleep(100);
    const ended = await detach(1, 's');
    expectCode(ended, exit.unreachable);
  });
});
