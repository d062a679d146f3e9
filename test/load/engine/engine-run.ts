import { MessageChannel } from 'node:worker_threads';
import { epochMs } from '../../../src/kernel/clock.ts';
import { LoadDriver, type LoadResult } from '../../../src/load/driver.ts';
import type { FromWorker, WorkerSetup } from '../../../src/load/protocol.ts';
import { runWorker } from '../../../src/load/run-worker.ts';
import { readLedger, truncateHistory } from '../../../src/load/schema.ts';
import type { Target } from '../../../src/load/target.ts';
import type { WorkerHandle } from '../../../src/load/worker-thread.ts';
import { MemoryRecorder } from '../../../src/recording/memory.ts';
import type { LedgerFinding, Recording } from '../../../src/recording/recording.ts';
import { builtinScript } from '../../../src/workload/builtin.ts';
import { compareLedger } from '../../../src/workload/ledger.ts';
import type { LoadPlan, PlannedClass } from '../../../src/workload/plan.ts';
import { parseScript, type Script } from '../../../src/workload/script.ts';
import { manifestSample } from '../../recording/samples.ts';

/** One worker in this thread, on a message channel in place of a thread's port: a ring here must be the only one. */
function channelWorker(setup: WorkerSetup): WorkerHandle {
  const { port1, port2 } = new MessageChannel();
  let failure: string | null = null;
  runWorker(setup, port2).catch((error: unknown) => {
    failure = String(error);
    port2.close();
  });
  return {
    post: (message) => port1.postMessage(message),
    onMessage: (listener) => port1.on('message', (message: FromWorker) => listener(message)),
    onGone: (listener) => port1.on('close', () => listener(failure)),
    kill: () => port1.close(),
  };
}

export function scriptOf(text: string, protocol: LoadPlan['protocol'] = 'simple'): Script {
  const parsed = text.startsWith('builtin:')
    ? builtinScript(text, protocol)
    : parseScript(text, 'my.sql', protocol);
  if (!('script' in parsed)) throw new Error(JSON.stringify(parsed.problems));
  return parsed.script;
}

export function openClass(name: string, script: Script, perSecond: number, timeoutMs = 1500): PlannedClass {
  return { name, script, perSecond, closed: null, timeoutMs };
}

/** Reads and writes of pgbench on eight sessions, renewed often. */
export function usualLoad(protocol: LoadPlan['protocol'], transport: LoadPlan['transport']): LoadPlan {
  return {
    ...{ seed: 7, scale: 1, protocol, transport, arrivals: 'poisson', late: 'skip', connect: 'pooled' },
    durationMs: 3000,
    classes: [
      openClass('read', scriptOf('builtin:select-only', protocol), 150),
      openClass('write', scriptOf('builtin:tpcb-like', protocol), 40),
    ],
    ...{ sessions: 8, sessionLifetimeMs: 1000, patienceMs: 500, timeoutMs: 1500 },
  };
}

export interface EngineRun {
  result: LoadResult;
  recording: Recording;
  /** The ledger against the rows that are there. */
  finding: LedgerFinding;
}

/**
 * Runs a load against a server that holds pgbench's tables.
 *
 * @param options.through where sessions go, if not straight to the server
 */
export async function runLoad(
  target: Target,
  plan: LoadPlan,
  {
    through = target,
    meanwhile,
  }: { through?: Target; meanwhile?: (driver: LoadDriver) => Promise<void> } = {},
): Promise<EngineRun> {
  await truncateHistory(target);
  const recorder = new MemoryRecorder();
  const driver = new LoadDriver({ spawn: channelWorker });
  const serverByAddress = { [`${target.host}:${target.port}`]: 'server1' };
  await driver.prepare({ target: through, plan, workers: 1, serverByAddress, recorder });
  driver.start(epochMs() + 50);
  await meanwhile?.(driver);
  const result = await driver.finished();
  const finding = compareLedger(result.ledger, await readLedger(target));
  return { result, recording: recorder.recording(manifestSample), finding };
}

/** Sums of a class over all slices by error code. */
export function errorsOf({ intervals }: Recording, className: string): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { classes } of intervals)
    for (const [code, count] of Object.entries(classes[className]?.errors ?? {}))
      sums[code] = (sums[code] ?? 0) + count;
  return sums;
}
