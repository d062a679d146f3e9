import { type Client, DatabaseError } from 'pg';
import type { Clock, TimerId } from '../kernel/clock.ts';
import { invariant } from '../kernel/errors.ts';
import { isDefinite, leavesTransactionOpen } from '../workload/retry.ts';
import type { RenderedStatement } from '../workload/script.ts';
import type {
  ConnectOutcome,
  ExecutionOutcome,
  ScriptCall,
  SessionTransport,
  WireError,
} from '../workload/transport.ts';
import { connectTimeoutMs, newClient, type Target } from './target.ts';
import { probeSql, wireErrorOf } from './wire/session-start.ts';

export interface PgTransportOptions {
  clock: Clock;
  target: Target;
  /** Names of servers by `address:port`, as the servers know themselves. */
  serverByAddress: Readonly<Record<string, string>>;
  /** Counts a session's question for its server, by name (`?` unknown). */
  onProbe?: (server: string) => void;
  onConnectError?: (error: WireError) => void;
}

/** A connection that was told goodbye and still stands after so long is cut. */
const goodbyeMs = 1000;

/**
 * One session's connection through the `pg` client: simple protocol, one statement per message, as pgbench sends them.
 * After an error inside a transaction block it rolls back before it reports, so that the session can go on.
 */
export class PgTransport implements SessionTransport {
  readonly #options: PgTransportOptions;
  #client: Client | null = null;
  #connected = false;
  /** Ends an attempt to connect that takes too long, the question for the server included. */
  #attemptTimer: TimerId = null;
  /** The running execution's way to hear of a loss. */
  #onBroken: ((error: WireError) => void) | null = null;
  onLost: ((error: WireError) => void) | null = null;

  constructor(options: PgTransportOptions) {
    this.#options = options;
  }

  connect(done: (outcome: ConnectOutcome) => void): void {
    invariant(this.#client === null, 'a transport connects when it has no connection');
    const client = newClient(this.#options.target, 'pgdrill');
    this.#client = client;
    client.on('error', (error) => this.#broken(client, error));
    client.on('end', () => this.#broken(client, new Error('the server closed the connection')));
    const fail = (error: unknown): void => {
      if (this.#client !== client) return;
      this.close();
      const reported = wireError(error);
      this.#options.onConnectError?.(reported);
      done({ ok: false, error: reported });
    };
    this.#onBroken = (error) => fail(error);
    this.#attemptTimer = this.#options.clock.setTimeout(
      () => fail({ code: 'timeout', message: `no session within ${connectTimeoutMs / 1000} s` }),
      connectTimeoutMs,
    );
    client.connect((error: Error | null) => {
      if (this.#client !== client) return;
      if (error) fail(error);
      else this.#probe(client, { done, fail });
    });
  }

  execute(call: ScriptCall, done: (outcome: ExecutionOutcome) => void): void {
    const client = this.#client;
    invariant(client && this.#connected, 'a transport executes on an open connection');
    this.#runFrom(client, { statements: call.statements(), at: 0, done });
  }

  close(): void {
    const client = this.#client;
    if (!client) return;
    const polite = this.#connected && this.#onBroken === null;
    this.#client = null;
    this.#connected = false;
    this.#options.clock.clearTimeout(this.#attemptTimer);
    this.#onBroken = null;
    const stream = client.connection.stream;
    if (!polite) {
      stream.destroy();
      return;
    }
    const timer = this.#options.clock.setTimeout(() => stream.destroy(), goodbyeMs);
    client.end(() => this.#options.clock.clearTimeout(timer));
  }

  #probe(
    client: Client,
    { done, fail }: { done: (outcome: ConnectOutcome) => void; fail: (error: unknown) => void },
  ): void {
    client.query<[string | null, number | null]>({ text: probeSql, rowMode: 'array' }, (error, result) => {
      if (this.#client !== client) return;
      if (error) {
        fail(error);
        return;
      }
      const [address, port] = result.rows[0] ?? [];
      const server = this.#options.serverByAddress[`${address?.split('/')[0]}:${port}`] ?? null;
      this.#options.onProbe?.(server ?? '?');
      this.#options.clock.clearTimeout(this.#attemptTimer);
      this.#connected = true;
      this.#onBroken = null;
      done({ ok: true, server });
    });
  }

  #runFrom(client: Client, execution: Execution): void {
    const { statements, at, done } = execution;
    const statement = statements[at];
    if (!statement) {
      this.#onBroken = null;
      done({ ok: true });
      return;
    }
    const fail = (error: unknown): void => {
      if (this.#client !== client || this.#onBroken === null) return;
      this.#failed(client, execution, error);
    };
    this.#onBroken = (error) => fail(error);
    client.query({ text: statement.sql, rowMode: 'array' }, (error) => {
      if (this.#client !== client || this.#onBroken === null) return;
      if (error) fail(error);
      else this.#runFrom(client, { ...execution, at: at + 1 });
    });
  }

  #failed(client: Client, { statements, at, done }: Execution, cause: unknown): void {
    const error = wireError(cause);
    const lost = isFatal(cause) || error.code === 'closed' || error.code === 'timeout';
    const definite = isDefinite(statements, at, error);
    const report = (isLost: boolean): void => {
      this.#onBroken = null;
      done({ ok: false, error, definite, lost: isLost });
    };
    if (lost || !leavesTransactionOpen(statements, at)) {
      report(lost);
      return;
    }
    const brokenMeanwhile = (): void => {
      if (this.#client === client && this.#onBroken !== null) report(true);
    };
    this.#onBroken = brokenMeanwhile;
    client.query('ROLLBACK', (rollbackError) => {
      if (rollbackError) brokenMeanwhile();
      else if (this.#client === client && this.#onBroken !== null) report(false);
    });
  }

  /** The connection is gone; whoever waits on it hears of it once. */
  #broken(client: Client, error: Error): void {
    if (this.#client !== client) return;
    if (this.#onBroken) {
      this.#onBroken(wireError(error));
    } else if (this.#connected) {
      this.#connected = false;
      this.onLost?.(wireError(error));
    }
  }
}

interface Execution {
  statements: readonly RenderedStatement[];
  /** The statement that is sent, by position. */
  at: number;
  done: (outcome: ExecutionOutcome) => void;
}

function isFatal(error: unknown): boolean {
  return error instanceof DatabaseError && (error.severity === 'FATAL' || error.severity === 'PANIC');
}

/** An error of `pg` or of the socket as the session logic knows it. */
function wireError(error: unknown): WireError {
  if (isWireError(error)) return error;
  return wireErrorOf(error);
}

function isWireError(error: unknown): error is WireError {
  return (
    !(error instanceof Error) &&
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    'message' in error
  );
}
