// Goal: what the client side counts is what a real server did: row for row, also when sessions are cut and the server dies.
// Method: one PostgreSQL in a temporary folder on an address of its own; the load driver on message channels in place of
// threads, then in threads, from the sources compiled into a temporary folder.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MessageChannel, Worker } from 'node:worker_threads';
import { Client } from 'pg';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { epochMs, sleep } from '../../src/kernel/clock.ts';
import { LoadDriver, type LoadResult } from '../../src/load/driver.ts';
import type { FromWorker, WorkerSetup } from '../../src/load/protocol.ts';
import { runWorker } from '../../src/load/run-worker.ts';
import { loadSchema, readLedger, truncateHistory } from '../../src/load/schema.ts';
import type { WorkerHandle } from '../../src/load/worker-thread.ts';
import type { ClassInterval } from '../../src/recording/intervals.ts';
import { MemoryRecorder } from '../../src/recording/memory.ts';
import { builtinScript } from '../../src/workload/builtin.ts';
import { compareLedger } from '../../src/workload/ledger.ts';
import type { LoadPlan } from '../../src/workload/plan.ts';
import { parseScript, type Script } from '../../src/workload/script.ts';
import { manifestSample } from '../recording/samples.ts';

const binaries = '/usr/lib/postgresql/15/bin';
const address = '127.0.82.11';
const target = { host: address, port: 5482, user: 'postgres', database: 'postgres' };
const folder = mkdtempSync(join(tmpdir(), 'pgdrill-client-'));
const data = join(folder, 'data');

const root = process.getuid?.() === 0;
const asServer = (command: string, args: string[]): [string, string[]] =>
  root
    ? ['setpriv', ['--reuid=postgres', '--regid=postgres', '--clear-groups', command, ...args]]
    : [command, args];
let server: ChildProcess | null = null;

async function startServer(): Promise<void> {
  const [command, args] = asServer(join(binaries, 'postgres'), ['-D', data]);
  server = spawn(command, args, { cwd: folder, stdio: 'ignore' });
  for (let attempt = 0; ; attempt += 1) {
    try {
      await query('SELECT 1');
      return;
    } catch (error) {
      if (attempt > 100) throw error;
      await sleep(50);
    }
  }
}

async function ended(child: ChildProcess): Promise<void> {
  while (child.exitCode === null && child.signalCode === null) await sleep(10);
}

/** SIGKILL to the postmaster and all its children, as a machine's death would look from outside. */
async function killServer(): Promise<void> {
  if (!server?.pid) return;
  const children = execFileSync('ps', ['-o', 'pid=', '--ppid', String(server.pid)], { encoding: 'utf8' });
  for (const pid of [server.pid, ...children.trim().split(/\s+/).map(Number)]) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // it ended between the listing and the signal
    }
  }
  await ended(server);
}

function channelWorker(setup: WorkerSetup): WorkerHandle {
  const { port1, port2 } = new MessageChannel();
  // Two rings in one thread would wait for each other.
  void runWorker({ ...setup, plan: { ...setup.plan, transport: 'stream' } }, port2);
  return {
    post: (message) => port1.postMessage(message),
    onMessage: (listener) => port1.on('message', (message: FromWorker) => listener(message)),
    onGone: (listener) => port1.on('close', () => listener(null)),
    kill: () => port1.close(),
  };
}

function builtin(name: string): Script {
  const found = builtinScript(`builtin:${name}`);
  if (!('script' in found)) throw new Error(name);
  return found.script;
}

const plan: LoadPlan = {
  seed: 7,
  scale: 1,
  protocol: 'simple',
  transport: 'auto',
  arrivals: 'poisson',
  late: 'skip',
  connect: 'pooled',
  durationMs: 3000,
  classes: [
    { name: 'read', script: builtin('select-only'), perSecond: 200, closed: null, timeoutMs: 1500 },
    { name: 'write', script: builtin('tpcb-like'), perSecond: 50, closed: null, timeoutMs: 1500 },
  ],
  sessions: 8,
  sessionLifetimeMs: 1000,
  patienceMs: 500,
  timeoutMs: 1500,
};

let compiled: Promise<string> | null = null;

/** A module of `load` as threads run it. */
async function compiledModule<Module>(name: string): Promise<Module> {
  compiled ??= compileLoad();
  return (await import(pathToFileURL(join(await compiled, `${name}.js`)).href)) as Module;
}

const compiledDriver = async (): Promise<typeof LoadDriver> =>
  (await compiledModule<typeof import('../../src/load/driver.ts')>('driver')).LoadDriver;

/** Compiles the layers that a worker thread needs, file by file; the folder of `load`. */
async function compileLoad(): Promise<string> {
  const out = join(folder, 'built');
  for (const layer of ['kernel', 'recording', 'scenario', 'workload', 'load']) {
    for (const name of readdirSync(join('src', layer), { encoding: 'utf8', recursive: true })) {
      if (!name.endsWith('.ts')) continue;
      mkdirSync(dirname(join(out, layer, name)), { recursive: true });
      const options = {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2023,
        rewriteRelativeImportExtensions: true,
        verbatimModuleSyntax: true,
      };
      const { outputText } = ts.transpileModule(readFileSync(join('src', layer, name), 'utf8'), {
        compilerOptions: options,
      });
      writeFileSync(join(out, layer, name.replace(/ts$/, 'js')), outputText);
    }
  }
  writeFileSync(join(out, 'package.json'), '{ "type": "module" }');
  symlinkSync(join(process.cwd(), 'node_modules'), join(out, 'node_modules'));
  return join(out, 'load');
}

/** Sockets and rings of this process. */
function openFiles(): number {
  const names = readdirSync('/proc/self/fd').map((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`);
    } catch {
      return '';
    }
  });
  return names.filter((name) => /^socket|io_uring/.test(name)).length;
}

async function query(sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client(target);
  await client.connect();
  const { rows } = await client.query(sql);
  await client.end();
  return rows;
}

async function runLoad(
  load: LoadPlan,
  whileRunning: () => Promise<void> = async () => undefined,
  driver = new LoadDriver({ spawn: channelWorker }),
) {
  await truncateHistory(target);
  const recorder = new MemoryRecorder();
  const serverByAddress = { [`${address}:${target.port}`]: 'server1' };
  await driver.prepare({ target, plan: load, workers: 2, serverByAddress, recorder });
  driver.start(epochMs() + 50);
  await whileRunning();
  const result = await driver.finished();
  const recording = recorder.recording(manifestSample);
  return { result, recording, finding: compareLedger(result.ledger, await readLedger(target)) };
}

function sumOver(
  intervals: readonly { classes: Record<string, ClassInterval> }[],
  name: string,
  key: 'due' | 'ok' | 'completedOk',
): number {
  return intervals.reduce((sum, { classes }) => sum + (classes[name]?.[key] ?? 0), 0);
}

function expectConservation(result: LoadResult): void {
  for (const { due, ok, failed, unknown, skipped } of Object.values(result.totals)) {
    expect(ok + failed + unknown + skipped).toBe(due);
  }
}

beforeAll(async () => {
  chmodSync(folder, 0o755);
  if (process.getuid?.() === 0) {
    const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
    chownSync(folder, id('-u'), id('-g'));
  }
  const [initdb, initdbArgs] = asServer(join(binaries, 'initdb'), [
    '-D',
    data,
    '-U',
    'postgres',
    '-A',
    'trust',
    '-N',
    '--locale=C',
  ]);
  execFileSync(initdb, initdbArgs, { cwd: folder, stdio: 'pipe' });
  const settings = [
    `listen_addresses = '${address}'`,
    `port = ${target.port}`,
    `unix_socket_directories = ''`,
    'shared_buffers = 32MB',
  ];
  execFileSync('tee', ['-a', join(data, 'postgresql.conf')], {
    input: `${settings.join('\n')}\n`,
    stdio: 'pipe',
  });
  execFileSync('tee', ['-a', join(data, 'pg_hba.conf')], {
    input: 'host all all 127.0.0.0/8 trust\n',
    stdio: 'pipe',
  });
  await startServer();
  await loadSchema(target, 1);
}, 30_000);

afterAll(async () => {
  server?.kill('SIGQUIT');
  if (server) await ended(server);
  rmSync(folder, { recursive: true, force: true });
});

describe('the client side on a real server', () => {
  test('a quiet run: every row and every index scan is accounted for', async () => {
    await query('SELECT pg_stat_reset()');
    const { result, recording, finding } = await runLoad(plan);
    expectConservation(result);
    expect(result.invalid).toEqual([]);
    const { read, write } = result.totals;
    expect(read?.ok).toBe(read?.due);
    expect(write?.ok).toBe(write?.due);
    expect(write?.due).toBeGreaterThan(100);
    expect(finding).toEqual({
      ok: write?.ok,
      unknown: 0,
      failed: 0,
      found: write?.ok,
      unknownFound: 0,
      failedFound: 0,
      lostAtMs: [],
    });
    expect(sumOver(recording.intervals, 'read', 'completedOk')).toBe(read?.ok);
    expect(sumOver(recording.intervals, 'write', 'due')).toBe(write?.due);
    expect(recording.intervals.map(({ startMs }) => startMs)).toEqual(
      recording.intervals.map((_, index) => index * 100),
    );
    const recorded = recording.latency.reduce((sum, { latency }) => sum + latency.totalCount, 0);
    expect(recorded).toBe((read?.ok ?? 0) + (write?.ok ?? 0));
    expect(
      recording.latency
        .filter(({ className }) => className === 'read')
        .every(({ server }) => server === 'server1'),
    ).toBe(true);
    expect(result.sessionProbes.server1).toBeGreaterThanOrEqual(16);
    await sleep(1200);
    const [accounts] = await query(
      `SELECT idx_scan::int FROM pg_stat_user_tables WHERE relname = 'pgbench_accounts'`,
    );
    expect(accounts?.idx_scan).toBe((read?.ok ?? 0) + 2 * (write?.ok ?? 0));
    const [sums] = await query(
      `SELECT (SELECT sum(abalance) FROM pgbench_accounts)::int = (SELECT sum(delta) FROM pgbench_history)::int AS equal`,
    );
    expect(sums).toEqual({ equal: true });
  }, 60_000);

  test('sessions terminated and a server killed and started: the ledger still fits to the row', async () => {
    const longer = { ...plan, durationMs: 6000 };
    const { result, recording, finding } = await runLoad(longer, async () => {
      for (let round = 0; round < 3; round += 1) {
        await sleep(400);
        await query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgdrill'`,
        );
      }
      await killServer();
      await sleep(1200);
      await startServer();
    });
    expectConservation(result);
    expect(result.invalid).toEqual([]);
    const { ok, unknown, found, unknownFound, failedFound, lostAtMs } = finding;
    expect(failedFound).toBe(0);
    expect(lostAtMs).toEqual([]);
    expect(found).toBe(ok + unknownFound);
    expect(unknownFound).toBeLessThanOrEqual(unknown);
    expect(result.totals.write?.skipped).toBeGreaterThan(10);
    const last = recording.intervals.filter(({ startMs }) => startMs >= 5000 && startMs < 6000);
    expect(sumOver(last, 'read', 'ok')).toBe(sumOver(last, 'read', 'due'));
    expect(sumOver(last, 'read', 'due')).toBeGreaterThan(100);
    expect(last.map(({ sessionsByServer }) => sessionsByServer)).toContainEqual({ server1: plan.sessions });
  }, 60_000);

  test.each(['ring', 'stream'] as const)(
    'worker threads on %s: the same books, and a script that cannot go on fails alone',
    async (transport) => {
      const Threads = await compiledDriver();
      const { result, recording, finding } = await runLoad(
        { ...plan, transport, durationMs: 1500 },
        undefined,
        new Threads(),
      );
      expectConservation(result);
      expect(result.invalid).toEqual([]);
      expect(result.workers).toHaveLength(2);
      expect(result.scheduleLagMs).not.toBeNull();
      expect([finding.found, finding.lostAtMs, finding.failedFound]).toEqual([
        result.totals.write?.ok,
        [],
        0,
      ]);
      expect(sumOver(recording.intervals, 'read', 'ok')).toBe(result.totals.read?.ok);

      for (const { transport: used, cpuShares } of result.workers) {
        expect(used).toMatch(transport);
        expect(cpuShares).toHaveLength(1);
      }

      const parsed = parseScript('\\set a 1 / random(0, 3)\nSELECT :a', 'fatal.sql');
      if (!('script' in parsed)) throw new Error('unreadable');
      const fatal = {
        ...plan,
        transport,
        classes: [{ name: 'read', script: parsed.script, perSecond: 50, closed: null, timeoutMs: 1500 }],
      };
      const faulty = await runLoad(fatal, undefined, new Threads());
      const { ok = 0, failed = 0, due = 0 } = faulty.result.totals.read ?? {};
      expect(faulty.result.invalid).toEqual([]);
      expect([ok + failed, ok > 0, failed > 0]).toEqual([due, true, true]);
      const codes = faulty.recording.intervals.flatMap(({ classes }) =>
        Object.keys(classes.read?.errors ?? {}),
      );
      expect(new Set(codes)).toEqual(new Set(['script']));
    },
    20_000,
  );

  test('a thread that must leave takes its ring, its sockets and their sessions with it', async () => {
    const { spawnThread } =
      await compiledModule<typeof import('../../src/load/worker-thread.ts')>('worker-thread');
    const before = openFiles();
    const handle = spawnThread({ plan, worker: 0, workers: 1, target, serverByAddress: {} });
    await new Promise<void>((resolve) => handle.onMessage(({ type }) => type === 'ready' && resolve()));
    expect(openFiles()).toBeGreaterThanOrEqual(before + plan.sessions);
    const gone = new Promise<string | null>((resolve) => handle.onGone(resolve));
    handle.kill();
    expect(await gone).toBeNull();
    expect(openFiles()).toBeLessThanOrEqual(before);
    await sleep(200);
    expect(await query(`SELECT 1 FROM pg_stat_activity WHERE application_name = 'pgdrill'`)).toEqual([]);
  }, 60_000);

  test('a thread that is ended makes the run invalid, not this process fail', async () => {
    const Threads = await compiledDriver();
    const threads: Worker[] = [];
    const spawn = (setup: WorkerSetup): WorkerHandle => {
      const thread = new Worker(pathToFileURL(join(folder, 'built', 'load', 'worker.js')), {
        workerData: setup,
      });
      threads.push(thread);
      return {
        post: (message) => thread.postMessage(message),
        onMessage: (listener) => thread.on('message', listener),
        onGone: (listener) => thread.on('exit', () => listener('ended by the test')),
        kill: () => void thread.terminate(),
      };
    };
    const killOne = async (): Promise<void> => {
      await sleep(500);
      await threads[0]?.terminate();
    };
    const { result } = await runLoad({ ...plan, durationMs: 1500 }, killOne, new Threads({ spawn }));
    expect(result.invalid).toEqual(['load worker 1 was lost: ended by the test']);
    expect(result.totals.read?.ok).toBeGreaterThan(50);
  }, 60_000);
});
