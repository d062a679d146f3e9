import type { WireError } from '../../workload/transport.ts';
import type { LoadedScript, ScriptExecution } from '../script/execution.ts';
import { rollbackQuery } from '../script/statements.ts';
import { cancel } from '../wire/cancel.ts';
import type { WireConnection } from '../wire/connection.ts';
import { type Answer, TransactionStatus } from '../wire/scanner.ts';
import type { TransactionEnd } from './books.ts';
import { type ClientDice, executionFor } from './client-execution.ts';
import type { ClientHost, HostedClient } from './client-host.ts';
import { type Attempt, ClientSession } from './client-session.ts';
import { ClientTransaction } from './client-transaction.ts';
import { failureOf } from './failure.ts';
import { reportText, say, sayError, sayPlain } from './say.ts';
import { deathOf, tryWords } from './wording.ts';

/** What a client is doing; `idle` waits for its next transaction, `due` for the instant of one. */
type State = 'idle' | 'due' | 'connecting' | 'running' | 'sleeping' | 'rollingBack' | 'over';

/** After a write was refused for want of a primary: the client leaves the cluster alone for so long, ms. */
const noPrimaryPauseMs = 200;

/**
 * One client of pgbench: its scripts, one transaction after another, on a session of its own. Where pgbench gives a
 * client up that lost its session, this one connects again, unless told not to.
 */
export class PgbenchClient implements HostedClient {
  readonly number: number;
  readonly #thread: ClientHost;
  readonly #execution: ScriptExecution;
  readonly #session: ClientSession;
  #state: State = 'idle';
  /** When the session last answered, or the transaction began. */
  #heardMs = 0;
  #failure: { end: TransactionEnd; code: string } = { end: 'ok', code: '' };
  readonly #transaction: ClientTransaction;

  constructor(thread: ClientHost, number: number, dice: ClientDice) {
    this.number = number;
    this.#thread = thread;
    this.#session = new ClientSession(thread);
    this.#transaction = new ClientTransaction(thread, number);
    this.#execution = executionFor(thread, number, dice);
  }

  get #isUnderWay(): boolean {
    return this.#state === 'running' || this.#state === 'sleeping' || this.#state === 'rollingBack';
  }

  get isOver(): boolean {
    return this.#state === 'over';
  }

  /** The client's session is open. @param server position in the books */
  opened(connection: WireConnection, server: number): void {
    this.#session.opened(connection, server);
    this.#transaction.record.server = server;
  }

  /** The instant the client asked for has come. */
  wake(nowMs: number): void {
    switch (this.#state) {
      case 'idle':
        this.#choose(nowMs);
        break;
      case 'due':
        this.#start(nowMs);
        break;
      case 'connecting':
        this.#open(nowMs);
        break;
      case 'sleeping':
        this.#state = 'running';
        this.#heardMs = nowMs;
        this.#execution.stepEnded(null);
        this.#go(nowMs);
    }
  }

  checkAnswer(nowMs: number): void {
    const { connection } = this.#session;
    const limitMs = this.#thread.plan.answerTimeoutMs;
    if (limitMs === null || connection === null || connection.pending === 0) return;
    if (nowMs - this.#heardMs <= limitMs) return;
    void cancel(this.#thread.plan.target, connection.key);
    this.#session.drop();
    this.#lost({ code: 'timeout', message: `no answer within ${limitMs / 1000} s` }, nowMs);
  }

  /** Ends what is under way, for the run is called off. */
  callOff(nowMs: number): void {
    if (this.#isUnderWay) this.#endLost({ code: 'closed', message: 'the run was called off' }, nowMs);
    this.#end(nowMs);
  }

  onAnswer(_: WireConnection, answer: Answer, atMs: number): void {
    const nowMs = atMs - this.#thread.startMs;
    this.#heardMs = nowMs;
    if (answer.lastNotice !== null) sayPlain(reportText(answer.lastNotice));
    if (answer.error !== null) this.#erred(answer, nowMs);
    else if (this.#state === 'rollingBack') this.#retryOrFail(nowMs);
    else if (this.#execution.stepEnded(answer)) this.#go(nowMs);
    else this.#abort(this.#execution.messages, nowMs);
  }

  onLost(_: WireConnection, error: WireError): void {
    this.#lost(error, this.#thread.nowMs());
  }

  #choose(nowMs: number): void {
    const { plan } = this.#thread;
    const transaction = this.#transaction;
    if (this.#isFinished(nowMs)) return;
    if (this.#session.connection === null && !plan.connectPerTransaction) {
      this.#open(nowMs);
      return;
    }
    transaction.record.script = this.#thread.chooseScript();
    const { description } = this.#thread.scripts[transaction.record.script] as LoadedScript;
    if (plan.debug) say(`client ${this.number} executing script "${description}"`);
    if (plan.perSecond === null) {
      transaction.becomeDue(nowMs);
      this.#start(nowMs);
      return;
    }
    transaction.drawDue(nowMs);
    const { dueMs } = transaction.record;
    if (transaction.hasAll || dueMs > this.#thread.endMs) {
      this.#end(nowMs);
      return;
    }
    transaction.becomeDue(dueMs);
    this.#waitFor('due', dueMs);
  }

  /** Ends the client when it has done its share, or time is over. */
  #isFinished(nowMs: number): boolean {
    if (!this.#transaction.hasAll && nowMs < this.#thread.endMs) return false;
    this.#end(nowMs);
    return true;
  }

  #waitFor(state: State, atMs: number): void {
    this.#state = state;
    this.#thread.wakeAt(this, atMs);
  }

  /** The transaction is due: begins it, on a session that may have to be opened first. */
  #start(nowMs: number): void {
    if (nowMs >= this.#thread.endMs) {
      this.#transaction.skip(nowMs, false);
      this.#end(nowMs);
    } else if (this.#session.connection === null) this.#open(nowMs);
    else this.#begin(nowMs);
  }

  #open(nowMs: number): void {
    if (nowMs >= this.#thread.endMs) {
      if (this.#transaction.isDue) this.#transaction.skip(nowMs, false);
      this.#end(nowMs);
      return;
    }
    this.#state = 'connecting';
    void this.#session.open(this).then((attempt) => this.#attempted(attempt));
  }

  #attempted(attempt: Attempt): void {
    if (this.#state !== 'connecting') return;
    const nowMs = this.#thread.nowMs();
    if (attempt.type === 'hopeless')
      this.#abort([attempt.message, `client ${this.number} aborted while establishing connection`], nowMs);
    else if (attempt.type === 'pause') this.#waitFor('connecting', nowMs + attempt.pauseMs);
    else {
      this.#state = 'idle';
      if (this.#transaction.isDue) this.#start(nowMs);
      else this.#choose(nowMs);
    }
  }

  #begin(nowMs: number): void {
    this.#transaction.begin(nowMs);
    this.#heardMs = nowMs;
    this.#state = 'running';
    this.#execution.begin(this.#transaction.record.script);
    this.#go(nowMs);
  }

  #go(nowMs: number): void {
    const connection = this.#session.connection;
    if (connection === null) return;
    switch (this.#execution.advance(connection)) {
      case 'sleep':
        this.#waitFor('sleeping', this.#thread.nowMs() + this.#execution.sleepMs);
        break;
      case 'done':
        this.#done(connection, this.#execution.waited ? nowMs : this.#thread.nowMs());
        break;
      case 'failed':
        this.#abort(this.#execution.messages, this.#thread.nowMs());
    }
  }

  #done(connection: WireConnection, nowMs: number): void {
    this.#transaction.end('ok', nowMs);
    if (this.#execution.waited && connection.status !== TransactionStatus.idle) {
      const why = 'end of script reached without completing the last transaction';
      this.#abort([`client ${this.number} aborted: ${why}`], nowMs);
    } else this.#next(nowMs);
  }

  #next(nowMs: number): void {
    if (this.#thread.plan.connectPerTransaction) this.#session.drop();
    this.#state = 'idle';
    if (this.#execution.waited) this.#choose(nowMs);
    else if (!this.#isFinished(nowMs)) this.#thread.wakeAt(this, nowMs);
  }

  #erred({ error, status, completed }: Answer, nowMs: number): void {
    if (error === null) return;
    const { code } = error;
    const text = reportText(error, this.#execution.lastText);
    const script = this.#transaction.record.script;
    const { command } = this.#execution;
    const failure = failureOf(error, this.#thread.plan, this.#state === 'rollingBack');
    if (failure.what === 'rollBack') {
      this.#failure = { end: failure.end, code };
      if (failure.mayRetry && this.#thread.plan.verboseErrors)
        say(`client ${this.number} got an error in command ${command} (SQL) of script ${script}; ${text}`);
      this.#rollBack(status, nowMs);
    } else if (failure.what === 'lost') {
      this.#session.drop();
      this.#lost({ code, message: text }, nowMs);
    } else {
      const where = `script ${script} aborted in command ${command}`;
      const line = `client ${this.number} ${where} query ${completed}: ${text}`;
      this.#abort([line], nowMs, { code, message: text });
    }
  }

  #rollBack(status: number, nowMs: number): void {
    if (status === TransactionStatus.idle) {
      this.#retryOrFail(nowMs);
      return;
    }
    this.#state = 'rollingBack';
    this.#session.connection?.sendQuery(rollbackQuery, []);
  }

  #retryOrFail(nowMs: number): void {
    const { end, code } = this.#failure;
    const transaction = this.#transaction;
    const { plan } = this.#thread;
    const again = end !== 'lost' && transaction.mayRetry(nowMs);
    if (plan.verboseErrors && end !== 'lost') {
      const { tries, dueMs } = transaction.record;
      say(`client ${this.number} ${tryWords(plan, { again, tries, spentMs: nowMs - dueMs })}`);
    }
    const { command } = this.#execution;
    this.#thread.books.commandEnded(transaction.record.script, command, again ? 'retries' : 'failures');
    if (!again) {
      transaction.record.code = code;
      // Its last statement failed; what an earlier one committed stays.
      const unknown = !this.#execution.isDefinite({ code, message: '' }, true);
      transaction.end(end, nowMs, unknown);
      if (end === 'lost') {
        if (plan.connectPerTransaction) this.#session.drop();
        this.#waitFor('idle', nowMs + noPrimaryPauseMs);
      } else this.#next(nowMs);
      return;
    }
    transaction.record.tries += 1;
    this.#state = 'running';
    this.#execution.beginAgain();
    this.#go(nowMs);
  }

  /** The session is gone, or given up after an error that means so. */
  #lost(error: WireError, nowMs: number): void {
    this.#session.gone();
    const { plan, books } = this.#thread;
    const { script } = this.#transaction.record;
    const { command } = this.#execution;
    books.sessions.lost += 1;
    if (plan.abortOnLoss) {
      this.#abort([deathOf(this.number, { script, command }, error)], nowMs, error);
      return;
    }
    this.#thread.sayLost(this.number, error);
    if (this.#isUnderWay) {
      books.commandEnded(script, command, 'failures');
      this.#endLost(error, nowMs);
    } else if (this.#state !== 'idle' || this.#isFinished(nowMs)) return;
    this.#thread.forget(this);
    this.#open(nowMs);
  }

  #endLost(error: WireError, nowMs: number): void {
    const definite = this.#execution.isDefinite(error, this.#state === 'running');
    this.#transaction.record.code = error.code;
    this.#transaction.end('lost', nowMs, !definite);
  }

  /** Gives the client up. @param error what its last statement met; without one, every statement it sent was answered well */
  #abort(lines: readonly string[], nowMs: number, error?: WireError): void {
    for (const line of lines) sayError(line);
    if (this.#transaction.isDue) {
      const cause = error ?? { code: 'aborted', message: '' };
      const inFlight = error !== undefined && this.#state === 'running';
      const unknown = this.#isUnderWay && !this.#execution.isDefinite(cause, inFlight);
      this.#transaction.abandon(nowMs, { code: cause.code, unknown });
    }
    this.#thread.books.sessions.abortedClients += 1;
    this.#end(nowMs);
  }

  #end(nowMs: number): void {
    if (this.#state === 'over') return;
    if (this.#transaction.isDue) this.#transaction.skip(nowMs, false);
    this.#state = 'over';
    this.#session.drop();
    this.#thread.clientEnded(this, nowMs);
  }
}
