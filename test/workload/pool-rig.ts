import { VirtualClock } from '../../src/kernel/clock.ts';
import { Random } from '../../src/kernel/random.ts';
import type { Interval } from '../../src/recording/intervals.ts';
import { type Arrivals, arrivalsFor } from '../../src/workload/arrivals.ts';
import { ClientPool, type ClientPoolOptions } from '../../src/workload/client-pool.ts';
import { type Outcome, outcomes } from '../../src/workload/ledger.ts';
import { LoadBooks } from '../../src/workload/load-books.ts';
import type { ClosedLoad, LoadPlan, PlannedClass } from '../../src/workload/plan.ts';
import type { EndedOperation, PoolObserver } from '../../src/workload/pool-observer.ts';
import type { Rate } from '../../src/workload/rate.ts';
import type { Script } from '../../src/workload/script.ts';
import { onlyWorker, sessionsOf, type WorkerShare } from '../../src/workload/share.ts';
import { type Behaviour, ScriptedTransport } from './scripted-transport.ts';

/** A script that is never looked at, of a kind. */
export function scriptOf(kind: 'read' | 'write'): Script {
  return { file: '', kind, hasLedger: false, text: '', statements: [], isUniform: true };
}

export function openClass(name: 'read' | 'write', perSecond: Rate, timeoutMs = 5000): PlannedClass {
  return { name, script: scriptOf(name), perSecond, closed: null, timeoutMs };
}

export function closedClass(
  name: 'read' | 'write',
  closed: Partial<ClosedLoad> & { sessions: number },
  timeoutMs = 5000,
): PlannedClass {
  const load: ClosedLoad = { thinkTimeMs: 0, think: 'fixed', ...closed };
  return { name, script: scriptOf(name), perSecond: null, closed: load, timeoutMs };
}

/** A plan of an open read class and an open write class, changed as asked. */
export function planOf(changes: Partial<LoadPlan> = {}): LoadPlan {
  return {
    ...{ seed: 1, scale: 1, protocol: 'simple', transport: 'auto', arrivals: 'constant', late: 'skip' },
    ...{ connect: 'pooled', durationMs: 60_000, sessions: 2, sessionLifetimeMs: null },
    ...{ patienceMs: 1000, timeoutMs: 5000 },
    classes: [openClass('read', 1), openClass('write', 1)],
    ...changes,
  };
}

/** Given operations instead of a schedule. */
export function arrivalsAt(dues: readonly (readonly [dueMs: number, classIndex: number])[]): Arrivals {
  const at = (number: number) => {
    const [dueMs = Number.POSITIVE_INFINITY, classIndex = 0] = dues[number] ?? [];
    return { number, dueMs, classIndex };
  };
  const arrivals = { ...at(0), advance: () => Object.assign(arrivals, at(arrivals.number + 1)) };
  return arrivals;
}

/** One operation's end, as the tests read it. */
export interface End {
  classIndex: number;
  number: number;
  dueMs: number;
  sentMs: number | null;
  endedMs: number;
  outcome: Outcome;
  code: string | null;
  server: string | null;
  foundFree: boolean;
}

const servers = ['server1', 'a', 'b'];

function endOf(operation: Readonly<EndedOperation>): End {
  const { outcome, sentMs, code, server } = operation;
  return {
    ...operation,
    outcome: outcomes[outcome] ?? 'ok',
    sentMs: Number.isNaN(sentMs) ? null : sentMs,
    code: code === '' ? null : code,
    server: servers[server] ?? null,
  };
}

/** A pool on a virtual clock with everything it tells; two sessions that have nothing due unless asked otherwise. */
export function rig(
  behaviour: Behaviour,
  {
    plan: changes = {},
    share = onlyWorker,
    transports: given,
    ...options
  }: Partial<Pick<ClientPoolOptions, 'clock' | 'arrivals'>> & {
    plan?: Partial<LoadPlan>;
    share?: WorkerShare;
    transports?: ScriptedTransport[];
  } = {},
) {
  const clock = new VirtualClock();
  const plan = planOf(changes);
  const ends: End[] = [];
  const refusals: string[] = [];
  const intervals: Interval[] = [];
  const books = new LoadBooks(plan, {
    servers,
    sink: { interval: (interval) => intervals.push(interval), latency: () => undefined },
  });
  const observer: PoolObserver = {
    serverPosition: (server) => books.serverPosition(server),
    due: (classIndex, dueMs) => books.due(classIndex, dueMs),
    ended: (operation) => {
      ends.push(endOf(operation));
      books.ended(operation);
    },
    refused: (code, atMs) => {
      refusals.push(code);
      books.refused(code, atMs);
    },
    advance: (nowMs, sessions) => books.advance(nowMs, sessions),
    finish: (nowMs, sessions) => books.finish(nowMs, sessions),
  };
  const planned = sessionsOf(plan, share);
  const transports = given ?? planned.map(() => new ScriptedTransport(clock, behaviour));
  const sessions = planned.map((session, index) => ({
    ...session,
    transport: transports[index] as ScriptedTransport,
  }));
  const arrivals = options.arrivals ?? (changes.classes ? arrivalsFor(plan, share) : arrivalsAt([]));
  const pool = new ClientPool({
    ...{ clock, plan, sessions, observer, random: new Random(1) },
    ...options,
    arrivals,
  });
  return { clock, pool, transports, ends, intervals, books, refusals, plan };
}
