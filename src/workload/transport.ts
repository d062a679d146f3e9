import type { RenderedStatement } from './script.ts';

/**
 * The port between the client's session logic and what carries its statements: `load` implements it on sockets,
 * `sim` on the virtual clock. One transport serves one session at a time and is connected again after a loss.
 *
 * No callback is called within the call that registers it.
 */
export interface SessionTransport {
  /** Opens a connection; `done` is called once unless `close` comes first. */
  connect(done: (outcome: ConnectOutcome) => void): void;
  /** Runs one script execution on an open, idle connection; `done` is called once unless `close` comes first. */
  execute(call: ScriptCall, done: (outcome: ExecutionOutcome) => void): void;
  /** Drops the connection, politely when idle; silent afterwards. */
  close(): void;
  /** Called when an idle connection is lost. Set by the session logic. */
  onLost: ((error: WireError) => void) | null;
}

/** `code` is a SQLSTATE, `closed` (the peer hung up) or `timeout`. */
export interface WireError {
  code: string;
  message: string;
}

export type ConnectOutcome =
  /** `server`: name of the server that will answer this session's balanced reads; null when it could not be told. */
  { ok: true; server: string | null } | { ok: false; error: WireError };

/**
 * `definite`: the server is known not to have done it (an error before COMMIT was sent); otherwise a write is unknown.
 * `lost`: the connection is gone with it.
 */
export type ExecutionOutcome =
  | { ok: true }
  | { ok: false; error: WireError; definite: boolean; lost: boolean };

/** One execution of a script: which class, and what it sends. */
export interface ScriptCall {
  className: string;
  /** Position of the class in the scenario. */
  classIndex: number;
  kind: 'read' | 'write';
  /** Identifies the operation in the ledger: unique in the run, at most 22 characters. */
  operationId: string;
  /** Its statements, the same at every call. @throws DrillError where an expression of the script has no value */
  statements: () => readonly RenderedStatement[];
}
