import type { Clock, TimerId } from '../kernel/clock.ts';
import { invariant } from '../kernel/errors.ts';
import { reactionTo } from '../workload/retry.ts';
import {
  type ConnectOutcome,
  type ExecutionOutcome,
  executed,
  type ScriptCall,
  type SessionTransport,
  type TransportHandler,
  type WireError,
} from '../workload/transport.ts';
import type { SessionScripts } from './scenario-scripts.ts';
import { rollbackQuery } from './script/statements.ts';
import type { Target } from './target.ts';
import { cancel } from './wire/cancel.ts';
import type { WireConnection, WireHandler } from './wire/connection.ts';
import type { Doorway } from './wire/doorway.ts';
import { type Answer, TransactionStatus } from './wire/scanner.ts';
import type { WireIo } from './wire/wire-io.ts';

export interface WireTransportOptions {
  clock: Clock;
  wire: WireIo;
  /** Sessions are opened through it; the worker's sessions share it. */
  doorway: Doorway;
  target: Target;
  /** Number of the session in its worker. */
  number: number;
  scripts: SessionScripts;
  /** Names of servers by `address:port`, as the servers know themselves. */
  serverByAddress: Readonly<Record<string, string>>;
  /** Each new connection asks which server answers its reads. */
  asksForServer: boolean;
  /** Counts that question, by server name (`?` unknown). */
  onProbe: (server: string) => void;
  onConnectError: (error: WireError) => void;
}

/** What the session does; `closed` without a connection. */
type State = 'closed' | 'opening' | 'idle' | 'running' | 'sleeping' | 'rollingBack';

/** Code of an operation whose script could not go on: a value that an expression does not have, an open transaction at its end. */
const scriptFault = 'script';

/** As a server says that it stopped a statement because it was asked to. */
const queryCanceled = '57014';

const leftOpen = 'the script ended inside a transaction block';

/**
 * One session of a scenario on the wire path: runs each operation's script a step at a time, and rolls back what a failed
 * one left open before it reports, so that the session can go on. Nothing is allocated for an operation that goes well.
 */
export class WireTransport implements SessionTransport, WireHandler {
  handler: TransportHandler | null = null;
  readonly #options: WireTransportOptions;
  #state: State = 'closed';
  #connection: WireConnection | null = null;
  #attempt: AbortController | null = null;
  #sleep: TimerId = null;
  /** What is reported when the roll-back, or the cancel request, has ended. */
  #outcome: ExecutionOutcome | null = null;
  /** A cancel request is on its way: until it is dealt with it could hit the next statement. */
  #cancelling = false;
  /** The operation is to be ended: no further statement of its script is sent. */
  #stopped = false;
  /** Within a call of the session logic: what ends meanwhile is reported afterwards. */
  #called = false;

  constructor(options: WireTransportOptions) {
    this.#options = options;
  }

  connect(done: (outcome: ConnectOutcome) => void): void {
    invariant(this.#state === 'closed', 'a transport connects when it has no connection');
    this.#state = 'opening';
    const attempt = new AbortController();
    this.#attempt = attempt;
    void this.#open(attempt.signal).then((outcome) => {
      if (this.#attempt !== attempt) return;
      this.#attempt = null;
      this.#state = outcome.ok ? 'idle' : 'closed';
      if (!outcome.ok) this.#options.onConnectError(outcome.error);
      done(outcome);
    });
  }

  execute(call: ScriptCall): void {
    invariant(this.#state === 'idle', 'a transport executes on an open, idle connection');
    this.#state = 'running';
    this.#outcome = null;
    this.#stopped = false;
    this.#called = true;
    this.#options.scripts.begin(call);
    this.#go();
    this.#called = false;
  }

  cancel(): boolean {
    const connection = this.#connection;
    if (connection === null || this.#cancelling) return false;
    this.#stopped = true;
    if (this.#state === 'sleeping') {
      this.#endSleep();
      this.#called = true;
      this.#fail({ code: queryCanceled, message: 'the script slept when its time was over' }, false);
      this.#called = false;
      return true;
    }
    if (this.#state !== 'running' && this.#state !== 'rollingBack') return false;
    const { wire, target } = this.#options;
    this.#cancelling = true;
    void wire.accompany(cancel(target, connection.key)).then(() => {
      if (this.#connection !== connection) return;
      this.#cancelling = false;
      this.#report();
    });
    return true;
  }

  close(): void {
    this.#attempt?.abort();
    this.#attempt = null;
    this.#endSleep();
    const connection = this.#connection;
    this.#connection = null;
    this.#state = 'closed';
    this.#cancelling = false;
    this.#outcome = null;
    connection?.close();
  }

  onAnswer(_: WireConnection, answer: Answer): void {
    if (this.#state === 'rollingBack') {
      if (answer.error === null) this.#report();
      else this.#giveUp(answer.error);
    } else if (answer.error !== null) this.#fail(answer.error, true);
    else if (!this.#options.scripts.execution.stepEnded(answer)) this.#failScript();
    else this.#go();
  }

  onLost(connection: WireConnection, error: WireError): void {
    if (this.#connection !== connection) return;
    const state = this.#state;
    this.#endSleep();
    this.#connection = null;
    this.#state = 'closed';
    this.#cancelling = false;
    const outcome = this.#outcome;
    this.#outcome = null;
    if (state === 'idle') this.handler?.onLost(error);
    else if (state === 'running' || state === 'sleeping' || state === 'rollingBack')
      this.handler?.onAnswer(
        outcome === null ? this.#lossOf(error, state === 'running') : withLoss(outcome, error),
      );
  }

  async #open(signal: AbortSignal): Promise<ConnectOutcome> {
    const { wire, doorway, target, number, serverByAddress, asksForServer, onProbe } = this.#options;
    const outcome = await doorway.pass(async () => {
      if (signal.aborted) return null;
      return wire.open({
        ...{ target, applicationName: 'pgdrill', index: number, handler: this, signal },
        withoutProbe: !asksForServer,
      });
    });
    if (outcome === null) return { ok: false, error: { code: 'closed', message: 'given up' } };
    if (!outcome.ok) return outcome;
    const { connection, session } = outcome;
    if (signal.aborted) {
      connection.close();
      return { ok: false, error: { code: 'closed', message: 'given up' } };
    }
    if (!connection.isOpen)
      return { ok: false, error: { code: 'closed', message: 'the session was lost at once' } };
    this.#connection = connection;
    const server = session.servedBy === null ? null : (serverByAddress[session.servedBy] ?? null);
    if (asksForServer) onProbe(server ?? '?');
    return { ok: true, server };
  }

  /** Goes on in the script until something takes time, or it ends. */
  #go(): void {
    const connection = this.#connection;
    if (connection === null) return;
    const { execution } = this.#options.scripts;
    if (this.#stopped && !execution.isAtEnd) {
      this.#fail(
        { code: queryCanceled, message: 'the time of the script was over between two statements' },
        false,
      );
      return;
    }
    switch (execution.advance(connection)) {
      case 'answer':
        return;
      case 'sleep':
        this.#state = 'sleeping';
        this.#sleep = this.#options.clock.setTimeout(() => this.#slept(), execution.sleepMs);
        return;
      case 'done':
        if (connection.status === TransactionStatus.idle) this.#end(executed);
        else this.#fail({ code: scriptFault, message: leftOpen }, false);
        return;
      case 'failed':
        this.#failScript();
    }
  }

  #slept(): void {
    this.#sleep = null;
    this.#state = 'running';
    this.#options.scripts.execution.stepEnded(null);
    this.#go();
  }

  #endSleep(): void {
    if (this.#sleep !== null) this.#options.clock.clearTimeout(this.#sleep);
    this.#sleep = null;
  }

  #failScript(): void {
    const message = this.#options.scripts.execution.messages.join('; ');
    this.#fail({ code: scriptFault, message }, false);
  }

  /** @param answered the error is the server's answer to the last statement; else every statement was answered well */
  #fail(error: WireError, answered: boolean): void {
    const connection = this.#connection;
    // A pipeline that was not sent would go out with the next operation.
    connection?.discard();
    const definite = this.#options.scripts.execution.isDefinite(error, answered);
    this.#outcome = { ok: false, error: { code: error.code, message: error.message }, definite, lost: false };
    const goesOn = reactionTo(error) !== 'reconnect';
    if (goesOn && connection !== null && connection.status !== TransactionStatus.idle) {
      this.#state = 'rollingBack';
      connection.sendQuery(rollbackQuery, []);
    } else this.#report();
  }

  /** The roll-back failed: the session is of no use any more. */
  #giveUp(error: WireError): void {
    const outcome = withLoss(this.#outcome ?? executed, error);
    this.close();
    this.handler?.onAnswer(outcome);
  }

  #end(outcome: ExecutionOutcome): void {
    this.#outcome = outcome;
    this.#report();
  }

  /** Reports how the operation ended, once nothing of it is under way. */
  #report(): void {
    const outcome = this.#outcome;
    if (outcome === null || this.#cancelling) return;
    if (this.#state === 'rollingBack' && (this.#connection?.pending ?? 0) > 0) return;
    if (this.#called) {
      this.#options.clock.setTimeout(() => this.#report(), 0);
      return;
    }
    this.#outcome = null;
    this.#state = 'idle';
    this.handler?.onAnswer(outcome);
  }

  #lossOf(error: WireError, inFlight: boolean): ExecutionOutcome {
    const definite = this.#options.scripts.execution.isDefinite(error, inFlight);
    return { ok: false, error: { code: error.code, message: error.message }, definite, lost: true };
  }
}

/** An execution that had ended when its connection was lost. */
function withLoss(outcome: ExecutionOutcome, error: WireError): ExecutionOutcome {
  return outcome.ok ? { ok: false, error, definite: false, lost: true } : { ...outcome, lost: true };
}
