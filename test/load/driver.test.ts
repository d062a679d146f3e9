// Goal: the driver waits for all workers, merges what they say, and a lost worker makes the run invalid, nothing worse.
// Method: workers are played by the test.
import { afterEach, describe, expect, test, vi } from 'vitest';
import { epochMs } from '../../src/kernel/clock.ts';
import { LoadDriver, type LoadOptions } from '../../src/load/driver.ts';
import type { FromWorker, ToWorker, WorkerResult, WorkerSetup } from '../../src/load/protocol.ts';
import type { WorkerHandle } from '../../src/load/worker-thread.ts';
import type { Interval } from '../../src/recording/intervals.ts';
import { MemoryRecorder } from '../../src/recording/memory.ts';
import type { LoadPlan } from '../../src/workload/plan.ts';
import { sessionsOf } from '../../src/workload/share.ts';
import { manifestSample } from '../recording/samples.ts';

class PlayedWorker implements WorkerHandle {
  readonly setup: WorkerSetup;
  readonly heard: ToWorker[] = [];
  killed = false;
  say: (message: FromWorker) => void = () => undefined;
  leave: (reason: string | null) => void = () => undefined;

  constructor(setup: WorkerSetup) {
    this.setup = setup;
  }

  post(message: ToWorker): void {
    this.heard.push(message);
  }

  onMessage(listener: (message: FromWorker) => void): void {
    this.say = listener;
  }

  onGone(listener: (reason: string | null) => void): void {
    this.leave = listener;
  }

  kill(): void {
    this.killed = true;
  }
}

const plan: LoadPlan = {
  seed: 1,
  scale: 1,
  protocol: 'simple',
  transport: 'auto',
  arrivals: 'constant',
  late: 'skip',
  connect: 'pooled',
  durationMs: 1000,
  classes: [
    {
      name: 'read',
      script: { file: 'a', kind: 'read', hasLedger: false, text: '', statements: [], isUniform: true },
      perSecond: 10,
      closed: null,
      timeoutMs: 100,
    },
  ],
  sessions: 5,
  sessionLifetimeMs: null,
  patienceMs: 100,
  timeoutMs: 100,
};

const interval = (startMs: number, ok: number): Interval => ({
  startMs,
  lengthMs: 100,
  classes: {
    read: {
      due: ok,
      ok,
      failed: 0,
      unknown: 0,
      skipped: 0,
      completedOk: ok,
      errors: {},
      firstOkMs: null,
      lastOkMs: null,
      maxLatencyMs: null,
    },
  },
  readsByServer: {},
  sessionsByServer: {},
  refusedSessions: {},
  scheduleLagMs: 0,
});

const empty = { micros: new Float64Array(), counts: new Float64Array() };
const result = (ok: number): WorkerResult => ({
  totals: [{ due: ok, ok, failed: 0, unknown: 0, skipped: 0 }],
  ledger: [],
  scheduleLag: { micros: Float64Array.of(2000), counts: Float64Array.of(ok) },
  eventLoopDelayMs: null,
  cpuShares: [0.25],
  gcMs: 1,
  transport: 'ring',
  sessionProbes: { server2: 2 },
});

function rig(workers: number) {
  const played: PlayedWorker[] = [];
  const recorder = new MemoryRecorder();
  const driver = new LoadDriver({
    spawn: (setup) => {
      const worker = new PlayedWorker(setup);
      played.push(worker);
      return worker;
    },
  });
  const target = { host: '127.0.82.1', port: 1, user: 'a', database: 'b' };
  const options: LoadOptions = { target, plan, workers, serverByAddress: {}, recorder };
  return { driver, played, recorder, prepared: driver.prepare(options) };
}

describe('a load of several workers', () => {
  test('starts together, is merged, and ends when all have ended', async () => {
    const { driver, played, recorder, prepared } = rig(3);
    expect(played.map(({ setup }) => sessionsOf(plan, setup).length)).toEqual([2, 2, 1]);
    for (const worker of played) worker.say({ type: 'ready', transport: 'ring' });
    await prepared;
    driver.start(12345);
    expect(played.map(({ heard }) => heard)).toEqual(played.map(() => [{ type: 'start', atEpochMs: 12345 }]));
    const part = {
      atMs: 400,
      lengthMs: 200,
      classes: {
        read: {
          ok: 4,
          failed: 1,
          unknown: 0,
          skipped: 0,
          latency: { micros: Float64Array.of(1000), counts: Float64Array.of(4) },
        },
      },
      readsByServer: { server2: 4 },
      sessionsByServer: { server2: 2 },
    };
    for (const worker of played) {
      worker.say({ type: 'interval', interval: interval(0, 2) });
      worker.say({
        type: 'latency',
        batch: {
          startMs: 0,
          lengthMs: 1000,
          parts: [
            {
              className: 'read',
              server: 'server2',
              latency: { micros: Float64Array.of(5), counts: Float64Array.of(2) },
              service: empty,
            },
          ],
        },
      });
      worker.say({ type: 'live', part });
    }
    expect(driver.snapshot()).toEqual({
      atMs: 400,
      classes: { read: { perSecond: 60, p99Ms: 1, ok: 12, failed: 3, unknown: 0, skipped: 0 } },
      readsByServer: { server2: 12 },
      sessionsByServer: { server2: 6 },
    });
    for (const worker of played) {
      worker.say({ type: 'ended', result: result(2) });
      worker.leave(null);
    }
    const ended = await driver.finished();
    expect(ended.totals.read?.ok).toBe(6);
    expect(ended.sessionProbes).toEqual({ server2: 6 });
    expect(ended.scheduleLagMs?.p50).toBeCloseTo(2, 2);
    expect(
      ended.workers.map(({ worker, scheduleLagMs }) => [worker, Math.round(scheduleLagMs?.p50 ?? 0)]),
    ).toEqual([
      [0, 2],
      [1, 2],
      [2, 2],
    ]);
    expect(ended.invalid).toEqual([]);
    const { intervals, latency } = recorder.recording(manifestSample);
    expect(intervals.map(({ classes }) => classes.read?.ok)).toEqual([6]);
    expect(latency.map(({ latency: histogram }) => histogram.totalCount)).toEqual([6]);
  });

  test('that loses a worker goes on and is invalid', async () => {
    const { driver, played, recorder, prepared } = rig(2);
    for (const worker of played) worker.say({ type: 'ready', transport: 'ring' });
    await prepared;
    driver.start(0);
    const [first, second] = played;
    first?.say({ type: 'interval', interval: interval(0, 2) });
    first?.say({ type: 'interval', interval: interval(100, 2) });
    second?.leave('out of memory');
    expect(recorder.recording(manifestSample).intervals).toHaveLength(2);
    first?.say({ type: 'ended', result: result(4) });
    first?.leave(null);
    const { invalid, totals } = await driver.finished();
    expect(invalid).toEqual(['load worker 2 was lost: out of memory']);
    expect(totals.read?.ok).toBe(4);
  });

  test('that cannot start says why, and leaves no worker', async () => {
    const { played, prepared } = rig(2);
    played[0]?.say({ type: 'ready', transport: 'ring' });
    played[1]?.leave('no such module');
    await expect(prepared).rejects.toThrow(/load worker 2 was lost: no such module/);
    expect(played.every(({ killed }) => killed)).toBe(true);
  });
});

describe('ends and limits', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  async function started(workers: number) {
    const made = rig(workers);
    for (const worker of made.played) worker.say({ type: 'ready', transport: 'ring' });
    await made.prepared;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    made.driver.start(epochMs() + 500);
    let over = false;
    const finished = made.driver.finished().then((result) => {
      over = true;
      return result;
    });
    return { ...made, finished, isOver: () => over };
  }

  const endOf = (worker: PlayedWorker | undefined, ok: number): void => {
    worker?.say({ type: 'ended', result: result(ok) });
    worker?.leave(null);
  };

  test('stop tells those that still run, and what they did counts', async () => {
    const { driver, played, finished } = await started(2);
    endOf(played[0], 3);
    driver.stop();
    expect(played.map(({ heard }) => heard.map(({ type }) => type))).toEqual([['start'], ['start', 'stop']]);
    endOf(played[1], 1);
    const { totals, invalid } = await finished;
    expect([totals.read?.ok, invalid]).toEqual([4, []]);
    expect(played.some(({ killed }) => killed)).toBe(false);
  });

  test('abort waits 2 s for a worker, then ends it by force and says so', async () => {
    const { driver, played, finished, isOver } = await started(2);
    driver.abort();
    expect(played.map(({ heard }) => heard.at(-1)?.type)).toEqual(['abort', 'abort']);
    endOf(played[0], 1);
    await vi.advanceTimersByTimeAsync(1900);
    expect([isOver(), played[1]?.killed]).toEqual([false, false]);
    await vi.advanceTimersByTimeAsync(200);
    expect(played[1]?.killed).toBe(true);
    const { totals, invalid } = await finished;
    expect(totals.read?.ok).toBe(1);
    expect(invalid).toEqual(['load worker 2 was lost: it did not end when it was told to']);
  });

  test('abort on the way to the start line ends the way there', async () => {
    const { driver, played, prepared } = rig(2);
    played[0]?.say({ type: 'ready', transport: 'ring' });
    driver.abort();
    for (const worker of played) endOf(worker, 0);
    await expect(prepared).rejects.toThrow(/did not get to its start line: it was ended before/);
  });

  test('a worker that has said its end and does not leave is ended by force, and the run is valid', async () => {
    const { played, finished } = await started(1);
    played[0]?.say({ type: 'ended', result: result(7) });
    await vi.advanceTimersByTimeAsync(2100);
    expect(played[0]?.killed).toBe(true);
    const { totals, invalid } = await finished;
    expect([totals.read?.ok, invalid]).toEqual([7, []]);
  });

  test('a worker that never ends is lost 10 s after the last operation must have ended; what it says later is not heard', async () => {
    const { played, recorder, finished, isOver } = await started(2);
    for (const startMs of [0, 100]) played[0]?.say({ type: 'interval', interval: interval(startMs, 2) });
    played[1]?.say({ type: 'interval', interval: interval(0, 1) });
    endOf(played[0], 4);
    await vi.advanceTimersByTimeAsync(1000 + 100 + 100 + 10_000);
    expect([isOver(), played[1]?.killed]).toEqual([false, false]);
    await vi.advanceTimersByTimeAsync(600);
    expect(played[1]?.killed).toBe(true);
    const { totals, invalid } = await finished;
    expect(totals.read?.ok).toBe(4);
    expect(invalid).toEqual([
      'load worker 2 was lost: it had not ended 10 s after its last operation must have',
    ]);
    played[1]?.say({ type: 'interval', interval: interval(100, 1) });
    played[1]?.leave('terminated');
    const { intervals } = recorder.recording(manifestSample);
    expect(intervals.map(({ startMs, classes }) => [startMs, classes.read?.ok])).toEqual([
      [0, 3],
      [100, 2],
    ]);
  });

  test('sessions that are not all connected within 30 s are an error that names the last refusal', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { played, prepared } = rig(2);
    const refused = expect(prepared).rejects.toThrow(
      'not every session was connected within 30 s: sorry, too many clients already (53300)',
    );
    played[0]?.say({ type: 'ready', transport: 'ring' });
    played[1]?.say({ type: 'connectFailed', code: '53300', message: 'sorry, too many clients already' });
    await vi.advanceTimersByTimeAsync(30_000);
    expect(played.some(({ killed }) => killed)).toBe(false);
    await vi.advanceTimersByTimeAsync(200);
    await refused;
    expect(played.every(({ killed }) => killed)).toBe(true);
  });
});
