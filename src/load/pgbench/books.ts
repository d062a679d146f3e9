import { LatencyCounts } from '../../recording/histogram.ts';
import type { AccountSink } from '../../workload/books.ts';
import type { CompiledScript } from '../../workload/pgbench/compile.ts';
import type { PgRandom } from '../../workload/pgbench/random.ts';
import { Sums, TransactionCounts } from '../../workload/pgbench/statistics.ts';
import { type EndedCall, OutcomeCode, SliceRecorder } from '../../workload/slice-recorder.ts';
import type { CommandCounts, PgbenchPlan, SessionCounts, ThreadResult } from './plan.ts';
import { type LoggedResult, TransactionLog } from './transaction-log.ts';

/** How pgbench sees a transaction's end; `lost` is ours: it ended with its session. */
export type TransactionEnd = 'ok' | 'serialization' | 'deadlock' | 'lost';

/** One transaction, as its client hands it to the books. Instants in ms since the start. */
export interface EndedTransaction {
  client: number;
  /** Of the client, from 1. */
  number: number;
  script: number;
  /** When it was scheduled (with a rate), else when it began. */
  dueMs: number;
  begunMs: number;
  endedMs: number;
  tries: number;
  /** Position of the server that answers the session's reads; -1 unknown. */
  server: number;
  /** SQLSTATE, `closed`, or empty. */
  code: string;
  /** With a rate: the client was free when it became due, so that a late begin is the generator's own. */
  foundFree: boolean;
}

/** Servers whose reads are told apart; what comes beyond counts as unknown. */
const mostServers = 8;

interface ScriptBooks {
  counts: TransactionCounts;
  commands: (Omit<CommandCounts, 'timesUs'> & { timesUs: Sums })[];
}

/** Everything one thread writes down: pgbench's counts and log, and our slices by outcome, latency and server. */
export class ThreadBooks {
  readonly counts = new TransactionCounts();
  readonly sessions: SessionCounts = { lost: 0, reopened: 0, refused: 0, abortedClients: 0 };
  connectUs = 0;
  readonly #plan: PgbenchPlan;
  readonly #scripts: ScriptBooks[];
  /** Counts by script are shown when there are several. */
  readonly #byScript: boolean;
  readonly #recorder: SliceRecorder;
  readonly #log: TransactionLog | null;
  readonly #servers: string[] = Array.from({ length: mostServers }, () => '');
  readonly #sessionsByServer: Record<string, number> = {};
  readonly #call: EndedCall = {
    ...{ classIndex: 0, server: -1, outcome: 0, dueMs: 0, sentMs: 0, endedMs: 0 },
    ...{ code: '', foundFree: false },
  };
  readonly #limitUs: number;
  readonly #lag = new LatencyCounts();
  #late = 0;
  #startEpochMs = 0;

  constructor({
    plan,
    scripts,
    sink,
    thread,
    sample,
  }: {
    plan: PgbenchPlan;
    scripts: readonly CompiledScript[];
    sink: AccountSink;
    thread: number;
    sample: PgRandom;
  }) {
    this.#plan = plan;
    this.#limitUs = plan.latencyLimitMs === null ? Number.POSITIVE_INFINITY : plan.latencyLimitMs * 1000;
    this.#byScript = scripts.length > 1;
    this.#scripts = scripts.map((script, index) => ({
      counts: new TransactionCounts(),
      commands: firstLines(script, plan.scripts[index]?.text ?? '').map((firstLine) => ({
        ...{ firstLine, timesUs: new Sums(), failures: 0, retries: 0 },
      })),
    }));
    const classes = scripts.map(({ kind }, index) => ({ name: className(index), kind }));
    this.#recorder = new SliceRecorder({ classes, servers: this.#servers, sink });
    this.#log =
      plan.log === null
        ? null
        : new TransactionLog(plan.log, {
            thread,
            sample,
            throttled: plan.perSecond !== null,
            retries: plan.maxTries !== 1,
            detailed: plan.failuresDetailed,
          });
  }

  start(epochMs: number): void {
    this.#startEpochMs = epochMs;
    this.#log?.start(epochMs);
  }

  /** Position of a server for `EndedTransaction`; a new one gets the next place. */
  serverPosition(servedBy: string | null): number {
    if (servedBy === null) return -1;
    const known = this.#servers.indexOf(servedBy);
    if (known >= 0) return known;
    const free = this.#servers.indexOf('');
    if (free >= 0) this.#servers[free] = servedBy;
    return free;
  }

  /** A session was opened (+1) or is gone (-1). */
  countSession(server: number, change: 1 | -1): void {
    const name = this.#servers[server] ?? '?';
    this.#sessionsByServer[name] = (this.#sessionsByServer[name] ?? 0) + change;
  }

  /** An attempt to open a session failed. */
  refused(code: string, atMs: number): void {
    this.sessions.refused += 1;
    this.#recorder.refused(code, atMs);
  }

  /** A transaction of a script is due. */
  due(script: number, dueMs: number): void {
    this.#recorder.due(script, dueMs);
  }

  /** A due transaction was never sent. @param counted pgbench counts it too: the latency limit skipped it */
  skipped(transaction: EndedTransaction, counted: boolean): void {
    const call = this.#fill(transaction);
    call.outcome = OutcomeCode.skipped;
    call.sentMs = Number.NaN;
    this.#recorder.ended(call);
    if (!counted) return;
    this.counts.skipped += 1;
    const script = this.#scripts[transaction.script];
    if (this.#byScript && script) script.counts.skipped += 1;
    this.#write(transaction, 'skipped', 0);
  }

  /** A transaction ended, and pgbench would count it. `unknown`: whether it took effect cannot be told. */
  ended(transaction: EndedTransaction, end: TransactionEnd, unknown: boolean): void {
    const { dueMs, begunMs, endedMs } = transaction;
    const call = this.#fill(transaction);
    if (transaction.foundFree) this.#lag.recordMs(begunMs - dueMs);
    call.outcome = end === 'ok' ? OutcomeCode.ok : unknown ? OutcomeCode.unknown : OutcomeCode.failed;
    this.#recorder.ended(call);
    this.#add(this.counts, end, transaction);
    const latencyUs = microsBetween(dueMs, endedMs);
    if (end === 'ok' && latencyUs > this.#limitUs) this.#late += 1;
    const script = this.#byScript ? this.#scripts[transaction.script] : undefined;
    if (script) this.#add(script.counts, end, transaction);
    if (this.#log !== null) this.#write(transaction, end === 'lost' ? 'failed' : end, latencyUs);
  }

  /** A transaction ended with its client; pgbench counts nothing. */
  abandoned(transaction: EndedTransaction, unknown: boolean): void {
    const call = this.#fill(transaction);
    call.outcome = unknown ? OutcomeCode.unknown : OutcomeCode.failed;
    this.#recorder.ended(call);
  }

  commandTook(script: number, command: number, micros: number): void {
    this.#scripts[script]?.commands[command]?.timesUs.add(Math.round(micros));
  }

  commandEnded(script: number, command: number, what: 'failures' | 'retries'): void {
    const entry = this.#scripts[script]?.commands[command];
    if (entry) entry[what] += 1;
  }

  /** Nothing that is due before this instant will be told of any more. */
  advance(nowMs: number): void {
    this.#recorder.advance(nowMs, this.#sessionsByServer);
  }

  finish(nowMs: number): ThreadResult {
    this.#recorder.finish(nowMs, this.#sessionsByServer);
    this.#log?.close(this.#startEpochMs + nowMs);
    const totals = this.#recorder.totals();
    return {
      ...{ counts: this.counts, scripts: this.#scripts, late: this.#late, connectUs: this.connectUs },
      ...{ sessions: this.sessions, totals, endedMs: nowMs, scheduleLag: this.#lag.take() },
    };
  }

  #fill({ script, server, dueMs, begunMs, endedMs, code, foundFree }: EndedTransaction): EndedCall {
    const call = this.#call;
    call.classIndex = script;
    call.server = server;
    call.dueMs = dueMs;
    call.sentMs = begunMs;
    call.endedMs = endedMs;
    call.code = code;
    call.foundFree = foundFree;
    return call;
  }

  #add(
    counts: TransactionCounts,
    end: TransactionEnd,
    { dueMs, begunMs, endedMs, tries }: EndedTransaction,
  ): void {
    counts.noteTries(tries);
    if (end === 'ok') {
      counts.processed += 1;
      counts.latencyUs.add(microsBetween(dueMs, endedMs));
      if (this.#plan.perSecond !== null) counts.lagUs.add(microsBetween(dueMs, begunMs));
    } else if (end === 'serialization') counts.serializationFailures += 1;
    else if (end === 'deadlock') counts.deadlockFailures += 1;
    else counts.lossFailures += 1;
  }

  #write(transaction: EndedTransaction, result: LoggedResult, latencyUs: number): void {
    const { client, number, script, dueMs, begunMs, endedMs, tries } = transaction;
    const lagUs = result === 'ok' ? microsBetween(dueMs, begunMs) : 0;
    this.#log?.record(
      { client, number, script, result, latencyUs, lagUs, tries },
      this.#startEpochMs + endedMs,
    );
  }
}

/** Whole microseconds, as pgbench counts. */
function microsBetween(fromMs: number, toMs: number): number {
  return Math.round((toMs - fromMs) * 1000);
}

/** Name of a script's class in slices. */
export function className(script: number): string {
  return `script-${script + 1}`;
}

/** The first line of each command, as `-r` shows it. */
function firstLines({ steps }: CompiledScript, text: string): string[] {
  return steps.map((step) => {
    const source = step.type === 'sql' ? step.statement.sql : text.slice(step.offset);
    return source.trimStart().split('\n')[0]?.trimEnd() ?? '';
  });
}
