// Goal: a lab is real servers, is up in seconds, shows what happens to it, and leaves nothing behind.
// Method: labs of the reference architecture without agents on addresses of their own; everything they start and write
// is marked by the folder they lie in, so that one look at /proc and at the folder finds whatever is left.

import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { epochMs, RealClock } from '../../src/kernel/clock.ts';
import { DrillError, ExitCode } from '../../src/kernel/errors.ts';
import { checkLab } from '../../src/lab/check.ts';
import { type Lab, startLab } from '../../src/lab/lab.ts';
import { watchNodes } from '../../src/observe/node-sampler.ts';
import { pcpNodes } from '../../src/observe/pcp.ts';
import { watchServer } from '../../src/observe/server-sampler.ts';
import type { RecordedEvent } from '../../src/recording/events.ts';
import type { Cluster } from '../../src/topology/cluster.ts';
import { clusterOn, leftovers, orphanedSegments, ownTemporaryFolder, until } from './lab-helpers.ts';

let folder: string;
let cluster: Cluster;
const clock = new RealClock();

beforeAll(async () => {
  cluster = await clusterOn('127.0.107');
  folder = await ownTemporaryFolder();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function ask(connection: pg.ClientConfig, sql: string): Promise<Record<string, unknown>[]> {
  const session = new pg.Client({ ...connection, connectionTimeoutMillis: 3000 });
  session.on('error', () => {});
  await session.connect();
  try {
    return (await session.query(sql)).rows;
  } finally {
    await session.end();
  }
}

async function failureOf(start: Promise<unknown>): Promise<DrillError> {
  const failure = await start.then(
    () => new Error('it started'),
    (cause: unknown) => cause,
  );
  if (failure instanceof DrillError) return failure;
  throw failure;
}

describe('a lab', () => {
  let lab: Lab;
  let startMs: number;
  let segmentsBefore: number[];

  beforeAll(async () => {
    segmentsBefore = orphanedSegments();
    const beganMs = epochMs();
    lab = await startLab(cluster, { agents: false });
    startMs = epochMs() - beganMs;
  }, 30_000);

  afterAll(() => lab?.stop());

  test('is up within 10 s, every backend in use and the primary known', async () => {
    expect(startMs).toBeLessThan(10_000);
    const nodes = await pcpNodes(lab.pcp(), { clock, timeoutMs: 1000 });
    expect(nodes.map(({ status, role, share }) => `${status} ${role} ${share}`)).toEqual([
      'up primary 0',
      'up standby 0.5',
      'up standby 0.5',
    ]);
  });

  test('lets nobody in without a password, at no door', async () => {
    const { password: _, ...nameless } = lab.endpoint();
    for (const entrance of [
      nameless,
      { ...nameless, host: '127.0.107.11', port: 5432 },
      { ...nameless, password: 'wrong' },
    ]) {
      await expect(ask(entrance, 'select 1')).rejects.toThrow(/password|authentication/i);
    }
    await expect(pcpNodes({ ...lab.pcp(), password: 'wrong' }, { clock, timeoutMs: 1000 })).rejects.toThrow(
      /auth/i,
    );
  });

  test('is refused a second time on the same addresses, saying who has the port', async () => {
    const problems = await checkLab(cluster, { agents: false });
    expect(problems.map(({ rule }) => rule)).toEqual(Array(5).fill('lab/port'));
    expect(problems[0]?.message).toContain(
      'PostgreSQL of server1 cannot listen on 127.0.107.11:5432: taken by postgres (pid ',
    );
    expect(problems[0]?.message).toContain(`of the lab in ${lab.dir}`);
    expect(await checkLab(await clusterOn('127.0.108'), { agents: false })).toEqual([]);
  });

  test('shows a killed primary, a promotion and a rebuilt server to its observers', async () => {
    const events: RecordedEvent[] = [];
    const options = { clock, emit: (event: RecordedEvent) => events.push(event) };
    const observers = cluster.backends.map(({ server }) =>
      watchServer({ server, ...lab.direct(server) }, options),
    );
    observers.push(
      watchNodes(lab.pcp(), { ...options, pgpool: 'server4', serverOf: ({ id }) => `node${id}` }),
    );
    const saw = (text: string): boolean => events.some((event) => JSON.stringify(event).includes(text));
    try {
      await until(
        () => saw('"server":"server3","role":"standby"') && saw('"node2"'),
        'the first sight of all',
      );
      expect(await lab.killServer('server1')).toBeGreaterThan(5);
      expect(lab.isRunning('server1')).toBe(false);
      await until(() => saw('"server":"server1","role":"down"'), 'server1 seen down');
      await ask(lab.direct('server2'), 'select pg_promote()');
      await until(() => saw('"server":"server2","role":"primary"'), 'server2 seen primary');
      await ask(lab.direct('server2'), 'create table proof as select 1 as one');
      await expect(lab.rebuildServer('server2', 'server2')).rejects.toThrow(/still running/);
      expect(await lab.rebuildServer('server1', 'server2')).toBe('pg_rewind');
      await until(() => {
        const roles = events.flatMap((event) =>
          event.type === 'serverRole' && event.server === 'server1' ? [event.role] : [],
        );
        return roles.at(-1) === 'standby';
      }, 'server1 seen standby');
      await until(
        () =>
          ask(lab.direct('server1'), 'select one from proof').then(
            (rows) => rows.length === 1,
            () => false,
          ),
        'the new primary streams to it',
      );
    } finally {
      for (const observer of observers) observer.stop();
    }
    const times = events.map(({ atMs }) => atMs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  }, 20_000);

  test('is rebuilt by a base backup where pg_rewind cannot', async () => {
    await lab.killServer('server3');
    rmSync(`${lab.dir}/server3/data/global/pg_control`);
    expect(await lab.rebuildServer('server3', 'server2')).toBe('pg_basebackup');
    expect(await ask(lab.direct('server3'), 'select pg_is_in_recovery() as standby')).toEqual([
      { standby: true },
    ]);
  }, 20_000);

  test('is only started again where it was a standby, and streams', async () => {
    await lab.killServer('server3');
    expect(await lab.rebuildServer('server3', 'server2')).toBe('start');
    await ask(lab.direct('server2'), 'create table later as select 1 as one');
    await until(
      () =>
        ask(lab.direct('server3'), 'select one from later').then(
          (rows) => rows.length === 1,
          () => false,
        ),
      'it replays what is written now',
    );
  }, 20_000);

  test('leaves no process, file or shared memory', async () => {
    await lab.stop();
    expect(leftovers(folder)).toEqual([]);
    // Another test may be between the kill of a server and what it does then.
    await expect.poll(() => orphanedSegments().filter((id) => !segmentsBefore.includes(id))).toEqual([]);
  });
});

test('a server that cannot start fails with the end of its log, and nothing is left', async () => {
  const squatter = createServer().listen({ host: '127.0.107.12', port: 5432 });
  try {
    const failure = await failureOf(startLab(cluster, { agents: false }));
    expect(failure.message).toContain('server2 (PostgreSQL at 127.0.107.12:5432) did not start');
    expect(failure.hint).toContain('could not bind IPv4 address "127.0.107.12": Address already in use');
    expect(leftovers(folder)).toEqual([]);
  } finally {
    squatter.close();
  }
}, 30_000);

test('a Pgpool that cannot start fails with the end of its log, and nothing is left', async () => {
  const squatter = createServer().listen({ host: '127.0.107.14', port: 9898 });
  try {
    const failure = await failureOf(startLab(cluster, { agents: false }));
    expect(failure.message).toContain('Pgpool-II at 127.0.107.14:9999 did not start');
    expect(failure.hint).toMatch(/9898|bind/);
    expect(leftovers(folder)).toEqual([]);
  } finally {
    squatter.close();
  }
}, 40_000);

test.each([1, 150, 500, 800, 1100, 1400])(
  'called off after %i ms, it leaves nothing',
  async (delayMs) => {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), delayMs);
    const outcome = await startLab(cluster, { agents: false, signal: abort.signal }).catch(
      (cause: unknown) => cause,
    );
    clearTimeout(timer);
    if (outcome instanceof DrillError) expect(outcome.exitCode).toBe(ExitCode.interrupted);
    else await (outcome as Lab).stop();
    expect(leftovers(folder)).toEqual([]);
  },
  30_000,
);

test('what a lab needs of the machine is checked before anything starts', async () => {
  const elsewhere = {
    ...cluster,
    servers: cluster.servers.map((server) => ({ ...server, address: '192.0.2.7' })),
  };
  const problems = await checkLab(elsewhere, { agents: false, scripts: '/nowhere' });
  expect(problems.filter(({ rule }) => rule === 'lab/address')).toHaveLength(4);
  expect(problems.map(({ rule }) => rule)).toContain('lab/scripts');
});
