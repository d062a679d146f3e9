import { monitorEventLoopDelay } from 'node:perf_hooks';
import { RealClock } from '../kernel/clock.ts';
import { Random } from '../kernel/random.ts';
import type { Percentiles } from '../recording/summary.ts';
import { arrivalsFor } from '../workload/arrivals.ts';
import { callMaker } from '../workload/calls.ts';
import { ClientPool } from '../workload/client-pool.ts';
import { kindOf } from '../workload/plan.ts';
import { PgTransport } from './pg-transport.ts';
import type { WorkerPort, WorkerSetup } from './protocol.ts';
import { WorkerBooks } from './worker-books.ts';

/** Resolution of the event loop's delay, ms: fine enough to see stalls that matter beside latencies of some ms. */
const loopResolutionMs = 5;

/**
 * Carries out one worker's share of the load: connects its sessions, says `ready`, starts at the instant it is told, hands
 * slices on as they become final, says `ended` and closes the port.
 */
export function runWorker(setup: WorkerSetup, port: WorkerPort): void {
  const { plan, worker, workers, sessions, target, serverByAddress } = setup;
  const clock = new RealClock();
  const books = new WorkerBooks(plan, port);
  const sessionProbes: Record<string, number> = {};
  const newTransport = (): PgTransport =>
    new PgTransport({
      clock,
      target,
      serverByAddress,
      onProbe: (server) => {
        sessionProbes[server] = (sessionProbes[server] ?? 0) + 1;
      },
      onConnectError: ({ code, message }) => {
        if (!started) port.postMessage({ type: 'connectFailed', code, message });
      },
    });
  let started = false;
  const pool = new ClientPool({
    clock,
    transports: Array.from({ length: sessions }, newTransport),
    arrivals: arrivalsFor(plan, { worker, workers }),
    kinds: plan.classes.map(kindOf),
    callFor: callMaker(plan),
    observer: books,
    random: new Random(plan.seed).fork(`sessions of worker ${worker}`),
    sessionLifetimeMs: plan.sessionLifetimeMs,
    patienceMs: plan.patienceMs,
    timeoutMs: plan.timeoutMs,
  });
  const loopDelay = monitorEventLoopDelay({ resolution: loopResolutionMs });
  const end = (): void => {
    loopDelay.disable();
    const eventLoopDelayMs = loopPercentiles(loopDelay);
    port.postMessage({ type: 'ended', result: { ...books.result(), eventLoopDelayMs, sessionProbes } });
    port.close();
  };
  port.on('message', (message) => {
    if (message.type === 'start') {
      started = true;
      loopDelay.enable();
      pool.start(message.atEpochMs - clock.originEpochMs, end);
    } else {
      if (message.type === 'stop') pool.stop();
      else pool.abort();
      if (!started) end();
    }
  });
  pool.connect(() => port.postMessage({ type: 'ready' }));
}

/** Nanoseconds between two ticks of the sampler, as delays beyond its own period in ms, to the microsecond. */
function loopPercentiles(delay: ReturnType<typeof monitorEventLoopDelay>): Percentiles | null {
  if (delay.count === 0) return null;
  const beyondMs = (nanoseconds: number): number =>
    Math.max(0, Math.round(nanoseconds / 1e3 - loopResolutionMs * 1e3) / 1e3);
  const at = (percentile: number): number => beyondMs(delay.percentile(percentile));
  return {
    p50: at(50),
    p95: at(95),
    p99: at(99),
    p999: at(99.9),
    max: beyondMs(delay.max),
    mean: beyondMs(delay.mean),
  };
}
